"""Quotas as the pipeline meets them: the core on the event loop, the store in a thread of its own."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue

import msgspec

from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.quota import denial
from roadworthy.gateway.quota.core import Core, Then
from roadworthy.gateway.quota.counter import MONEY, Bound, Reservation
from roadworthy.gateway.quota.scopes import Scopes
from roadworthy.quota.port import Answer, Batch, Place, Store, StoreAwayError

TICK_S = 0.1
REAP_S = 10.0
SETTLE_UP_S = 1.0
COUNT_S = 1.0
"""How often what was spent is counted where nobody takes in records; until then it stays leased."""
_CRLF = b"\r\n"
Post = Callable[..., object]


class Quotas:
    """Reserves, settles, voids. All but `start` and `stop` is for the event loop alone."""

    def __init__(
        self,
        store: Store,
        *,
        place: Place,
        unix_now: Callable[[], float],
        monotonic: Callable[[], float] = time.monotonic,
        tick_s: float = TICK_S,
        counts_itself: bool = False,
    ) -> None:
        """Make quotas; `counts_itself` where nobody takes in the records that say what was spent."""
        self.core = Core(_name(), keeps_spent=counts_itself)
        self._counted_at = 0.0
        self._monotonic = monotonic
        # The store's clock, once it has spoken: windows begin for all gateways at the same moment.
        self._offset = unix_now() - monotonic()
        self._tick_s = tick_s
        self._later: Callable[[float, Callable[[], None]], object] | None = None
        self._stopped = False
        self._worker = Worker(store, place=place, monotonic=monotonic)

    # ------------------------------------------------------------------ life

    def start(self, *, post: Post, later: Callable[[float, Callable[[], None]], object]) -> None:
        """Begin: `post` brings a call onto the loop from another thread, `later` does after a delay."""
        self._later = later
        self._worker.bind(post, self)
        self._worker.start()
        self._worker.put(Begin(self.core.holder))
        later(self._tick_s, self._tick)

    def stop(self) -> None:
        """Give back what is free and say good-bye; after the last call."""
        self._stopped = True
        self._worker.halt()
        while self._worker.answers:  # what the last turn was granted is given back, too
            self.core.apply(self._worker.answers.popleft()[0], self._monotonic() + self._offset)
        backs = self.core.release()
        self._worker.leave(Batch(self.core.holder, 1 << 30, (), backs), self.core.holder, self.core.spent())

    @property
    def error(self) -> str:
        """What keeps the store from answering, if anything does."""
        return self._worker.error

    @property
    def leaks(self) -> int:
        """How many reservations nobody settled in time; they were given back."""
        return self.core.voided

    # ------------------------------------------------------------------ a call

    def reserve(
        self,
        scopes: Scopes,
        *,
        size: int,
        output_tokens: int | None,
        count: int = 1,
        then: Then,
        admitted: Admitted | None = None,
        now: float = 0.0,
    ) -> Reservation | Refused | None:
        """Reserve what a request of `size` bytes may need; None when the store is asked: `then` is told."""
        if scopes.refused is not None:
            return scopes.refused
        bound = scopes.bound
        if bound is None or scopes.bound_by is not self:
            bound = self._bind(scopes)
        if bound.gauge.now >= bound.concurrency:
            return denial.busy(bound.key_id, bound.concurrency)
        cap = scopes.size_cap
        if cap is not None and size > cap:
            size = cap
        output = output_tokens or 0
        at = self._monotonic() + self._offset
        found = self.core.reserve(bound, size, output, count, at)
        return found if found is not None else self._ask(bound, size, output, count, then)

    def _bind(self, scopes: Scopes) -> Bound:
        bound = self.core.bind(scopes.uses, key_id=scopes.key_id, concurrency=scopes.concurrency)
        scopes.bound, scopes.bound_by = bound, self
        return bound

    def _ask(
        self, bound: Bound, size: int, output: int, count: int, then: Then
    ) -> Reservation | Refused | None:
        core = self.core
        at = self._monotonic() + self._offset
        refused = core.wait(bound, core.needs(bound, size, output, count), then, at)
        if refused is not None:
            return refused
        if core.away:  # rates may be counted here alone by now
            found = core.reserve(bound, size, output, count, at)
            if found is not None:
                core.waiting.pop()
                bound.gauge.now -= 1
                return found
        self._collect(at)
        return None

    def settle(
        self,
        reservation: Reservation,
        *,
        input_tokens: int | None,
        output_tokens: int | None,
        cost_nano: int | None,
        model: str = "",
    ) -> tuple[str, ...]:
        """Exchange the reservation for what was used; return what the call's record must name."""
        return self.core.settle(reservation, input_tokens, output_tokens, cost_nano, model)

    def void(self, reservation: Reservation) -> None:
        """Give a reservation back: nothing was used."""
        self.core.void(reservation)

    def header_lines(self, scopes: Scopes, now: float = 0.0) -> bytes:
        """Return `x-ratelimit-*` and `retry-after` as other gateways and providers name them."""
        bound = scopes.bound
        if bound is None:
            return b""
        return headers(bound, self._monotonic() + self._offset)

    # ------------------------------------------------------------------ the store

    def _tick(self) -> None:
        if self._stopped or self._later is None:
            return
        at = self._monotonic() + self._offset
        self._tell(self.core.serve(at))
        self.core.tidy(at)
        if at - self._counted_at >= COUNT_S:
            self._counted_at = at
            if spent := self.core.spent():
                self._worker.put(spent)
        self._collect(at)
        self._later(self._tick_s, self._tick)

    def _collect(self, at: float) -> None:
        batch = self.core.collect(at)
        if batch is not None:
            self._worker.put(batch)

    def begun(self, answer: Answer) -> None:
        """The store knows this gateway."""
        self._offset = answer.now - self._monotonic()
        self.core.gateways = max(1, answer.gateways)

    def answered(self) -> None:
        """The store has answered a batch."""
        if self._stopped or not self._worker.answers:
            return
        answer, started_s = self._worker.answers.popleft()
        ended_s = self._monotonic()
        if ended_s - started_s < 1.0:  # an answer that took long says little about the time
            self._offset = answer.now - (started_s + ended_s) / 2
        at = ended_s + self._offset
        told = self.core.apply(answer, at)
        if answer.fenced:
            self.core.renamed(_name())
            self._worker.put(Begin(self.core.holder))
        self._tell(told)
        self._collect(at)

    def unanswered(self) -> None:
        """The store is away."""
        self._tell(self.core.lost(self._monotonic() + self._offset))

    @staticmethod
    def _tell(told: list[tuple[Then, Reservation | Refused]]) -> None:
        for then, verdict in told:
            then(verdict)


def _name() -> str:
    return secrets.token_hex(6)


def headers(bound: Bound, at: float) -> bytes:
    """Return the header lines of the tightest counter of each kind."""
    said: dict[bytes, tuple[int, int, float]] = {}
    wait = 0.0
    for counter, kind, _, _ in bound.held:
        free = max(counter.lease.free, 0)
        left = counter.left + free
        if counter.scarce or left <= 0:
            wait = max(wait, min(counter.lease.ends - at, 86_400.0))
        if kind == MONEY:  # it has no such header
            continue
        name = b"requests" if kind == 0 else b"tokens"
        known = said.get(name)
        if known is None or left < known[1]:
            said[name] = (counter.use.limit, left, max(0.0, counter.lease.ends - at))
    lines = b"".join(
        b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %d\r\nx-ratelimit-reset-%b: %ds\r\n"
        % (name, limit, name, left, name, -(-reset // 1))
        for name, (limit, left, reset) in said.items()
    )
    return lines + (b"retry-after: %d\r\n" % max(1, -(-wait // 1)) if wait > 0 else b"")


class Begin(msgspec.Struct, frozen=True):
    """Make this gateway known to the store."""

    holder: str


Asked = Batch | Begin | tuple[str, ...]


class Worker(threading.Thread):
    """Speaks to the store, a batch at a time; one whose outcome is unknown is sent until it is known."""

    def __init__(self, store: Store, *, place: Place, monotonic: Callable[[], float]) -> None:
        super().__init__(name="quota-leases", daemon=True)
        self._store = store
        self._place = place
        self._monotonic = monotonic
        self._asked: SimpleQueue[Asked | None] = SimpleQueue()
        self._post: Post | None = None
        self._quotas: Quotas | None = None
        self._stopping = False
        self._holder = ""
        self.answers: deque[tuple[Answer, float]] = deque()
        """What the store said, with when it was asked, and nobody has heard yet."""
        self._said_at = float("-inf")
        self._reaped_at = float("-inf")
        self._settled_at = float("-inf")
        self.error = ""
        self.freed = 0

    def bind(self, post: Post, quotas: Quotas) -> None:
        """Say who is told, and how."""
        self._post, self._quotas = post, quotas

    def put(self, asked: Asked) -> None:
        """Have this asked, after what was put before."""
        self._asked.put(asked)

    def run(self) -> None:
        while not self._stopping:
            try:
                asked = self._asked.get(timeout=1.0)
            except Empty:
                self._keep()
                continue
            if asked is not None:
                self._do(asked)
                self._keep()

    def _do(self, asked: Asked) -> None:
        wait = 0.05
        while not self._stopping:
            started_s = self._monotonic()
            try:
                if isinstance(asked, Begin):
                    self._holder = asked.holder
                    self._tell("begun", self._store.begin(asked.holder, self._place))
                elif isinstance(asked, tuple):
                    self._store.count(asked)
                else:
                    self.answers.append((self._store.exchange(asked), started_s))
                    self._tell("answered")
            except Exception as error:  # noqa: BLE001  whatever the store raises, calls must be told
                self.error = f"the store of limits and budgets does not answer: {error}"[:300]
                self._tell("unanswered")
                time.sleep(wait)
                wait = min(wait * 2, 1.0)
                continue
            self.error = ""
            if not isinstance(asked, Batch) or asked.changes:
                self._said_at = self._monotonic()
            return

    def _left(self) -> Iterator[tuple[str, ...]]:
        """Yield what was to be counted and was not, for the thread had to end."""
        while True:
            try:
                asked = self._asked.get_nowait()
            except Empty:
                return
            if isinstance(asked, tuple):
                yield asked

    def _tell(self, what: str, *given: object) -> None:
        assert self._post is not None
        try:
            self._post(getattr(self._quotas, what), *given)
        except RuntimeError:  # the loop is closed: nobody waits any more
            self._stopping = True

    def _keep(self) -> None:
        now = self._monotonic()
        try:
            if now - self._said_at > REAP_S and self._holder:
                self._store.see(self._holder)
                self._said_at = now
            if now - self._settled_at > SETTLE_UP_S:
                self._settled_at = now
                self._store.settle_up()
            if now - self._reaped_at > REAP_S:
                self._reaped_at = now
                self.freed += self._store.reap(self._place)
        except StoreAwayError as error:
            self.error = f"the store of limits and budgets does not answer: {error}"[:300]

    def halt(self) -> None:
        """Stop after the turn that is running; what it was answered is in `answers`."""
        self._stopping = True
        self._asked.put(None)
        if self.is_alive():
            self.join(5)

    def leave(self, last: Batch, holder: str, spent: Sequence[str]) -> None:
        """Count what was spent, give back what is free, and say good-bye; after `halt`."""
        try:
            for asked in self._left():
                self._store.count(asked)
            self._store.count(spent)
            if last.backs:
                self._store.exchange(last)
            self._store.end(holder)
        except Exception as error:  # noqa: BLE001  it is given back by others, after a time
            self.error = f"the store of limits and budgets does not answer: {error}"[:300]
