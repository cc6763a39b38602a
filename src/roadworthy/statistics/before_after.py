"""Pure: two means, before and after. Not evidence of cause: it takes any trend for an effect."""

import math

import numpy as np

from roadworthy.statistics.estimate import Estimate, with_interval
from roadworthy.statistics.linear_model import Vector


def difference(before: Vector, after: Vector, *, level: float) -> Estimate:
    """Mean after less mean before, with Welch's interval; each side has two figures or more."""
    shares = [float(np.var(side, ddof=1)) / side.size for side in (before, after)]
    total = sum(shares)
    below = sum(s**2 / (side.size - 1) for s, side in zip(shares, (before, after), strict=True))
    degrees = total**2 / below if below > 0 else float(before.size + after.size - 2)
    return with_interval(
        float(after.mean() - before.mean()), math.sqrt(total), degrees, level=level, errors="Welch"
    )


def paired(before: Vector, after: Vector, *, level: float) -> Estimate:
    """Mean change of units that were measured on both sides; row i of both is one unit."""
    change = after - before
    error = float(change.std(ddof=1)) / math.sqrt(change.size)
    return with_interval(float(change.mean()), error, change.size - 1.0, level=level, errors="paired")
