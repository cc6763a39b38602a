"""Pure: what a gateway asks of the store that all gateways share, and what it is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from roadworthy.quota.window import Period


class Ask(msgspec.Struct, frozen=True):
    """Lease for a counter: `want` is waited for by calls, `extra` is for those to come.

    With neither, it only asks how the counter stands.
    """

    counter: str
    period: Period
    limit: int
    want: int = 0
    extra: int = 0


class Back(msgspec.Struct, frozen=True):
    """Give back what a lease still holds of this amount."""

    lease: str
    amount: int


class Batch(msgspec.Struct, frozen=True):
    """What one gateway asks at once; a batch sent twice is answered twice and done once."""

    holder: str
    number: int
    asks: tuple[Ask, ...] = ()
    backs: tuple[Back, ...] = ()

    @property
    def changes(self) -> bool:
        """Does it ask for more than how counters stand?"""
        return bool(self.backs) or any(ask.want or ask.extra for ask in self.asks)


class Grant(msgspec.Struct, frozen=True):
    """How a counter stands in its present window, and what was leased of it."""

    counter: str
    lease: str
    amount: int
    ends: int
    left: int
    """Neither spent nor leased to anybody."""
    leased: int
    """Leased to all gateways together."""
    scarce: bool = False
    """Some gateway was given less than it wanted: what is idle should come back."""


class Answer(msgspec.Struct, frozen=True):
    """The store's time, and a grant for every ask, in order."""

    now: float
    grants: tuple[Grant, ...] = ()
    fenced: bool = False
    """This gateway was taken for dead: its leases are void, it begins anew under another name."""
    gateways: int = 1


class Place(msgspec.Struct, frozen=True):
    """Where a gateway's records wait, so that others can tell when they have all been taken over."""

    host: str = ""
    spool: str = ""
    process: str = ""


class StoreAwayError(Exception):
    """The store did not answer; whether it did what was asked is not known."""


class Store(Protocol):
    """A shared store; every method may block, and is called from one thread."""

    def begin(self, holder: str, place: Place) -> Answer:
        """Make a gateway known."""

    def exchange(self, batch: Batch) -> Answer:
        """Do what a batch asks, all of it or nothing."""

    def see(self, holder: str) -> None:
        """Say that a gateway lives though it asks for nothing."""

    def settle_up(self) -> None:
        """Learn of records that have arrived since, where that does not happen by itself."""

    def reap(self, place: Place) -> int:
        """Fence gateways that are silent, give back leases whose spool was taken over; return how many."""

    def count(self, names: Sequence[str]) -> None:
        """Count as spent what these say, where no records are handed in that would."""

    def end(self, holder: str) -> None:
        """Say that a gateway leaves."""
