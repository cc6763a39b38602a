"""A control's answer from signals alone: holds, fails, stale, unknown, waived."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.controls.catalogue import HERE, catalogue
from roadworthy.controls.control import Control, Waiver, evaluate
from roadworthy.controls.signal import Signal
from roadworthy.rules.conditions import facts_of
from roadworthy.use_cases.ownership import SIDES

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BOOK = catalogue()


def said(
    name: str, value: Any, *, days_ago: float = 0, own: bool = False, ends_in: float | None = None
) -> Signal:
    """Return a signal of some days ago."""
    ends = None if ends_in is None else NOW + timedelta(days=ends_in)
    return Signal(name, value, NOW - timedelta(days=days_ago), "a test", own, expires_at=ends)


def state(control: str, *signals: Signal, **how: Any) -> str:
    """Return the state of a control of the catalogue."""
    return evaluate(BOOK.controls[control], signals, now=NOW, **how).state


def test_catalogue_holds_44_controls_each_with_a_question_an_owner_and_references() -> None:
    """C01 to C44, each answerable by something, each mapped to NIST and ISO."""
    assert list(BOOK.controls) == [f"C{number:02}" for number in range(1, 45)]
    for one in BOOK.controls.values():
        assert one.question.endswith("?")
        assert one.owner in SIDES
        assert one.definitions
        assert {"nist", "iso", "eu"} <= one.references.keys()
    assert BOOK.controls["C39"].answered_by == "platform"
    assert BOOK.controls["C09"].answered_by == "evidence"
    assert BOOK.controls["C20"].evidence_kinds == ("rollback-drill", "stop-drill")


def test_every_figure_from_outside_can_be_filed_under_some_kind_of_evidence() -> None:
    """A signal without a collector has a kind of evidence, or the control could never hold."""
    raw = yaml.safe_load((HERE / "signals.yaml").read_text(encoding="utf-8"))["signals"]
    assert set(raw) == set(BOOK.signals)
    for one in BOOK.signals.values():
        assert one.collector or one.evidence, one.name


def test_holds_while_fresh_then_stale() -> None:
    """A drill counts for 180 days, and not for a minute longer."""
    drilled = said("stop_drill", True, days_ago=100)
    found = evaluate(BOOK.controls["C20"], [drilled], now=NOW)
    assert (found.state, found.holds_until) == ("holds", NOW + 80 * DAY)
    assert found.evidence == (drilled,)
    later = evaluate(BOOK.controls["C20"], [drilled], now=NOW + 80 * DAY)
    assert later.state == "stale"
    assert "the limit is 180 days" in later.because
    assert not later.passes


def test_unknown_names_what_nobody_said() -> None:
    """Without a word it is unknown, which never passes."""
    found = evaluate(BOOK.controls["C20"], [], now=NOW)
    assert (found.state, found.passes) == ("unknown", False)
    assert found.missing == ("stop_drill", "rollback_drill")
    assert found.because == "Nobody has said stop_drill, rollback_drill."


def test_one_fresh_way_is_enough_where_any_is_asked() -> None:
    """A stale drill of stopping does not spoil a fresh one of going back."""
    assert (
        state("C20", said("stop_drill", True, days_ago=400), said("rollback_drill", True, days_ago=3))
        == "holds"
    )


def test_a_bad_figure_fails_even_where_others_are_missing() -> None:
    """One silent part decides a conjunction."""
    assert state("C21", said("keys_overdue", 2)) == "fails"
    assert state("C21", said("keys_overdue", 0)) == "unknown"


def test_the_newer_word_counts() -> None:
    """A failed run after a passed one fails, and the other way round holds."""
    old, new = said("eval_passed", True, days_ago=9), said("eval_passed", False, days_ago=1)
    assert state("C16", old, new) == "fails"
    assert (
        state("C16", said("eval_passed", False, days_ago=9), said("eval_passed", True, days_ago=1)) == "holds"
    )


def test_evidence_ends_by_its_own_word() -> None:
    """What was only valid until yesterday is stale, however fresh."""
    assert state("C16", said("eval_passed", True, days_ago=2, ends_in=-1)) == "stale"
    assert state("C16", said("eval_passed", True, days_ago=2, ends_in=1)) == "holds"


def test_a_material_change_makes_older_evidence_stale() -> None:
    """An evaluation from before the change is not about what runs now; a privacy assessment has 45 days."""
    changed = said("material_change", True, days_ago=5)
    found = evaluate(BOOK.controls["C16"], [changed, said("eval_passed", True, days_ago=6)], now=NOW)
    assert found.state == "stale"
    assert "something material changed" in found.because
    assert state("C16", changed, said("eval_passed", True, days_ago=4)) == "holds"
    assert state("C07", changed, said("privacy_assessed", True, days_ago=60)) == "holds"
    long_ago = said("material_change", True, days_ago=46)
    assert state("C07", long_ago, said("privacy_assessed", True, days_ago=60)) == "stale"


def test_own_word_is_not_enough_at_high_tier() -> None:
    """An independent control takes no self-attested evidence at high; it says so, and shows it lower down."""
    own = said("impact_assessed", True, days_ago=1, own=True)
    found = evaluate(BOOK.controls["C06"], [own], now=NOW, tier="high")
    assert found.state == "unknown"
    assert "own word" not in found.because
    assert "not enough at this tier" in found.because
    lower = evaluate(BOOK.controls["C06"], [own], now=NOW, tier="limited")
    assert (lower.state, lower.self_attested) == ("holds", True)
    other = said("impact_assessed", True, days_ago=30)
    assert state("C06", own, other, tier="high") == "holds"


def test_an_obligation_tightens_freshness_and_never_loosens_it() -> None:
    """The shorter of the two limits counts."""
    drilled = said("stop_drill", True, days_ago=100)
    assert state("C20", drilled, fresh_days=90) == "stale"
    assert state("C20", said("stop_drill", True, days_ago=200), fresh_days=900) == "stale"


def test_an_exception_waives_until_its_date_and_not_after() -> None:
    """Waived says by whom, until when and what is beneath; what holds needs no exception."""
    waiver = Waiver("ev_1", "person/dan", NOW + DAY)
    found = evaluate(BOOK.controls["C20"], [], now=NOW, waivers=[waiver])
    assert (found.state, found.beneath, found.waived_by) == ("waived", "unknown", "person/dan")
    assert found.waived_until == NOW + DAY
    assert evaluate(BOOK.controls["C20"], [], now=NOW + DAY, waivers=[waiver]).state == "unknown"
    assert state("C20", said("stop_drill", True), waivers=[waiver]) == "holds"


def _value(control: Control, name: str, pick: int) -> Any:
    one = control.definitions[name]
    if one.kind == "bool":
        return pick % 2 == 0
    if one.kind == "set":
        return tuple(value for place, value in enumerate(one.values) if pick >> place & 1)
    if one.kind == "ord":
        return one.values[pick % len(one.values)]
    return pick


@given(
    control=st.sampled_from(list(BOOK.controls.values())),
    drawn=st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 100), st.integers(0, 1200), st.booleans()), max_size=8
    ),
    tier=st.sampled_from(["minimal", "limited", "high"]),
)
def test_nothing_old_missing_or_merely_claimed_ever_passes(
    control: Control, drawn: list[tuple[int, int, int, bool]], tier: str
) -> None:
    """Whatever is said: `holds` rests only on fresh signals that count; the answer never depends on order."""
    names = list(control.definitions)
    signals = [
        said(
            names[place % len(names)], _value(control, names[place % len(names)], pick), days_ago=age, own=own
        )
        for place, pick, age, own in drawn
    ]
    found = evaluate(control, signals, now=NOW, tier=tier)
    assert found.state in {"holds", "fails", "stale", "unknown"}
    if found.state == "holds":
        assert found.evidence
        for one in found.evidence:
            assert control.fresh is None or NOW - one.at < control.fresh
            assert not (one.self_attested and tier in control.own_word_not_enough)
        assert found.holds_until is None or found.holds_until > NOW
    without = [one for one in signals if one.name != names[0]]
    if found.state == "unknown":
        assert evaluate(control, without, now=NOW, tier=tier).state in {"unknown", "fails"}


@pytest.mark.parametrize("control", list(BOOK.controls.values()), ids=list(BOOK.controls))
def test_each_part_of_each_control_matters(control: Control) -> None:
    """With every signal good it holds; take any one away and an all-of control no longer does."""
    good = _good(control)
    assert evaluate(control, good.values(), now=NOW).state == "holds", control.id
    for name in facts_of(control.condition):
        rest = [one for one in good.values() if one.name != name]
        expected = "holds" if control.id == "C20" else "unknown"
        assert evaluate(control, rest, now=NOW).state == expected, (control.id, name)


def _good(control: Control) -> dict[str, Signal]:
    best: dict[str, Any] = {
        "sides_without_owner": (), "redteam_attack_success": 0.01, "logging_level": "full",
        "redteam_covers": ("direct", "indirect", "tool", "memory"), "fairness_samples": 500,
        "monitors": ("quality", "groundedness", "refusal", "drift", "cost", "policy"),
    }  # fmt: skip
    found = {}
    for name, one in control.definitions.items():
        value = best.get(name)
        if value is None:
            value = True if one.kind == "bool" else 100 if one.unit == "%" else 0
        found[name] = said(name, value)
    return found
