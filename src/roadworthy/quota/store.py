"""Tables of what is counted: counters by window, leases of gateways, and the gateways that hold them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Select,
    Table,
    Text,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA

counters = Table(
    "quota_counters",
    METADATA,
    Column("id", Text, nullable=False),
    Column("window_start", BigInteger, nullable=False),
    Column("window_end", BigInteger, nullable=False),
    # Billionths of a currency, requests, or tokens: whole numbers all.
    Column("spent", BigInteger, nullable=False),
    Column("leased", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("scarce_until", BigInteger, nullable=False),
    PrimaryKeyConstraint("id", "window_start"),
)
leases = Table(
    "quota_leases",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("holder", Text, nullable=False, index=True),
    Column("counter", Text, nullable=False),
    Column("window_start", BigInteger, nullable=False),
    Column("amount", BigInteger, nullable=False),
)
holders = Table(
    "quota_holders",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("spool", Text, nullable=False),
    Column("process", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    Column("batch", Integer, nullable=False),
    Column("answer", Text, nullable=False),
)
outbox = Table(
    "quota_outbox",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("moves", Text, nullable=False),
)


def make(tx: Tx) -> None:
    """Make the tables that are not there."""
    METADATA.create_all(tx.connection, tables=[counters, leases, holders, outbox])


_CLOCK_OF_POSTGRESQL: Select[Any] = select(
    literal_column("extract(epoch FROM clock_timestamp())::double precision")
)
_CLOCK_OF_SQLITE: Select[Any] = select(literal_column("unixepoch('subsec')"))


def now(tx: Tx) -> float:
    """Return the store's time: one clock for all gateways, whatever theirs say."""
    said = _CLOCK_OF_POSTGRESQL if tx.engine_name == "postgresql" else _CLOCK_OF_SQLITE
    return float(tx.connection.execute(said).scalar_one())


def _insert(tx: Tx, table: Table) -> Any:
    return (postgresql if tx.engine_name == "postgresql" else sqlite).insert(table)


def add_counter(tx: Tx, *, counter: str, start: int, end: int, amount: int) -> None:
    """Make a counter's window, unless it is there."""
    values = {
        "id": counter, "window_start": start, "window_end": end,
        "spent": 0, "leased": 0, "amount": amount, "scarce_until": 0,
    }  # fmt: skip
    tx.connection.execute(_insert(tx, counters).values(values).on_conflict_do_nothing())


def _is(counter: str, start: int) -> Any:
    return (counters.c.id == counter) & (counters.c.window_start == start)


def lock(tx: Tx, places: Iterable[tuple[str, int]]) -> None:
    """Keep others from changing these counters, always in the same order: nobody waits in a circle."""
    if tx.engine_name == "sqlite":  # it has one writer, and that is this transaction
        return
    for counter_id, start in sorted(set(places)):
        tx.connection.execute(select(counters.c.id).where(_is(counter_id, start)).with_for_update())


# Asked five times a second by every gateway: put together once.
_COUNTER = select(counters).where(
    counters.c.id == bindparam("counter"), counters.c.window_start == bindparam("start")
)


def counter(tx: Tx, counter_id: str, start: int) -> Row[Any] | None:
    """Return how a counter stands in a window."""
    return tx.connection.execute(_COUNTER, {"counter": counter_id, "start": start}).one_or_none()


def lease(tx: Tx, counter_id: str, start: int, *, amount: int, limit: int) -> bool:
    """Lease so much of a counter, if that leaves it within its limit: one row, one condition."""
    statement = (
        update(counters)
        .where(_is(counter_id, start), counters.c.spent + counters.c.leased + amount <= limit)
        .values(leased=counters.c.leased + amount, amount=limit)
    )
    return tx.connection.execute(statement).rowcount == 1


def mark_scarce(tx: Tx, counter_id: str, start: int, *, until: int) -> None:
    """Have gateways that hold some of it give back what they do not need."""
    tx.connection.execute(update(counters).where(_is(counter_id, start)).values(scarce_until=until))


def move(tx: Tx, counter_id: str, start: int, *, spent: int, leased: int) -> None:
    """Add to what is spent and what is leased."""
    tx.connection.execute(
        update(counters)
        .where(_is(counter_id, start))
        .values(spent=counters.c.spent + spent, leased=counters.c.leased + leased)
    )


def add_to_lease(tx: Tx, *, lease_id: str, holder: str, counter_id: str, start: int, amount: int) -> None:
    """Add to what a gateway holds."""
    made = _insert(tx, leases).values(
        id=lease_id, holder=holder, counter=counter_id, window_start=start, amount=amount
    )
    tx.connection.execute(
        made.on_conflict_do_update(index_elements=["id"], set_={"amount": leases.c.amount + amount})
    )


def take_from_lease(tx: Tx, lease_id: str, amount: int) -> int:
    """Take at most so much from what a gateway holds; return how much that was."""
    held = tx.connection.execute(
        select(leases.c.amount).where(leases.c.id == lease_id).with_for_update()
    ).scalar_one_or_none()
    taken = min(amount, held or 0)
    if taken > 0:
        tx.connection.execute(
            update(leases).where(leases.c.id == lease_id).values(amount=leases.c.amount - taken)
        )
    return max(taken, 0)


def add_holder(tx: Tx, holder: str, *, host: str, spool: str, process: str, at: int) -> None:
    """Make a gateway known, as living."""
    values = {
        "id": holder, "host": host, "spool": spool, "process": process,
        "state": "live", "seen_at": at, "batch": 0, "answer": "",
    }  # fmt: skip
    tx.connection.execute(_insert(tx, holders).values(values).on_conflict_do_nothing())


def holder(tx: Tx, holder_id: str) -> Row[Any] | None:
    """Return a gateway, and keep others from changing it meanwhile."""
    query = select(holders).where(holders.c.id == holder_id).with_for_update()
    return tx.connection.execute(query).one_or_none()


def see_holder(tx: Tx, holder_id: str, *, at: int, batch: int, answer: str) -> None:
    """Note that a gateway lives, and what it was answered last."""
    tx.connection.execute(
        update(holders).where(holders.c.id == holder_id).values(seen_at=at, batch=batch, answer=answer)
    )


_LIVE = select(func.count()).select_from(holders).where(holders.c.state == "live")


def live(tx: Tx) -> int:
    """Count the gateways that are not known to be gone."""
    return int(tx.connection.execute(_LIVE).scalar_one())


def set_state(tx: Tx, holder_id: str, *, state: str, unseen_since: int | None = None) -> bool:
    """Say that a living gateway is gone; only if it has been silent so long, where that is given."""
    statement = update(holders).where(holders.c.id == holder_id, holders.c.state == "live")
    if unseen_since is not None:
        statement = statement.where(holders.c.seen_at < unseen_since)
    return tx.connection.execute(statement.values(state=state)).rowcount == 1


def every_holder(tx: Tx) -> list[Row[Any]]:
    """Return all gateways that are known."""
    return list(tx.connection.execute(select(holders).order_by(holders.c.id)))


def leases_of(tx: Tx, holder_ids: Iterable[str]) -> list[Row[Any]]:
    """Return what gateways hold, in the order in which counters are locked."""
    query = select(leases).where(leases.c.holder.in_(list(holder_ids)))
    return list(tx.connection.execute(query.order_by(leases.c.counter, leases.c.window_start)))


def every_lease(tx: Tx) -> list[Row[Any]]:
    """Return all leases with something in them."""
    return list(tx.connection.execute(select(leases).where(leases.c.amount != 0).order_by(leases.c.id)))


def drop_holder(tx: Tx, holder_id: str) -> None:
    """Forget a gateway and its leases, which are empty by now."""
    tx.connection.execute(delete(leases).where(leases.c.holder == holder_id))
    tx.connection.execute(delete(holders).where(holders.c.id == holder_id))


def standing_of(tx: Tx, counter_id: str, start: int) -> list[Row[Any]]:
    """Return how a declaration's counters stand in a window: the one for all, or one for each."""
    query = select(counters).where(
        counters.c.window_start == start,
        (counters.c.id == counter_id)
        | counters.c.id.startswith(f"{counter_id}@", autoescape=True)
        | counters.c.id.startswith(f"{counter_id}#", autoescape=True),
    )
    return list(tx.connection.execute(query.order_by(counters.c.id)))


def drop_rates(tx: Tx, *, until: int) -> None:
    """Forget windows of limits that are over; those of budgets stay."""
    over = (counters.c.window_end < until) & counters.c.id.startswith("limit/")
    tx.connection.execute(delete(counters).where(over))
    stale = (leases.c.window_start < until - 2 * 86_400) & leases.c.counter.startswith("limit/")
    tx.connection.execute(delete(leases).where(stale))


def add_moves(tx: Tx, batch_id: str, moves: str) -> None:
    """Keep what another store has to be told of a batch of records."""
    tx.connection.execute(_insert(tx, outbox).values(id=batch_id, moves=moves).on_conflict_do_nothing())


def pending_moves(tx: Tx, *, limit: int) -> list[Row[Any]]:
    """Return what another store has not been told yet."""
    return list(tx.connection.execute(select(outbox).order_by(outbox.c.id).limit(limit)))


def drop_moves(tx: Tx, ids: Iterable[str]) -> None:
    """Forget what another store was told."""
    tx.connection.execute(delete(outbox).where(outbox.c.id.in_(list(ids))))
