"""Grants against a tiny model of what they need: none without every valid approval, each reason named."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.evidence.fact import Recorded
from roadworthy.governance.estate import Declared, Estate, Roles, Someone, Staff
from roadworthy.governance.facts import ApprovalGiven, ApprovalRefused, ApprovalWithdrawn
from roadworthy.governance.grant import Grant, Supply
from roadworthy.governance.material import material_digest
from roadworthy.governance.standing import assess
from roadworthy.identity.rights import Held
from roadworthy.registry.kinds import Catalogue
from roadworthy.registry.resource import load
from roadworthy.rules.queries import rulebook
from roadworthy.use_cases.kinds import KINDS, Metric, UnitApproval
from tests.governance.company import HIGH, NOW, use_case, with_facts

BOOK = rulebook()
CATALOGUE = Catalogue(KINDS)
METRICS = {
    "hours": Metric(title="H", layer="business", unit="h", direction="decrease"),
    "overrides": Metric(title="O", layer="quality", trust=True, unit="%", direction="decrease"),
    "latency": Metric(title="L", layer="reliability", unit="ms", direction="decrease"),
}
INTAKES = {
    "minimal": with_facts(),
    "limited": with_facts(audience=["consumers"]),
    "high": with_facts(**HIGH),
    "prohibited": with_facts(practices=["social_scoring"]),
}
ROLES = {
    "minimal": ["business-approver"],
    "limited": ["business-approver", "security-approver"],
    "high": ["business-approver", "risk-approver", "security-approver", "legal-approver"],
}
ALL_ROLES = ROLES["high"]
WHO = ("person/ada", "person/ben", "person/cleo", "person/dan", "person/eve")


def estate(
    document: dict[str, Any], *, said: tuple[Recorded[Any], ...] = (), author: str = "person/ada"
) -> tuple[Estate, Declared]:
    """Return an estate in which everybody holds every role, and its one use case."""
    resource: Any = load(document, CATALOGUE)
    declared = Declared(resource, 1, "uc.yaml:1", "file", ((author, resource.document()),))
    people = {name: Someone(name, name) for name in (*WHO, "person/fay")}
    made = Estate(
        use_cases={resource.name: declared},
        metrics=METRICS,
        supply=Supply({"small": "local"}, {}, frozenset({"local"})),
        staff=Staff(people, Roles(tuple((who, Held(role, "claims")) for who in WHO for role in ALL_ROLES))),
        parents={"claims": None},
        asks={"claims": (UnitApproval(role="business-approver"),)},
        said={declared.ref: said},
    )
    return made, declared


WORDS = st.lists(
    st.fixed_dictionaries(
        {
            "word": st.sampled_from(["approve", "approve", "approve", "refuse", "withdraw"]),
            "who": st.sampled_from(WHO),
            "role": st.sampled_from(ALL_ROLES),
            "days": st.integers(1, 30),
            "tier": st.sampled_from(["minimal", "limited", "high"]),
            "same": st.sampled_from([True, True, True, False]),
        }
    ),
    max_size=9,
)


def events(words: list[dict[str, Any]], digest: str) -> tuple[Recorded[Any], ...]:
    """Turn what people said into evidence, one a minute."""
    made: list[Recorded[Any]] = []
    for place, one in enumerate(words):
        at, content = NOW + timedelta(minutes=place), digest if one["same"] else "0" * 64
        shared = {"use_case": "policy-search", "role": one["role"], "digest": content, "generation": 1}
        fact: Any
        if one["word"] == "approve":
            ends = NOW + timedelta(days=one["days"])
            fact = ApprovalGiven(**shared, tier=one["tier"], rules="r", expires_at=ends)
        elif one["word"] == "refuse":
            fact = ApprovalRefused(**shared, tier=one["tier"], rules="r", comment="no")
        else:
            fact = ApprovalWithdrawn(use_case="policy-search", approval=f"ev{place - 1}")
        made.append(Recorded(f"ev{place}", fact, "use-case/policy-search", one["who"], at, place))
    return tuple(made)


def allowed(words: list[dict[str, Any]], tier: str, author: str, now: datetime) -> datetime | None:
    """Say until when the tiny model grants, reading what was said from the end; None for not at all."""
    order = ["minimal", "limited", "high"]
    withdrawn = {place - 1 for place, one in enumerate(words) if one["word"] == "withdraw"}
    newest: dict[tuple[str, str], int] = {}
    for place, one in enumerate(words):
        if one["word"] != "withdraw":
            newest[one["who"], one["role"]] = place
    counting: dict[str, tuple[str, datetime]] = {}  # person -> the one role they fill, and until when
    for place, one in enumerate(words):
        if place in withdrawn or newest.get((one["who"], one["role"])) != place or not one["same"]:
            continue
        if one["word"] == "refuse":
            return None
        ends = NOW + timedelta(days=one["days"])
        fits = order.index(one["tier"]) >= order.index(tier) and ends > now and one["who"] != author
        if fits and one["who"] not in counting:
            counting[one["who"]] = (one["role"], ends)
    until = []
    for role in ROLES[tier]:
        ends_of_role = [ends for held, ends in counting.values() if held == role]
        if not ends_of_role:
            return None
        until.append(max(ends_of_role))
    return min(until)


@given(WORDS, st.sampled_from(["minimal", "limited", "high"]), st.sampled_from(WHO), st.integers(0, 31))
def test_no_grant_without_every_valid_approval(
    words: list[dict[str, Any]], tier: str, author: str, days: int
) -> None:
    """The compiler and the tiny model agree on whether there is a grant, and on its end to the second."""
    document = use_case(intake=INTAKES[tier])
    now = NOW + timedelta(days=days, hours=1)
    _, declared = estate(document)
    said = events(words, material_digest(declared.resource))
    made, declared = estate(document, said=said, author=author)
    standing = assess(made, declared, rulebook=BOOK, now=now)
    assert standing.tier.tier == tier
    until = allowed(words, tier, author, now)
    assert (standing.grant.expires_at if standing.grant else None) == until
    if standing.grant:
        assert now < standing.grant.expires_at
        assert standing.grant.not_before <= now
    else:
        assert standing.block is not None
        assert all(one.code.startswith("needs-") or one.code == "refused" for one in standing.block.reasons)


def approved(tier: str, document: dict[str, Any]) -> tuple[Recorded[Any], ...]:
    """Return all the approvals a tier asks for."""
    _, declared = estate(document)
    words = [
        {"word": "approve", "who": WHO[place + 1], "role": role, "days": 30, "tier": "high", "same": True}
        for place, role in enumerate(ROLES[tier])
    ]
    return events(words, material_digest(declared.resource))


BREAKS: dict[str, tuple[dict[str, Any], str]] = {
    "no paragraph": ({"summary": "Too short."}, "pilot-paragraph"),
    "two metrics": ({"metrics": [{"metric": "hours"}, {"metric": "overrides"}]}, "pilot-three-metrics"),
    "no security path": ({"security_path": None}, "pilot-security-path"),
    "no owners": ({"owners": None}, "no-owner"),
    "no model": ({"models": None}, "nothing-to-call"),
    "unserved model": ({"models": ["other"]}, "nothing-to-call"),
    "open question": ({"intake": with_facts(practices=None)}, "needs-information"),
    "stopped": ({"stage": "stopped"}, "stopped"),
}


@given(st.sets(st.sampled_from(sorted(BREAKS)), max_size=4))
def test_each_thing_that_is_missing_is_named(broken: set[str]) -> None:
    """Fully approved, it still gets no grant while anything is missing, and all of it is named."""
    changes: dict[str, Any] = {}
    for name in broken:
        changes |= BREAKS[name][0]
    document = use_case(**changes)
    made, declared = estate(document, said=approved("high" if broken else "minimal", document))
    standing = assess(made, declared, rulebook=BOOK, now=NOW + timedelta(hours=1))
    if not broken:
        assert standing.grant is not None
        return
    assert standing.block is not None
    codes = {one.code for one in standing.block.reasons}
    assert {BREAKS[name][1] for name in broken} <= codes
    for reason in standing.block.reasons:
        assert reason.message
        assert reason.next_step
        assert reason.declaration.startswith("use-case/policy-search")


def test_a_prohibited_use_has_no_grant() -> None:
    """No approval helps, and the one reason says so."""
    document = use_case(intake=INTAKES["prohibited"])
    made, declared = estate(document, said=approved("high", document))
    standing = assess(made, declared, rulebook=BOOK, now=NOW + timedelta(hours=1))
    assert standing.block is not None
    assert [one.code for one in standing.block.reasons] == ["prohibited"]
    assert standing.state == "prohibited"


def test_a_missing_deputy_warns_or_blocks_by_tier() -> None:
    """At minimal a missing deputy is a warning beside the grant; at high it stands in the way."""
    owners = {
        side: {"owner": "fay"} for side in ("business", "product", "platform", "security_legal", "operations")
    }
    for tier, expected in (("minimal", None), ("high", "no-deputy")):
        document = use_case(owners=owners, intake=INTAKES[tier])
        made, declared = estate(document, said=approved(tier, document))
        verdict = assess(made, declared, rulebook=BOOK, now=NOW + timedelta(hours=1)).verdict
        if isinstance(verdict, Grant):
            assert expected is None
            assert len(verdict.warnings) == 5
        else:
            assert {one.code for one in verdict.reasons} == {expected}


def test_a_grant_ends_when_an_owner_leaves() -> None:
    """The grant carries the date, so the gateway needs no news of it."""
    document, leaves = use_case(), NOW + timedelta(days=3)
    made, declared = estate(document, said=approved("minimal", document))
    people = {**made.staff.people, "person/fay": Someone("person/fay", "Fay", leaves)}
    going = replace(made, staff=replace(made.staff, people=people))
    grant = assess(going, declared, rulebook=BOOK, now=NOW + timedelta(hours=1)).grant
    assert grant is not None
    assert grant.expires_at == leaves
    after = assess(going, declared, rulebook=BOOK, now=leaves)
    assert after.block is not None
    assert {one.code for one in after.block.reasons} == {"owner-left"}


def test_the_same_verdict_has_the_same_name() -> None:
    """A grant's id follows from what it is made of, so that two computations agree."""
    document = use_case()
    made, declared = estate(document, said=approved("minimal", document))
    first = assess(made, declared, rulebook=BOOK, now=NOW + timedelta(hours=1)).grant
    second = assess(made, declared, rulebook=BOOK, now=NOW + timedelta(days=1)).grant
    assert first == second
