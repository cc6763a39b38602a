"""Tables of usage: call records, what was said in them, and the batches they are sealed in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ColumnElement,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Instant
from roadworthy.usage import attempt_store
from roadworthy.usage.record import CallRecord, decode
from roadworthy.usage.seal import COLUMNS

records = Table(
    "call_records",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("principal", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("use_case", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("grant_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("decision", Text, nullable=False),
    Column("reason_code", Text, nullable=False),
    Column("requested_model", Text, nullable=False),
    Column("route", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("stream", Boolean, nullable=False),
    Column("input_tokens", BigInteger),
    Column("output_tokens", BigInteger),
    Column("cached_input_tokens", BigInteger),
    Column("cost_nano", BigInteger),
    Column("currency", Text, nullable=False),
    Column("price_source", Text, nullable=False),
    Column("price_unknown", Boolean, nullable=False),
    # Whole microseconds, as all that is sealed: a digest over floating point is nobody's friend.
    Column("latency_us", BigInteger, nullable=False),
    Column("first_byte_us", BigInteger),
    Column("error", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("tag", Text, nullable=False, server_default=""),
    # The record whole, as it was sealed; the columns before are derived from it.
    Column("doc", LargeBinary),
    Column("batch_id", Text, nullable=False, index=True),
    # What lists are narrowed by without a name is in the index, so that a search reads the index alone.
    Index("ix_call_records_search", "at", "id", "status", "cost_nano", "latency_us", "route", "key_id"),
    Index("ix_call_records_use_case_at_id", "use_case", "at", "id"),
    Index("ix_call_records_principal_at_id", "principal", "at", "id"),
    Index("ix_call_records_model_at_id", "model", "at", "id"),
)
Index(
    "ix_call_records_price_unknown_at",
    records.c.at,
    sqlite_where=records.c.price_unknown,
    postgresql_where=records.c.price_unknown,
)
for _name in ("error", "reason_code"):
    Index(
        f"ix_call_records_{_name}_at",
        records.c[_name],
        records.c.at,
        sqlite_where=records.c[_name] != "",
        postgresql_where=records.c[_name] != "",
    )
texts = Table(
    "call_texts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("salt", LargeBinary, nullable=False),
    Column("document", Text, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
)
batches = Table(
    "usage_batches",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("at", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("count", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("manifest", Text, nullable=False),
    Column("audit_seq", BigInteger, nullable=False, unique=True),
)

_CHUNK = 400  # far below the number of parameters either engine takes


_INSERTED = (*COLUMNS, "doc", "batch_id")
_PLACES = ", ".join("?" * len(_INSERTED))
_NAMES = ", ".join(_INSERTED)
_INSERT = f"INSERT INTO call_records ({_NAMES}) VALUES ({_PLACES}) ON CONFLICT (id) DO NOTHING"  # noqa: S608
_COPY = f"COPY call_records ({', '.join(_INSERTED)}) FROM STDIN"


def known_ids(tx: Tx, ids: Sequence[str]) -> set[str]:
    """Return those of these ids that are stored already."""
    if tx.engine_name == "postgresql":
        query, given = "SELECT id FROM call_records WHERE id = ANY(%s)", list(ids)
    else:
        query = "SELECT id FROM call_records WHERE id IN (SELECT value FROM json_each(?))"
        given = json.dumps(list(ids))  # type: ignore[assignment]
    return {row[0] for row in tx.connection.exec_driver_sql(query, (given,))}


def add_records(tx: Tx, rows: list[tuple[Any, ...]]) -> None:
    """Insert rows of `COLUMNS`, document and batch, none of which is there already.

    Past SQLAlchemy's own insert, which takes more time for a row than all else that happens to it.
    """
    if tx.engine_name != "postgresql":
        tx.connection.exec_driver_sql(_INSERT, rows)
        return
    driver: Any = tx.connection.connection.driver_connection
    with driver.cursor() as cursor, cursor.copy(_COPY) as copy:
        for row in rows:
            copy.write_row(row)


def add_texts(tx: Tx, rows: list[dict[str, Any]]) -> None:
    """Insert what was said."""
    dialect = postgresql if tx.engine_name == "postgresql" else sqlite
    tx.connection.execute(dialect.insert(texts).on_conflict_do_nothing(), rows)


def add_batch(tx: Tx, **columns: Any) -> None:
    """Insert a batch."""
    tx.connection.execute(insert(batches).values(**columns))


def purge_texts(tx: Tx, *, until: datetime) -> int:
    """Delete what was said in calls whose retention ended; return how many."""
    return tx.connection.execute(delete(texts).where(texts.c.expires_at <= until)).rowcount


def count_texts(tx: Tx, *, ended_before: datetime) -> int:
    """Return how many texts are there whose retention ended before a moment."""
    query = select(func.count()).select_from(texts).where(texts.c.expires_at <= ended_before)
    return int(tx.connection.execute(query).scalar_one())


def erase_texts(tx: Tx, ids: Sequence[str]) -> int:
    """Delete what was said in these calls; return how many had anything."""
    return sum(
        tx.connection.execute(delete(texts).where(texts.c.id.in_(ids[start : start + _CHUNK]))).rowcount
        for start in range(0, len(ids), _CHUNK)
    )


def purge_batches(tx: Tx, *, until: datetime, limit: int) -> tuple[list[str], int]:
    """Delete the records of batches that arrived before; return the batches, and how many records went."""
    query = (
        select(batches.c.id)
        .where(batches.c.at < until, batches.c.manifest != "")
        .order_by(batches.c.audit_seq)
        .limit(limit)
    )
    names = list(tx.connection.execute(query).scalars())
    of_these = records.c.batch_id.in_(names)
    calls = select(records.c.id).where(of_these)
    tx.connection.execute(delete(texts).where(texts.c.id.in_(calls)))
    edited = literal("dr_") + func.substr(records.c.id, 4)
    tx.connection.execute(delete(texts).where(texts.c.id.in_(select(edited).where(of_these))))
    attempt_store.forget(tx, calls)
    gone = tx.connection.execute(delete(records).where(of_these)).rowcount
    tx.connection.execute(update(batches).where(batches.c.id.in_(names)).values(manifest=""))
    return names, gone


def read_record(tx: Tx, record_id: str) -> Row[Any] | None:
    """Return a record with its batch."""
    query = (
        select(records, batches.c.audit_seq, batches.c.source)
        .outerjoin(batches, batches.c.id == records.c.batch_id)
        .where(records.c.id == record_id)
    )
    return tx.connection.execute(query).one_or_none()


def read_text(tx: Tx, record_id: str) -> Row[Any] | None:
    """Return what was said."""
    return tx.connection.execute(select(texts).where(texts.c.id == record_id)).one_or_none()


def matching(filters: Mapping[str, str], *, since: datetime | None, until: datetime | None) -> Any:
    """Return the condition for columns that must have these values, within a time."""
    conditions: list[ColumnElement[bool]] = [
        records.c[name] == value for name, value in filters.items() if value
    ]
    if since is not None:
        conditions.append(records.c.at >= since)
    if until is not None:
        conditions.append(records.c.at < until)
    return and_(*conditions) if conditions else literal(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Further:
    """What a list is narrowed to beside columns that must equal something."""

    status: int = 0
    reason_or_error: str = ""
    tag: str = ""
    """`production`, `shadow` or `replay`."""
    id_prefix: str = ""
    cost_over_nano: int | None = None
    latency_over_us: float | None = None
    tried: str = ""
    """A model that was asked, whether or not it answered."""
    attempt_error: str = ""
    text: str = ""

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Return what must hold."""
        if self.status:
            yield records.c.status == self.status
        if self.reason_or_error:
            named = self.reason_or_error
            # Empty ones are in no index: said twice, so that the partial indexes may answer.
            yield or_(
                and_(records.c.reason_code == named, records.c.reason_code != ""),
                and_(records.c.error == named, records.c.error != ""),
            )
        if self.tag:
            yield records.c.tag == ("" if self.tag == "production" else self.tag)
        if self.id_prefix:
            yield records.c.id.startswith(self.id_prefix, autoescape=True)
            if (times := _times_of(self.id_prefix)) is not None:
                yield type_coerce(records.c.at, BigInteger).between(*times)
        if self.cost_over_nano is not None:
            yield records.c.cost_nano > self.cost_over_nano
        if self.latency_over_us is not None:
            yield records.c.latency_us > self.latency_over_us
        if self.attempt_error:
            yield records.c.id.in_(attempt_store.failed(model=self.tried, error=self.attempt_error))
        elif self.tried:
            missed = attempt_store.failed(model=self.tried, error="")
            yield or_(records.c.model == self.tried, records.c.id.in_(missed))
        if self.text:
            # The document is JSON: what was said stands in it as JSON writes it.
            written = json.dumps(self.text, ensure_ascii=False)[1:-1]
            found = texts.c.document.icontains(written, autoescape=True)
            yield records.c.id.in_(select(texts.c.id).where(found))


def _times_of(prefix: str) -> tuple[int, int] | None:
    """Return between which microseconds a trace was made whose id begins so: an id begins with its time."""
    digits = prefix.removeprefix("tr_")[:12]
    if not prefix.startswith("tr_") or not digits or set(digits) - set("0123456789abcdef"):
        return None
    missing = 4 * (12 - len(digits))
    first = int(digits, 16) << missing
    return first * 1000, (first + (1 << missing)) * 1000


def page(
    tx: Tx,
    *,
    filters: Mapping[str, str],
    since: datetime | None,
    until: datetime | None,
    use_cases: Iterable[str] | None,
    failed: bool,
    further: Further,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Row[Any]]:
    """Return records newest first, below `before`; only of `use_cases`, unless that is None."""
    query = (
        select(records)
        .where(matching(filters, since=since, until=until), *further.conditions())
        .order_by(records.c.at.desc(), records.c.id.desc())
        .limit(limit)
    )
    if failed:
        query = query.where(_FAILED)
    if use_cases is not None:
        query = query.where(records.c.use_case.in_(list(use_cases)))
    if before is not None:
        at, record_id = before
        query = query.where(tuple_(records.c.at, records.c.id) < tuple_(literal(at, Instant), record_id))
    return list(tx.connection.execute(query))


_ALLOWED = records.c.decision == "allowed"
_FAILED = and_(
    _ALLOWED,
    or_(
        records.c.status >= 500,
        records.c.status == 429,
        and_(records.c.status == 200, records.c.error != ""),  # it broke off under way
    ),
)


def rows_between(tx: Tx, first: int, last: int, *, use_case: str) -> Iterator[tuple[Any, ...]]:
    """Return the calls of a time in microseconds as rows of `COLUMNS`; of one use case if it is named."""
    at = type_coerce(records.c.at, BigInteger)
    wanted = (at if name == "at" else records.c[name] for name in COLUMNS)
    query = select(*wanted).where(at >= first, at < last)
    if use_case:
        query = query.where(records.c.use_case == use_case)
    for row in tx.connection.execute(query):
        yield tuple(row)


def last_call(tx: Tx, condition: Any) -> Row[Any] | None:
    """Return the newest record under a condition."""
    query = select(records).where(condition).order_by(records.c.at.desc(), records.c.id.desc()).limit(1)
    return tx.connection.execute(query).one_or_none()


def first_allowed(tx: Tx, use_cases: Sequence[str] | None = None) -> list[Row[Any]]:
    """Return when a call was first let through, for some use cases or each, as far as records are kept."""
    first = type_coerce(func.min(records.c.at), Instant).label("first_at")
    query = select(records.c.use_case, first).where(records.c.decision == "allowed")
    query = query.group_by(records.c.use_case)
    if use_cases is None:
        return list(tx.connection.execute(query))
    parts = (use_cases[start : start + _CHUNK] for start in range(0, len(use_cases), _CHUNK))
    within = (query.where(records.c.use_case.in_(part)) for part in parts)
    return [row for one in within for row in tx.connection.execute(one)]


def price_faults(tx: Tx, *, since: datetime) -> list[Row[Any]]:
    """Return the models that were called without a known price."""
    query = (
        select(
            records.c.model,
            records.c.provider,
            func.count().label("calls"),
            type_coerce(func.max(records.c.at), Instant).label("last_at"),
        )
        .where(records.c.price_unknown, records.c.at >= since)
        .group_by(records.c.model, records.c.provider)
        .order_by(records.c.model)
    )
    return list(tx.connection.execute(query))


def sources(tx: Tx, *, limit: int) -> list[Row[Any]]:
    """Return each process that handed in records: how many, its last batch, and the revision known then."""
    handed = (
        select(
            batches.c.source,
            func.sum(batches.c.count).label("records"),
            func.max(batches.c.audit_seq).label("audit_seq"),
        )
        .group_by(batches.c.source)
        .order_by(func.max(batches.c.audit_seq).desc())
        .limit(limit)
        .subquery()
    )
    newest = (
        select(func.coalesce(func.max(records.c.revision), 0))
        .where(records.c.batch_id == batches.c.id)
        .scalar_subquery()
    )
    query = (
        select(handed.c.source, handed.c.records, batches.c.at, newest.label("revision"))
        .join(batches, batches.c.audit_seq == handed.c.audit_seq)
        .order_by(handed.c.audit_seq.desc())
    )
    return list(tx.connection.execute(query))


def every_batch(tx: Tx) -> list[Row[Any]]:
    """Return id, count, digest and place in the audit log of every batch, without the manifests."""
    query = select(batches.c.id, batches.c.count, batches.c.digest, batches.c.audit_seq).order_by(
        batches.c.audit_seq
    )
    return list(tx.connection.execute(query))


def manifest(tx: Tx, batch_id: str) -> str:
    """Return a batch's manifest; what cannot be read as text comes back as bytes that no digest matches."""
    query = select(batches.c.manifest).where(batches.c.id == batch_id)
    try:
        return str(tx.connection.execute(query).scalar_one())
    except DBAPIError:
        return ""


def _raw(each: Column[Any]) -> Any:
    # Without the types' help: an altered value must not be read as the one it was.
    if isinstance(each.type, Boolean):
        return type_coerce(each, Integer)
    return type_coerce(each, BigInteger) if isinstance(each.type, Instant) else each


def sealed_rows(tx: Tx, batch_id: str) -> dict[str, dict[str, Any]]:
    """Return a batch's records as they were sealed, by id, with their texts' salt and document."""
    query = (
        select(
            *(_raw(records.c[name]).label(name) for name in (*COLUMNS, "doc")),
            texts.c.salt.label("text_salt"),
            texts.c.document.label("text_document"),
        )
        .outerjoin(texts, texts.c.id == records.c.id)
        .where(records.c.batch_id == batch_id)
    )
    try:
        return {row.id: dict(row._mapping) for row in tx.connection.execute(query)}  # noqa: SLF001  its public name
    except DBAPIError:
        # SQLite keeps text that is no UTF-8: read one by one to find which.
        return dict(_one_by_one(tx, batch_id, query))


def _one_by_one(tx: Tx, batch_id: str, query: Select[Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    places = select(literal(0)).where(records.c.batch_id == batch_id)
    total = len(tx.connection.execute(places).all())
    for place in range(total):
        try:
            for row in tx.connection.execute(query.order_by(records.c.id).offset(place).limit(1)):
                yield row.id, dict(row._mapping)  # noqa: SLF001  its public name
        except DBAPIError:
            continue


def records_without_batch(tx: Tx, *, limit: int) -> list[str]:
    """Return records that belong to no batch: nobody sealed them."""
    query = (
        select(records.c.id)
        .where(~select(batches.c.id).where(batches.c.id == records.c.batch_id).exists())
        .order_by(records.c.id)
        .limit(limit)
    )
    return list(tx.connection.execute(query).scalars())


def newest_batch(tx: Tx) -> int:
    """Return the place in the audit log of the newest batch; -1 without any."""
    found = tx.connection.execute(select(func.max(batches.c.audit_seq))).scalar()
    return -1 if found is None else int(found)


def batches_after(tx: Tx, after: int, *, limit: int) -> list[tuple[str, int, int]]:
    """Return id, place and count of the batches behind a place, the oldest first."""
    query = (
        select(batches.c.id, batches.c.audit_seq, batches.c.count)
        .where(batches.c.audit_seq > after)
        .order_by(batches.c.audit_seq)
        .limit(limit)
    )
    return [(str(name), int(seq), int(count)) for name, seq, count in tx.connection.execute(query)]


def batches_over(tx: Tx, after: int, *, keep: int) -> tuple[int, int] | None:
    """Return the place and the calls of all batches behind a place but the newest `keep`; None if none is."""
    newest = (
        select(batches.c.audit_seq)
        .where(batches.c.audit_seq > after)
        .order_by(batches.c.audit_seq.desc())
        .offset(keep)
        .limit(1)
    )
    seq = tx.connection.execute(newest).scalar()
    if seq is None:
        return None
    query = select(func.sum(batches.c.count)).where(batches.c.audit_seq > after, batches.c.audit_seq <= seq)
    return int(seq), int(tx.connection.execute(query).scalar() or 0)


def documents(tx: Tx, batch_id: str) -> list[CallRecord]:
    """Return a batch's records, those that are kept whole."""
    query = select(records.c.doc).where(records.c.batch_id == batch_id, records.c.doc.is_not(None))
    return [decode(bytes(one)) for one in tx.connection.execute(query).scalars()]
