"""Several rules together: the strictest wins, and what cannot both be kept is named for a person."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from roadworthy.rules.decide import decide
from roadworthy.rules.merge import days_of, merged, retention
from roadworthy.rules.packs import shipped
from roadworthy.rules.rule import Obligation
from tests.rules.test_golden import CASES, decided

DAY = date(2026, 11, 23)
PLAIN = Obligation(
    id="a.b/keep",
    rule="a.b",
    kind="retention",
    name="Keep",
    state="now",
    applies_from=DAY,
    controls=("C38",),
    evidence=(),
    due="",
    cadence="",
    retention_min="",
    retention_max="",
    blocks=True,
)


def one(name: str, **changes: Any) -> Obligation:
    """Return an obligation."""
    return replace(PLAIN, id=f"a.b/{name}", **changes)


@pytest.mark.parametrize(
    ("floors", "ceilings", "floor", "ceiling", "conflict"),
    [
        ([], [], "", "", ""),
        (["P6M", "P3Y", "P90D"], [], "P3Y", "", ""),
        ([], ["P2Y", "P1Y"], "", "P1Y", ""),
        (["P6M"], ["P1Y"], "P6M", "P1Y", ""),
        (["P3Y"], ["P1Y"], "P3Y", "P1Y", "keeps for P3Y"),
        (["P90D"], ["as long as needed"], "P90D", "as long as needed", "somebody has to say"),
    ],
)
def test_floors_and_ceilings(
    floors: list[str], ceilings: list[str], floor: str, ceiling: str, conflict: str
) -> None:
    """The longest floor, the shortest ceiling; one above the other is a conflict with both named."""
    said = [one(f"f{at}", retention_min=value) for at, value in enumerate(floors)]
    said += [one(f"c{at}", retention_max=value) for at, value in enumerate(ceilings)]
    found = retention(said)
    assert (found.floor, found.ceiling) == (floor, ceiling)
    assert (conflict in found.conflict) if conflict else found.conflict == ""


def test_what_comes_later_does_not_count_yet() -> None:
    """A floor that begins next year is no conflict today."""
    assert (
        retention([one("f", retention_min="P9Y", state="later"), one("c", retention_max="P1Y")]).floor == ""
    )


def test_children_at_school_are_a_conflict_for_a_person() -> None:
    """The shipped rules on children's data give a ceiling in words, and the baseline a floor."""
    found = retention(decided(CASES["UC12"]).obligations)
    assert found.ceiling_of == "us.coppa/retain"
    assert "somebody has to say how long that is" in found.conflict


def test_what_the_same_controls_prove_is_done_once() -> None:
    """The strictest cadence holds, and one that blocks makes it block."""
    found = merged(
        [
            one("a", kind="test", controls=("C10",), cadence="P1Y", blocks=False),
            one("b", kind="test", controls=("C10",), cadence="P180D"),
            one("c", kind="test", controls=("C10", "C12"), cadence="risk-based"),
            one("d", kind="notice", controls=("C10",)),
        ]
    )
    assert [(group.kind, group.controls, group.cadence, group.blocks) for group in found] == [
        ("test", ("C10",), "P180D", True),
        ("test", ("C10", "C12"), "risk-based", True),
        ("notice", ("C10",), "", True),
    ]
    assert found[0].obligations == ("a.b/a", "a.b/b")
    assert merged([one("a", cadence="continuous + P1Y"), one("b", cadence="P1D")])[0].cadence.startswith(
        "con"
    )


def test_periods_in_days() -> None:
    """Months and years are rounded; words are no period."""
    assert [days_of(text) for text in ("P90D", "P2W", "P6M", "P3Y", "soon", "")] == [
        90,
        14,
        180,
        1095,
        None,
        None,
    ]


def test_a_duty_that_depends_is_asked_for_until_it_is_known() -> None:
    """Its own condition is three-valued too: open counts as asked, silent does not."""
    facts = {"jurisdictions": ["US"], "sector": ["insurance"]}
    states = {}
    for effect in (None, "none", "informs"):
        stated = facts | ({} if effect is None else {"decision_effect": effect})
        found = decide(stated, rulebook=shipped(), as_of=DAY)
        states[effect] = {duty.id: duty.state for duty in found.obligations}.get(
            "us.naic.model_bulletin/test"
        )
    assert states == {None: "needs-information", "none": None, "informs": "now"}


def test_duties_with_a_day_of_their_own() -> None:
    """Connecticut's notice begins a year after the rest of its rule."""
    found = {duty.id: duty for duty in decided(CASES["UC01"]).obligations}
    assert found["us_ct.sb5.employment/test"].state == "now"
    assert found["us_ct.sb5.employment/notice"].state == "later"
    assert found["us_ct.sb5.employment/notice"].applies_from == date(2027, 10, 1)


def test_what_nobody_verified_only_warns() -> None:
    """Confidence M warns, C and house rules stand in the way; a pack past its review is said."""
    found = decided(CASES["UC02"])
    blocks = {duty.rule: duty.blocks for duty in found.obligations}
    assert blocks["eu.gdpr.art35"] is False
    assert blocks["us.sr26_2.mrm"] is True
    assert blocks["house.baseline"] is True
    assert any("eu.gdpr.art35" in warning for warning in found.warnings)
    late = decide({}, rulebook=shipped(), as_of=date(2027, 12, 3))
    assert any(warning.startswith("Pack eu 1.0.0 was to be reviewed by") for warning in late.warnings)
