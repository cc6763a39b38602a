"""Difference-in-differences is statsmodels' with dummies; event studies test what was before."""

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.statistics import two_way

Vector = npt.NDArray[np.float64]


def _panel(
    seed: int,
    *,
    units: int = 12,
    periods: int = 6,
    effect: float = 1.0,
    slope: float = 0.0,
    drop: float = 0.0,
) -> tuple[two_way.Panel, Vector, Vector]:
    """A panel of which half the units change in the middle; `slope` is a trend of theirs before."""
    generator = np.random.default_rng(seed)
    unit, time = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    ever = (unit < units // 2).astype(float)
    treated = ever * (time >= periods // 2)
    y = generator.normal(size=units)[unit] + 0.3 * time + slope * ever * time + effect * treated
    y = y + generator.normal(size=unit.size)
    keep = generator.random(unit.size) >= drop
    panel = two_way.Panel(
        y[keep], unit[keep], time[keep], generator.uniform(0.5, 2.0, unit.size)[keep], clusters=unit[keep]
    )
    return panel, treated[keep], ever[keep]


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), drop=st.sampled_from([0.0, 0.2]), weighted=st.booleans())
def test_matches_statsmodels_with_dummies(*, seed: int, drop: float, weighted: bool) -> None:
    """Effect and errors are those of a regression with a dummy for every unit and time, gaps included."""
    panel, treated, _ = _panel(seed, drop=drop)
    if not weighted:
        panel = two_way.Panel(panel.y, panel.units, panel.times, clusters=panel.clusters)
    x = np.column_stack([
        treated, two_way.dummies(panel.units, drop_first=False), two_way.dummies(panel.times)
    ])  # fmt: skip
    oracle = sm.OLS(panel.y, x) if panel.weights is None else sm.WLS(panel.y, x, weights=panel.weights)
    plain = two_way.effect(panel, treated, errors="classic", level=0.95)
    assert plain is not None
    assert plain.value == pytest.approx(oracle.fit().params[0], abs=1e-8)
    assert plain.standard_error == pytest.approx(oracle.fit().bse[0], abs=1e-8)
    hc2 = two_way.effect(panel, treated, errors="HC2", level=0.95)
    assert hc2 is not None
    assert hc2.standard_error == pytest.approx(oracle.fit(cov_type="HC2").bse[0], abs=1e-8)
    found = two_way.effect(panel, treated, errors="CR1", level=0.95)
    assert found is not None
    robust = oracle.fit(cov_type="cluster", cov_kwds={"groups": panel.clusters}, use_t=True)
    n, units, k = panel.y.size, np.unique(panel.units).size, x.shape[1]
    # Units lie within clusters, so that their dummies cost the correction nothing: Stata's xtreg, fe.
    nested = np.sqrt((n - k) / (n - (k - units + 1)))
    assert found.standard_error == pytest.approx(robust.bse[0] * nested, abs=1e-8)


def test_two_by_two_is_the_difference_of_differences() -> None:
    """Without covariates it is the four means; with them statsmodels' regression."""
    generator = np.random.default_rng(1)
    group, after = generator.integers(0, 2, 300).astype(float), generator.integers(0, 2, 300).astype(float)
    z = generator.normal(size=(300, 1))
    y = 1 + group + 2 * after - 1.5 * group * after + z[:, 0] + generator.normal(size=300)
    means = {(g, a): y[(group == g) & (after == a)].mean() for g in (0, 1) for a in (0, 1)}
    plain = two_way.two_by_two(y, group, after, errors="classic", level=0.95)
    assert plain is not None
    assert plain.value == pytest.approx(means[1, 1] - means[1, 0] - means[0, 1] + means[0, 0], abs=1e-10)
    found = two_way.two_by_two(y, group, after, errors="HC1", level=0.95, covariates=z)
    oracle = sm.OLS(y, np.column_stack([np.ones(300), group, after, group * after, z])).fit(cov_type="HC1")
    assert found is not None
    assert found.value == pytest.approx(oracle.params[3], abs=1e-8)
    assert found.standard_error == pytest.approx(oracle.bse[3], abs=1e-8)


def test_event_study_finds_when_it_began() -> None:
    """Gaps before are near 0 and after near the effect; the period before the start is the reference."""
    panel, _, ever = _panel(3, units=200, effect=2.0)
    found = two_way.event_study(panel, panel.times - 3, ever, errors="CR2", level=0.95)
    assert [point.period for point in found.points] == [-3, -2, 0, 1, 2]
    assert all(abs(p.estimate.value - 2.0 * (p.period >= 0)) < 0.6 for p in found.points)
    assert found.pre_trend is not None
    assert found.pre_trend.p_value > 0.05
    assert found.pre_trend.gaps == 2


def test_pre_trend_that_differs_is_found() -> None:
    """Units that were on their way already are told from those that were not."""
    panel, _, ever = _panel(4, units=60, slope=0.6)
    found = two_way.event_study(panel, panel.times - 3, ever, errors="CR2", level=0.95)
    assert found.pre_trend is not None
    assert found.pre_trend.p_value < 0.01


def test_pre_trend_test_keeps_its_level_with_few_clusters() -> None:
    """With twelve units the test of parallel trends rejects at most about one panel in twenty."""
    rejected = 0
    for seed in range(300):
        panel, _, ever = _panel(seed, periods=8)
        found = two_way.event_study(panel, panel.times - 4, ever, errors="CR2", level=0.95)
        assert found.pre_trend is not None
        rejected += found.pre_trend.p_value < 0.05
    assert rejected / 300 <= 0.07


def test_what_cannot_be_told_is_none() -> None:
    """Where everybody changes at once nothing is left beside the times' effects."""
    panel, _, _ = _panel(5)
    assert two_way.effect(panel, (panel.times >= 3).astype(float), errors="CR1", level=0.95) is None
    ones = np.ones(panel.y.size)
    assert two_way.two_by_two(panel.y, ones, ones, errors="HC2", level=0.95) is None
