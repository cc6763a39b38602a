"""Tables of identity: credentials by keyed hash; never a secret."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Row, String, Table, and_, insert, select, update

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Instant

credentials = Table(
    "credentials",
    METADATA,
    Column("id", String(8), primary_key=True),
    Column("type", String(10), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("principal", String(140), nullable=False, index=True),
    Column("use_case", String(63), nullable=False),
    Column("name", String(120), nullable=False),
    Column("issued_at", Instant, nullable=False),
    Column("issued_by", String(140), nullable=False),
    Column("vouched_by", String(140), nullable=False),
    Column("expires_at", Instant, nullable=False),
    Column("last_seen_at", Instant),
    Column("ended_at", Instant),
    Column("ended_by", String(140)),
    Column("ended_how", String(20)),
)


def add(tx: Tx, **columns: Any) -> None:
    """Store a credential."""
    tx.connection.execute(insert(credentials).values(**columns))


def by_hash(tx: Tx, hash_: str, type_: str) -> Row[Any] | None:
    """Return the credential of this type with this hash."""
    where = and_(credentials.c.hash == hash_, credentials.c.type == type_)
    return tx.connection.execute(select(credentials).where(where)).one_or_none()


def by_id(tx: Tx, id_: str, type_: str) -> Row[Any] | None:
    """Return the credential of this type with this public handle."""
    where = and_(credentials.c.id == id_, credentials.c.type == type_)
    return tx.connection.execute(select(credentials).where(where)).one_or_none()


def listing(
    tx: Tx, *, type_: str = "", principal: str = "", use_cases: Iterable[str] | None = None
) -> list[Row[Any]]:
    """Return credentials, oldest first; with `use_cases`, some hundred at most, those for them."""
    query = select(credentials).order_by(credentials.c.issued_at, credentials.c.id)
    if type_:
        query = query.where(credentials.c.type == type_)
    if principal:
        query = query.where(credentials.c.principal == principal)
    if use_cases is not None:
        query = query.where(credentials.c.use_case.in_(list(use_cases)))
    return list(tx.connection.execute(query))


def among(tx: Tx, *, type_: str, ids: Iterable[str] = (), principals: Iterable[str] = ()) -> list[Row[Any]]:
    """Return the credentials of a type with one of these handles, or of one of these principals."""
    found: dict[str, Row[Any]] = {}
    for column, values in ((credentials.c.id, list(ids)), (credentials.c.principal, list(principals))):
        for start in range(0, len(values), 400):  # stays under every engine's limit of bound values
            where = and_(credentials.c.type == type_, column.in_(values[start : start + 400]))
            found.update({row.id: row for row in tx.connection.execute(select(credentials).where(where))})
    return list(found.values())


def end(tx: Tx, id_: str, *, at: datetime, by: str, how: str) -> bool:
    """End a credential; False when it had ended before: of two at once, one gets True."""
    where = and_(credentials.c.id == id_, credentials.c.ended_at.is_(None))
    values = {"ended_at": at, "ended_by": by, "ended_how": how}
    done = tx.connection.execute(update(credentials).where(where).values(**values))
    return bool(done.rowcount == 1)


def move_expiry(tx: Tx, id_: str, expires_at: datetime) -> None:
    """Bring a credential's end forward."""
    tx.connection.execute(update(credentials).where(credentials.c.id == id_).values(expires_at=expires_at))


def touch(tx: Tx, id_: str, at: datetime) -> None:
    """Remember when a session was last used."""
    tx.connection.execute(update(credentials).where(credentials.c.id == id_).values(last_seen_at=at))
