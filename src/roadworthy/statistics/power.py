"""Pure: how large an effect a design could have seen, and how many units would see a given one.

Everything is for a two-sided test. `standard_error` is that of the estimate in the outcome's unit; the
design effect of clusters is 1 + (m - 1) icc (Kish 1965).
"""

import math

import numpy as np
import numpy.typing as npt

from roadworthy.statistics import distributions

POWER = 0.8
UNITS_MAX = 10_000_000


def reach(level: float, power: float = POWER, degrees_of_freedom: float = math.inf) -> float:
    """How many standard errors an effect must measure to be seen with this power."""
    return distributions.quantile(0.5 + level / 2.0, degrees_of_freedom) + distributions.quantile(
        power, degrees_of_freedom
    )


def detectable(
    standard_error: float, *, level: float, power: float = POWER, degrees_of_freedom: float = math.inf
) -> float:
    """The least effect that would be seen with this power, in the unit of the standard error."""
    return reach(level, power, degrees_of_freedom) * standard_error


def power_of(effect: float, standard_error: float, *, level: float) -> float:
    """The probability that an effect of this size is seen, by the normal approximation."""
    if standard_error <= 0:
        return 1.0 if effect else 1.0 - level
    critical = distributions.normal_quantile(0.5 + level / 2.0)
    shift = abs(effect) / standard_error
    return distributions.normal_cdf(shift - critical) + distributions.normal_cdf(-shift - critical)


def times_as_many(
    effect: float, standard_error: float, *, level: float, power: float = POWER
) -> float | None:
    """How many times as many units would see `effect`; None where no reasonable number would.

    The standard error falls with the root of the number of units.
    """
    if effect == 0 or standard_error <= 0:
        return None
    times = (detectable(standard_error, level=level, power=power) / abs(effect)) ** 2
    return max(1.0, times) if times < UNITS_MAX else None


def design_effect(cluster_size: float, icc: float) -> float:
    """How many times as many rows are needed because rows of one cluster resemble each other."""
    return 1.0 + max(0.0, cluster_size - 1.0) * icc


def units_each_arm(
    effect: float,
    deviation: float,
    *,
    level: float,
    power: float = POWER,
    cluster_size: float = 1.0,
    icc: float = 0.0,
) -> int:
    """Rows that each of two equal arms needs to see `effect` at this standard deviation of the outcome."""
    if effect == 0 or deviation <= 0:
        message = "an effect to see and a standard deviation must both differ from 0"
        raise ValueError(message)
    rows = 2.0 * (reach(level, power) * deviation / effect) ** 2
    return math.ceil(rows * design_effect(cluster_size, icc))


def intracluster_correlation(values: npt.NDArray[np.float64], clusters: npt.NDArray[np.int64]) -> float:
    """The analysis-of-variance estimate of the intracluster correlation, not below 0 (Donner 1986)."""
    _, codes, sizes = np.unique(clusters, return_inverse=True, return_counts=True)
    n, groups = values.size, sizes.size
    if groups < 2 or n <= groups:
        return 0.0
    means = np.bincount(codes, values) / sizes
    within = float(np.sum((values - means[codes]) ** 2)) / (n - groups)
    between = float(np.sum(sizes * (means - values.mean()) ** 2)) / (groups - 1)
    typical = (n - float(np.sum(sizes**2)) / n) / (groups - 1)
    total = between + (typical - 1.0) * within
    return max(0.0, (between - within) / total) if total > 0 else 0.0
