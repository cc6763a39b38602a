"""Sixty lines that say what a shared store must do, on a clock of their own."""

from __future__ import annotations

from dataclasses import dataclass, field

from roadworthy.quota import mark
from roadworthy.quota.port import Answer, Batch, Grant
from roadworthy.quota.window import window_of


@dataclass
class Reference:
    """Counters by (id, window), leases by name; whole numbers, and nothing else."""

    now: float = 0.0
    spent: dict[tuple[str, int], int] = field(default_factory=dict)
    leases: dict[str, int] = field(default_factory=dict)
    limits: dict[tuple[str, int], int] = field(default_factory=dict)
    short: dict[tuple[str, int], float] = field(default_factory=dict)

    def leased(self, place: tuple[str, int]) -> int:
        """Return what all gateways hold of a counter in a window."""
        return sum(
            amount for name, amount in self.leases.items() if name.startswith(f"{place[0]}|{place[1]}|")
        )

    def exchange(self, batch: Batch) -> Answer:
        """Do what a batch asks."""
        for back in batch.backs:
            assert back.amount <= self.leases[back.lease], "more is given back than is held"
            self.leases[back.lease] -= back.amount
        grants = []
        for ask in batch.asks:
            window = window_of(ask.period, self.now)
            place = (ask.counter, window.start)
            self.limits[place] = ask.limit
            left = ask.limit - self.spent.get(place, 0) - self.leased(place)
            granted = min(ask.want, max(left, 0))
            if granted < ask.want:
                self.short[place] = self.now + 2
            else:
                granted += min(ask.extra, max(0, left - granted) // 8)
            lease = mark.lease_id(ask.counter, window.start, batch.holder)
            self.leases[lease] = self.leases.get(lease, 0) + granted
            scarce = self.short.get(place, 0) > self.now
            grants.append(
                Grant(
                    ask.counter,
                    lease,
                    granted,
                    window.end,
                    max(0, left - granted),
                    self.leased(place),
                    scarce,
                )
            )
        return Answer(self.now, tuple(grants))

    def count(self, names: tuple[str, ...]) -> None:
        """Take in a record."""
        for name in names:
            read = mark.read(name)
            assert read is not None
            assert self.leases[read.lease] >= read.taken
            self.leases[read.lease] -= read.taken
            place = (read.counter, read.start)
            self.spent[place] = self.spent.get(place, 0) + read.spent

    def check(self) -> None:
        """Nothing is held or spent beyond what there is."""
        for place, limit in self.limits.items():
            assert self.spent.get(place, 0) + self.leased(place) <= limit
        assert all(amount >= 0 for amount in self.leases.values())
