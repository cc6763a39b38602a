"""Pure: did a metric that must not get worse stay within its margin while a use case was live?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from statistics import fmean
from typing import Literal, TypeAlias

from roadworthy.portfolio.amount import amount, change_unit, figure, signed
from roadworthy.portfolio.effect import PERIOD, Direction, LiveWindow, WeeklyPoint
from roadworthy.statistics import student_t

State: TypeAlias = Literal["within margin", "breached", "cannot tell yet", "no data"]

WEEKS_MIN = 4
_CONFIDENCE = 0.975


@dataclass(frozen=True, slots=True)
class Guard:
    """A metric that must not get worse, and by how much it may."""

    metric: str
    title: str
    unit: str
    direction: Direction
    margin: float


@dataclass(frozen=True, slots=True)
class ConstraintCheck:
    """How a guard stands, and from which figures that follows."""

    guard: Guard
    state: State
    words: str
    before: float | None = None
    during: float | None = None
    worse_by: float | None = None
    """How much worse it is while live, on average; negative is better."""
    low: float | None = None
    high: float | None = None
    n_before: int = 0
    n_during: int = 0


@dataclass(frozen=True, slots=True)
class _Mean:
    value: float
    variance: float
    weeks: float


def _mean(values: Sequence[float]) -> _Mean:
    """Return a mean with the variance of that mean; weeks that resemble their neighbours count for less."""
    middle = fmean(values)
    spread = sum((value - middle) ** 2 for value in values)
    follows = sum((a - middle) * (b - middle) for a, b in pairwise(values))
    likeness = max(0.0, min(0.9, follows / spread)) if spread > 0.0 else 0.0
    weeks = max(2.0, len(values) * (1.0 - likeness) / (1.0 + likeness))
    return _Mean(middle, spread / (len(values) - 1) / weeks, weeks)


def _half_width(a: _Mean, b: _Mean) -> float:
    """Return the half width of the 95 % interval of a difference of means (Welch)."""
    total = a.variance + b.variance
    if total == 0.0:
        return 0.0
    freedom = total**2 / (a.variance**2 / (a.weeks - 1.0) + b.variance**2 / (b.weeks - 1.0))
    return float(student_t.quantile(_CONFIDENCE, max(1.0, freedom)) * total**0.5)


def check(
    guard: Guard, points: Sequence[WeeklyPoint], *, window: LiveWindow | None, as_of: date
) -> ConstraintCheck:
    """Compare the weeks before the launch with the whole weeks since; what is unknown never passes."""
    if window is None:
        return ConstraintCheck(guard, "no data", "nothing has been launched, so there is nothing to compare")
    last = window.end or as_of + timedelta(days=1)
    before = [point.value for point in points if point.start + PERIOD <= window.start]
    during = [point.value for point in points if point.start >= window.start and point.start + PERIOD <= last]
    if len(before) < WEEKS_MIN or len(during) < WEEKS_MIN:
        words = (
            f"{len(before)} whole weeks before the launch and {len(during)} while live were measured; "
            f"at least {WEEKS_MIN} of each are needed"
        )
        return ConstraintCheck(guard, "no data", words, n_before=len(before), n_during=len(during))
    old, new = _mean(before), _mean(during)
    worse = (new.value - old.value) * (1.0 if guard.direction == "decrease" else -1.0)
    half = _half_width(old, new)
    low, high = worse - half, worse + half
    state: State = "cannot tell yet"
    if low > guard.margin:
        state = "breached"
    elif high <= guard.margin:
        state = "within margin"
    words = (
        f"{amount(old.value, guard.unit)} before and {amount(new.value, guard.unit)} while live, "
        f"{_how(worse)} by {figure(abs(worse), 2)} (95 % interval of the worsening {signed(low, 2)} to "
        f"{signed(high, 2)}); {figure(guard.margin)} {change_unit(guard.unit)} are tolerated"
    )
    return ConstraintCheck(
        guard, state, words, old.value, new.value, worse, low, high, len(before), len(during)
    )


def _how(worse: float) -> str:
    return "worse" if worse > 0 else "better" if worse < 0 else "unchanged"
