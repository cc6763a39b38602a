"""Always-valid intervals: the paper's formula, and no false alarm under daily peeking beyond 5 %."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from roadworthy.statistics import confidence_sequence as cs


def test_tuning_makes_the_interval_narrowest_where_it_is_wanted() -> None:
    """The rho of the formula is near the one that a search finds."""
    found = optimize.minimize_scalar(
        lambda rho: cs.half_width(500, 1.0, alpha=0.05, rho=rho), bounds=(0.001, 2.0), method="bounded"
    )
    assert cs.half_width(500, 1.0, alpha=0.05, rho=cs.tuning(0.05, 500)) == pytest.approx(found.fun, rel=2e-3)


def test_p_value_agrees_with_the_interval() -> None:
    """The interval at level 1 - p ends exactly at 0."""
    rho = cs.tuning(0.05, 500)
    p = cs.always_valid_p(0.2, 400, 1.0, rho=rho)
    assert cs.half_width(400, 1.0, alpha=p, rho=rho) == pytest.approx(0.2, rel=1e-9)
    assert cs.always_valid_p(0.0, 400, 1.0, rho=rho) == 1.0
    assert cs.always_valid_p(1.0, 400, 0.0, rho=rho) == 0.0


def test_paths_end_at_the_interval() -> None:
    """The bounds after the last unit are those of the single look; before START units there are none."""
    generator = np.random.default_rng(1)
    y, d = generator.normal(size=300) + 5e6, generator.integers(0, 2, 300).astype(float)
    low, high = cs.paths(y, d, alpha=0.05)
    found = cs.difference(y, d, alpha=0.05)
    assert (low[-1], high[-1]) == pytest.approx((found.low, found.high), abs=1e-6)
    assert np.isnan(low[: cs.START - 1]).all()
    assert np.isfinite(low[cs.START :]).all()
    assert math.isinf(cs.difference(y[:30], d[:30], alpha=0.05).high)


def _alarms(seed: int, days: int = 60) -> tuple[bool, bool]:
    """Whether always-valid and ordinary intervals ever leave 0 out under daily looks at no effect."""
    generator = np.random.default_rng(seed)
    n = days * 20
    y = generator.exponential(size=n)
    d = generator.integers(0, 2, n).astype(float)
    looks = np.arange(20, n + 1, 20) - 1
    low, high = cs.paths(y, d, alpha=0.05)
    with np.errstate(invalid="ignore"):
        valid = bool(np.any((low[looks] > 0) | (high[looks] < 0)))
    ordinary = any(
        stats.ttest_ind(y[: k + 1][d[: k + 1] > 0], y[: k + 1][d[: k + 1] < 1]).pvalue < 0.05 for k in looks
    )
    return valid, ordinary


def test_daily_peeking_raises_no_false_alarms() -> None:
    """Of trials without an effect, watched for 60 days, at most 5 % ever alarm; t tests do far more."""
    found = [_alarms(seed) for seed in range(200)]
    assert sum(valid for valid, _ in found) / 200 <= 0.05
    assert sum(ordinary for _, ordinary in found) / 200 > 0.15


def test_the_effect_is_found_all_the_same() -> None:
    """With a real effect the interval leaves 0 out, and running intervals are no wider."""
    generator = np.random.default_rng(3)
    d = generator.integers(0, 2, 2000).astype(float)
    y = 0.4 * d + generator.normal(size=2000)
    found = cs.difference(y, d, alpha=0.05)
    assert found.low > 0
    assert found.p_value < 0.05
    running = cs.difference(y, d, alpha=0.05, running=True)
    assert running.high - running.low <= found.high - found.low
