"""Where calls wait for the revision they must be decided on, for two seconds at most."""

from __future__ import annotations

from collections.abc import Callable

from roadworthy.gateway.exchange import Course
from roadworthy.gateway.refresh import SnapshotHolder

REFRESH_WAIT_S = 2.0


class Waiting:
    """A call that waits; afterwards it passes everything through to the call itself."""

    __slots__ = ("_course", "_left", "_work", "until_s")

    def __init__(self, work: Callable[[], Course | None], *, until_s: float) -> None:
        self.until_s = until_s
        self._work = work
        self._course: Course | None = None
        self._left = False

    def go(self) -> None:
        """Continue, unless the caller has left."""
        if not self._left:
            self._course = self._work()

    def cancel(self) -> None:
        self._left = True
        if self._course is not None:
            self._course.cancel()

    def pause(self) -> None:
        if self._course is not None:
            self._course.pause()

    def resume(self) -> None:
        if self._course is not None:
            self._course.resume()


class WaitingRoom:
    """Holds calls while the snapshot is behind what was announced."""

    __slots__ = ("_ask_refresh", "_holder", "_monotonic", "_waiting")

    def __init__(
        self,
        holder: SnapshotHolder,
        *,
        monotonic: Callable[[], float],
        ask_refresh: Callable[[], None],
    ) -> None:
        self._holder = holder
        self._monotonic = monotonic
        self._ask_refresh = ask_refresh
        self._waiting: list[Waiting] = []

    def enter(self, work: Callable[[], Course | None]) -> Waiting:
        """Wait with this call, and have the snapshot refreshed."""
        waiting = Waiting(work, until_s=self._monotonic() + REFRESH_WAIT_S)
        self._waiting.append(waiting)
        self._ask_refresh()
        return waiting

    def wake(self) -> None:
        """The snapshot was refreshed, or time has passed: let those go that need not wait any longer."""
        if not self._waiting:
            return
        now_s = self._monotonic()
        current = not self._holder.behind()
        going = [one for one in self._waiting if current or one.until_s <= now_s]
        self._waiting = [one for one in self._waiting if not (current or one.until_s <= now_s)]
        for one in going:
            one.go()
