"""Pure: process behaviour (XmR) limits and the four signals that tell a change from ordinary variation."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np

POINTS_MIN = 10
LIMIT_FACTOR = 2.66
RUN_ONE_SIDE = 8
RUN_TREND = 6

Rule: TypeAlias = Literal["outside-limits", "eight-one-side", "six-trending", "two-of-three-near-limit"]


@dataclass(frozen=True, slots=True)
class TooFewForLimits:
    """Why no limits are drawn, and how many more points would allow them."""

    n: int
    needed: int

    @property
    def reason(self) -> str:
        """One sentence for a person."""
        return f"{self.n} points in the baseline window; limits need {POINTS_MIN}: {self.needed} more"


@dataclass(frozen=True, slots=True)
class Limits:
    """The centre line and natural process limits of a baseline window."""

    center: float
    lower: float
    upper: float
    mean_moving_range: float
    n: int


@dataclass(frozen=True, slots=True)
class Signal:
    """One point at which a rule fired; the rule looks back, never ahead."""

    index: int
    rule: Rule
    side: Literal["above", "below"]


def limits(baseline: Sequence[float]) -> Limits | TooFewForLimits:
    """Mean plus and minus 2.66 mean moving ranges of the baseline window."""
    values = np.asarray(baseline, dtype=np.float64)
    if not np.isfinite(values).all():
        message = "baseline values must be finite numbers; leave out the weeks that have no figure"
        raise ValueError(message)
    if values.size < POINTS_MIN:
        return TooFewForLimits(int(values.size), POINTS_MIN - int(values.size))
    center = float(values.mean())
    moving = float(np.abs(np.diff(values)).mean())
    return Limits(center, center - LIMIT_FACTOR * moving, center + LIMIT_FACTOR * moving, moving, values.size)


def _same_side(window: Sequence[float], center: float) -> Literal["above", "below"] | None:
    if all(value > center for value in window):
        return "above"
    return "below" if all(value < center for value in window) else None


def _trend(window: Sequence[float]) -> Literal["above", "below"] | None:
    steps = [later - earlier for earlier, later in pairwise(window)]
    if all(step > 0 for step in steps):
        return "above"
    return "below" if all(step < 0 for step in steps) else None


def _near_limit(window: Sequence[float], bounds: Limits) -> Literal["above", "below"] | None:
    reach = (bounds.upper - bounds.center) * 2.0 / 3.0
    if reach <= 0:
        return None
    # The newest point must be one of the two, or the signal would be reported a week late.
    if window[-1] > bounds.center + reach and sum(v > bounds.center + reach for v in window) >= 2:
        return "above"
    if window[-1] < bounds.center - reach and sum(v < bounds.center - reach for v in window) >= 2:
        return "below"
    return None


def signals(values: Sequence[float], bounds: Limits) -> tuple[Signal, ...]:
    """Every point at which one of the four rules fires, oldest first."""
    found: list[Signal] = []
    for index, value in enumerate(values):
        if value > bounds.upper or value < bounds.lower:
            found.append(Signal(index, "outside-limits", "above" if value > bounds.upper else "below"))
        seen = values[: index + 1]
        if index + 1 >= RUN_ONE_SIDE and (side := _same_side(seen[-RUN_ONE_SIDE:], bounds.center)):
            found.append(Signal(index, "eight-one-side", side))
        if index + 1 >= RUN_TREND and (side := _trend(seen[-RUN_TREND:])):
            found.append(Signal(index, "six-trending", side))
        if index + 1 >= 3 and (side := _near_limit(seen[-3:], bounds)):
            found.append(Signal(index, "two-of-three-near-limit", side))
    return tuple(found)
