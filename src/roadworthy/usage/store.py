"""Tables of usage: call records, what was said in them, and the batches they are sealed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    case,
    column,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    table,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Instant
from roadworthy.usage.rollup import MONDAY_US, WEEK_US
from roadworthy.usage.seal import SEALED

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
    Column("batch_id", Text, nullable=False, index=True),
    Index("ix_call_records_at_id", "at", "id"),
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

# For inserting: `at` is whole microseconds already, and making a datetime of it only to turn it back is a
# third of the work.
_ROWS = table(
    records.name,
    *(
        column(each.name, BigInteger() if isinstance(each.type, Instant) else each.type)
        for each in records.columns
    ),
)
_CHUNK = 400  # far below the number of parameters either engine takes


def known_ids(tx: Tx, ids: Sequence[str]) -> set[str]:
    """Return those of these ids that are stored already."""
    found: set[str] = set()
    for start in range(0, len(ids), _CHUNK):
        query = select(records.c.id).where(records.c.id.in_(ids[start : start + _CHUNK]))
        found.update(tx.connection.execute(query).scalars())
    return found


def add_records(tx: Tx, rows: list[dict[str, Any]]) -> None:
    """Insert rows; one whose id is there already is left as it is."""
    dialect = postgresql if tx.engine_name == "postgresql" else sqlite
    tx.connection.execute(dialect.insert(_ROWS).on_conflict_do_nothing(), rows)


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


def erase_texts(tx: Tx, ids: Sequence[str]) -> int:
    """Delete what was said in these calls; return how many had anything."""
    return sum(
        tx.connection.execute(delete(texts).where(texts.c.id.in_(ids[start : start + _CHUNK]))).rowcount
        for start in range(0, len(ids), _CHUNK)
    )


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


def page(
    tx: Tx,
    *,
    filters: Mapping[str, str],
    since: datetime | None,
    until: datetime | None,
    use_cases: Iterable[str] | None,
    failed: bool,
    before: tuple[datetime, str] | None,
    limit: int,
) -> list[Row[Any]]:
    """Return records newest first, below `before`; only of `use_cases`, unless that is None."""
    query = (
        select(records)
        .where(matching(filters, since=since, until=until))
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


def _count(condition: Any) -> Any:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _bucket(by: str) -> Any:
    if by == "week":
        return (type_coerce(records.c.at, BigInteger) - MONDAY_US) // WEEK_US
    return literal("all") if by == "all" else records.c[by]


def rolled(tx: Tx, condition: Any, *, by: str) -> list[Row[Any]]:
    """Return counts and sums for each bucket: `week`, `use_case`, `model`, `provider` or `all`."""
    key = _bucket(by).label("key")
    query = select(
        key,
        func.count().label("calls"),
        _count(records.c.decision == "refused").label("refusals"),
        _count(_FAILED).label("errors"),
        func.coalesce(func.sum(records.c.input_tokens), 0).label("input_tokens"),
        func.coalesce(func.sum(records.c.output_tokens), 0).label("output_tokens"),
        _count(and_(_SERVED, records.c.cost_nano.is_(None))).label("unknown_cost_calls"),
        func.count(case((_ALLOWED, records.c.principal)).distinct()).label("active_principals"),
        type_coerce(func.min(records.c.at), Instant).label("first_at"),
        type_coerce(func.max(records.c.at), Instant).label("last_at"),
    ).where(condition)
    return list(tx.connection.execute(_grouped(query, key, by)))


_SERVED = and_(_ALLOWED, records.c.status == 200)


def costs(tx: Tx, condition: Any, *, by: str) -> list[Row[Any]]:
    """Return what was spent for each bucket and currency."""
    key = _bucket(by).label("key")
    query = (
        select(key, records.c.currency, func.sum(records.c.cost_nano).label("nano"))
        .where(condition, records.c.cost_nano.is_not(None))
        .group_by(records.c.currency)
    )
    return list(tx.connection.execute(_grouped(query, key, by)))


def _grouped(query: Select[Any], key: Any, by: str) -> Select[Any]:
    return query.having(func.count() > 0) if by == "all" else query.group_by(key)


def percentiles(tx: Tx, condition: Any, *, by: str) -> list[Row[Any]]:
    """Return median and 95th percentile (nearest rank) of the latency of calls let through, by bucket."""
    key = _bucket(by).label("key")
    within = {"partition_by": _bucket(by)} if by != "all" else {}
    ranked = (
        select(
            key,
            records.c.latency_us,
            func.row_number().over(**within, order_by=records.c.latency_us).label("place"),
            func.count().over(**within).label("total"),
        )
        .where(condition, _ALLOWED)
        .subquery()
    )

    def at_rank(percent: int) -> Any:
        rank = (ranked.c.total * percent + 99) // 100
        return func.max(case((ranked.c.place == rank, ranked.c.latency_us)))

    query = select(ranked.c.key, at_rank(50).label("p50"), at_rank(95).label("p95")).group_by(ranked.c.key)
    return list(tx.connection.execute(query))


def last_call(tx: Tx, condition: Any) -> Row[Any] | None:
    """Return the newest record under a condition."""
    query = select(records).where(condition).order_by(records.c.at.desc(), records.c.id.desc()).limit(1)
    return tx.connection.execute(query).one_or_none()


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
            *(_raw(records.c[name]).label(name) for name in SEALED),
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
