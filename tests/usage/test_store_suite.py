"""Call records arrive once, are sealed, and answer questions alike on both engines."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from roadworthy.foundation.errors import InvalidError, NotFoundError
from roadworthy.foundation.storage.database import Database
from roadworthy.registry import audit
from roadworthy.registry.actor import Actor
from roadworthy.usage import operations, queries, seal
from roadworthy.usage.operations import Ingested
from roadworthy.usage.queries import TraceFilter
from roadworthy.usage.record import AttemptRecord, CallRecord, LoggedText, ReasonRecord
from roadworthy.usage.rollup import Cost, Usage

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)  # a Monday
NOW_MS = int(NOW.timestamp() * 1000)
DAY_MS = 86_400_000


def allowed(name: str, *, ago_ms: int = 0, **given: object) -> CallRecord:
    """Return a call that was served."""
    values: dict[str, object] = {
        "principal": "service-account/claims-bot",
        "key_id": "k1k1k1k1",
        "use_case": "claims-triage",
        "namespace": "claims",
        "grant_id": "grant-1",
        "revision": 7,
        "requested_model": "fast",
        "route": "fast",
        "model": "small",
        "provider": "local",
        "upstream_model": "smollm2",
        "attempts": (AttemptRecord("small", 200, "", 80.25),),
        "status": 200,
        "input_tokens": 10,
        "output_tokens": 5,
        "cost_nano": 1_500,
        "currency": "USD",
        "price_source": "declared 2026-01-01",
        "latency_ms": 100.0,
        "first_byte_ms": 12.345,
        "retention_days": 30,
    }
    return CallRecord(id=name, at=NOW_MS - ago_ms, decision="allowed", **{**values, **given})  # type: ignore[arg-type]


def refused(name: str, *, ago_ms: int = 0, use_case: str = "claims-triage") -> CallRecord:
    """Return a call that was refused."""
    reason = ReasonRecord(
        "no_grant", "It has no grant.", "use-case/claims-triage", ("risk-approver",), "Approve."
    )
    return CallRecord(
        id=name, at=NOW_MS - ago_ms, decision="refused", principal="service-account/claims-bot",
        use_case=use_case, reason="no_grant", reasons=(reason,), requested_model="fast", status=403,
        latency_ms=0.2,
    )  # fmt: skip


def ingest(database: Database, *records: CallRecord, now: datetime = NOW) -> Ingested:
    """Store records as one batch."""
    with database.write() as tx:
        return operations.ingest(tx, records, source="gateway-1", now=now)


def findings(database: Database) -> list[tuple[str, str]]:
    """Return what verification finds."""
    with database.read() as tx:
        return [(finding.where, finding.what) for finding in queries.verify(tx)]


def tamper(database: Database, statement: str) -> None:
    """Change the store behind the product's back."""
    with database.write() as tx:
        assert tx.connection.execute(text(statement)).rowcount > 0, statement


def test_a_record_sent_twice_is_stored_once(database: Database) -> None:
    """The shipper may send a segment again; only what is new makes a batch and an audit entry."""
    first = ingest(database, allowed("call_1"), allowed("call_2"), allowed("call_2"))
    second = ingest(database, allowed("call_2"), allowed("call_3"))
    third = ingest(database, allowed("call_1"), allowed("call_3"))

    assert (first.inserted, first.known) == (2, 1)
    assert (second.inserted, second.known) == (1, 1)
    assert third == Ingested(0, 2)
    with database.read() as tx:
        assert [line.id for line in queries.traces(tx).lines] == ["call_3", "call_2", "call_1"]
        assert [entry["content"]["count"] for entry in audit.entries(tx, action="usage.recorded")] == [1, 2]


def test_a_batch_is_sealed_without_touching_enforcement(database: Database) -> None:
    """Call records must not make every gateway load a new snapshot."""
    done = ingest(database, allowed("call_1"))

    with database.read() as tx:
        entry = audit.entries(tx)[0]
        assert audit.revision(tx) == 0
        assert queries.trace(tx, "call_1").audit_seq == entry["seq"] == done.audit_seq
    assert entry["object"] == f"usage-batch/{done.batch_id}"
    assert entry["content"]["count"] == 1
    assert len(entry["content"]["digest"]) == 64


def test_a_trace_holds_everything_the_record_said(database: Database) -> None:
    """Who, for what, the decision with its reasons, attempts, tokens, cost and latency come back whole."""
    attempts = (AttemptRecord("big", 503, "provider_error", 20.5), AttemptRecord("small", 200, "", 80.25))
    ingest(
        database,
        allowed("call_1", attempts=attempts, faults=("usage_unknown",), stream=True),
        refused("call_2"),
    )

    with database.read() as tx:
        served, turned_away = queries.trace(tx, "call_1"), queries.trace(tx, "call_2")
    assert served.at == NOW
    assert served.stream is True
    assert served.price_unknown is False
    assert served.faults == ("usage_unknown",)
    assert [dict(one) for one in served.attempts] == [
        {"model": "big", "status": 503, "error": "provider_error", "ms": 20.5},
        {"model": "small", "status": 200, "error": "", "ms": 80.25},
    ]
    assert (served.latency_ms, served.first_byte_ms, served.cost_nano) == (100.0, 12.345, 1_500)
    assert (served.grant_id, served.revision, served.retention_days) == ("grant-1", 7, 30)
    assert served.text_kept is False
    assert served.text_gone is False
    assert turned_away.reason_code == "no_grant"
    assert dict(turned_away.reasons[0])["who_can_change"] == ["risk-approver"]
    assert turned_away.cost_nano is None


def test_pages_go_on_where_they_stopped(database: Database) -> None:
    """Newest first, no call twice, none left out, also where several share a millisecond."""
    ingest(database, *(allowed(f"call_{index:02d}", ago_ms=index // 3) for index in range(10)))
    seen: list[str] = []
    cursor = ""
    with database.read() as tx:
        while True:
            page = queries.traces(tx, before=cursor, limit=3)
            seen += [line.id for line in page.lines]
            cursor = page.next_cursor
            if not cursor:
                break
    expected = sorted(range(10), key=lambda index: (index // 3, -index))
    assert seen == [f"call_{index:02d}" for index in expected]


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        (TraceFilter(decision="refused"), ["call_c"]),
        (TraceFilter(use_case="other"), ["call_b"]),
        (TraceFilter(model="small", since=NOW - timedelta(seconds=1)), ["call_a"]),
        (TraceFilter(until=NOW - timedelta(seconds=1)), ["call_b", "call_c"]),
        (TraceFilter(failed=True), ["call_b"]),
        (TraceFilter(principal="service-account/nobody"), []),
    ],
)
def test_a_list_is_narrowed_by_what_was_asked(
    database: Database, narrowed: TraceFilter, expected: list[str]
) -> None:
    """Each filter holds, and two filters hold together."""
    ingest(
        database,
        allowed("call_a"),
        allowed("call_b", ago_ms=5_000, use_case="other", status=502, error="provider_error"),
        refused("call_c", ago_ms=6_000),
    )

    with database.read() as tx:
        assert [line.id for line in queries.traces(tx, narrowed).lines] == expected


def test_a_reader_sees_the_calls_of_their_use_cases_alone(database: Database) -> None:
    """A call of another use case is not in the list, and asking for it says no more than that."""
    ingest(database, allowed("call_a"), allowed("call_b", use_case="other"))

    with database.read() as tx:
        assert [line.id for line in queries.traces(tx, use_cases={"other"}).lines] == ["call_b"]
        assert queries.traces(tx, use_cases=set()).lines == ()
        with pytest.raises(NotFoundError):
            queries.trace(tx, "call_a", use_cases={"other"})


@pytest.mark.parametrize("cursor", ["x", "2026-11-23~call", "2026-11-23T10:00:00+00:00~", "~", "\0~\0"])
def test_a_made_up_cursor_is_refused(database: Database, cursor: str) -> None:
    """A cursor that no page gave says so instead of showing something else."""
    with database.read() as tx, pytest.raises(InvalidError, match="cursor"):
        queries.traces(tx, before=cursor)


def nearest_rank(values: Sequence[float], percent: int) -> float | None:
    """Return the percentile as the definition has it."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1] if values else None


def test_weeks_add_up_to_the_calls_in_them(database: Database) -> None:
    """Calls, refusals, errors, tokens, cost, percentiles and people per week agree with counting by hand."""
    calls = [
        allowed(
            f"call_{index:03d}",
            ago_ms=index * DAY_MS // 3,
            latency_ms=float(7 * index % 101),
            cost_nano=None if index % 5 == 0 else 1_000 + index,
            faults=("price_unknown",) if index % 5 == 0 else (),
            currency="EUR" if index % 4 == 0 else "USD",
            principal=f"service-account/bot-{index % 3}",
            status=502 if index % 7 == 0 else 200,
        )
        for index in range(80)
    ]
    no = [refused(f"no_{index}", ago_ms=index * DAY_MS) for index in range(9)]
    ingest(database, *calls, *no, allowed("call_x", use_case="other"))

    with database.read() as tx:
        since = NOW - timedelta(weeks=6)
        weeks = queries.weekly(tx, "claims-triage", since=since, until=NOW + timedelta(seconds=1))
        everything = queries.totals(tx, use_case="claims-triage")
    assert [week.of for week in weeks][:2] == ["2026-10-12", "2026-10-19"]
    assert weeks[0] == Usage(of="2026-10-12")
    assert len(weeks) == 7
    assert sum(week.calls for week in weeks) == everything.calls == 89
    monday = datetime(2026, 11, 16, tzinfo=UTC)
    week = next(week for week in weeks if week.of == "2026-11-16")
    within = [
        one for one in (*calls, *no) if monday.timestamp() <= one.at / 1000 < monday.timestamp() + 7 * 86400
    ]
    served = [one for one in within if one.decision == "allowed"]
    assert week.calls == len(within)
    assert week.refusals == len(within) - len(served)
    assert week.errors == sum(one.status == 502 for one in served)
    assert week.input_tokens == 10 * len(served)
    for said, percent in ((week.latency_ms_p50, 50), (week.latency_ms_p95, 95)):
        counted = nearest_rank([one.latency_ms for one in served], percent)
        assert said == pytest.approx(counted, rel=0.01), "a sketch is within one per cent"
    assert week.active_principals == len({one.principal for one in served})
    assert week.unknown_cost_calls == sum(one.cost_nano is None and one.status == 200 for one in served)
    assert week.costs == tuple(
        Cost(currency, sum(one.cost_nano or 0 for one in served if one.currency == currency))
        for currency in ("EUR", "USD")
    )


def test_totals_by_use_case_and_the_last_call(database: Database) -> None:
    """One question answers for all use cases, and the newest call of one is found."""
    ingest(database, allowed("call_a", ago_ms=10), refused("call_b"), allowed("call_c", use_case="other"))

    with database.read() as tx:
        by_use_case = queries.totals_by(tx, "use_case")
        last = queries.last_call(tx, "claims-triage")
        assert queries.last_call(tx, "nobody") is None
        assert queries.totals(tx, since=NOW + timedelta(days=1)) == Usage(of="all")
    assert {name: usage.calls for name, usage in by_use_case.items()} == {"claims-triage": 2, "other": 1}
    assert by_use_case["claims-triage"].refusal_rate == 0.5
    assert last is not None
    assert last.id == "call_b"


def test_an_unknown_price_is_named_with_its_model(database: Database) -> None:
    """It is a fault to be put right, never a cost of zero."""
    ingest(
        database,
        allowed("call_a", cost_nano=None, faults=("price_unknown",)),
        allowed("call_b", cost_nano=None, faults=("usage_unknown",)),
    )

    with database.read() as tx:
        faults = queries.price_faults(tx, since=NOW - timedelta(days=1))
        assert queries.price_faults(tx, since=NOW + timedelta(days=1)) == ()
        total = queries.totals(tx)
    assert [(fault.model, fault.provider, fault.calls) for fault in faults] == [("small", "local", 1)]
    assert total.costs == ()
    assert total.unknown_cost_calls == 2


def test_what_was_said_ends_with_its_retention_and_the_record_still_proves(database: Database) -> None:
    """Texts go when their days are over; the record, its commitment and the log stay whole."""
    said = LoggedText("What is covered?", "Ünïcode and \0 too", cut=True)
    ingest(
        database,
        allowed("call_old", ago_ms=31 * DAY_MS, text=said, retention_days=30),
        allowed("call_new", text=said, retention_days=30),
    )
    with database.read() as tx:
        assert queries.said(tx, "call_old").prompt == "What is covered?"

    with database.write() as tx:
        assert operations.purge_texts(tx, now=NOW) == 1
    with database.write() as tx:
        assert operations.purge_texts(tx, now=NOW) == 0

    with database.read() as tx:
        old, new = queries.trace(tx, "call_old"), queries.said(tx, "call_new")
        with pytest.raises(NotFoundError, match="not kept"):
            queries.said(tx, "call_old")
        assert [entry["action"] for entry in audit.entries(tx)] == ["usage.texts-purged", "usage.recorded"]
    assert (old.text_kept, old.text_gone) == (False, True)
    assert new.response == "Ünïcode and \N{REPLACEMENT CHARACTER} too"
    assert new.cut is True
    assert new.expires_at == NOW + timedelta(days=30)
    assert findings(database) == []


def test_a_text_can_be_erased_before_its_time(database: Database) -> None:
    """A person's wish is carried out with its reason on record, and the proofs hold."""
    ingest(database, allowed("call_1", text=LoggedText("secret", "answer"), retention_days=30))

    with database.write() as tx:
        actor = Actor("person/ada", "console")
        assert (
            operations.erase_texts(tx, call_ids=["call_1", "call_9"], actor=actor, now=NOW, reason="asked")
            == 1
        )

    with database.read() as tx:
        assert queries.trace(tx, "call_1").text_gone is True
        assert audit.entries(tx)[0]["content"]["reason"] == "asked"
    assert findings(database) == []


def test_records_end_with_their_retention_and_the_log_still_verifies(database: Database) -> None:
    """Really deleted, batch by batch, texts and hours with them; the log says which."""
    said = LoggedText("What?", "That.")
    ingest(database, allowed("call_old", ago_ms=1, text=said), now=NOW)
    ingest(database, allowed("call_older", ago_ms=1), now=NOW)
    ingest(database, allowed("call_new", ago_ms=-401 * DAY_MS), now=NOW + timedelta(days=401))
    later = NOW + timedelta(days=401)

    with database.write() as tx:
        assert operations.purge_records(tx, now=later, days=400, limit=1) == 1
    with database.write() as tx:
        assert operations.purge_records(tx, now=later, days=400) == 1
    with database.write() as tx:
        assert operations.purge_records(tx, now=later, days=400) == 0

    with database.read() as tx:
        assert [line.id for line in queries.traces(tx).lines] == ["call_new"]
        assert tx.connection.execute(text("SELECT count(*) FROM call_texts")).scalar() == 0
        assert queries.totals(tx).calls == 1
    assert findings(database) == []
    tamper(database, "DELETE FROM call_records WHERE id = 'call_new'")
    assert [where for where, _ in findings(database)] == ["trace/call_new"]


def test_content_is_read_and_searched_on_record(database: Database) -> None:
    """Who read what was said is in the log; the words that were looked for are not."""
    ingest(
        database,
        allowed("call_1", text=LoggedText('She said "delayed\nbaggage" 100%', "Sorry."), retention_days=30),
        allowed("call_2", text=LoggedText("Hello", "Hi"), retention_days=30),
    )
    ada = Actor("person/ada", "console")

    def calls(words: str) -> list[str]:
        with database.write() as tx:
            narrowed = TraceFilter(text=words)
            return [line.id for line in operations.search_said(tx, narrowed, actor=ada, now=NOW).lines]

    assert calls('"DELAYED\nbag') == ["call_1"]
    assert calls("100%") == ["call_1"]
    assert calls("1_0") == []
    with database.write() as tx:
        assert operations.read_said(tx, "call_2", actor=ada, now=NOW).response == "Hi"
    with database.read() as tx:
        read, *_ = audit.entries(tx)
    assert (read["action"], read["object"], read["actor"]) == (
        "usage.content-read",
        "trace/call_2",
        "person/ada",
    )
    assert "DELAYED" not in json.dumps([read], default=str)


@pytest.mark.parametrize(
    ("narrowed", "expected"),
    [
        (TraceFilter(status=502), ["tr_019ac0000002"]),
        (TraceFilter(reason_or_error="provider_error"), ["tr_019ac0000002"]),
        (TraceFilter(reason_or_error="no_grant"), ["tr_019ac0000003"]),
        (TraceFilter(error="provider_error"), ["tr_019ac0000002"]),
        (TraceFilter(tag="shadow"), ["tr_019ac0000001"]),
        (TraceFilter(tag="production", decision="allowed"), ["tr_019ac0000002"]),
        (TraceFilter(cost_over_nano=2_000), ["tr_019ac0000001"]),
        (TraceFilter(latency_over_ms=500), ["tr_019ac0000001"]),
        (TraceFilter(id_prefix="tr_019ac0000003"), ["tr_019ac0000003"]),
        (TraceFilter(id_prefix="tr_019b"), []),
        (TraceFilter(route="fast", provider="local", key_id="nobody"), []),
    ],
)
def test_anything_that_is_known_finds_a_call(
    database: Database, narrowed: TraceFilter, expected: list[str]
) -> None:
    """Status, reason, error, kind, cost, latency, the beginning of the trace's id."""
    base = NOW_MS - 0x019AC0000000
    ingest(
        database,
        allowed("tr_019ac0000001", ago_ms=base - 1, cost_nano=5_000, latency_ms=900.0, shadow=True),
        allowed("tr_019ac0000002", ago_ms=base - 2, status=502, error="provider_error"),
        msgspec.structs.replace(refused("tr_019ac0000003"), at=0x019AC0000003),
    )

    with database.read() as tx:
        assert [line.id for line in queries.traces(tx, narrowed).lines] == expected


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE call_records SET output_tokens = 6 WHERE id = 'call_2'", "the call record was altered"),
        ("UPDATE call_records SET at = at + 1 WHERE id = 'call_2'", "the call record was altered"),
        ("UPDATE call_records SET cost_nano = NULL WHERE id = 'call_2'", "the call record was altered"),
        ("UPDATE call_records SET decision = 'refused' WHERE id = 'call_2'", "the call record was altered"),
        ("UPDATE call_records SET tag = 'replay' WHERE id = 'call_2'", "the call record was altered"),
        ("DELETE FROM call_records WHERE id = 'call_2'", "the call record is gone"),
        ("UPDATE call_texts SET document = '{}' WHERE id = 'call_2'", "the logged text is not the one"),
    ],
)
def test_an_altered_record_is_found_by_name(database: Database, statement: str, what: str) -> None:
    """Whatever is changed in a record, verification says which one it is and in which batch."""
    done = ingest(
        database, allowed("call_1"), allowed("call_2", text=LoggedText("a", "b")), allowed("call_3")
    )
    assert findings(database) == []

    tamper(database, statement)

    (found,) = findings(database)
    assert found[0] == "trace/call_2"
    assert found[1].startswith(what)
    assert done.batch_id in found[1]


def test_a_record_slipped_in_is_found(database: Database) -> None:
    """A record in a sealed batch, or in none, that the log does not know is named."""
    done = ingest(database, allowed("call_1"))
    columns = ", ".join(name for name in seal.SEALED if name != "id")
    for name, batch in (("call_in", done.batch_id), ("call_out", "batch_none")):
        tamper(
            database,
            f"INSERT INTO call_records (id, batch_id, {columns}) "
            f"SELECT '{name}', '{batch}', {columns} FROM call_records WHERE id = 'call_1'",
        )

    assert [where for where, _ in findings(database)] == ["trace/call_in", "trace/call_out"]


def test_a_batch_altered_with_its_manifest_is_still_found(database: Database) -> None:
    """Whoever rewrites the manifest as well is caught by the audit log; so is one who deletes all of it."""
    first, second = ingest(database, allowed("call_1")), ingest(database, allowed("call_2"))
    with database.read() as tx:
        digest = audit.entries(tx)[0]["content"]["digest"]
    tamper(database, f"UPDATE usage_batches SET digest = '{digest}' WHERE id = '{first.batch_id}'")
    tamper(database, f"UPDATE usage_batches SET manifest = manifest || 'x' WHERE id = '{first.batch_id}'")
    tamper(database, f"DELETE FROM usage_batches WHERE id = '{second.batch_id}'")

    found = findings(database)

    assert (f"usage-batch/{second.batch_id}", "the batch that audit entry 1 seals is gone") in found
    assert any(
        where == f"usage-batch/{first.batch_id}" and "manifest was altered" in what for where, what in found
    )
    assert ("trace/call_2", "the call record belongs to no batch: nobody sealed it") in found


def test_a_record_that_is_no_longer_text_is_found_by_name(database: Database) -> None:
    """A flipped high bit makes text that is no UTF-8; verification names the record and goes on."""
    if database.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL refuses to hold such text")
    ingest(database, allowed("call_1"), allowed("call_2"), allowed("call_3"))
    tamper(database, "UPDATE call_records SET error = CAST(x'e9ff' AS TEXT) WHERE id = 'call_2'")

    ((where, _),) = findings(database)

    assert where == "trace/call_2"


_NUMBERS = itertools.count()
anything = st.text(st.characters(codec="utf-8"), max_size=40)
whole = st.integers(min_value=-(2**63), max_value=2**64 - 1)
hostile = st.builds(
    CallRecord,
    id=st.just(""),
    at=whole,
    decision=st.sampled_from(["allowed", "refused"]),
    principal=anything,
    requested_model=anything,
    model=anything,
    client_request_id=anything,
    error=anything,
    status=whole,
    revision=whole,
    input_tokens=st.none() | whole,
    cost_nano=st.none() | whole,
    retention_days=whole,
    latency_ms=st.floats(),
    first_byte_ms=st.none() | st.floats(),
    reasons=st.lists(st.builds(ReasonRecord, code=anything, message=anything), max_size=2).map(tuple),
    attempts=st.lists(st.builds(AttemptRecord, model=anything, status=whole, ms=st.floats()), max_size=2).map(
        tuple
    ),
    text=st.none() | st.builds(LoggedText, prompt=anything, response=anything),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(hostile, min_size=1, max_size=5))
def test_no_record_can_stop_the_shipping(database: Database, records: list[CallRecord]) -> None:
    """Whatever a caller makes the gateway record is stored: one bad record must not dam the spool."""
    # One database sees all examples, so each record gets an id of its own.
    records = [msgspec.structs.replace(record, id=f"call_{next(_NUMBERS)}") for record in records]

    done = ingest(database, *records)

    assert done.inserted == len(records)
    with database.read() as tx:
        for record in records:
            found = queries.trace(tx, record.id)
            assert json.dumps(found.requested_model)
    assert findings(database) == []


def test_calls_are_found_by_what_was_tried(database: Database) -> None:
    """A model that failed before another answered, and what it failed with; gone with the record."""
    fallen = (AttemptRecord("big", 503, "provider_error", 20.5), AttemptRecord("small", 200, "", 80.25))
    ingest(
        database,
        allowed("call_1", attempts=fallen),
        allowed("call_2"),
        allowed("call_3", model="big", attempts=(AttemptRecord("big", 200, "", 1.0),)),
        allowed("call_4", attempts=(AttemptRecord("other", 0, "connect_failed\0", 1.0),)),
    )
    ingest(database, allowed("call_1", attempts=fallen))

    def found(**narrowed: str) -> set[str]:
        with database.read() as tx:
            return {line.id for line in queries.traces(tx, TraceFilter(**narrowed)).lines}  # type: ignore[arg-type]

    assert found(tried="big") == {"call_1", "call_3"}
    assert found(tried="small") == {"call_1", "call_2", "call_4"}
    assert found(tried="big", attempt_error="provider_error") == {"call_1"}
    assert found(attempt_error="503") == {"call_1"}
    assert found(tried="small", attempt_error="503") == set()
    assert found(attempt_error="timeout") == set()
    later = NOW + timedelta(days=500)
    with database.write() as tx:
        operations.purge_records(tx, now=later, days=400)
        assert tx.connection.execute(text("SELECT count(*) FROM call_attempts")).scalar() == 0
    assert findings(database) == []
