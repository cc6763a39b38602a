"""One coarse clock for all connections: setting a deadline is an assignment, not a timer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from roadworthy.gateway.edge.outbox import Outbox

TICK_S = 0.1


def ticks(delay_s: float) -> int:
    """Return how many ticks a delay takes: never less than the delay."""
    return int(delay_s / TICK_S) + 1


def _nothing() -> None:
    """Is done where nothing else is to be."""


class Timed(Protocol):
    """Something with a deadline. `deadline` is in ticks, 0 for none; `armed` is the wheel's own."""

    deadline: int
    armed: int

    def on_deadline(self) -> None:
        """The deadline has passed."""


class Wheel:
    """Calls `on_deadline` within a tick after the deadline; moving a deadline further off costs nothing."""

    __slots__ = ("_handle", "_loop", "_slots", "every_tick", "now", "outbox")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.outbox = Outbox(loop.call_soon)
        """What the connections on this clock say in a turn of its loop."""
        self.every_tick: Callable[[], None] = _nothing
        """What else is to be done ten times a second."""
        self._slots: dict[int, list[Timed]] = {}
        self.now = 0
        self._handle: asyncio.TimerHandle | None = loop.call_later(TICK_S, self._tick)

    def set(self, timed: Timed, delay_s: float) -> None:
        """Let the deadline be `delay_s` from now."""
        self.put(timed, self.now + ticks(delay_s))

    def put(self, timed: Timed, deadline: int) -> None:
        """Let the deadline be a tick."""
        timed.deadline = deadline
        if not timed.armed or deadline < timed.armed:
            timed.armed = deadline
            self._slots.setdefault(deadline, []).append(timed)

    def clear(self, timed: Timed) -> None:
        """Let there be no deadline."""
        timed.deadline = 0

    def _tick(self) -> None:
        # Steps are counted, not read from the clock: a machine that slept does not expire everything at once.
        now = self.now = self.now + 1
        self._handle = self._loop.call_later(TICK_S, self._tick)
        for timed in self._slots.pop(now, ()):
            if timed.armed != now:
                continue  # it was armed anew for an earlier tick, and looked at then
            timed.armed = 0
            deadline = timed.deadline
            if not deadline:
                continue
            if deadline > now:
                timed.armed = deadline
                self._slots.setdefault(deadline, []).append(timed)
            else:
                timed.deadline = 0
                timed.on_deadline()
        self.every_tick()

    def stop(self) -> None:
        """Stop ticking."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
