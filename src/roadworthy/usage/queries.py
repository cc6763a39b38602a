"""Questions about what was called; safe for any slice above."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from roadworthy.foundation.errors import InvalidError, NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit, commitment
from roadworthy.registry.slice import Finding
from roadworthy.usage import drafted, rollup, rollup_store, seal, store
from roadworthy.usage import record as records
from roadworthy.usage.rollup import Cost, Usage
from roadworthy.usage.tally import KEY, Cell

PAGE_MAX = 200
RECORDED = "usage.recorded"
PURGED = "usage.records-purged"


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
    tag: str
    """`shadow` or `replay` for a call that is no production; else nothing."""


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
    dialect: str
    why: str
    """How the route chose."""
    findings: tuple[Mapping[str, Any], ...]
    estimated: bool
    """The tokens were counted here, because the provider did not say."""
    replay_of: str
    text_kept: bool
    """What was said is kept, for those who may read it."""
    text_expires_at: datetime | None
    text_gone: bool
    """The call was logged in full, and the text has since been purged or erased."""
    batch_id: str
    audit_seq: int | None
    source: str
    draft: str
    """`marked`, `withheld` or `sample` where a person decides about the answer."""
    basis: str


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
    status: int = 0
    error: str = ""
    reason_or_error: str = ""
    tag: str = ""
    id_prefix: str = ""
    cost_over_nano: int | None = None
    latency_over_ms: float | None = None
    tried: str = ""
    attempt_error: str = ""
    text: str = ""
    """Words that were said: only for who may read content."""

    def columns(self) -> dict[str, str]:
        """Return the fields that a column must equal."""
        names = (
            "use_case", "principal", "key_id", "model", "route", "provider", "decision", "reason_code",
            "error",
        )  # fmt: skip
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


def line_of_row(row: Any) -> dict[str, Any]:
    """Return the fields of a `TraceLine` from a record's row."""
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
        "tag": row.tag,
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
        further=store.Further(
            status=narrowed.status,
            reason_or_error=narrowed.reason_or_error,
            tag=narrowed.tag,
            id_prefix=narrowed.id_prefix,
            cost_over_nano=narrowed.cost_over_nano,
            latency_over_us=None if narrowed.latency_over_ms is None else narrowed.latency_over_ms * 1000,
            tried=narrowed.tried,
            attempt_error=narrowed.attempt_error,
            text=narrowed.text,
        ),
        before=read_cursor(before),
        limit=size + 1,
    )
    lines = tuple(TraceLine(**line_of_row(row)) for row in rows[:size])
    return Traces(lines, write_cursor(lines[-1]) if len(rows) > size else "")


def body_of_row(row: Any) -> dict[str, Any]:
    """Return what a record says beyond its columns."""
    if row.doc is not None:
        return seal.body_of(records.decode(row.doc))
    found: dict[str, Any] = json.loads(row.body)
    return found


def trace(tx: Tx, call_id: str, *, use_cases: Collection[str] | None = None) -> Trace:
    """Return one call without what was said; one of another use case is not there."""
    row = store.read_record(tx, call_id) if "\0" not in call_id else None
    if row is None or (use_cases is not None and row.use_case not in use_cases):
        raise NotFoundError(
            f"There is no call `{call_id[:80]}` that you may see.",
            why="Its record may still be on its way: the gateway hands records on within a second.",
            fix="Look at the newest calls in /traces, or check the id in the answer's x-roadworthy-trace-id.",
        )
    body = body_of_row(row)
    text = store.read_text(tx, row.id)
    kept = text if text is not None and drafted.logged(text.document) else None
    return Trace(
        **line_of_row(row),
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
        **{name: body.get(name, "") for name in ("dialect", "why", "replay_of", "draft", "basis")},
        findings=tuple(body.get("findings", ())),
        estimated=body.get("estimated", False),
        text_kept=kept is not None,
        text_expires_at=kept.expires_at if kept is not None else None,
        text_gone=text is None and bool(body["text_commitment"]),
        batch_id=row.batch_id,
        audit_seq=row.audit_seq,
        source=row.source or "",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was said in a call. Whoever hands it out records that it was read."""

    call_id: str
    prompt: str
    response: str
    cut: bool
    expires_at: datetime


def said(tx: Tx, call_id: str, *, use_cases: Collection[str] | None = None) -> Said:
    """Return what was said in one call; one that was not logged, or is deleted, is not there."""
    found = trace(tx, call_id, use_cases=use_cases)
    text = store.read_text(tx, found.id)
    if text is None or not found.text_kept:
        raise NotFoundError(
            f"What was said in call `{found.id}` is not kept.",
            why="Its retention has ended, or it was erased."
            if found.text_gone
            else "The use case logs metadata only, or nothing was said.",
            fix="Declare `logging: full` on the use case to keep what later calls say.",
        )
    document = json.loads(text.document)
    return Said(
        call_id=found.id,
        prompt=document["prompt"],
        response=document["response"],
        cut=document["cut"],
        expires_at=text.expires_at,
    )


def _rolled(
    tx: Tx, *, by: str, use_case: str, since: datetime | None, until: datetime | None
) -> dict[str, Usage]:
    place = KEY.index(by) if by in KEY else None
    cells: dict[str, Cell] = {}
    spent: dict[str, dict[str, int]] = {}
    principals: dict[str, set[str]] = {}
    for key, cell in rollup_store.cells(tx, use_case=use_case, since=since, until=until):
        if by == "week":
            of = rollup.monday_of((key[0] - rollup.MONDAY_US) // rollup.WEEK_US).isoformat()
        else:
            of = "all" if place is None else str(key[place])
        cells.setdefault(of, Cell()).add(cell)
        if cell.cost_nano:
            currencies = spent.setdefault(of, {})
            currencies[key[6]] = currencies.get(key[6], 0) + cell.cost_nano
        if cell.calls > cell.refusals:
            principals.setdefault(of, set()).add(key[2])
    return {
        of: Usage(
            of=of,
            calls=cell.calls,
            refusals=cell.refusals,
            errors=cell.errors,
            input_tokens=cell.input_tokens,
            output_tokens=cell.output_tokens,
            costs=tuple(Cost(name, nano) for name, nano in sorted(spent.get(of, {}).items())),
            unknown_cost_calls=cell.unknown_cost_calls,
            latency_ms_p50=_ms(cell.latency.quantile(0.50)),
            latency_ms_p95=_ms(cell.latency.quantile(0.95)),
            active_principals=len(principals.get(of, ())),
            first_at=_instant(cell.first_at),
            last_at=_instant(cell.last_at),
        )
        for of, cell in cells.items()
    }


def _ms(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1000


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


def weekly(tx: Tx, use_case: str, *, since: datetime, until: datetime) -> tuple[Usage, ...]:
    """Return a use case's usage for every week (Monday to Sunday, UTC) of the time, empty weeks too."""
    start = rollup.week_start(since)
    weeks = _rolled(tx, by="week", use_case=use_case, since=start, until=until)
    return rollup.every_week(weeks, since=start, until=until)


def totals(
    tx: Tx, *, since: datetime | None = None, until: datetime | None = None, use_case: str = ""
) -> Usage:
    """Return what all calls in a time amount to, of one use case if it is named."""
    found = _rolled(tx, by="all", use_case=use_case, since=since, until=until)
    return found.get("all", Usage(of="all"))


def totals_by(
    tx: Tx,
    by: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    use_case: str = "",
) -> dict[str, Usage]:
    """Return usage by `use_case`, `model`, `provider`, `route` or `principal`."""
    assert by in {"use_case", "model", "provider", "route", "principal"}, by
    return _rolled(tx, by=by, use_case=use_case, since=since, until=until)


@dataclass(frozen=True, slots=True)
class ModelDay:
    """What a model was called on a day in UTC, in production, as a shadow and in replays."""

    day: date
    model: str
    currency: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_nano: int
    unknown_cost_calls: int


def by_day(tx: Tx, *, provider: str, since: datetime, until: datetime) -> tuple[ModelDay, ...]:
    """Return what a provider's models were called on each day: what its invoice is compared with."""
    return tuple(
        ModelDay(
            _instant(int(row.day)).date(), row.model, row.currency, int(row.calls), int(row.input_tokens),
            int(row.output_tokens), int(row.cost_nano), int(row.unknown_cost_calls),
        )
        for row in rollup_store.by_day(tx, provider=provider, since=since, until=until)
    )  # fmt: skip


def last_call(tx: Tx, use_case: str) -> TraceLine | None:
    """Return the newest call of a use case."""
    row = store.last_call(tx, store.matching({"use_case": use_case}, since=None, until=None))
    return None if row is None else TraceLine(**line_of_row(row))


def first_allowed(tx: Tx, use_cases: Sequence[str] | None = None) -> dict[str, datetime]:
    """Return when a call was first let through, for some use cases or each, as far as records are kept."""
    return {row.use_case: row.first_at for row in store.first_allowed(tx, use_cases)}


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
    purged = {one for entry in _entries(tx, PURGED) for one in (entry["content"] or {}).get("batches", ())}
    sealed: set[str] = set()
    for entry in _entries(tx, RECORDED):
        where = entry["object"]
        batch = batches.get(where.partition("/")[2])
        if batch is None:
            yield Finding(where, f"the batch that audit entry {entry['seq']} seals is gone")
            continue
        sealed.add(batch.id)
        if batch.id in purged:
            if store.sealed_rows(tx, batch.id):
                yield Finding(where, "the batch's records were deleted, says the log, and some are there")
            continue
        yield from _verify_batch(tx, batch, entry)
    for batch_id in sorted(set(batches) - sealed):
        yield Finding(f"usage-batch/{batch_id}", "no audit entry seals this batch")
    for record_id in store.records_without_batch(tx, limit=100):
        yield Finding(f"trace/{record_id}", "the call record belongs to no batch: nobody sealed it")


def _entries(tx: Tx, action: str) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while page := audit.entries(tx, before=before, limit=PAGE_MAX, action=action):
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
    if row["doc"] is not None:
        committed = records.decode(row["doc"]).text_commitment
    else:
        committed = json.loads(row["body"])["text_commitment"]
    return commitment.open_ok(committed, row["text_salt"], row["text_document"])
