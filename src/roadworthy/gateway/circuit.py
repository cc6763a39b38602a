"""Pure over time: one target's circuit breaker, a state machine that is told what happened and when."""

from __future__ import annotations

from typing import Literal

from roadworthy.gateway.snapshot import BreakerEntry

State = Literal["closed", "open", "half-open", "trying"]
REST_FACTOR_MAX = 16


class Breaker:
    """Closed: calls pass. Open: it rests. Half-open: the next call tries it. Trying: that call goes on."""

    __slots__ = (
        "_began_at",
        "_calls",
        "_earlier",
        "_failures",
        "_in_a_row",
        "_rests",
        "state",
        "until",
        "why",
    )

    def __init__(self) -> None:
        self.state: State = "closed"
        self.until = 0.0
        """When the rest ends."""
        self.why = ""
        self._in_a_row = 0
        self._rests = 0
        self._began_at = float("-inf")
        self._calls = self._failures = 0
        self._earlier = (0, 0)

    def succeeded(self, settings: BreakerEntry, *, at: float) -> None:
        """The target answered."""
        self._in_a_row = 0
        if self.state in {"trying", "half-open"}:
            self._heal()
        elif self.state == "closed":
            self._count(settings, at)

    def failed(self, settings: BreakerEntry, *, at: float) -> None:
        """The target did not answer, or said that it cannot."""
        self._in_a_row += 1
        if self.state in {"trying", "half-open"}:
            self._open(settings, at, "the call that tried it failed")
            return
        if self.state == "open":
            return  # a call that began before it opened, or the last resort: its rest is not made longer
        self._count(settings, at)
        self._failures += 1
        calls, failures = self._calls + self._earlier[0], self._failures + self._earlier[1]
        if self._in_a_row >= settings.failures_in_a_row:
            self._open(settings, at, f"{self._in_a_row} failures in a row")
        elif calls >= settings.least_calls and failures >= settings.failure_rate * calls:
            self._open(settings, at, f"{failures} of {calls} calls failed")

    def wake(self, *, at: float) -> bool:
        """Become half-open if the rest is over; say whether it did."""
        if self.state != "open" or at < self.until:
            return False
        self.state = "half-open"
        return True

    def tried(self) -> None:
        """A call is on its way to a half-open target: no other follows until it has ended."""
        if self.state == "half-open":
            self.state = "trying"

    def abandoned(self) -> None:
        """The call that tried it ended without saying anything about the target: the next one tries."""
        if self.state == "trying":
            self.state = "half-open"

    def idle(self, settings: BreakerEntry, *, at: float) -> bool:
        """Is there nothing to remember: closed, and no call counted within the window?"""
        return self.state == "closed" and at - self._began_at >= settings.window_s

    def _open(self, settings: BreakerEntry, at: float, why: str) -> None:
        self.state = "open"
        self.why = why
        self.until = at + settings.rest_s * min(REST_FACTOR_MAX, 2**self._rests)
        self._rests = min(self._rests + 1, 8)

    def _heal(self) -> None:
        self.state = "closed"
        self.why = ""
        self._rests = self._in_a_row = 0
        self._calls = self._failures = 0
        self._earlier = (0, 0)
        self._began_at = float("-inf")

    def _count(self, settings: BreakerEntry, at: float) -> None:
        """Count into the newer half of the window; the older half is forgotten as a whole."""
        half = settings.window_s / 2
        passed = at - self._began_at
        if passed >= half:
            self._earlier = (self._calls, self._failures) if passed < 2 * half else (0, 0)
            self._calls = self._failures = 0
            self._began_at = at
        self._calls += 1
