"""The table of attempts that failed: an index over call records, so that a search need not read them all.

Derived from the records, which are what is sealed; attempts of calls that arrived before it are not in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Column, Index, Integer, Select, Table, Text, delete, insert, select

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.usage.record import CallRecord
from roadworthy.usage.seal import CALLERS_TEXT_MAX

attempts = Table(
    "call_attempts",
    METADATA,
    Column("call_id", Text, primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("model", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Index("ix_call_attempts_model_error", "model", "error"),
    Index("ix_call_attempts_error", "error"),
)


def _text(value: str) -> str:
    return value[:CALLERS_TEXT_MAX].replace("\0", "\N{REPLACEMENT CHARACTER}")


def add(tx: Tx, records: Iterable[CallRecord]) -> None:
    """Note the attempts of new records that failed."""
    rows = [
        {
            "call_id": _text(record.id),
            "place": place,
            "model": _text(one.model),
            "status": one.status if 0 <= one.status < 1000 else 0,
            "error": _text(one.error),
        }
        for record in records
        for place, one in enumerate(record.attempts, start=1)
        if one.error
    ]
    if rows:
        tx.connection.execute(insert(attempts), rows)


def failed(*, model: str, error: str) -> Select[tuple[str]]:
    """Return the calls with a failed attempt at a model, or with an error: its code, or the status sent."""
    query = select(attempts.c.call_id)
    if model:
        query = query.where(attempts.c.model == model)
    if error.isascii() and error.isdigit() and len(error) == 3:
        query = query.where(attempts.c.status == int(error))
    elif error:
        query = query.where(attempts.c.error == error)
    return query


def forget(tx: Tx, calls: Select[tuple[str]] | Sequence[str]) -> None:
    """Delete what is known of the attempts of these calls."""
    tx.connection.execute(delete(attempts).where(attempts.c.call_id.in_(calls)))
