"""The table of evidence: what happened, each row sealed by an entry of the audit log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Column, Index, Row, String, Table, insert, select, update

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Document, Instant

evidence = Table(
    "evidence",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("type", String(60), nullable=False),
    Column("subject", String(140), nullable=False),
    Column("body", Document),  # absent once it was erased
    Column("actor", String(140), nullable=False),
    Column("at", Instant, nullable=False),
    Column("audit_seq", BigInteger, nullable=False, unique=True),
    Index("ix_evidence_type_subject", "type", "subject", "audit_seq"),
)


def add(tx: Tx, **columns: Any) -> None:
    """Store a row."""
    tx.connection.execute(insert(evidence).values(**columns))


def read(
    tx: Tx, *, types: Iterable[str], subjects: Iterable[str] | None = None, as_of: datetime | None = None
) -> list[Row[Any]]:
    """Return the rows that still have a body, oldest first."""
    query = select(evidence).where(evidence.c.type.in_(list(types)), evidence.c.body.is_not(None))
    query = query.order_by(evidence.c.audit_seq)
    if as_of is not None:
        query = query.where(evidence.c.at <= as_of)
    if subjects is None:
        return list(tx.connection.execute(query))
    wanted, found = list(subjects), list[Row[Any]]()
    for start in range(0, len(wanted), 400):  # stays under every engine's limit of bound values
        part = evidence.c.subject.in_(wanted[start : start + 400])
        found.extend(tx.connection.execute(query.where(part)))
    return found if len(wanted) <= 400 else sorted(found, key=lambda row: row.audit_seq)


def every(tx: Tx, *, size: int = 400) -> Iterator[list[Row[Any]]]:
    """Yield all rows in the order of the log, some hundred at a time."""
    after = -1
    while True:
        query = select(evidence).where(evidence.c.audit_seq > after).order_by(evidence.c.audit_seq)
        rows = list(tx.connection.execute(query.limit(size)))
        if not rows:
            return
        yield rows
        after = rows[-1].audit_seq


def erase(tx: Tx, subject: str) -> int:
    """Drop the bodies of all rows about a subject; return how many."""
    where = (evidence.c.subject == subject) & evidence.c.body.is_not(None)
    return int(tx.connection.execute(update(evidence).where(where).values(body=None)).rowcount)
