"""Packs of one's own: installed whole or not at all, adding and tightening, never loosening."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.rules.decide import decide
from roadworthy.rules.kinds import PolicyPack
from roadworthy.rules.overlay import overlaid, pack_problems
from roadworthy.rules.packs import shipped
from roadworthy.rules.rule import rank
from roadworthy.rules.upgrade import differences
from tests.rules.packs import RULE, changed, pack
from tests.rules.test_compiled import FACTS

BOOK = shipped()
DAY = date(2026, 11, 23)


def spec_of(document: dict[str, Any]) -> PolicyPack:
    """Read a spec as the API would."""
    return PolicyPack.model_validate_json(json.dumps(document))


def problems_of(document: dict[str, Any]) -> list[str]:
    """Return what stands against installing a pack."""
    return list(pack_problems("contracts", spec_of(document), BOOK))


def test_a_tested_pack_is_installed() -> None:
    """Its rule decides like any other, and needs nobody's confirmation to stand in the way."""
    document = pack(RULE)
    assert problems_of(document) == []
    book = overlaid(BOOK, {"contracts": spec_of(document)})
    found = decide({"data_classes": ["npi"]}, rulebook=book, as_of=DAY)
    assert "contract.acme.no_npi" in found.fires_now
    (duty,) = [one for one in found.obligations if one.rule == "contract.acme.no_npi"]
    assert (duty.id, duty.controls, duty.blocks) == ("contract.acme.no_npi/consent", ("C12",), True)
    assert book.version.endswith("contracts 1.0.0")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (pack(changed(when={"colour": {"eq": "red"}})), "`colour` is no fact"),
        (pack(changed(when={"data_classes": {"any_of": ["secret"]}})), "does not know secret"),
        (pack(changed(when={"training_ops": {"gte": "1.0e26"}})), "write 1.0e+26"),
        (pack(changed(fixtures=RULE["fixtures"][:1])), "no fixture on which it is silent"),
        (pack(changed(fixtures=RULE["fixtures"][1:])), "no fixture on which it fires"),
        (
            pack(
                changed(
                    when={
                        "any": [{"jurisdictions": {"any_of": ["DE"]}}, {"jurisdictions": {"any_of": ["EU"]}}]
                    },
                    fixtures=[
                        {"expect": "fires", "facts": {"jurisdictions": ["FR"]}},
                        {"expect": "silent", "facts": {"jurisdictions": ["GB"]}},
                    ],
                )
            ),
            "`jurisdictions has any of DE` can never matter",
        ),
        (pack(changed(id="us.hipaa")), "in pack us already"),
        (pack(RULE, RULE), "stands in it twice"),
        (pack(tighten=[{"rule": "eu.aia.art5", "tier": "high"}]), "not lower it"),
        (pack(tighten=[{"rule": "us.hipaa", "applies_from": "2030-01-01"}]), "may not put that off"),
        (pack(tighten=[{"rule": "us.hippa"}]), "there is no rule us.hippa"),
    ],
)
def test_what_may_not_be_installed_says_why(document: dict[str, Any], said: str) -> None:
    """A broken, untested, idle or loosening pack is refused with the rule and the reason."""
    assert any(said in problem for problem in problems_of(document)), problems_of(document)


def test_tightening_is_felt() -> None:
    """A stricter tier, an earlier day and an unverified rule that stands in the way."""
    document = pack(
        tighten=[
            {"rule": "eu.gdpr.art35", "tier": "high", "blocks": True},
            {"rule": "eu.aia.annex3.deployer", "applies_from": "2026-06-01"},
        ]
    )
    assert problems_of(document) == []
    book = overlaid(BOOK, {"contracts": spec_of(document)})
    assert (book.by_id["eu.gdpr.art35"].tier_effect, book.by_id["eu.gdpr.art35"].blocks) == ("high", True)
    assert not BOOK.by_id["eu.gdpr.art35"].blocks
    assert book.by_id["eu.aia.annex3.deployer"].applies_from == date(2026, 6, 1)
    assert overlaid(BOOK, {"contracts": spec_of(document)}) is book


_TIERS = st.sampled_from([None, "minimal", "limited", "high", "prohibited"])
_TIGHTER = st.fixed_dictionaries(
    {"rule": st.sampled_from(sorted(BOOK.by_id)), "tier": _TIERS},
    optional={"applies_from": st.sampled_from(["2020-01-01", "2027-06-01", "2031-01-01"])},
)


@settings(max_examples=100, deadline=None)
@given(st.lists(_TIGHTER, max_size=4), FACTS)
def test_no_pack_that_installs_loosens_anything(tighten: list[dict[str, Any]], facts: dict[str, Any]) -> None:
    """Whatever passes the check only adds: no tier falls, no rule or duty goes, none begins later."""
    document = pack(RULE, tighten=tighten)
    if problems_of(document):
        return
    book = overlaid(BOOK, {"contracts": spec_of(document)})
    before = decide(facts, rulebook=BOOK, as_of=DAY)
    after = decide(facts, rulebook=book, as_of=DAY)
    assert rank(after.tier) >= rank(before.tier)
    assert set(before.fires_now) <= set(after.fires_now)
    assert set(before.fires_later) <= {*after.fires_now, *after.fires_later}
    assert set(before.needs_info) <= set(after.needs_info)
    assert {one.id for one in before.obligations} <= {one.id for one in after.obligations}


def test_an_upgrade_names_exactly_what_changes() -> None:
    """Use cases whose decision stays the same are not in the report; the others say before, after and why."""
    document = pack(RULE, tighten=[{"rule": "house.baseline", "tier": "limited"}])
    book = overlaid(BOOK, {"contracts": spec_of(document)})
    cases = {
        "loans": {"data_classes": ["npi"]},
        "search": {"data_classes": ["internal"]},
        "scoring": {"jurisdictions": ["EU"], "practices": ["social_scoring"], "data_classes": ["internal"]},
    }
    found = {one.use_case: one for one in differences(cases, before=BOOK, after=book, as_of=DAY)}
    assert set(found) == {"loans", "search"}
    assert (found["loans"].starts, found["loans"].asked) == (
        ("contract.acme.no_npi",),
        ("contract.acme.no_npi/consent",),
    )
    assert found["loans"].because[0].startswith("contract.acme.no_npi is new in contracts")
    assert (found["search"].before, found["search"].after) == ("minimal", "limited")
    assert found["search"].because == ("house.baseline: its tier is limited, not minimal.",)
    back = {one.use_case: one for one in differences(cases, before=book, after=BOOK, as_of=DAY)}
    assert back["loans"].stops == ("contract.acme.no_npi",)
    assert back["loans"].because[0] == "contract.acme.no_npi is no longer in any pack."
    assert list(differences(cases, before=book, after=book, as_of=DAY)) == []
