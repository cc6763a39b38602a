"""Pure: how many answers "unknown key" one address gets in a second."""

from __future__ import annotations

ADDRESSES_MAX = 10_000


class Strangers:
    """A bucket for each address that showed no good key: it fills with time, an answer takes one out."""

    __slots__ = ("_buckets", "_per_s")

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._buckets: dict[str, tuple[float, float]] = {}

    def may_answer(self, address: str, *, now: float) -> bool:
        """Take one out if there is one."""
        buckets = self._buckets
        held, at = buckets.pop(address, (self._per_s, now))
        held = min(self._per_s, held + (now - at) * self._per_s)
        allowed = held >= 1
        if len(buckets) >= ADDRESSES_MAX:
            del buckets[next(iter(buckets))]  # the one that was quiet longest
        buckets[address] = (held - 1 if allowed else held, now)
        return allowed
