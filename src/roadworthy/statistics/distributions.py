"""Pure: tail probabilities of the normal, chi-square and F distributions, without scipy."""

import math
from statistics import NormalDist

from roadworthy.statistics import student_t

_NORMAL = NormalDist()
_ITERATIONS_MAX = 10_000
_TINY = 1e-300


def normal_cdf(z: float) -> float:
    """Probability that a standard normal variable is at most `z`."""
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


def normal_quantile(probability: float) -> float:
    """The z value below which this share of the standard normal distribution lies (Wichura's AS 241)."""
    if not 0.0 < probability < 1.0:
        message = f"a quantile needs a probability between 0 and 1, got {probability}"
        raise ValueError(message)
    return _NORMAL.inv_cdf(probability)


def quantile(probability: float, degrees_of_freedom: float) -> float:
    """Student's t quantile; the normal one where the degrees of freedom are infinite."""
    if math.isinf(degrees_of_freedom):
        return normal_quantile(probability)
    return student_t.quantile(probability, degrees_of_freedom)


def two_sided(statistic: float, degrees_of_freedom: float) -> float:
    """The two-sided p-value of a t statistic; of a z statistic where the degrees are infinite."""
    if math.isinf(degrees_of_freedom):
        return math.erfc(abs(statistic) / math.sqrt(2.0))
    return min(1.0, 2.0 * student_t.cdf(-abs(statistic), degrees_of_freedom))


def chi_square_tail(statistic: float, degrees_of_freedom: float) -> float:
    """Probability that a chi-square variable exceeds `statistic` (series or fraction of gamma)."""
    if not degrees_of_freedom > 0:
        message = f"degrees of freedom must be above 0, got {degrees_of_freedom}"
        raise ValueError(message)
    if statistic < _TINY:
        return 1.0
    a, x = degrees_of_freedom / 2.0, statistic / 2.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1.0:
        term = total = 1.0 / a
        for step in range(1, _ITERATIONS_MAX):
            term *= x / (a + step)
            total += term
            if term < total * 1e-17:
                break
        return max(0.0, 1.0 - front * total)
    b = x + 1.0 - a
    c, d = 1e300, 1.0 / b
    result = d
    for step in range(1, _ITERATIONS_MAX):
        factor = -step * (step - a)
        b += 2.0
        d = 1.0 / (factor * d + b)
        c = b + factor / c
        result *= c * d
        if abs(c * d - 1.0) < 1e-16:
            break
    return front * result


def f_tail(statistic: float, numerator: float, denominator: float) -> float:
    """Probability that an F variable with these degrees of freedom exceeds `statistic`."""
    if statistic <= 0:
        return 1.0
    if math.isinf(denominator):
        return chi_square_tail(statistic * numerator, numerator)
    return student_t.incomplete_beta(
        denominator / 2.0, numerator / 2.0, denominator / (denominator + numerator * statistic)
    )
