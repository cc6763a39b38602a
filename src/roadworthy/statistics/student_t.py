"""Pure: Student's t distribution, its probabilities and quantiles, from the incomplete beta function."""

import math

_ITERATIONS_MAX = 500
_TINY = 1e-300


def _beta_continued_fraction(a: float, b: float, x: float) -> float:
    """Lentz's evaluation of the continued fraction of the incomplete beta function."""
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    result = d
    for m in range(1, _ITERATIONS_MAX):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for term in (even, odd):
            d = 1.0 + term * d
            d = 1.0 / (d if abs(d) > _TINY else _TINY)
            c = 1.0 + term / c
            c = c if abs(c) > _TINY else _TINY
            step = c * d
            result *= step
        if abs(step - 1.0) < 1e-16:
            break
    return result


def incomplete_beta(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function I_x(a, b) for a, b > 0 and 0 <= x <= 1."""
    if a <= 0 or b <= 0 or not 0.0 <= x <= 1.0:
        message = f"incomplete_beta needs a, b > 0 and 0 <= x <= 1, got a={a}, b={b}, x={x}"
        raise ValueError(message)
    if x in (0.0, 1.0):
        return x
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    # The fraction converges fast only on the near side of the mean; the other side is its mirror image.
    if x < (a + 1.0) / (a + b + 2.0):
        return front * _beta_continued_fraction(a, b, x) / a
    return 1.0 - front * _beta_continued_fraction(b, a, 1.0 - x) / b


def cdf(t: float, degrees_of_freedom: float) -> float:
    """Probability that a t variable with these degrees of freedom is at most `t`."""
    if not degrees_of_freedom > 0:
        message = f"degrees of freedom must be above 0, got {degrees_of_freedom}"
        raise ValueError(message)
    if math.isinf(t):
        return 1.0 if t > 0 else 0.0
    squared = t * t
    half_df = degrees_of_freedom / 2.0
    if squared < degrees_of_freedom:
        # Near the middle 1 - df/(df + t^2) would lose digits, so the central mass is computed directly.
        central = incomplete_beta(0.5, half_df, squared / (degrees_of_freedom + squared))
        return 0.5 + math.copysign(central / 2.0, t)
    tail = incomplete_beta(half_df, 0.5, degrees_of_freedom / (degrees_of_freedom + squared)) / 2.0
    return 1.0 - tail if t > 0 else tail


def quantile(probability: float, degrees_of_freedom: float) -> float:
    """The t value below which this share of the distribution lies."""
    if not 0.0 < probability < 1.0:
        message = f"a quantile needs a probability between 0 and 1, got {probability}"
        raise ValueError(message)
    if probability == 0.5:
        return 0.0
    if probability > 0.5:
        return -quantile(1.0 - probability, degrees_of_freedom)
    high = 0.0
    low = -1.0
    while cdf(low, degrees_of_freedom) > probability:
        high, low = low, low * 2.0
    for _ in range(200):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        if cdf(middle, degrees_of_freedom) > probability:
            high = middle
        else:
            low = middle
    return (low + high) / 2.0
