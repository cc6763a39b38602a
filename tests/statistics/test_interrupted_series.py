"""The before/after comparison agrees with statsmodels, refuses short series, and covers what it promises."""

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from roadworthy.statistics.interrupted_series import (
    SeriesEffect,
    TooFewPoints,
    bandwidth,
    compare,
    fixed_bandwidth_ratio,
    weeks_to_detect,
)


def _series(
    *,
    before: int,
    after: int,
    level: float,
    slope: float = 0.0,
    noise: float = 1.0,
    rho: float = 0.0,
    seed: int = 1,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    generator = np.random.default_rng(seed)
    weeks = np.arange(-before, after, dtype=np.float64)
    shocks = generator.normal(size=weeks.size) * noise
    error = np.empty_like(shocks)
    error[0] = shocks[0] / np.sqrt(1 - rho**2)
    for index in range(1, weeks.size):
        error[index] = rho * error[index - 1] + shocks[index]
    return weeks, 20.0 + slope * weeks + level * (weeks >= 0) + error


def _effect(weeks: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> SeriesEffect:
    found = compare(weeks.tolist(), values.tolist())
    assert isinstance(found, SeriesEffect)
    return found


@settings(max_examples=120, deadline=None)
@given(
    before=st.integers(6, 40),
    after=st.integers(6, 40),
    level=st.floats(-10, 10),
    noise=st.floats(0.01, 5),
    gap=st.integers(0, 3),
    seed=st.integers(0, 10_000),
)
def test_matches_statsmodels(
    *, before: int, after: int, level: float, noise: float, gap: int, seed: int
) -> None:
    """Coefficients, Newey-West and ordinary errors are statsmodels' to 1e-8, gaps in the weeks included."""
    weeks, values = _series(before=before, after=after, level=level, slope=0.1, noise=noise, seed=seed)
    weeks = np.where(weeks >= 0, weeks + gap, weeks)
    found = _effect(weeks, values)
    x = np.column_stack([np.ones_like(weeks), weeks, weeks >= 0, weeks * (weeks >= 0)]).astype(float)
    model = sm.OLS(values, x)
    robust = model.fit(cov_type="HAC", cov_kwds={"maxlags": found.lag, "use_correction": True}, use_t=True)
    row = np.array([0, 0, 1, weeks[weeks >= 0].mean()])
    test = robust.t_test(row)
    assert found.average_effect == pytest.approx(test.effect.item(), abs=1e-8)
    assert found.standard_error_newey_west == pytest.approx(test.sd.item(), abs=1e-8)
    assert found.standard_error_ordinary == pytest.approx(model.fit().t_test(row).sd.item(), abs=1e-8)
    assert found.level_change == pytest.approx(robust.params[2], abs=1e-8)
    assert found.slope_before == pytest.approx(robust.params[1], abs=1e-8)
    assert found.slope_change == pytest.approx(robust.params[3], abs=1e-8)
    assert found.checks.durbin_watson == pytest.approx(sm.stats.durbin_watson(robust.resid), abs=1e-8)
    critical = stats.t.ppf(0.975, weeks.size - 4) * fixed_bandwidth_ratio((found.lag + 1) / weeks.size)
    error = max(found.standard_error_newey_west, found.standard_error_ordinary)
    assert found.high - found.average_effect == pytest.approx(critical * error, rel=1e-8)
    assert found.average_effect - found.low == pytest.approx(critical * error, rel=1e-8)


def test_effect_is_mean_difference_to_carried_trend() -> None:
    """The effect is the mean gap to the trend fitted before alone, not a difference of two means."""
    weeks, values = _series(before=15, after=9, level=-4.0, slope=0.5, seed=3)
    found = _effect(weeks, values)
    slope, start = np.polyfit(weeks[weeks < 0], values[weeks < 0], 1)
    after = weeks >= 0
    gap = values[after] - (start + slope * weeks[after])
    assert found.average_effect == pytest.approx(gap.mean(), abs=1e-9)
    assert [point.value for point in found.counterfactual] == pytest.approx(
        (start + slope * weeks[after]).tolist(), abs=1e-9
    )
    assert all(point.low < point.value < point.high for point in found.counterfactual)


@pytest.mark.parametrize(
    ("before", "after", "needed"), [(5, 30, (1, 0)), (30, 2, (0, 4)), (0, 1, (6, 5)), (3, 5, (3, 1))]
)
def test_refuses_short_series(before: int, after: int, needed: tuple[int, int]) -> None:
    """A short series gets the count that is missing, not an effect."""
    weeks, values = _series(before=before, after=after, level=-5)
    found = compare(weeks.tolist(), values.tolist())
    assert isinstance(found, TooFewPoints)
    assert (found.needed_before, found.needed_after) == needed
    for count, side in zip(needed, ("before", "after"), strict=True):
        assert (f"{count} more {side}" in found.reason) == (count > 0)


def test_refuses_what_is_not_a_series() -> None:
    """Repeated weeks, holes that are not left out and unequal lists are errors that say what to do."""
    with pytest.raises(ValueError, match="rising order"):
        compare([0, 0, 1], [1, 2, 3])
    with pytest.raises(ValueError, match="finite"):
        compare([0, 1], [1, float("nan")])
    with pytest.raises(ValueError, match="one length"):
        compare([0, 1], [1])


def test_exact_series_is_named_as_such() -> None:
    """A made-up series without noise gets a zero-width interval and a warning, and no change stays zero."""
    weeks = list(range(-10, 10))
    flat = compare(weeks, [7.1 + 0.3 * week for week in weeks])
    assert isinstance(flat, SeriesEffect)
    assert (flat.average_effect, flat.low, flat.high) == (0.0, 0.0, 0.0)
    assert flat.checks.no_residual_noise
    step = compare(weeks, [5.0 - 2.0 * (week >= 0) for week in weeks])
    assert isinstance(step, SeriesEffect)
    assert step.average_effect == pytest.approx(-2.0)


def test_large_figures_keep_their_digits() -> None:
    """Shifting and scaling the figures shifts and scales the answer."""
    weeks, values = _series(before=20, after=20, level=-3, seed=8)
    small, large = _effect(weeks, values), _effect(weeks, values * 1e6 + 4e9)
    assert large.average_effect == pytest.approx(small.average_effect * 1e6, rel=1e-6)
    assert large.low == pytest.approx(small.low * 1e6, rel=1e-6)


def test_warns_of_autocorrelation_and_long_reach() -> None:
    """A drifting series and a trend carried far are both named in the checks."""
    weeks, values = _series(before=8, after=60, level=0, rho=0.9, seed=5)
    checks = _effect(weeks, values).checks
    assert checks.autocorrelated
    assert checks.extrapolates_further_than_seen
    assert len(checks.warnings) == 2
    calm = _effect(*_series(before=40, after=20, level=0, seed=2)).checks
    assert calm.warnings == ()


@pytest.mark.parametrize(("rho", "at_least"), [(0.0, 0.94), (0.3, 0.90)])
def test_interval_covers_the_truth(rho: float, at_least: float) -> None:
    """With 26 + 16 weeks of a trend and ordinary noise, at least about 95 % of intervals hold the truth."""
    held = 0
    for seed in range(300):
        found = _effect(*_series(before=26, after=16, level=-2.0, slope=0.2, rho=rho, seed=seed))
        held += found.low <= -2.0 <= found.high
    assert held / 300 >= at_least


def test_weeks_to_detect() -> None:
    """A change far above the noise needs no more weeks, a smaller one some, a tiny one has no answer."""
    weeks, values = _series(before=52, after=6, level=0.0, seed=4)
    found = _effect(weeks, values)
    assert weeks_to_detect(weeks.tolist(), found, 50.0) == 0
    more = weeks_to_detect(weeks.tolist(), found, 1.5)
    assert more is not None
    assert 2 <= more <= 20
    assert weeks_to_detect(weeks.tolist(), found, -1.5) == more
    assert weeks_to_detect(weeks.tolist(), found, 0.001) is None


def test_bandwidth_grows_with_the_series() -> None:
    """The lag is never below one, never above a third of the points."""
    assert [bandwidth(n) for n in (12, 52, 104)] == [4, 10, 14]
