"""The table of drafts: what waits for a person and what was decided; never the text."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Row, Table, Text, func, select
from sqlalchemy.dialects import postgresql, sqlite

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Instant

drafts = Table(
    "drafts",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("call", Text, nullable=False),
    Column("use_case", Text, nullable=False),
    Column("namespace", Text, nullable=False),
    Column("principal", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("basis", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("made_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("decided_at", Instant),
    Column("entry", BigInteger),
    Index("ix_drafts_use_case_made_at", "use_case", "made_at"),
)
Index(
    "ix_drafts_waiting",
    drafts.c.made_at,
    sqlite_where=drafts.c.verdict == "",
    postgresql_where=drafts.c.verdict == "",
)
Index(
    "ix_drafts_decided",
    drafts.c.use_case,
    drafts.c.decided_at,
    sqlite_where=drafts.c.verdict != "",
    postgresql_where=drafts.c.verdict != "",
)
_DECIDED = ("verdict", "decided_by", "decided_at", "entry")


def add(tx: Tx, rows: list[dict[str, Any]]) -> None:
    """Insert what waits; one that is there already stays as it is."""
    dialect = postgresql if tx.engine_name == "postgresql" else sqlite
    tx.connection.execute(dialect.insert(drafts).on_conflict_do_nothing(), rows)


def put(tx: Tx, row: dict[str, Any]) -> None:
    """Write what was decided about one, whether or not it waited here."""
    dialect = postgresql if tx.engine_name == "postgresql" else sqlite
    statement = dialect.insert(drafts).values(**row)
    decided = {name: statement.excluded[name] for name in _DECIDED}
    tx.connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=decided))


def read(tx: Tx, draft_id: str) -> Row[Any] | None:
    """Return one."""
    return tx.connection.execute(select(drafts).where(drafts.c.id == draft_id)).one_or_none()


def page(
    tx: Tx,
    *,
    waiting_at: datetime | None,
    use_case: str,
    use_cases: Collection[str] | None,
    limit: int,
) -> list[Row[Any]]:
    """Return the oldest that wait at a moment, or the newest of all; of `use_cases`, unless that is None."""
    query = select(drafts).limit(limit)
    if waiting_at is not None:
        query = query.where(drafts.c.verdict == "", drafts.c.expires_at > waiting_at)
        query = query.order_by(drafts.c.made_at, drafts.c.id)
    else:
        query = query.order_by(drafts.c.made_at.desc(), drafts.c.id.desc())
    if use_case:
        query = query.where(drafts.c.use_case == use_case)
    if use_cases is not None:
        query = query.where(drafts.c.use_case.in_(list(use_cases)))
    return list(tx.connection.execute(query))


def waiting(tx: Tx, *, now: datetime) -> list[Row[Any]]:
    """Return for each use case and form how many wait, and since when the first does."""
    query = (
        select(
            drafts.c.use_case,
            drafts.c.form,
            func.count().label("number"),
            func.min(drafts.c.made_at, type_=Instant).label("since"),
        )
        .where(drafts.c.verdict == "", drafts.c.expires_at > now)
        .group_by(drafts.c.use_case, drafts.c.form)
        .order_by(drafts.c.use_case, drafts.c.form)
    )
    return list(tx.connection.execute(query))


def counts(tx: Tx, *, use_case: str, basis: str, since: datetime) -> dict[str, int]:
    """Return by verdict how many of one basis were decided since."""
    query = (
        select(drafts.c.verdict, func.count())
        .where(
            drafts.c.verdict != "",
            drafts.c.use_case == use_case,
            drafts.c.basis == basis,
            drafts.c.decided_at >= since,
        )
        .group_by(drafts.c.verdict)
    )
    return {str(verdict): int(count) for verdict, count in tx.connection.execute(query)}


def reviewers(tx: Tx, *, use_case: str, basis: str, since: datetime) -> int:
    """Return how many people decided them."""
    query = select(func.count(drafts.c.decided_by.distinct())).where(
        drafts.c.verdict != "",
        drafts.c.use_case == use_case,
        drafts.c.basis == basis,
        drafts.c.decided_at >= since,
    )
    return int(tx.connection.execute(query).scalar_one())


def measured(tx: Tx, *, since: datetime) -> list[Row[Any]]:
    """Return for each use case and basis how many were decided since, by verdict."""
    query = (
        select(drafts.c.use_case, drafts.c.basis, drafts.c.verdict, func.count().label("number"))
        .where(drafts.c.verdict != "", drafts.c.decided_at >= since)
        .group_by(drafts.c.use_case, drafts.c.basis, drafts.c.verdict)
    )
    return list(tx.connection.execute(query))


def columns(rows: Iterable[Row[Any]]) -> list[dict[str, Any]]:
    """Return rows by the names of their columns."""
    return [dict(row._mapping) for row in rows]  # noqa: SLF001  its public name
