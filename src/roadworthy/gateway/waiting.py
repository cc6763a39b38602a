"""Where calls wait for the revision they must be decided on, for two seconds at most."""

from __future__ import annotations

from collections.abc import Callable

from roadworthy.gateway.exchange import Course
from roadworthy.gateway.refresh import SnapshotHolder

REFRESH_WAIT_S = 2.0
_ASK_EVERY_S = 0.25
"""However many strangers wait, the source is asked four times a second for them."""


class LookAgainError(Exception):
    """The call cannot be decided on what was known when it came."""


class Waiting:
    """A call that waits; afterwards it passes everything through to the call itself."""

    __slots__ = ("_course", "_left", "_work", "revision", "since_s", "until_s")

    def __init__(
        self, work: Callable[[], Course | None], *, until_s: float, since_s: float | None, revision: int
    ) -> None:
        self.until_s = until_s
        self.since_s = since_s
        self.revision = revision
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

    __slots__ = ("_ask_refresh", "_asked_s", "_holder", "_monotonic", "_waiting")

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
        self._asked_s = float("-inf")

    def enter(
        self, work: Callable[[], Course | None], *, since_s: float | None = None, revision: int = 0
    ) -> Waiting:
        """Wait with this call for a revision that was announced, or for the source to be asked since then."""
        now_s = self._monotonic()
        waiting = Waiting(work, until_s=now_s + REFRESH_WAIT_S, since_s=since_s, revision=revision)
        self._waiting.append(waiting)
        if since_s is None or now_s - self._asked_s >= _ASK_EVERY_S:
            self._asked_s = now_s
            self._ask_refresh()
        return waiting

    def wake(self) -> None:
        """The snapshot was refreshed, or time has passed: let those go that need not wait any longer."""
        if not self._waiting:
            return
        now_s = self._monotonic()
        holder = self._holder
        unsure = holder.unsure(now=now_s)
        going: list[Waiting] = []
        staying: list[Waiting] = []
        for one in self._waiting:
            told = (
                holder.holds(one.revision) if one.since_s is None else unsure or holder.asked_s >= one.since_s
            )
            (going if told or one.until_s <= now_s else staying).append(one)
        self._waiting = staying
        for one in going:
            one.go()
