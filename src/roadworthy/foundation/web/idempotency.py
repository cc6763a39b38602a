"""A retried change has one effect: the answer is stored in the transaction of the change itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Column, Integer, LargeBinary, String, Table, delete, insert, select

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Instant

KEPT = timedelta(hours=48)
_KEY_LENGTH_MAX = 255

replies = Table(
    "idempotent_replies",
    METADATA,
    Column("scope", String(64), primary_key=True),
    Column("request_digest", String(64), nullable=False),
    Column("status", Integer, nullable=False),
    Column("media_type", String(100), nullable=False),
    Column("etag", String(120)),
    Column("body", LargeBinary, nullable=False),
    Column("at", Instant, nullable=False, index=True),
)


class KeyReusedError(InvalidError):
    """The same Idempotency-Key came with a different request."""

    code = "idempotency-key-reused"


@dataclass(frozen=True, slots=True)
class Reply:
    """What was answered, to be answered again."""

    status: int
    media_type: str
    etag: str | None
    body: bytes


def scope_of(key: str, *, principal: str, method: str, path: str) -> str:
    """Return the scope a key holds in: its caller, method and path."""
    if not key.isprintable() or len(key) > _KEY_LENGTH_MAX:
        raise InvalidError(
            "The Idempotency-Key cannot be used.", fix=f"Send up to {_KEY_LENGTH_MAX} printable characters."
        )
    return hashlib.sha256(f"{principal}\x00{method}\x00{path}\x00{key}".encode()).hexdigest()


def find(tx: Tx, scope: str, request_digest: str) -> Reply | None:
    """Return the stored reply, or None for a first attempt; refuse a key with another body."""
    row = tx.connection.execute(select(replies).where(replies.c.scope == scope)).one_or_none()
    if row is None:
        return None
    if row.request_digest != request_digest:
        raise KeyReusedError(
            "This Idempotency-Key was used for a different request.",
            fix="Use a new key for a new request; repeat the key only with the same body.",
        )
    return Reply(row.status, row.media_type, row.etag, row.body)


def keep(tx: Tx, scope: str, request_digest: str, reply: Reply, *, at: datetime) -> None:
    """Store the reply beside its effect, and forget replies past their time."""
    tx.connection.execute(delete(replies).where(replies.c.at < at - KEPT))
    tx.connection.execute(
        insert(replies).values(
            scope=scope,
            request_digest=request_digest,
            status=reply.status,
            media_type=reply.media_type,
            etag=reply.etag,
            body=reply.body,
            at=at,
        )
    )
