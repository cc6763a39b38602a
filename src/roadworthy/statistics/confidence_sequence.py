"""Pure: intervals that hold at every look, so that a trial may be watched and stopped at any time.

The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas ("Time-uniform central
limit theory", 2021, theorem 2.2): with n units, spread s of one unit's contribution and a tuning rho,

    mean +- s sqrt( 2 (n rho^2 + 1) / (n^2 rho^2) log( sqrt(n rho^2 + 1) / alpha ) )

holds at all n at once with probability 1 - alpha, for sums that behave like a Brownian motion. rho is set so
that the interval is narrowest at `tightest` units. Nothing is said before `START` units: the theorem needs
enough of them for sums to look normal, and watching from the second unit on would break it.
"""

import math
from dataclasses import dataclass

import numpy as np

from roadworthy.statistics.linear_model import Vector

START = 50
TIGHTEST = 500


@dataclass(frozen=True, slots=True)
class Sequence:
    """The interval after the last unit, cut with those at all earlier looks from START units on."""

    value: float
    standard_error: float
    low: float
    high: float
    p_value: float
    n: int


def tuning(alpha: float, tightest: int) -> float:
    """The rho that makes the interval narrowest at this many units (their equation 12)."""
    inner = -2.0 * math.log(alpha) + math.log(-2.0 * math.log(alpha)) + 1.0
    return math.sqrt(inner / tightest)


def half_width(n: float, spread: float, *, alpha: float, rho: float) -> float:
    """Half of the interval after n units whose contributions have this standard deviation."""
    scaled = n * rho**2 + 1.0
    return spread * math.sqrt(2.0 * scaled / (n**2 * rho**2) * math.log(math.sqrt(scaled) / alpha))


def always_valid_p(value: float, n: float, spread: float, *, rho: float) -> float:
    """The least alpha whose interval at n units leaves 0 out."""
    if spread <= 0:
        return 1.0 if value == 0 else 0.0
    scaled = n * rho**2 + 1.0
    exponent = -0.5 * (value / spread) ** 2 * n**2 * rho**2 / scaled
    return min(1.0, math.sqrt(scaled) * math.exp(max(exponent, -700.0)))


def difference(
    y: Vector, treated: Vector, *, alpha: float, tightest: int = TIGHTEST, running: bool = False
) -> Sequence:
    """Treated mean less control mean of units in the order in which they came; treated is 0/1, shape (n,).

    The standard error at n units is that of two means, sqrt(v1/n1 + v0/n0); times sqrt(n) it is the spread
    of one unit's contribution. `running` cuts the interval with those of all earlier looks: narrower, and
    possibly empty where the effect drifts.
    """
    n = y.size
    rho = tuning(alpha, tightest)
    live = treated > 0
    value = float(y[live].mean() - y[~live].mean())
    error = math.sqrt(
        float(y[live].var(ddof=1)) / int(live.sum()) + float(y[~live].var(ddof=1)) / int((~live).sum())
    )
    spread = error * math.sqrt(n)
    p_value = always_valid_p(value, n, spread, rho=rho) if n >= START else 1.0
    half = half_width(n, spread, alpha=alpha, rho=rho) if n >= START else math.inf
    low, high = value - half, value + half
    if running and n >= START:
        lows, highs = paths(y, treated, alpha=alpha, tightest=tightest)
        low, high = float(np.nanmax(lows)), float(np.nanmin(highs))
    return Sequence(value, error, low, high, p_value, n)


def paths(y: Vector, treated: Vector, *, alpha: float, tightest: int = TIGHTEST) -> tuple[Vector, Vector]:
    """Bounds after each unit; NaN before START units or while an arm has fewer than two. Shapes (n,)."""
    rho = tuning(alpha, tightest)
    n = np.arange(1, y.size + 1, dtype=np.float64)
    parts = []
    for arm in (treated > 0, treated <= 0):
        count = np.cumsum(arm).astype(np.float64)
        centre = float(y[arm].mean()) if arm.any() else 0.0
        first, second = np.cumsum(arm * (y - centre)), np.cumsum(arm * (y - centre) ** 2)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = first / count
            variance = np.maximum(0.0, second - count * mean**2) / (count - 1.0)
        parts.append((count, mean + centre, variance))
    (n1, mean1, var1), (n0, mean0, var0) = parts
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.sqrt((var1 / n1 + var0 / n0) * n)
        scaled = n * rho**2 + 1.0
        half = spread * np.sqrt(2.0 * scaled / (n**2 * rho**2) * np.log(np.sqrt(scaled) / alpha))
        value = mean1 - mean0
    half[(n < START) | (n1 < 2) | (n0 < 2)] = np.nan
    return value - half, value + half
