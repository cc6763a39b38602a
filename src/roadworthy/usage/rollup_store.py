"""Rows of hours: what calls amount to, kept as they arrive so that no question has to read the calls."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
    delete,
    func,
    select,
    tuple_,
    type_coerce,
)
from sqlalchemy.dialects import postgresql, sqlite

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.statistics.sketch import Sketch
from roadworthy.usage import store
from roadworthy.usage.tally import HOUR_US, KEY, SKETCHES, SUMS, Cell, Key, tally

hours = Table(
    "call_hours",
    METADATA,
    Column("hour", BigInteger, nullable=False),
    *(Column(name, Text, nullable=False) for name in KEY[1:]),
    *(Column(name, BigInteger, nullable=False) for name in (*SUMS, "first_at", "last_at")),
    *(Column(name, LargeBinary, nullable=False) for name in SKETCHES),
    PrimaryKeyConstraint("use_case", "hour", "principal", "model", "provider", "route", "currency", "tag"),
    Index("ix_call_hours_hour", "hour"),
)
_VALUES = (*SUMS, "first_at", "last_at", *SKETCHES)
_CHUNK = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_END_US = 2**62
_MOST = 2**63 - 1  # what a column holds


def _cell(row: Any, sketches: tuple[str, ...] = SKETCHES) -> Cell:
    cell = Cell()
    for name in (*SUMS, "first_at", "last_at"):
        setattr(cell, name, int(getattr(row, name)))
    for name in sketches:
        setattr(cell, name, Sketch.decode(getattr(row, name)))
    return cell


def add(tx: Tx, cells: Mapping[Key, Cell]) -> None:
    """Add what a batch of calls amounts to; belongs into the transaction that stores the calls."""
    keys = list(cells)
    columns = [hours.c[name] for name in KEY]
    rows = []
    for start in range(0, len(keys), _CHUNK):
        some = keys[start : start + _CHUNK]
        known = {
            tuple(getattr(row, name) for name in KEY): row
            for row in tx.connection.execute(select(hours).where(tuple_(*columns).in_(some)))
        }
        for key in some:
            cell = cells[key]
            if (row := known.get(key)) is not None:
                before = _cell(row)
                before.add(cell)
                cell = before
            sums = {name: min(getattr(cell, name), _MOST) for name in (*SUMS, "first_at", "last_at")}
            sketches = {name: getattr(cell, name).encode() for name in SKETCHES}
            rows.append({**dict(zip(KEY, key, strict=True)), **sums, **sketches})
    if rows:
        dialect = postgresql if tx.engine_name == "postgresql" else sqlite
        insert = dialect.insert(hours)
        same = {name: getattr(insert.excluded, name) for name in _VALUES}
        tx.connection.execute(insert.on_conflict_do_update(index_elements=list(KEY), set_=same), rows)


def _us(at: datetime | None, otherwise: int) -> int:
    return otherwise if at is None else (at - _EPOCH) // timedelta(microseconds=1)


def cells(
    tx: Tx,
    *,
    use_case: str,
    since: datetime | None,
    until: datetime | None,
    sketches: tuple[str, ...] = ("latency",),
) -> Iterator[tuple[Key, Cell]]:
    """Return the cells of a time, of production alone; an hour that the time cuts is counted from its calls.

    At most the first and the last hour are, and only where they hold calls on both sides of the cut.
    """
    begin, end = _us(since, 0), _us(until, _END_US)
    conditions = [hours.c.tag == "", hours.c.hour >= begin // HOUR_US * HOUR_US, hours.c.hour < end]
    if use_case:
        conditions.append(hours.c.use_case == use_case)
    cut: set[int] = set()
    # Reading a sketch is most of the work, so that only those that a question is about are read.
    wanted = (*KEY, *SUMS, "first_at", "last_at", *sketches)
    query = select(*(hours.c[name] for name in wanted)).where(*conditions)
    for row in tx.connection.execute(query):
        key: Key = tuple(row[: len(KEY)])
        if row.first_at >= begin and row.last_at < end:
            yield key, _cell(row, sketches)
        elif row.last_at >= begin and row.first_at < end:
            cut.add(row.hour)
    for hour in sorted(cut):
        yield from _counted(tx, hour, use_case=use_case, begin=begin, end=end)


def by_day(tx: Tx, *, provider: str, since: datetime, until: datetime) -> list[Any]:
    """Return what a provider's models were called on each day, whatever for: it asks money for all of it."""
    day = (hours.c.hour - hours.c.hour % (24 * HOUR_US)).label("day")
    sums = ("calls", "input_tokens", "output_tokens", "cost_nano", "unknown_cost_calls")
    query = (
        select(day, hours.c.model, hours.c.currency, *(func.sum(hours.c[name]).label(name) for name in sums))
        .where(hours.c.provider == provider, hours.c.hour >= _us(since, 0), hours.c.hour < _us(until, 0))
        .group_by(day, hours.c.model, hours.c.currency)
        .order_by(day, hours.c.model)
    )
    return list(tx.connection.execute(query))


def _counted(tx: Tx, hour: int, *, use_case: str, begin: int, end: int) -> Iterator[tuple[Key, Cell]]:
    """Count the cells of an hour that lie on both sides of a cut."""
    first, last = max(begin, hour), min(end, hour + HOUR_US)
    split = {
        tuple(getattr(row, name) for name in KEY)
        for row in tx.connection.execute(
            select(*(hours.c[name] for name in KEY)).where(
                hours.c.hour == hour,
                hours.c.tag == "",
                (hours.c.first_at < begin) | (hours.c.last_at >= end),
                *([hours.c.use_case == use_case] if use_case else []),
            )
        )
    }
    for key, cell in tally(store.rows_between(tx, first, last, use_case=use_case)).items():
        if key in split:
            yield key, cell


def reached(
    tx: Tx, *, since: datetime, until: datetime, use_cases: Collection[str] | None = None
) -> list[Any]:
    """Return how many calls of production reached which model, and when last, by use case and caller.

    Whole hours: one that the time cuts counts with all its calls.
    """
    through = (hours.c.calls - hours.c.refusals - hours.c.errors).label("calls")
    names = (hours.c.use_case, hours.c.principal, hours.c.model, hours.c.provider)
    query = (
        select(*names, func.sum(through).label("calls"), func.max(hours.c.last_at).label("last_at"))
        .where(
            hours.c.tag == "",
            hours.c.hour >= _us(since, 0) // HOUR_US * HOUR_US,
            hours.c.hour < _us(until, _END_US),
        )
        .group_by(*names)
    )
    if use_cases is not None:
        query = query.where(hours.c.use_case.in_(list(use_cases)))
    return [row for row in tx.connection.execute(query) if row.calls > 0]


def wanting(tx: Tx) -> bool:
    """Are there calls from before hours were kept? The migration that made the table says so by a row."""
    return tx.connection.execute(select(hours.c.hour).where(hours.c.hour == -1)).first() is not None


def rebuild(tx: Tx) -> int:
    """Count all hours anew from the calls that are there; return how many cells that makes."""
    tx.connection.execute(delete(hours))
    at = type_coerce(store.records.c.at, BigInteger)
    made, begin = 0, 0
    while (next_at := tx.connection.execute(select(func.min(at)).where(at >= begin)).scalar()) is not None:
        hour = int(next_at) // HOUR_US * HOUR_US
        begin = hour + HOUR_US
        counted = tally(store.rows_between(tx, hour, begin, use_case=""))
        add(tx, counted)
        made += len(counted)
    return made


def forget(tx: Tx, *, before: datetime) -> int:
    """Delete the hours that ended before an instant; return how many cells went."""
    return tx.connection.execute(
        delete(hours).where(hours.c.hour >= 0, hours.c.hour < _us(before, 0) - HOUR_US)
    ).rowcount
