"""Pure: how a call's record names what it took from which lease."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec


class Mark(msgspec.Struct, frozen=True):
    """So much was taken from a lease, so much was spent; more is spent than taken when a provider errs."""

    lease: str
    counter: str
    start: int
    taken: int
    spent: int


def lease_id(counter: str, start: int, holder: str) -> str:
    """Return the name of what a gateway holds of a counter in a window."""
    return f"{counter}|{start}|{holder}"


def read(text: str) -> Mark | None:
    """Read `counter|start|holder:taken` or `…:taken:spent`; None for anything else."""
    lease, _, amounts = text.rpartition("|")
    counter, _, start = lease.rpartition("|")
    holder, *figures = amounts.split(":")
    if not counter or not start.isdecimal() or len(figures) not in {1, 2}:
        return None
    if not all(one.isdecimal() and len(one) < 19 for one in figures):
        return None
    taken, spent = int(figures[0]), int(figures[-1])
    return Mark(lease_id(counter, int(start), holder), counter, int(start), taken, spent)


def totals(marks: Iterable[Mark]) -> dict[str, Mark]:
    """Add up what was taken and spent, by lease, in the order in which counters are locked."""
    found: dict[str, Mark] = {}
    for one in marks:
        known = found.get(one.lease)
        taken, spent = one.taken, one.spent
        if known is not None:
            taken, spent = taken + known.taken, spent + known.spent
        found[one.lease] = Mark(one.lease, one.counter, one.start, taken, spent)
    return dict(sorted(found.items(), key=lambda pair: (pair[1].counter, pair[1].start)))
