"""What a list comes to is counted right, and what weighs most comes first."""

from __future__ import annotations

from datetime import date

from roadworthy.inventory.gaps import gaps_of, weight
from roadworthy.inventory.kinds import Claimed, InventoryEntry
from roadworthy.inventory.report import assess, report
from tests.inventory.lists import judge, taken

HIRING = {
    "jurisdictions": ("US-NYC",),
    "decision_domain": ("employment",),
    "decision_task": ("recruitment_screening",),
    "decision_effect": "materially_influences",
    "employer_size": 500,
}


def _entry(**more: object) -> InventoryEntry:
    return InventoryEntry.model_validate({"title": "One", "list_name": "harbour", "stage": "live", **more})


def test_the_report_adds_up() -> None:
    """Each entry stands in one tier and one unit; each gap is counted once for an entry."""
    found = taken()
    summed = found.report
    assert (
        sum(line.entries for line in summed.tiers)
        == sum(line.entries for line in summed.units)
        == summed.entries
    )
    assert (summed.without_owner, summed.without_outcome, summed.without_stage) == (5, 0, 1)
    assert [(line.name, line.asked, line.present, line.absent) for line in summed.checks] == [
        ("review", 3, 1, 2)
    ]
    assert {line.id: (line.entries, line.claimed) for line in summed.obligations} == {
        "house.baseline/base": (9, 0),
        "house.baseline/run": (9, 0),
    }
    assert [step.rank for step in summed.steps] == list(range(1, len(summed.steps) + 1))
    ranked = [step.score_per_work for step in summed.steps]
    assert ranked == sorted(ranked, reverse=True)


def test_one_set_of_facts_is_decided_once() -> None:
    """Thousands of rows with the same answers cost one decision."""
    decides = judge()
    for number in range(500):
        assess(f"n{number}", _entry(facts={"personal_data": True}), decides)
    assert decides.decided == 1
    assess("other", _entry(facts={"personal_data": 1.0}), decides)
    assert decides.decided == 2


def test_a_decided_entry_says_why_and_what_it_owes() -> None:
    """Hiring in New York is high; its obligations lack evidence unless something of their sort is claimed."""
    decides = judge()
    bare = assess("bare", _entry(facts=HIRING), decides)
    assert bare.judged.tier == "high"
    assert "us.title7.selection" in {one.rule for one in bare.judged.reasons}
    audit = Claimed(title="Audit", kind="test", state="present")
    claimed = assess("claimed", _entry(facts=HIRING, claims={"audit": audit}), decides)
    line = {one.id: one for one in report([bare, claimed], decides).obligations}
    kinds = {one.kind for one in line.values()}
    assert {one.claimed for one in line.values() if one.kind == "test"} == {1}
    assert {one.claimed for one in line.values() if one.kind != "test"} == {0}
    assert len(kinds) > 1
    assert {one.entries for one in line.values()} == {2}


def test_risk_and_stage_weigh() -> None:
    """What is called high weighs more, what is not live less, what was stopped or promoted nothing."""
    decides = judge()
    plain = decides.of({})
    live = weight(_entry(), plain)
    assert weight(_entry(declared_risk="high"), plain) > live > weight(_entry(stage="idea"), plain) > 0
    assert weight(_entry(stage="stopped"), plain) == 0
    promoted = assess("one", _entry(), decides, promoted_to="one")
    assert (promoted.weight, promoted.score) == (0, 0)
    assert report([promoted], decides).steps == ()


def test_a_question_about_the_organization_is_asked_once_for_a_unit() -> None:
    """Its weight is shared by all entries of the unit, so it leads the steps."""
    decides = judge()
    entries = [
        assess(f"n{n}", _entry(unit="Quay", facts={"jurisdictions": ("US",)}), decides) for n in range(9)
    ]
    first = report(entries, decides).steps[0]
    assert decides.asked_once(first.gap.removeprefix("question:"))
    assert (first.entries, first.work) == (9, 1)


def test_what_was_not_done_is_a_gap_and_what_was_is_none() -> None:
    """Planned, waived, not done and not said all wait; done does not."""
    decides = judge()
    for state, waits in (
        ("present", False),
        ("planned", True),
        ("waived", True),
        ("absent", True),
        ("unknown", True),
    ):
        claims = {"review": {"title": "Review", "kind": "test", "state": state}}
        entry = _entry(claims=claims, owners={"business": "Ada"}, outcome="x", benefit="3 hours")
        kinds = {gap.kind for gap in gaps_of(entry, decides.of({}))}
        assert ("check" in kinds) == waits
        assert not kinds & {"owner", "outcome", "measurement"}
    assert decides.as_of == date(2026, 11, 23)
