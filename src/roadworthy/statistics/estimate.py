"""Pure: an estimate with its uncertainty, and the refusal that stands where none can be given."""

import math
from dataclasses import dataclass

from roadworthy.statistics import distributions


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the data cannot bear an estimate, and what would let them."""

    reason: str
    needs: str


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference in the outcome's unit (or its logarithm) with its interval.

    `degrees_of_freedom` is infinite where the interval is a normal one; `level` is the interval's coverage.
    """

    value: float
    standard_error: float
    low: float
    high: float
    degrees_of_freedom: float
    p_value: float
    level: float
    errors: str


def with_interval(
    value: float, standard_error: float, degrees_of_freedom: float, *, level: float, errors: str
) -> Estimate:
    """A two-sided interval by Student's t around a value with a standard error; both in one unit."""
    if standard_error > 0:
        half = distributions.quantile(0.5 + level / 2.0, degrees_of_freedom) * standard_error
        p_value = distributions.two_sided(value / standard_error, degrees_of_freedom)
    else:
        half, p_value = 0.0, 1.0 if value == 0 else 0.0
    return Estimate(
        value, standard_error, value - half, value + half, degrees_of_freedom, p_value, level, errors
    )


def as_percent(log_difference: float) -> float:
    """The percentage by which a figure changes whose logarithm changes by this much."""
    return 100.0 * math.expm1(min(log_difference, 700.0))
