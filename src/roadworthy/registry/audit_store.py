"""Tables of the audit log: leaves, tree nodes, signed checkpoints, and payloads kept beside the leaves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    and_,
    func,
    insert,
    select,
    update,
)

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Instant

entries = Table(
    "audit_entries",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False, index=True),
    Column("actor", String(140), nullable=False, index=True),
    Column("action", String(60), nullable=False),
    Column("object", String(140), nullable=False, index=True),
    Column("enforcement", Integer, nullable=False),  # 0 or 1, compared exactly by verification
    Column("leaf", Text, nullable=False),
)
payloads = Table(
    "audit_payloads",
    METADATA,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary),
    Column("body", Text),
    Column("erased_by", BigInteger),
)
nodes = Table(
    "audit_nodes",
    METADATA,
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("hash", LargeBinary, nullable=False),
)
checkpoints = Table(
    "audit_checkpoints",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("at", Instant, nullable=False),
    Column("note", Text, nullable=False),
)
head = Table(
    "audit_head",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("revision", BigInteger, nullable=False),
)


_HEAD = "audit.head"


def read_head(tx: Tx) -> tuple[int, int]:
    """Return (number of entries, revision of the last one that gateways must know).

    Read once: a reader sees one state, and nobody writes beside a writer.
    """
    held: tuple[int, int] | None = tx.memo.get(_HEAD)
    if held is None:
        held = tx.memo[_HEAD] = _read_head(tx)
    return held


def _read_head(tx: Tx) -> tuple[int, int]:
    row = tx.connection.execute(select(head.c.size, head.c.revision).where(head.c.id == 1)).one_or_none()
    return (row.size, row.revision) if row else (0, 0)


def write_head(tx: Tx, *, size: int, revision: int) -> None:
    """Move the head."""
    moved = tx.connection.execute(update(head).where(head.c.id == 1).values(size=size, revision=revision))
    if moved.rowcount == 0:
        tx.connection.execute(insert(head).values(id=1, size=size, revision=revision))
    tx.memo[_HEAD] = (size, revision)


def add_entry(tx: Tx, *, salt: bytes, body: str, **columns: Any) -> None:
    """Store a leaf and the payload beside it."""
    tx.connection.execute(insert(entries).values(**columns))
    tx.connection.execute(insert(payloads).values(seq=columns["seq"], salt=salt, body=body))


def add_nodes(tx: Tx, new: Iterable[tuple[int, int, bytes]]) -> None:
    """Store tree nodes."""
    tx.connection.execute(
        insert(nodes), [{"level": level, "place": place, "hash": value} for level, place, value in new]
    )


def read_node(tx: Tx, level: int, index: int) -> bytes | None:
    """Return one node, or None where it is missing."""
    where = and_(nodes.c.level == level, nodes.c.place == index)
    return tx.connection.execute(select(nodes.c.hash).where(where)).scalar_one_or_none()


def all_nodes(tx: Tx) -> Iterator[tuple[int, int, bytes]]:
    """Yield every stored node."""
    for row in tx.connection.execute(select(nodes.c.level, nodes.c.place, nodes.c.hash)):
        yield row.level, row.place, row.hash


def add_checkpoint(tx: Tx, *, size: int, at: datetime, note: str) -> None:
    """Store a signed checkpoint."""
    tx.connection.execute(insert(checkpoints).values(size=size, at=at, note=note))


def last_checkpoint(tx: Tx) -> Row[Any] | None:
    """Return the newest checkpoint."""
    return tx.connection.execute(
        select(checkpoints).order_by(checkpoints.c.size.desc()).limit(1)
    ).one_or_none()


def all_checkpoints(tx: Tx) -> Iterator[Row[Any]]:
    """Yield every checkpoint, oldest first."""
    yield from tx.connection.execute(select(checkpoints).order_by(checkpoints.c.size))


def all_entries(tx: Tx) -> Iterator[Row[Any]]:
    """Yield every entry with its payload, in order."""
    query = (
        select(
            entries,
            payloads.c.seq.label("payload_seq"),
            payloads.c.salt,
            payloads.c.body,
            payloads.c.erased_by,
        )
        .outerjoin(payloads, payloads.c.seq == entries.c.seq)
        .order_by(entries.c.seq)
    )
    yield from tx.connection.execute(query)


def stray_payloads(tx: Tx) -> list[int]:
    """Return payloads that belong to no entry."""
    query = (
        select(payloads.c.seq)
        .outerjoin(entries, entries.c.seq == payloads.c.seq)
        .where(entries.c.seq.is_(None))
    )
    return [row.seq for row in tx.connection.execute(query)]


def page(tx: Tx, *, before: int | None, limit: int, object_: str, actor: str, action: str) -> list[Row[Any]]:
    """Return entries newest first, filtered, with their payloads."""
    query = (
        select(entries, payloads.c.body, payloads.c.erased_by)
        .outerjoin(payloads, payloads.c.seq == entries.c.seq)
        .order_by(entries.c.seq.desc())
        .limit(limit)
    )
    for column, value in ((entries.c.object, object_), (entries.c.actor, actor), (entries.c.action, action)):
        if value:
            query = query.where(column == value)
    if before is not None:
        query = query.where(entries.c.seq < before)
    return list(tx.connection.execute(query))


def read_entry(tx: Tx, seq: int) -> Row[Any] | None:
    """Return one entry with its payload."""
    query = (
        select(entries, payloads.c.salt, payloads.c.body, payloads.c.erased_by)
        .outerjoin(payloads, payloads.c.seq == entries.c.seq)
        .where(entries.c.seq == seq)
    )
    return tx.connection.execute(query).one_or_none()


def read_entries(tx: Tx, seqs: Iterable[int]) -> list[Row[Any]]:
    """Return several entries with their payloads."""
    wanted, found = list(seqs), list[Row[Any]]()
    for start in range(0, len(wanted), 400):  # stays under every engine's limit of bound values
        query = (
            select(entries, payloads.c.body, payloads.c.erased_by)
            .outerjoin(payloads, payloads.c.seq == entries.c.seq)
            .where(entries.c.seq.in_(wanted[start : start + 400]))
        )
        found.extend(tx.connection.execute(query))
    return found


def sequence(tx: Tx, action_prefix: str) -> list[int]:
    """Return the numbers of the entries whose action begins so, in order."""
    query = select(entries.c.seq).where(entries.c.action.startswith(action_prefix, autoescape=True))
    return list(tx.connection.execute(query.order_by(entries.c.seq)).scalars())


def enforced_since(tx: Tx, seq: int, limit: int) -> list[Row[Any]]:
    """Return (seq, object, action) of the entries from a number on that gateways must know, in order."""
    query = select(entries.c.seq, entries.c.object, entries.c.action).where(
        entries.c.seq >= seq, entries.c.enforcement == 1
    )
    return list(tx.connection.execute(query.order_by(entries.c.seq).limit(limit)))


def named_since(tx: Tx, seq: int, limit: int) -> list[str]:
    """Return the objects of the entries from a number on, in order."""
    query = select(entries.c.object).where(entries.c.seq >= seq).order_by(entries.c.seq).limit(limit)
    return list(tx.connection.execute(query).scalars())


def size_at(tx: Tx, at: datetime) -> int:
    """Return how many entries the log had at a moment."""
    newest = tx.connection.execute(select(func.max(entries.c.seq)).where(entries.c.at <= at)).scalar()
    return 0 if newest is None else int(newest) + 1


def erase_payloads(tx: Tx, *, object_: str, erased_by: int) -> int:
    """Drop payload and salt of every entry about an object; return how many."""
    about = select(entries.c.seq).where(entries.c.object == object_, entries.c.seq < erased_by)
    done = tx.connection.execute(
        update(payloads)
        .where(payloads.c.seq.in_(about), payloads.c.body.is_not(None))
        .values(salt=None, body=None, erased_by=erased_by)
    )
    return int(done.rowcount)
