"""The table of files that were filed as evidence; the log seals the hash of each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import BigInteger, Column, LargeBinary, Row, String, Table, insert, select, update

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA

files = Table(
    "evidence_files",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("subject", String(140), nullable=False, index=True),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("content", LargeBinary),  # absent once it was erased
)


def add(tx: Tx, **columns: Any) -> None:
    """Store a file under the id of its evidence."""
    tx.connection.execute(insert(files).values(**columns))


def read(tx: Tx, evidence: str) -> Row[Any] | None:
    """Return the file of a piece of evidence."""
    return tx.connection.execute(select(files).where(files.c.id == evidence)).one_or_none()


def every(tx: Tx) -> Iterator[Row[Any]]:
    """Yield every file, one at a time: together they may be more than memory holds."""
    ids = list(tx.connection.execute(select(files.c.id).order_by(files.c.id)).scalars())
    for one in ids:
        yield tx.connection.execute(select(files).where(files.c.id == one)).one()


def erase(tx: Tx, subject: str) -> int:
    """Drop the content of all files about a subject; return how many."""
    where = (files.c.subject == subject) & files.c.content.is_not(None)
    return int(tx.connection.execute(update(files).where(where).values(content=None)).rowcount)
