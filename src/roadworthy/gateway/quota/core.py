"""Pure: leases, reservations, settlements. Knows no clock, no thread and no store; counts in integers.

Everything here runs on the event loop. What the store must be asked is collected into batches; its answers
are applied. A call's way meets a tuple of counters: no look-ups, no locks, no allocation but its reservation.
"""

from __future__ import annotations

from collections.abc import Callable

from roadworthy.gateway.access import Refused
from roadworthy.gateway.quota import denial
from roadworthy.gateway.quota.counter import (
    MONEY,
    REQUESTS,
    TOKENS_IN,
    Bound,
    Counter,
    Gauge,
    Lease,
    Reservation,
    Use,
)
from roadworthy.quota.entry import MILLIONTHS
from roadworthy.quota.port import Answer, Ask, Back, Batch, Grant
from roadworthy.quota.window import window_of

SETTLE_S = 3_900.0
"""No call takes longer: what is reserved after that was forgotten, and is given back."""
WAIT_S = 2.0
RETRY_S = 0.3
TRIES = 3
POLL_S = 0.2
IDLE_S = 2.0
HOLD_S = 3_000.0
"""How long leases hold without a word from the store: others give them back later than this."""
_SMALL = 1 << 62


Then = Callable[[object], None]


class Waiter:
    """A call that waits for the store."""

    __slots__ = ("amounts", "bound", "due", "held", "since", "then", "tries")

    def __init__(self, bound: Bound, held: list[tuple[Counter, int]], then: Then, at: float) -> None:
        self.bound = bound
        self.held = held
        self.then = then
        self.since = at
        self.due = at
        self.tries = 0


class Core:
    """All counters of one gateway."""

    def __init__(self, holder: str, *, keeps_spent: bool = False) -> None:
        self.holder = holder
        self._spent: dict[Lease, tuple[int, int]] | None = {} if keeps_spent else None
        self.away = False
        self.gateways = 1
        self.voided = 0
        """Reservations nobody settled in time."""
        self.outstanding: set[Reservation] = set()
        self.waiting: list[Waiter] = []
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._active: set[Counter] = set()
        self._late: list[Lease] = []
        self._number = 0
        self._polled_at = 0.0
        self._confirmed_at = 0.0
        self._under_way: Batch | None = None

    # ------------------------------------------------------------------ a call

    def bind(self, uses: tuple[Use, ...], *, key_id: str, concurrency: int) -> Bound:
        """Find or make the counters of these uses."""
        gauge = self._gauges.get(key_id)
        if gauge is None:
            gauge = self._gauges[key_id] = Gauge()
        held = []
        for use in uses:
            counter = self._counters.get(use.id)
            if counter is None:
                counter = self._counters[use.id] = Counter(use)
            elif counter.use is not use and counter.use != use:
                self._redeclare(counter, use)
            held.append((counter, use.kind, use.price_in, use.price_out))
        return Bound(tuple(held), gauge, concurrency, key_id)

    def _redeclare(self, counter: Counter, use: Use) -> None:
        if (use.limit, use.period) != (counter.use.limit, counter.use.period):
            # A lower limit holds on the next call: what was leased under the old one goes back first.
            self._retire(counter)
            counter.cap = max(1, use.limit * use.lease_millionths // MILLIONTHS)
            counter.left = use.limit
            counter.dry = 0.0
        counter.use = use

    def reserve(self, bound: Bound, size: int, output: int, count: int, at: float) -> Reservation | None:
        """Take what the call may need from local leases; None when they do not suffice."""
        gauge = bound.gauge
        taken: list[tuple[Lease, int]] = []
        for counter, kind, price_in, price_out in bound.held:
            lease = counter.lease
            if kind == MONEY:
                need = size * price_in + output * count * price_out
            elif kind == REQUESTS:
                need = 1
            elif kind == TOKENS_IN:
                need = (size + 3) >> 2
            else:
                need = output * count
            if lease.free < need or at >= lease.ends:
                for held, amount in taken:
                    held.free += amount
                return None
            lease.free -= need
            taken.append((lease, need))
        gauge.now += 1
        reservation = Reservation(taken, gauge, at)
        self.outstanding.add(reservation)
        return reservation

    def needs(self, bound: Bound, size: int, output: int, count: int) -> list[tuple[Counter, int]]:
        """Return what a call may need of each counter."""
        found = []
        for counter, kind, price_in, price_out in bound.held:
            by_kind = (1, (size + 3) >> 2, output * count, size * price_in + output * count * price_out)
            found.append((counter, by_kind[kind]))
        return found

    def settle(
        self,
        reservation: Reservation,
        input_tokens: int | None,
        output_tokens: int | None,
        cost_nano: int | None,
        model: str,
    ) -> tuple[str, ...]:
        """Exchange what was reserved for what was used; return what the call's record must name."""
        if not reservation.open:
            return ()
        reservation.open = False
        self.outstanding.discard(reservation)
        reservation.gauge.now -= 1
        names: tuple[str, ...] = ()
        for lease, held in reservation.taken:
            use = lease.use
            kind = use.kind
            if kind == MONEY:
                used = cost_nano
                if use.only is not None or use.rates or used is None:
                    used = _cost(use, input_tokens, output_tokens, cost_nano, model=model, held=held)
                if used and self._spent is not None:
                    taken, spent = self._spent.get(lease, (0, 0))
                    self._spent[lease] = (taken + min(used, held), spent + used)
                # What exceeds the reservation was not leased: the store adds it to what is spent.
                if used <= held:
                    if used:
                        names += (f"{lease.id}:{used}",)
                    lease.free += held - used
                else:
                    names += (f"{lease.id}:{held}:{used}",)
            elif kind != REQUESTS:
                counted = input_tokens if kind == TOKENS_IN else output_tokens
                if use.only is not None and model and model not in use.only:
                    counted = 0
                lease.free += held - (held if counted is None else counted)
            if lease.over:
                self._late.append(lease)
        return names

    def void(self, reservation: Reservation) -> None:
        """Give back what was reserved; that a request was made stays counted."""
        if not reservation.open:
            return
        reservation.open = False
        self.outstanding.discard(reservation)
        reservation.gauge.now -= 1
        for lease, held in reservation.taken:
            if lease.use.kind != REQUESTS:
                lease.free += held
                if lease.over:
                    self._late.append(lease)

    def spent(self) -> tuple[str, ...]:
        """Return what was spent since this was last asked, one name for each lease."""
        if not self._spent:
            return ()
        names = tuple(f"{lease.id}:{taken}:{used}" for lease, (taken, used) in self._spent.items())
        self._spent.clear()
        return names

    # ------------------------------------------------------------------ waiting

    def wait(self, bound: Bound, held: list[tuple[Counter, int]], then: Then, at: float) -> Refused | None:
        """Let a call wait for the store; a refusal that is certain comes at once."""
        for counter, need in held:
            use = counter.use
            if need > use.limit:
                return denial.too_large(use, need)
            if need and at < counter.dry and need > counter.left + max(counter.lease.free, 0):
                return denial.exhausted(use, counter.lease.ends, at)
        if self.away and (alone := self._alone(held, at)) is not None:
            return alone
        bound.gauge.now += 1
        self._active.update(counter for counter, _ in held)
        self.waiting.append(Waiter(bound, held, then, at))
        return None

    def _alone(self, held: list[tuple[Counter, int]], at: float) -> Refused | None:
        """Without the store, rates are counted here against this gateway's share; money only from leases."""
        for counter, need in held:
            use, lease = counter.use, counter.lease
            if at < lease.ends and lease.free >= need:
                continue
            if use.kind == MONEY:
                return denial.unverifiable(use)
            if at >= lease.ends:
                self._retire(counter)
                share = max(1, use.limit // max(1, self.gateways))
                counter.lease = Lease(use, free=share, ends=window_of(use.period, at).end)
            if counter.lease.free < need:
                return denial.exhausted(use, counter.lease.ends, at)
        return None

    def serve(self, at: float) -> list[tuple[Then, Reservation | Refused]]:
        """Return the waiting calls that can be told now, in the order in which they came."""
        told: list[tuple[Then, Reservation | Refused]] = []
        still: list[Waiter] = []
        for waiter in self.waiting:
            verdict = self._verdict(waiter, at)
            if verdict is None:
                still.append(waiter)
            else:
                waiter.bound.gauge.now -= 1
                told.append((waiter.then, verdict))
        self.waiting = still
        return told

    def _verdict(self, waiter: Waiter, at: float) -> Reservation | Refused | None:
        if self.away and (alone := self._alone(waiter.held, at)) is not None:
            return alone
        taken = self._take(waiter, at)
        if taken is not None:
            return taken
        if at - waiter.since <= WAIT_S:
            return None
        short = [counter for counter, need in waiter.held if counter.lease.free < need]
        counter = short[0] if short else waiter.held[0][0]
        if waiter.tries:  # the store has said before that there is not enough
            return denial.exhausted(counter.use, counter.lease.ends, at)
        return denial.slow(counter.use)

    def _take(self, waiter: Waiter, at: float) -> Reservation | None:
        held = waiter.held
        if any(counter.lease.free < need or at >= counter.lease.ends for counter, need in held):
            return None
        for counter, need in held:
            counter.lease.free -= need
        waiter.bound.gauge.now += 1
        reservation = Reservation([(counter.lease, need) for counter, need in held], waiter.bound.gauge, at)
        self.outstanding.add(reservation)
        return reservation

    # ------------------------------------------------------------------ the store

    def collect(self, at: float) -> Batch | None:
        """Return what the store is to be asked now; None while an answer is awaited or nothing is to ask."""
        if self._under_way is not None:
            return None
        wanted: dict[Counter, int] = {}
        for waiter in self.waiting:
            if waiter.due <= at:
                for counter, need in waiter.held:
                    wanted[counter] = wanted.get(counter, 0) + need
        asks: list[Ask] = []
        backs: list[Back] = []
        self._drop_late(at, backs)
        polls = at - self._polled_at >= POLL_S
        if polls:
            self._polled_at = at
        for counter in tuple(self._active):
            self._look(counter, wanted.get(counter), at, asks, backs, polls=polls)
        if not asks and not backs:
            return None
        self._number += 1
        self._under_way = Batch(self.holder, self._number, tuple(asks), tuple(backs))
        return self._under_way

    def _drop_late(self, at: float, backs: list[Back]) -> None:
        late, self._late = self._late, []
        for lease in late:
            # A rate's window that is over has nothing to be given back to.
            if lease.free > 0 and lease.id and (lease.use.kind == MONEY or at < lease.ends):
                backs.append(Back(lease.id, lease.free))
            lease.free = min(lease.free, 0)

    def _look(
        self,
        counter: Counter,
        wanted: int | None,
        at: float,
        asks: list[Ask],
        backs: list[Back],
        *,
        polls: bool,
    ) -> None:
        lease, use = counter.lease, counter.use
        if lease.ends and at >= lease.ends:
            self._retire(counter)
            self._drop_late(at, backs)
            lease = counter.lease
        used = lease.free != counter.seen_free
        if used:
            counter.seen_free, counter.seen_at = lease.free, at
        if wanted is not None:
            extra = 0 if counter.scarce else min(counter.cap, counter.left // 8)
            asks.append(Ask(use.id, use.period, use.limit, max(0, wanted - lease.free), extra))
            return
        if not lease.id or (lease.free <= 0 and at - counter.seen_at > IDLE_S):
            self._active.discard(counter)  # the next call finds nothing here, asks, and puts it back
            return
        aim = min(counter.cap, counter.left // 8)
        idle = counter.scarce or (at - counter.seen_at > IDLE_S and not self.away)
        if lease.free > 0 and (idle or lease.free > counter.cap):
            surplus = lease.free if idle else lease.free - counter.cap
            lease.free -= surplus
            counter.seen_free = lease.free
            backs.append(Back(lease.id, surplus))
        elif used and not counter.scarce and lease.free < aim // 2:
            asks.append(Ask(use.id, use.period, use.limit, 0, aim - max(lease.free, 0)))
        elif polls:
            asks.append(Ask(use.id, use.period, use.limit))

    def _retire(self, counter: Counter) -> None:
        lease = counter.lease
        lease.over = True
        self._late.append(lease)
        counter.lease = Lease(counter.use)
        counter.seen_free = 0

    def apply(self, answer: Answer, at: float) -> list[tuple[Then, Reservation | Refused]]:
        """Take in the store's answer to the batch under way; return who can be told what."""
        batch, self._under_way = self._under_way, None
        assert batch is not None
        self.away = False
        self._confirmed_at = at
        self.gateways = max(1, answer.gateways)
        if answer.fenced:
            self._begin_anew()
            return []
        for ask, grant in zip(batch.asks, answer.grants, strict=True):
            self._granted(ask, grant, at)
        told: list[tuple[Then, Reservation | Refused]] = []
        still: list[Waiter] = []
        asked = {ask.counter for ask in batch.asks}
        for waiter in self.waiting:
            verdict = self._after(waiter, asked, at)
            if verdict is None:
                still.append(waiter)
            else:
                waiter.bound.gauge.now -= 1
                told.append((waiter.then, verdict))
        self.waiting = still
        return told

    def _granted(self, ask: Ask, grant: Grant, at: float) -> None:
        counter = self._counters.get(ask.counter)
        if counter is None:
            return
        if (ask.limit, ask.period) != (counter.use.limit, counter.use.period):
            if grant.amount:  # it was asked under a declaration that no longer stands
                stale = Lease(counter.use, id=grant.lease, free=grant.amount, ends=grant.ends)
                self._late.append(stale)
            return
        if counter.lease.id != grant.lease and (grant.amount or ask.want):
            self._retire(counter)
            counter.lease = Lease(counter.use, id=grant.lease, ends=grant.ends)
        counter.lease.free += grant.amount
        self._active.add(counter)
        if counter.lease.id == grant.lease:
            counter.seen_free = counter.lease.free
            counter.seen_at = at if grant.amount else counter.seen_at
        counter.left, counter.leased = grant.left, grant.leased
        counter.scarce = grant.scarce
        # With nothing leased to anybody, nothing can come back: until the window ends it is known.
        counter.dry = min(at + 1.0, grant.ends) if grant.leased == 0 and grant.left <= 0 else 0.0

    def _after(self, waiter: Waiter, asked: set[str], at: float) -> Reservation | Refused | None:
        taken = self._take(waiter, at)
        if taken is not None:
            return taken
        short = [pair for pair in waiter.held if pair[0].lease.free < pair[1] or at >= pair[0].lease.ends]
        if waiter.due > at or any(counter.use.id not in asked for counter, _ in short):
            return None
        waiter.tries += 1
        counter = short[0][0]
        elsewhere = counter.leased - max(counter.lease.free, 0)
        if elsewhere > 0 and waiter.tries < TRIES:
            waiter.due = at + RETRY_S  # others hold some of it, and give back what they do not need
            return None
        return denial.exhausted(counter.use, counter.lease.ends, at)

    def lost(self, at: float) -> list[tuple[Then, Reservation | Refused]]:
        """The store does not answer; the batch under way is sent again until it does."""
        self.away = True
        if at - self._confirmed_at > HOLD_S:
            self._begin_anew()
        return self.serve(at)

    def _begin_anew(self) -> None:
        for counter in self._counters.values():
            counter.lease.over = True
            counter.lease.free = -_SMALL  # whatever is settled into it later is never given back
            counter.lease = Lease(counter.use)
            counter.seen_free = 0
        self._late = []

    def renamed(self, holder: str) -> None:
        """Go on under another name."""
        self.holder = holder
        self._number = 0
        self._under_way = None

    def tidy(self, at: float) -> int:
        """Void what nobody settled in time; return how many reservations that were."""
        forgotten = [one for one in self.outstanding if at - one.at > SETTLE_S]
        for one in forgotten:
            self.void(one)
        self.voided += len(forgotten)
        return len(forgotten)

    def release(self) -> tuple[Back, ...]:
        """Return everything that is free, at the end."""
        leases = [*self._late, *(counter.lease for counter in self._counters.values())]
        backs = tuple(Back(lease.id, lease.free) for lease in leases if lease.free > 0 and lease.id)
        for lease in leases:
            lease.free = 0
        return backs


def _cost(
    use: Use,
    input_tokens: int | None,
    output_tokens: int | None,
    cost_nano: int | None,
    *,
    model: str,
    held: int,
) -> int:
    """Return what a call cost in the budget's currency; what nobody can say costs what was reserved."""
    if use.only is not None and model and model not in use.only:
        return 0
    if cost_nano is not None:
        rate = use.rates.get(model)
        return cost_nano if rate is None else -(-cost_nano * rate // MILLIONTHS)
    if input_tokens is None or output_tokens is None:
        return held
    return min(held, input_tokens * use.price_in + output_tokens * use.price_out)
