"""The table of what filters found: counts by day, never the text."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, Column, Date, PrimaryKeyConstraint, Table, Text, func, select
from sqlalchemy.dialects import postgresql, sqlite

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA

counts = Table(
    "filter_findings",
    METADATA,
    Column("day", Date, nullable=False),
    Column("filter", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("side", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("calls", BigInteger, nullable=False),
    Column("findings", BigInteger, nullable=False),
    PrimaryKeyConstraint("day", "filter", "kind", "side", "action"),
)
_KEY = ("day", "filter", "kind", "side", "action")


def add(tx: Tx, rows: Iterable[dict[str, Any]]) -> None:
    """Add to counts."""
    insert = sqlite.insert if tx.connection.dialect.name == "sqlite" else postgresql.insert
    for row in rows:
        statement = insert(counts).values(**row)
        tx.connection.execute(
            statement.on_conflict_do_update(
                index_elements=list(_KEY),
                set_={
                    "calls": counts.c.calls + statement.excluded.calls,
                    "findings": counts.c.findings + statement.excluded.findings,
                },
            )
        )


def totals(tx: Tx, *, since: date) -> list[tuple[Any, ...]]:
    """Return (filter, kind, side, action, calls, findings) since a day."""
    columns = (counts.c.filter, counts.c.kind, counts.c.side, counts.c.action)
    rows = tx.connection.execute(
        select(*columns, func.sum(counts.c.calls), func.sum(counts.c.findings))
        .where(counts.c.day >= since)
        .group_by(*columns)
        .order_by(*columns)
    )
    return [tuple(row) for row in rows]
