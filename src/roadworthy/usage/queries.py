"""Questions about what was called; safe for any slice above."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roadworthy.foundation.errors import InvalidError, NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit, commitment
from roadworthy.registry.slice import Finding
from roadworthy.usage import rollup, seal, store
from roadworthy.usage.rollup import Cost, Usage

PAGE_MAX = 200
RECORDED = "usage.recorded"


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceLine:
    """One call in a list."""

    id: str
    at: datetime
    principal: str
    key_id: str
    use_case: str
    decision: str
    reason_code: str
    requested_model: str
    route: str
    model: str
    provider: str
    status: int
    stream: bool
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cost_nano: int | None
    currency: str
    price_unknown: bool
    latency_ms: float
    first_byte_ms: float | None
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace(TraceLine):
    """One call with everything that is known about it."""

    namespace: str
    grant_id: str
    revision: int
    price_source: str
    upstream_model: str
    client_request_id: str
    faults: tuple[str, ...]
    suppressed: int
    retention_days: int
    attempts: tuple[Mapping[str, Any], ...]
    reasons: tuple[Mapping[str, Any], ...]
    prompt: str | None
    response: str | None
    text_cut: bool
    text_expires_at: datetime | None
    text_gone: bool
    """The call was logged in full, and the text has since been purged or erased."""
    batch_id: str
    audit_seq: int | None
    source: str


@dataclass(frozen=True, slots=True)
class Traces:
    """A page of calls, newest first, and the cursor of the next, empty at the end."""

    lines: tuple[TraceLine, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceFilter:
    """What a list of calls is narrowed to; an empty field narrows nothing."""

    use_case: str = ""
    principal: str = ""
    key_id: str = ""
    model: str = ""
    route: str = ""
    provider: str = ""
    decision: str = ""
    reason_code: str = ""
    failed: bool = False
    since: datetime | None = None
    until: datetime | None = None

    def columns(self) -> dict[str, str]:
        """Return the fields that a column must equal."""
        names = ("use_case", "principal", "key_id", "model", "route", "provider", "decision", "reason_code")
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True, slots=True)
class PriceFault:
    """A model that was called although nobody knows what it costs."""

    model: str
    provider: str
    calls: int
    last_at: datetime


@dataclass(frozen=True, slots=True)
class Source:
    """A process that handed in call records, and the newest revision in its last batch."""

    source: str
    last_batch_at: datetime
    records: int
    revision: int


def _line(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "at": row.at,
        "principal": row.principal,
        "key_id": row.key_id,
        "use_case": row.use_case,
        "decision": row.decision,
        "reason_code": row.reason_code,
        "requested_model": row.requested_model,
        "route": row.route,
        "model": row.model,
        "provider": row.provider,
        "status": row.status,
        "stream": row.stream,
        "input_tokens": row.input_tokens,
        "output_tokens": row.output_tokens,
        "cached_input_tokens": row.cached_input_tokens,
        "cost_nano": row.cost_nano,
        "currency": row.currency,
        "price_unknown": row.price_unknown,
        "latency_ms": row.latency_us / 1000,
        "first_byte_ms": None if row.first_byte_us is None else row.first_byte_us / 1000,
        "error": row.error,
    }


def write_cursor(line: TraceLine) -> str:
    """Return the cursor of the page below a call."""
    return f"{line.at.isoformat()}~{line.id}"


def read_cursor(text: str) -> tuple[datetime, str] | None:
    """Return the call a cursor stands for; None for an empty one."""
    if not text:
        return None
    at, _, record_id = text.partition("~")
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or not record_id or "\0" in record_id:
        raise InvalidError(
            "This cursor is not one that a page of traces gave.",
            fix="Leave `before` out to start from the newest, or follow the link of the page before.",
        )
    return moment, record_id


def traces(
    tx: Tx,
    narrowed: TraceFilter | None = None,
    *,
    before: str = "",
    limit: int = 50,
    use_cases: Collection[str] | None = None,
) -> Traces:
    """Return a page of calls, newest first; of these use cases only, unless that is None."""
    narrowed = narrowed or TraceFilter()
    size = max(1, min(limit, PAGE_MAX))
    rows = store.page(
        tx,
        filters=narrowed.columns(),
        since=narrowed.since,
        until=narrowed.until,
        use_cases=use_cases,
        failed=narrowed.failed,
        before=read_cursor(before),
        limit=size + 1,
    )
    lines = tuple(TraceLine(**_line(row)) for row in rows[:size])
    return Traces(lines, write_cursor(lines[-1]) if len(rows) > size else "")


def trace(tx: Tx, call_id: str, *, use_cases: Collection[str] | None = None) -> Trace:
    """Return one call with what was said if that was logged; one of another use case is not there."""
    row = store.read_record(tx, call_id) if "\0" not in call_id else None
    if row is None or (use_cases is not None and row.use_case not in use_cases):
        raise NotFoundError(
            f"There is no call `{call_id[:80]}` that you may see.",
            why="Its record may still be on its way: the gateway hands records on within a second.",
            fix="Look at the newest calls in /traces, or check the id in the answer's x-roadworthy-trace-id.",
        )
    body = json.loads(row.body)
    text = store.read_text(tx, row.id)
    said = json.loads(text.document) if text is not None else None
    return Trace(
        **_line(row),
        namespace=row.namespace,
        grant_id=row.grant_id,
        revision=row.revision,
        price_source=row.price_source,
        upstream_model=body["upstream_model"],
        client_request_id=body["client_request_id"],
        faults=tuple(body["faults"]),
        suppressed=body["suppressed"],
        retention_days=body["retention_days"],
        attempts=tuple(
            {"model": one["model"], "status": one["status"], "error": one["error"], "ms": one["us"] / 1000}
            for one in body["attempts"]
        ),
        reasons=tuple(body["reasons"]),
        prompt=said["prompt"] if said else None,
        response=said["response"] if said else None,
        text_cut=bool(said and said["cut"]),
        text_expires_at=text.expires_at if text is not None else None,
        text_gone=text is None and bool(body["text_commitment"]),
        batch_id=row.batch_id,
        audit_seq=row.audit_seq,
        source=row.source or "",
    )


def _rolled(tx: Tx, condition: Any, *, by: str) -> dict[str, Usage]:
    def name(key: Any) -> str:
        return rollup.monday_of(int(key)).isoformat() if by == "week" else str(key)

    spent: dict[str, list[Cost]] = {}
    for row in store.costs(tx, condition, by=by):
        spent.setdefault(name(row.key), []).append(Cost(row.currency, int(row.nano)))
    latency = {name(row.key): row for row in store.percentiles(tx, condition, by=by)}
    found = {}
    for row in store.rolled(tx, condition, by=by):
        of = name(row.key)
        place = latency.get(of)
        found[of] = Usage(
            of=of,
            calls=row.calls,
            refusals=int(row.refusals),
            errors=int(row.errors),
            input_tokens=int(row.input_tokens),
            output_tokens=int(row.output_tokens),
            costs=tuple(sorted(spent.get(of, ()), key=lambda cost: cost.currency)),
            unknown_cost_calls=int(row.unknown_cost_calls),
            latency_ms_p50=place.p50 / 1000 if place is not None else None,
            latency_ms_p95=place.p95 / 1000 if place is not None else None,
            active_principals=row.active_principals,
            first_at=row.first_at,
            last_at=row.last_at,
        )
    return found


def weekly(tx: Tx, use_case: str, *, since: datetime, until: datetime) -> tuple[Usage, ...]:
    """Return a use case's usage for every week (Monday to Sunday, UTC) of the time, empty weeks too."""
    start = rollup.week_start(since)
    condition = store.matching({"use_case": use_case}, since=start, until=until)
    return rollup.every_week(_rolled(tx, condition, by="week"), since=start, until=until)


def totals(
    tx: Tx, *, since: datetime | None = None, until: datetime | None = None, use_case: str = ""
) -> Usage:
    """Return what all calls in a time amount to, of one use case if it is named."""
    condition = store.matching({"use_case": use_case}, since=since, until=until)
    return _rolled(tx, condition, by="all").get("all", Usage(of="all"))


def totals_by(
    tx: Tx,
    by: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    use_case: str = "",
) -> dict[str, Usage]:
    """Return usage by `use_case`, `model`, `provider` or `principal`."""
    assert by in {"use_case", "model", "provider", "principal"}, by
    return _rolled(tx, store.matching({"use_case": use_case}, since=since, until=until), by=by)


def last_call(tx: Tx, use_case: str) -> TraceLine | None:
    """Return the newest call of a use case."""
    row = store.last_call(tx, store.matching({"use_case": use_case}, since=None, until=None))
    return None if row is None else TraceLine(**_line(row))


def price_faults(tx: Tx, *, since: datetime) -> tuple[PriceFault, ...]:
    """Return the models that were called since then without a known price."""
    rows = store.price_faults(tx, since=since)
    return tuple(PriceFault(row.model, row.provider, row.calls, row.last_at) for row in rows)


def sources(tx: Tx) -> tuple[Source, ...]:
    """Return the processes that handed in call records, the newest first."""
    return tuple(
        Source(row.source, row.at, int(row.records), row.revision)
        for row in store.sources(tx, limit=PAGE_MAX)
    )


def verify(tx: Tx) -> Iterator[Finding]:
    """Compare every call record with what the audit log sealed, and name those that differ."""
    batches = {row.id: row for row in store.every_batch(tx)}
    sealed: set[str] = set()
    for entry in _sealing_entries(tx):
        where = entry["object"]
        batch = batches.get(where.partition("/")[2])
        if batch is None:
            yield Finding(where, f"the batch that audit entry {entry['seq']} seals is gone")
            continue
        sealed.add(batch.id)
        yield from _verify_batch(tx, batch, entry)
    for batch_id in sorted(set(batches) - sealed):
        yield Finding(f"usage-batch/{batch_id}", "no audit entry seals this batch")
    for record_id in store.records_without_batch(tx, limit=100):
        yield Finding(f"trace/{record_id}", "the call record belongs to no batch: nobody sealed it")


def _sealing_entries(tx: Tx) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while page := audit.entries(tx, before=before, limit=PAGE_MAX, action=RECORDED):
        yield from page
        before = page[-1]["seq"]


def _verify_batch(tx: Tx, batch: Any, entry: dict[str, Any]) -> Iterator[Finding]:
    where = f"usage-batch/{batch.id}"
    content = entry["content"] or {}
    manifest = store.manifest(tx, batch.id)
    if batch.audit_seq != entry["seq"] or (batch.digest, batch.count) != (
        content.get("digest"),
        content.get("count"),
    ):
        yield Finding(where, f"the batch is not what audit entry {entry['seq']} seals")
    if seal.manifest_digest(manifest) != content.get("digest"):
        yield Finding(where, "the batch's manifest was altered, so which of its records were is not known")
    rows = store.sealed_rows(tx, batch.id)
    for record_id, what in seal.altered(manifest, rows, opens=_text_opens):
        yield Finding(f"trace/{record_id}", f"{what} (in {where})")


def _text_opens(row: Mapping[str, Any]) -> bool:
    """A text that was purged proves nothing and breaks nothing; one that is there must be what was said."""
    if row["text_salt"] is None:
        return True
    committed = json.loads(row["body"])["text_commitment"]
    return commitment.open_ok(committed, row["text_salt"], row["text_document"])
