"""Records: the two parts of which they are joined say together what a record says."""

from __future__ import annotations

import msgspec
import pytest

from roadworthy.gateway import access, recording
from roadworthy.gateway.access import Admitted
from roadworthy.gateway.admission import Admission
from roadworthy.gateway.course import course_for
from roadworthy.gateway.dialects.dialect import Request
from roadworthy.gateway.dialects.neutral import Usage
from roadworthy.gateway.exchange import Exchange, new_trace_id
from roadworthy.gateway.snapshot import Index
from roadworthy.testing.gateway_process import key_hash
from roadworthy.usage import record as records
from roadworthy.usage.record import AttemptRecord, CallRecord, FindingRecord
from tests.gateway import world

AT = 1_770_000_000.25


class _Dialect:
    name = "openai-chat"


def exchange(**changes: object) -> Exchange:
    """Return a call that has been answered."""
    index = Index(world.snapshot("http://127.0.0.1:1/v1", revision=7))
    verdict = access.decide(index, key_hash=key_hash(world.KEY), model="ok", now=AT)
    assert isinstance(verdict, Admitted)
    made = Exchange(
        _Dialect(), AT, 10.0, "key", b"{}", new_trace_id(AT),  # type: ignore[arg-type]
        index=index,
        caller=verdict.caller,
        request=Request(_Dialect(), {}, "ok", stream=True),  # type: ignore[arg-type]
        admission=Admission(verdict, None, None, course_for(index, verdict, now=AT), float("inf")),
        target=verdict.targets[0],
        attempts=(AttemptRecord("ok", 200, "", 1.5),),
        usage=Usage(100, 20),
        status=200,
        first_byte_s=10.5,
    )  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def test_joined_record_says_all_of_the_call() -> None:
    """Whose, what, how long, how dear: nothing is lost between the parts."""
    call = exchange(client_request_id="abc", why="order", leases=("l-1",))
    read = records.decode(recording.payload(call, ended_s=11.0))
    model = call.target.model if call.target is not None else None
    assert model is not None
    assert read == CallRecord(
        id=call.trace_id, at=int(AT * 1000), decision="allowed", principal="service-account/claims-bot",
        key_id="aaaaaaaa", use_case="claims", namespace="insurance", grant_id="g-1", revision=7,
        requested_model="ok", model="ok", provider="fake", upstream_model="ok", attempts=call.attempts,
        status=200, stream=True, input_tokens=100, output_tokens=20, cost_nano=100 * 3 + 20 * 15,
        currency="USD", price_source="test", latency_ms=1000.0, first_byte_ms=500.0,
        client_request_id="abc", retention_days=30, dialect="openai-chat", why="order", leases=("l-1",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("usage", "cost", "faults"),
    [
        (None, None, ("usage_unknown",)),
        (Usage(10, None), None, ("usage_unknown",)),
        (Usage(10, -1), None, ("usage_unknown",)),
        (Usage(10**12, 5), None, ("usage_unknown",)),
        (Usage(100, 20, 40), 100 * 3 + 20 * 15, ()),
    ],
)
def test_what_is_not_known_is_never_zero(
    usage: Usage | None, cost: int | None, faults: tuple[str, ...]
) -> None:
    """Usage that cannot be true is no usage; a cost that is not known is none."""
    read = records.decode(recording.payload(exchange(usage=usage), ended_s=11.0))
    assert (read.cost_nano, read.faults) == (cost, faults)


def test_two_calls_of_one_admission_share_the_part_that_is_the_same() -> None:
    """The second call finds the first one's part, and is told apart by its own."""
    first = exchange()
    second = msgspec.structs.replace(first, trace_id=new_trace_id(AT + 1), status=502, error="closed_early")
    assert first.admission is not None
    read = [records.decode(recording.payload(call, ended_s=11.0)) for call in (first, second)]
    assert len(first.admission.fixed) == 1
    assert [(one.id, one.status, one.error) for one in read] == [
        (first.trace_id, 200, ""),
        (second.trace_id, 502, "closed_early"),
    ]


def test_findings_and_faults_are_kept() -> None:
    """What filters found is on record, never what the text was."""
    finding = FindingRecord("cards", "card", "output", "mask", 2)
    read = records.decode(
        recording.payload(exchange(findings=(finding,), faults=("filter_failed:names",)), ended_s=11.0)
    )
    assert read.findings == (finding,)
    assert read.faults == ("filter_failed:names",)


def test_opening_mark_is_open() -> None:
    """What is left of a stream whose gateway died says so."""
    call = exchange()
    mark = records.decode(recording.opening(call, ("l-1",)))
    assert mark.open
    assert (mark.id, mark.status, mark.use_case, mark.model) == (call.trace_id, 0, "claims", "ok")


def test_every_field_of_a_record_has_a_place() -> None:
    """A field that neither part knows could never be recorded."""
    parts = {
        field.name for part in (recording._Fixed, recording._Moving) for field in msgspec.structs.fields(part)
    }
    known = {field.name for field in msgspec.structs.fields(CallRecord)}
    assert parts <= known
    elsewhere = {
        "suppressed": "only the summary of strangers has it",
        "open": "only the mark that a stream begins has it",
        "text_commitment": "only what has been sealed has it",
    }
    assert known - parts == set(elsewhere)
