"""Pure over time: which models failed so often in a row that others are asked first for a while."""

from __future__ import annotations

FAILURES_TO_TRIP = 5
REST_S = 10.0


class Circuits:
    """Counts failures in a row per model; after five the model rests ten seconds, then gets one try."""

    __slots__ = ("_failures", "_resting", "tripped")

    def __init__(self) -> None:
        self._failures: dict[str, int] = {}
        self._resting: dict[str, float] = {}
        self.tripped: set[str] = set()

    def succeeded(self, model: str) -> None:
        """Forget what went wrong before."""
        if self._failures:
            self._failures.pop(model, None)
            self._resting.pop(model, None)
            self.tripped.discard(model)

    def failed(self, model: str, *, at: float) -> None:
        """Count a failure."""
        count = self._failures[model] = self._failures.get(model, 0) + 1
        if count >= FAILURES_TO_TRIP:
            self._resting[model] = at + REST_S
            self.tripped.add(model)

    def wake(self, *, at: float) -> None:
        """Let the models that have rested be asked again; one more failure sends them back."""
        for model in [model for model, until in self._resting.items() if until <= at]:
            del self._resting[model]
            self._failures[model] = FAILURES_TO_TRIP - 1
            self.tripped.discard(model)
