"""Changes to what is counted: leases go out and come back, records turn them into money spent."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from roadworthy.foundation.storage.database import Tx
from roadworthy.quota import mark, store
from roadworthy.quota.port import Answer, Ask, Batch, Grant, Place
from roadworthy.quota.window import window_of

SILENT_S = 60
GIVE_BACK_S = 3_600
"""A gateway whose records nobody can take over is waited for so long, before its leases are given back."""
SCARCE_S = 2
_TRIES = 8
_ANSWER = msgspec.json.Decoder(Answer)


class Recorded(Protocol):
    """What is counted of a call's record."""

    @property
    def id(self) -> str:
        """The call's id."""

    @property
    def leases(self) -> tuple[str, ...]:
        """What it took, and from which leases."""


def make_tables(tx: Tx) -> None:
    """Make the tables of what is counted, where there is no installation whose migrations do."""
    store.make(tx)


def begin(tx: Tx, holder: str, place: Place) -> Answer:
    """Make a gateway known."""
    now = store.now(tx)
    store.add_holder(tx, holder, host=place.host, spool=place.spool, process=place.process, at=int(now))
    return Answer(now, gateways=store.live(tx))


def exchange(tx: Tx, batch: Batch) -> Answer:
    """Do what a batch asks; one that was done already is answered as it was then."""
    now = store.now(tx)
    held = store.holder(tx, batch.holder)
    if held is None or held.state != "live":
        return Answer(now, fenced=True)
    if held.batch == batch.number:
        return _ANSWER.decode(held.answer)
    _lock(tx, batch, now)
    for back in batch.backs:
        _give_back(tx, back.lease, back.amount)
    grants: dict[int, Grant] = {}
    for place, ask in sorted(enumerate(batch.asks), key=lambda pair: pair[1].counter):
        grants[place] = _grant(tx, batch.holder, ask, now)
    ordered = tuple(grants[place] for place in range(len(batch.asks)))
    answer = Answer(now, ordered, gateways=max(1, store.live(tx)))
    said = msgspec.json.encode(answer).decode()
    store.see_holder(tx, batch.holder, at=int(now), batch=batch.number, answer=said)
    return answer


def _lock(tx: Tx, batch: Batch, now: float) -> None:
    places = []
    for ask in sorted(batch.asks, key=lambda one: one.counter):
        window = window_of(ask.period, now)
        places.append((ask.counter, window.start))
        if ask.want or ask.extra:
            store.add_counter(tx, counter=ask.counter, start=window.start, end=window.end, amount=ask.limit)
    marks = (mark.read(f"{back.lease}:0") for back in batch.backs)
    store.lock(tx, [*places, *((one.counter, one.start) for one in marks if one is not None)])


def standing(tx: Tx, batch: Batch) -> Answer:
    """Say how counters stand, for a batch that changes nothing."""
    now = store.now(tx)
    grants = tuple(_grant(tx, batch.holder, ask, now) for ask in batch.asks)
    return Answer(now, grants, gateways=max(1, store.live(tx)))


def see(tx: Tx, holder: str) -> bool:
    """Note that a gateway lives; say whether it still counts as one."""
    held = store.holder(tx, holder)
    if held is None or held.state != "live":
        return False
    store.see_holder(tx, holder, at=int(store.now(tx)), batch=held.batch, answer=held.answer)
    return True


def _give_back(tx: Tx, lease: str, amount: int) -> None:
    read = mark.read(f"{lease}:{amount}")
    if read is None:
        return
    taken = store.take_from_lease(tx, lease, amount)
    if taken:
        store.move(tx, read.counter, read.start, spent=0, leased=-taken)


def _grant(tx: Tx, holder: str, ask: Ask, now: float) -> Grant:
    window = window_of(ask.period, now)
    lease = mark.lease_id(ask.counter, window.start, holder)
    row = store.counter(tx, ask.counter, window.start)
    if row is None:
        return Grant(ask.counter, lease, 0, window.end, ask.limit, 0)
    granted, short = 0, False
    for attempt in range(_TRIES):
        if attempt:
            row = store.counter(tx, ask.counter, window.start)
            assert row is not None
        left = max(0, ask.limit - row.spent - row.leased)
        # What calls wait for first; what is for later only while there is plenty for everybody.
        wanted = min(ask.want, left)
        short = wanted < ask.want
        granted = wanted + (0 if short else min(ask.extra, (left - wanted) // 8))
        if not granted or store.lease(tx, ask.counter, window.start, amount=granted, limit=ask.limit):
            break
        granted = 0
    if granted:
        store.add_to_lease(
            tx, lease_id=lease, holder=holder, counter_id=ask.counter, start=window.start, amount=granted
        )
    if short:
        store.mark_scarce(tx, ask.counter, window.start, until=int(now) + SCARCE_S)
    return Grant(
        ask.counter,
        lease,
        granted,
        window.end,
        max(0, ask.limit - row.spent - row.leased - granted),
        row.leased + granted,
        scarce=short or row.scarce_until > now,
    )


def end(tx: Tx, holder: str) -> None:
    """Say that a gateway leaves; what it still holds is spent by records under way, or given back later."""
    store.set_state(tx, holder, state="ended")


def reap(tx: Tx, place: Place, *, alive: Callable[[str], bool], forfeit: bool = False) -> int:
    """Fence gateways that are silent; give back what is left of those whose records have all arrived.

    With `forfeit` it counts as spent: where no records arrive, nobody knows that it was not.

    `alive` says of a process that shares this one's spool whether it still writes, or has records waiting.
    """
    now = int(store.now(tx))
    freed = 0
    for row in store.every_holder(tx):
        state = row.state
        if state == "live" and row.seen_at < now - SILENT_S:
            if not store.set_state(tx, row.id, state="fenced", unseen_since=now - SILENT_S):
                continue
            state = "fenced"
        if state == "live":
            continue
        ours = (row.host, row.spool) == (place.host, place.spool)
        taken_over = ours and row.process != place.process and not alive(row.process)
        if taken_over or row.seen_at < now - GIVE_BACK_S:
            held = store.leases_of(tx, [row.id])
            store.lock(tx, [(lease.counter, lease.window_start) for lease in held])
            for lease in held:
                taken = store.take_from_lease(tx, lease.id, lease.amount)
                spent = taken if forfeit else 0
                store.move(tx, lease.counter, lease.window_start, spent=spent, leased=-taken)
                freed += taken
            store.drop_holder(tx, row.id)
    store.drop_rates(tx, until=now - 86_400)
    return freed


def count_records(tx: Tx, records: Sequence[Recorded]) -> None:
    """Move what calls cost from leased to spent: in the transaction that stores their records, so once."""
    count(tx, [text for record in records for text in record.leases])


def count(tx: Tx, names: Sequence[str]) -> None:
    """Move what these say was spent from leased to spent."""
    totals = mark.totals(read for text in names if (read := mark.read(text)) is not None)
    for total in totals.values():
        store.add_counter(tx, counter=total.counter, start=total.start, end=total.start, amount=0)
    store.lock(tx, [(total.counter, total.start) for total in totals.values()])
    for lease, total in totals.items():
        taken = store.take_from_lease(tx, lease, total.taken)
        store.move(tx, total.counter, total.start, spent=total.spent, leased=-taken)


def note_records(tx: Tx, records: Sequence[Recorded]) -> None:
    """Keep what calls cost for a store elsewhere: it is told after the commit, and counts a batch once."""
    marks = [read for record in records for text in record.leases if (read := mark.read(text)) is not None]
    if marks:
        moves = [
            [one.lease, one.counter, one.start, one.taken, one.spent] for one in mark.totals(marks).values()
        ]
        # A record arrives once, so its id names the batch it began.
        store.add_moves(tx, records[0].id, json.dumps(moves, separators=(",", ":")))


def noted(tx: Tx) -> list[tuple[str, str]]:
    """Return what another store has not been told yet: an id, and the moves as JSON."""
    return [(row.id, row.moves) for row in store.pending_moves(tx, limit=200)]


def told(tx: Tx, ids: Sequence[str]) -> None:
    """Forget what another store was told."""
    store.drop_moves(tx, ids)
