"""The table of sealed secrets: what is in it opens only with a key that is kept elsewhere."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Integer, Row, String, Table, Text, delete, insert, select, update

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Instant

secrets = Table(
    "sealed_secrets",
    METADATA,
    Column("name", String(63), primary_key=True),
    Column("namespace", String(63), nullable=False),
    Column("destination", String(300), nullable=False),
    Column("envelope", Text, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("fingerprint", String(16), nullable=False),
    Column("version", Integer, nullable=False),
    Column("set_at", Instant, nullable=False),
    Column("set_by", String(140), nullable=False),
)


def by_name(tx: Tx, name: str) -> Row[Any] | None:
    """Return a sealed secret."""
    return tx.connection.execute(select(secrets).where(secrets.c.name == name)).one_or_none()


def every(tx: Tx) -> list[Row[Any]]:
    """Return all of them, by name."""
    return list(tx.connection.execute(select(secrets).order_by(secrets.c.name)))


def put(tx: Tx, name: str, **columns: Any) -> None:
    """Store a sealed secret in the place of the one before."""
    remove(tx, name)
    tx.connection.execute(insert(secrets).values(name=name, **columns))


def rewrap(tx: Tx, name: str, *, envelope: str, key_id: str) -> None:
    """Store a secret's envelope under another key."""
    values = {"envelope": envelope, "key_id": key_id}
    tx.connection.execute(update(secrets).where(secrets.c.name == name).values(**values))


def remove(tx: Tx, name: str) -> bool:
    """Take a secret away; False when there was none."""
    done = tx.connection.execute(delete(secrets).where(secrets.c.name == name))
    return bool(done.rowcount)
