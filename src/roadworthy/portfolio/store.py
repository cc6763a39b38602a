"""The tables of measured figures; a figure is never changed, only followed by a newer one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Float,
    Index,
    Row,
    String,
    Table,
    Text,
    and_,
    func,
    insert,
    or_,
    select,
)

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Instant

imports = Table(
    "measurement_imports",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("subject", String(140), nullable=False),
    Column("source", String(200), nullable=False),
    Column("actor", String(140), nullable=False),
    Column("at", Instant, nullable=False),
    Column("figures", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("manifest", Text, nullable=False),
    Column("audit_seq", BigInteger, nullable=False, unique=True),
    Index("ix_measurement_imports_subject", "subject", "audit_seq"),
)

measurements = Table(
    "measurements",
    METADATA,
    Column("import_id", String(40), primary_key=True),
    Column("metric", String(63), primary_key=True),
    Column("period_start", Date, primary_key=True),
    Column("segment", String(140), nullable=False),
    Column("value", Float(53)),  # absent: the week's figure was taken back
    Column("n", BigInteger),
    Column("recorded_at", Instant, nullable=False),
    Column("audit_seq", BigInteger, nullable=False),
    Index("ix_measurements_series", "metric", "segment", "period_start", "audit_seq"),
)


def add_import(tx: Tx, **columns: Any) -> None:
    """Store an import."""
    tx.connection.execute(insert(imports).values(**columns))


def add_measurements(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Store an import's figures."""
    tx.connection.execute(insert(measurements), list(rows))


def _ranked(condition: Any) -> Any:
    """Return every figure with its place among those of its week: 1 is the newest."""
    place = func.row_number().over(
        partition_by=(measurements.c.metric, measurements.c.segment, measurements.c.period_start),
        order_by=measurements.c.audit_seq.desc(),
    )
    return select(measurements, place.label("place")).where(condition).subquery()


def current(tx: Tx, *, metrics: Iterable[str] | None = None, as_of: datetime | None = None) -> list[Row[Any]]:
    """Return the newest figure of each week that was not taken back, oldest week first."""
    condition = (
        measurements.c.metric.in_(list(metrics)) if metrics is not None else measurements.c.metric != ""
    )
    if as_of is not None:
        condition = and_(condition, measurements.c.recorded_at <= as_of)
    ranked = _ranked(condition)
    query = select(ranked).where(ranked.c.place == 1, ranked.c.value.is_not(None))
    return list(
        tx.connection.execute(query.order_by(ranked.c.metric, ranked.c.segment, ranked.c.period_start))
    )


def page(tx: Tx, metric: str, *, before: tuple[date, str, int] | None, limit: int) -> list[Row[Any]]:
    """Return every figure ever recorded of a metric, newest week first, replaced ones too."""
    ranked = _ranked(measurements.c.metric == metric)
    query = select(ranked)
    if before is not None:
        day, part, seq = before
        query = query.where(
            or_(
                ranked.c.period_start < day,
                and_(ranked.c.period_start == day, ranked.c.segment < part),
                and_(ranked.c.period_start == day, ranked.c.segment == part, ranked.c.audit_seq < seq),
            )
        )
    order = (ranked.c.period_start.desc(), ranked.c.segment.desc(), ranked.c.audit_seq.desc())
    return list(tx.connection.execute(query.order_by(*order).limit(limit)))


def replaced(tx: Tx, metric: str, segment: str, *, limit: int) -> list[Row[Any]]:
    """Return figures that a later import replaced, newest week first."""
    ranked = _ranked(and_(measurements.c.metric == metric, measurements.c.segment == segment))
    query = select(ranked).where(ranked.c.place > 1)
    order = (ranked.c.period_start.desc(), ranked.c.audit_seq.desc())
    return list(tx.connection.execute(query.order_by(*order).limit(limit)))


def imports_of(tx: Tx, subjects: Iterable[str], *, limit: int) -> list[Row[Any]]:
    """Return the imports for these subjects, newest first, without their manifests."""
    columns = [column for column in imports.c if column.name != "manifest"]
    query = select(*columns).where(imports.c.subject.in_(list(subjects)))
    return list(tx.connection.execute(query.order_by(imports.c.audit_seq.desc()).limit(limit)))


def every_import(tx: Tx, *, size: int = 20) -> Iterator[Row[Any]]:
    """Yield every import with its manifest, oldest first."""
    after = -1
    while True:
        query = select(imports).where(imports.c.audit_seq > after).order_by(imports.c.audit_seq).limit(size)
        rows = list(tx.connection.execute(query))
        yield from rows
        if len(rows) < size:
            return
        after = rows[-1].audit_seq


def figures_of(tx: Tx, import_id: str) -> list[dict[str, Any]]:
    """Return an import's figures."""
    query = select(measurements).where(measurements.c.import_id == import_id)
    return [dict(row) for row in tx.connection.execute(query).mappings()]


def strays(tx: Tx) -> list[Row[Any]]:
    """Return figures that belong to no import."""
    known = select(imports.c.id)
    query = select(measurements).where(measurements.c.import_id.not_in(known)).limit(100)
    return list(tx.connection.execute(query))
