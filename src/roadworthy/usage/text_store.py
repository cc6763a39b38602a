"""What was said in some calls, read together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import select

from roadworthy.foundation.storage.database import Tx
from roadworthy.usage.store import texts

_CHUNK = 400  # far below the number of parameters either engine takes


def read_texts(tx: Tx, ids: Sequence[str]) -> Iterator[Any]:
    """Yield what is kept of these calls: id, document, end of retention."""
    for start in range(0, len(ids), _CHUNK):
        wanted = texts.c.id.in_(ids[start : start + _CHUNK])
        yield from tx.connection.execute(
            select(texts.c.id, texts.c.document, texts.c.expires_at).where(wanted)
        )
