"""What a checklist asks, how each item comes out, and what the gateway says of what has not passed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.controls.control import ControlState, Waiver
from roadworthy.controls.signal import Signal
from roadworthy.foundation.errors import InvalidError
from roadworthy.governance import checklist
from roadworthy.governance.approvals import Approval, Need
from roadworthy.governance.gate import PASSING, WORDS, Check, Piece, Seen, decide
from roadworthy.governance.operations import give_approval
from roadworthy.registry.actor import Actor
from roadworthy.usage import operations as usage
from roadworthy.usage.record import CallRecord
from tests.governance.company import HIGH, SETUP, Company, document, use_case, with_facts

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
CONTROL = Check(id="g/c", gate="g", what="Something", kind="control", subject="C20")
SEEN = Seen(ref="use-case/x", asked_at=NOW - 2 * DAY, changers=("person/ada",))


def state(word: str, *, until: datetime | None = None, beneath: str | None = None) -> ControlState:
    """Return how a control stands."""
    signal = Signal("stop_drill", True, NOW - 3 * DAY, "stop-drill by person/ada", evidence="ev_1")
    return ControlState("C20", word, "It is so.", (signal,), NOW, holds_until=until, beneath=beneath)  # type: ignore[arg-type]


def verdict(check: Check = CONTROL, *, seen: Seen = SEEN, now: datetime = NOW, **given_: Any) -> Any:
    """Decide one check."""
    asked: dict[str, Any] = {"controls": {}, "approvals": (), "exceptions": {}, **given_}
    return decide((check,), now=now, seen=seen, **asked)


@pytest.mark.parametrize(
    ("said", "word"),
    [("holds", "pass"), ("fails", "fail"), ("stale", "inconclusive"), ("unknown", "inconclusive")],
)
def test_what_is_unknown_or_stale_never_passes(said: str, word: str) -> None:
    """A control's state becomes a word of the gate; evidence, reason and what to do come along."""
    found = verdict(controls={"C20": state(said)})
    (item,) = found.items
    assert (found.word, item.word) == (word, word)
    assert item.evidence == ("ev_1",)
    assert "It is so." in item.because
    assert bool(item.next_step) == (word != "pass")
    assert found.passed == (word == "pass")


def test_nothing_hangs() -> None:
    """What nobody answers is inconclusive until its time is over, to the second; from then on an error."""
    ends = NOW - 2 * DAY + 30 * DAY
    for at, word in ((ends - timedelta(seconds=1), "inconclusive"), (ends, "error")):
        found = verdict(now=at)
        assert (found.word, found.passed) == (word, False)
    assert "30 days" in found.items[0].because


def test_an_exception_ends_by_itself() -> None:
    """It waives what does not pass until its date, exactly; then the item says what it was beneath."""
    held = Waiver("ev_9", "person/dan", NOW + DAY, "The drill is on Friday.")
    asked: dict[str, Any] = {"controls": {"C20": state("fails")}, "exceptions": {"C20": (held,)}}
    found = verdict(**asked)
    assert (found.word, found.items[0].beneath, found.holds_until) == ("waived", "fail", NOW + DAY)
    assert found.said == "waived(person/dan, 2026-11-24 09:30 UTC)"
    assert "The drill is on Friday" in found.items[0].because
    assert verdict(**asked, now=NOW + DAY - timedelta(microseconds=1)).word == "waived"
    assert verdict(**asked, now=NOW + DAY).word == "fail"
    # Where the control holds, nobody needs the exception, and its end is no end.
    assert verdict(controls={"C20": state("holds")}, exceptions={"C20": (held,)}).holds_until is None


def test_what_no_exception_can_stand_for() -> None:
    """An owner, an approval and a settled tier are not waived, whatever was granted."""
    held = Waiver("ev_9", "person/dan", NOW + DAY, "No.")
    for kind, subject in (("approval", "risk-approver"), ("tier", "tier")):
        check = Check(id="g/x", gate="g", what="X", kind=kind, subject=subject)  # type: ignore[arg-type]
        names = dict.fromkeys((subject, f"{kind}-{subject}", "g/x"), (held,))
        assert not verdict(check, exceptions=names).passed


def test_evidence_counts_while_it_is_fresh() -> None:
    """A piece counts until its own end or the gate's limit, whichever is first."""
    check = replace(CONTROL, kind="evidence", subject="eval-run", fresh_days=10)
    piece = Piece("ev_2", "eval-run", NOW - 4 * DAY, NOW + 90 * DAY, "service-account/ci")
    seen = replace(SEEN, pieces=(piece,))
    found = verdict(check, seen=seen)
    assert (found.word, found.holds_until) == ("pass", NOW + 6 * DAY)
    assert verdict(check, seen=seen, now=NOW + 6 * DAY).word == "inconclusive"
    assert verdict(check).items[0].because == "There is none."


def test_approvals_are_counted() -> None:
    """A quorum of two takes two, and holds until the first of them ends."""
    check = replace(CONTROL, kind="approval", subject="risk-approver", quorum=2)
    given_ = [
        Approval(f"ev_{n}", "risk-approver", f"person/p{n}", NOW, NOW + n * DAY, "", "valid") for n in (1, 2)
    ]
    for count, word in ((1, "fail"), (2, "pass")):
        need = Need("risk-approver", 2, 90, tuple(given_[:count]), ("person/p3",), ())
        found = verdict(check, approvals=(need,))
        assert found.word == word
    assert found.holds_until == NOW + DAY
    assert "person/p3" in verdict(check, approvals=(replace(need, held=()),)).items[0].next_step


def test_what_cannot_be_looked_at_is_an_error() -> None:
    """A point of the pilot test that does not exist is no pass and no crash."""
    found = verdict(replace(CONTROL, kind="pilot-test", subject="nonsense"))
    assert (found.word, found.passed) == ("error", False)


@given(st.lists(st.tuples(st.sampled_from(["holds", "fails", "stale", "unknown"]), st.booleans())))
def test_only_required_items_decide(items: list[tuple[str, bool]]) -> None:
    """The whole has the most pressing word of its required items; optional ones change nothing."""
    checks = [
        replace(CONTROL, id=f"g/{place}", subject=f"C{place:02}", required=required)
        for place, (_, required) in enumerate(items)
    ]
    states = {f"C{place:02}": state(said) for place, (said, _) in enumerate(items)}
    found = decide(checks, controls=states, approvals=(), exceptions={}, now=NOW, seen=SEEN)
    needed = [one.word for one in found.items if one.check.required]
    assert found.word == min(needed, key=WORDS.index, default="pass")
    assert found.passed == all(word in PASSING for word in needed)
    assert bool(found.failing) != found.passed


@pytest.mark.parametrize(
    ("expected", "calls", "word"),
    [(None, None, "pass"), (10, 10, "pass"), (10, 11, "fail"), (10, None, "inconclusive")],
)
def test_volume_stays_within_what_was_approved(expected: int | None, calls: int | None, word: str) -> None:
    """More calls than were declared and approved fail, and say how many there were."""
    check = replace(CONTROL, kind="volume", subject="calls-per-month")
    found = verdict(check, seen=replace(SEEN, expected_calls=expected, calls=calls))
    assert found.word == word
    if word == "fail":
        assert "11 calls" in found.items[0].because
        assert "expected_calls_per_month" in found.items[0].next_step


# ------------------------------------------------------------------ the checklist


def gate(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the spec of a gate."""
    return {"title": "Ours", "stages": ["pilot", "live"], "items": list(items), **changes}


def test_the_shipped_gates_ask_for_what_exists(company: Company) -> None:
    """Each shipped gate would be accepted if somebody declared it."""
    for name, shipped in checklist.shipped().gates.items():
        spec = shipped.model_dump(mode="json", exclude_defaults=True)
        company.declare(document("Gate", f"my-{name}", spec), actor=SETUP)


def test_a_gate_of_a_unit_stands_in_the_way(company: Company) -> None:
    """What a unit's gate asks for blocks with its item and a next step; elsewhere it asks for nothing."""
    company.declare(use_case())
    before = company.standing()
    item = {"id": "drill", "check": "control", "of": ["C20"]}
    effects = company.declare(document("Gate", "claims-drill", gate(item), namespace="claims"), actor=SETUP)
    after = company.standing()
    assert before.block is not None
    assert after.block is not None
    new = [one for one in after.block.reasons if one.code == "gate-failed"]
    assert [one.code for one in before.block.reasons if one.code == "gate-failed"] == []
    assert len(new) == 1
    assert "claims-drill asks for C20" in new[0].message
    assert "roadworthy exception request use-case/policy-search C20" in new[0].next_step
    assert effects == ()
    company.delete("Gate", "claims-drill")
    company.declare(document("Unit", "finance", {"title": "Finance"}), actor=SETUP)
    company.declare(document("Gate", "claims-drill", gate(item), namespace="finance"), actor=SETUP)
    assert company.standing().gate.failing == before.gate.failing


@pytest.mark.parametrize(
    ("changes", "namespace", "said"),
    [
        ({"replaces": "entry"}, "claims", "units only add"),
        ({"replaces": "nonsense"}, "organization", "no shipped gate"),
        ({"items": [{"id": "a", "check": "control", "of": ["C99"]}]}, "organization", "no control called"),
        ({"items": [{"id": "a", "check": "approval", "of": ["boss"]}]}, "organization", "no approval called"),
        ({"items": [{"id": "a", "check": "control"}]}, "organization", "has to name"),
        (
            {"items": [{"id": "a", "check": "tier", "skip_when": {"nonsense": {"eq": True}}}]},
            "organization",
            "cannot be read",
        ),
    ],
)
def test_a_gate_that_cannot_be_meant_is_refused(
    company: Company, changes: dict[str, Any], namespace: str, said: str
) -> None:
    """It names what does not exist, or would loosen what holds for all; the refusal says which."""
    spec = gate({"id": "a", "check": "tier"}, **changes)
    with pytest.raises(InvalidError) as refused:
        company.declare(document("Gate", "ours", spec, namespace=namespace), actor=SETUP)
    assert said in f"{refused.value} {' '.join(one.message for one in refused.value.issues)}"


def test_a_rule_takes_an_item_off_the_list(company: Company) -> None:
    """Where the condition holds, the item is skipped and names it; where it is not known, it is asked for."""
    item = {
        "id": "told",
        "check": "control",
        "of": ["C31"],
        "skip_when": {"interaction": {"none_of": ["conversational"]}},
    }
    company.declare(document("Gate", "ours", gate(item)), actor=SETUP)
    for interaction, word in (
        (["conversational"], "inconclusive"),
        (["output_only"], "skipped"),
        (None, "inconclusive"),
    ):
        company.declare(use_case(intake=with_facts(interaction=interaction)))
        (found,) = [one for one in company.standing().gate.items if one.check.gate == "ours"]
        assert found.word == word
    company.declare(use_case(intake=with_facts(interaction=["output_only"])))
    (found,) = [one for one in company.standing().gate.items if one.check.gate == "ours"]
    assert found.said == "skipped(ours/told: interaction has none of conversational)"


def test_a_gate_can_ask_for_more_approvals(company: Company) -> None:
    """A role that only the gate asks for is asked for like those of the tier."""
    item = {"id": "risk", "check": "approval", "of": ["risk-approver"]}
    company.declare(document("Gate", "ours", gate(item)), actor=SETUP)
    company.declare(use_case())
    standing = company.standing()
    assert standing.block is not None
    assert {"needs-business-approver", "needs-risk-approver"} <= {one.code for one in standing.block.reasons}
    assert [one.role for one in standing.needs] == ["business-approver", "risk-approver"]


def test_going_live_at_high_risk_asks_for_proof(company: Company) -> None:
    """The same use case passes as a pilot what stands in its way once it is live."""
    names = {}
    for stage in ("pilot", "live"):
        company.declare(use_case(stage=stage, intake=with_facts(**HIGH)))
        standing = company.standing()
        assert standing.tier.tier == "high"
        names[stage] = {one.check.subject for one in standing.gate.failing if one.check.kind == "control"}
    assert names["pilot"] == set()
    assert {"C16", "C20"} <= names["live"]


def test_calls_beyond_what_was_approved_end_the_grant(company: Company) -> None:
    """The calls of thirty days are counted from their records; what goes beyond suspends the use case."""
    company.declare(use_case(expected_calls_per_month=2))
    with company.database.write() as tx:
        give_approval(tx, use_case="policy-search", actor=Actor("person/ben", "cli"), now=NOW)
    for count in (1, 2, 3):
        record = CallRecord(
            id=f"{count:032x}",
            at=int((NOW - DAY).timestamp() * 1000) + count,
            principal="service-account/bot",
            use_case="policy-search",
            namespace="claims",
            model="small",
            provider="local",
            decision="admitted",
            status=200,
        )
        with company.database.write() as tx:
            usage.ingest(tx, [record], source="gateway-1", now=NOW)
        standing = company.standing()
        assert (standing.grant is not None) == (count <= 2)
    assert standing.block is not None
    (reason,) = standing.block.reasons
    assert (reason.code, "3 calls" in reason.message) == ("gate-failed", True)
    assert company.standing(now=NOW + 40 * DAY).grant is not None
