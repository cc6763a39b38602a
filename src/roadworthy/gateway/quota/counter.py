"""Pure: what a gateway counts with: uses, counters, leases, reservations."""

from __future__ import annotations

import msgspec

from roadworthy.quota.entry import MILLIONTHS
from roadworthy.quota.window import Period

REQUESTS, TOKENS_IN, TOKENS_OUT, MONEY = 0, 1, 2, 3


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """What one declaration counts of a call, and at which price."""

    id: str
    kind: int
    period: Period
    limit: int
    lease_millionths: int
    declaration: str
    of: str
    owner: str = ""
    changers: tuple[str, ...] = ()
    """Who may change it where it names no owner."""
    currency: str = ""
    price_in: int = 0
    price_out: int = 0
    rates: dict[str, int] = {}
    only: frozenset[str] | None = None


class Lease:
    """What this gateway holds of one counter in one window. `over`: a newer window has begun."""

    __slots__ = ("ends", "free", "id", "over", "use")

    def __init__(self, use: Use, *, id: str = "", free: int = 0, ends: float = 0.0) -> None:  # noqa: A002
        self.use = use
        self.id = id
        self.free = free
        self.ends = ends
        self.over = False


class Counter:
    """A counter as this gateway sees it."""

    __slots__ = ("asked", "cap", "dry", "lease", "leased", "left", "scarce", "seen_at", "seen_free", "use")

    def __init__(self, use: Use) -> None:
        self.use = use
        self.lease = Lease(use)
        self.cap = max(1, use.limit * use.lease_millionths // MILLIONTHS)
        self.left = use.limit
        self.leased = 0
        self.scarce = False
        self.dry = 0.0
        self.asked = False
        self.seen_free = 0
        self.seen_at = 0.0


class Gauge:
    """How many calls of a key are under way."""

    __slots__ = ("now",)

    def __init__(self) -> None:
        self.now = 0


class Reservation:
    """What a call holds until it is settled or void."""

    __slots__ = ("at", "gauge", "open", "taken")

    def __init__(self, taken: list[tuple[Lease, int]], gauge: Gauge, at: float) -> None:
        self.taken = taken
        self.gauge = gauge
        self.at = at
        self.open = True

    @property
    def leases(self) -> tuple[str, ...]:
        """What a record names while the call is under way: all that was reserved."""
        return tuple(f"{lease.id}:{held}" for lease, held in self.taken if lease.use.kind == MONEY)


class Bound:
    """Scopes with their counters: what `Core.reserve` takes."""

    __slots__ = ("concurrency", "gauge", "held", "key_id")

    def __init__(
        self, held: tuple[tuple[Counter, int, int, int], ...], gauge: Gauge, concurrency: int, key_id: str
    ) -> None:
        self.held = held
        self.gauge = gauge
        self.concurrency = concurrency
        self.key_id = key_id
