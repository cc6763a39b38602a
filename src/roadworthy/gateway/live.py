"""Pure over time: what a gateway process has seen of its targets: breakers, calls under way, latencies."""

from __future__ import annotations

from roadworthy.gateway.circuit import Breaker
from roadworthy.gateway.routing import Attempt, Lane
from roadworthy.statistics.sketch import Sketch

LATENCY_WINDOW_S = 60.0
LATENCY_LEAST = 20
"""So many calls have to be measured before a latency is known."""
_RECKON_S = 1.0


class _Recent:
    """Latencies of the last one to two windows."""

    __slots__ = ("earlier", "fresh", "now")

    def __init__(self) -> None:
        self.now = Sketch()
        self.earlier = Sketch()
        self.fresh = True

    def median(self) -> float | None:
        both = Sketch()
        both.merge(self.earlier)
        both.merge(self.now)
        return both.quantile(0.5) if both.count >= LATENCY_LEAST else None


class Live:
    """Told of every attempt's beginning and end; read by `routing.plan`, which changes nothing in it."""

    __slots__ = (
        "_breakers",
        "_lanes",
        "_latencies",
        "_reckoned_at",
        "_turned_at",
        "_under_way",
        "full",
        "latency_ms",
        "resting",
    )

    def __init__(self) -> None:
        self.resting: set[str] = set()
        """Lanes whose breaker lets no call pass now."""
        self.full: set[str] = set()
        """Lanes that have as many calls under way as they may."""
        self.latency_ms: dict[str, float] = {}
        """Model -> median time to the first byte, where enough calls were measured."""
        self._breakers: dict[str, Breaker] = {}
        self._lanes: dict[str, Lane] = {}
        self._under_way: dict[str, int] = {}
        self._latencies: dict[str, _Recent] = {}
        self._turned_at = self._reckoned_at = float("-inf")

    def began(self, attempt: Attempt) -> None:
        """An attempt is on its way."""
        lane = attempt.lane
        if lane.at_once:
            count = self._under_way[lane.key] = self._under_way.get(lane.key, 0) + 1
            if count >= lane.at_once:
                self.full.add(lane.key)
        if self._breakers and (breaker := self._breakers.get(lane.key)) is not None:
            breaker.tried()
            if breaker.state == "trying":
                self.resting.add(lane.key)

    def ended(
        self, attempt: Attempt, *, failed: bool | None, at: float, first_byte_ms: float | None = None
    ) -> None:
        """An attempt has ended; `failed` is None when it says nothing about the target (the caller left)."""
        lane = attempt.lane
        if lane.at_once:
            self._left(lane)
        if first_byte_ms is not None and not failed:
            name = attempt.target.model.name
            recent = self._latencies.get(name)
            if recent is None:
                recent = self._latencies[name] = _Recent()
            recent.now.add(first_byte_ms)
            recent.fresh = True
        if failed or lane.key in self._breakers:
            self._judge(lane, failed=failed, at=at)

    def _left(self, lane: Lane) -> None:
        count = self._under_way.get(lane.key, 0) - 1
        if count > 0:
            self._under_way[lane.key] = count
        else:
            self._under_way.pop(lane.key, None)
        if count < lane.at_once:
            self.full.discard(lane.key)

    def _judge(self, lane: Lane, *, failed: bool | None, at: float) -> None:
        breaker = self._breakers.get(lane.key)
        if breaker is None:
            breaker = self._breakers[lane.key] = Breaker()
        self._lanes[lane.key] = lane
        if failed is None:
            breaker.abandoned()
        elif failed:
            breaker.failed(lane.breaker, at=at)
        else:
            breaker.succeeded(lane.breaker, at=at)
        if breaker.state in {"open", "trying"}:
            self.resting.add(lane.key)
        else:
            self.resting.discard(lane.key)

    def wake(self, *, at: float) -> None:
        """Let time pass: rests end, latencies are reckoned anew, what is long healed is forgotten."""
        for key, breaker in tuple(self._breakers.items()):
            if breaker.wake(at=at):
                self.resting.discard(key)
            elif breaker.idle(self._lanes[key].breaker, at=at):
                del self._breakers[key], self._lanes[key]
        if at - self._reckoned_at >= _RECKON_S:
            self._reckoned_at = at
            self._reckon(at)

    def _reckon(self, at: float) -> None:
        turn = at - self._turned_at >= LATENCY_WINDOW_S
        if turn:
            self._turned_at = at
        for name, recent in tuple(self._latencies.items()):
            if turn:
                recent.earlier, recent.now = recent.now, Sketch()
                if not recent.earlier.count:
                    del self._latencies[name]
                    self.latency_ms.pop(name, None)
                    continue
            elif not recent.fresh:
                continue
            recent.fresh = False
            median = recent.median()
            if median is None:
                self.latency_ms.pop(name, None)
            else:
                self.latency_ms[name] = median

    def breaker_of(self, key: str) -> Breaker | None:
        """Return a lane's breaker, if it ever failed lately."""
        return self._breakers.get(key)

    def under_way(self, key: str) -> int:
        """Return how many calls are under way in a lane that has a limit."""
        return self._under_way.get(key, 0)
