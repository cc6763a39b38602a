"""Staggered adoption: unbiased where two-way effects are not, with errors that agree with a bootstrap."""

import math

import numpy as np
import numpy.typing as npt
import pytest
import statsmodels.api as sm

from roadworthy.statistics import cluster_bootstrap, staggered, two_way
from roadworthy.statistics.staggered import StaggeredEffect, StaggeredPanel

Vector = npt.NDArray[np.float64]


def _panel(seed: int, *, units: int = 90, periods: int = 8, slope: float = 0.0) -> StaggeredPanel:
    """Thirds that start at 2, at 5 and never; effects of 1 in the first period that grow by 1 each."""
    generator = np.random.default_rng(seed)
    first = np.repeat([2, 5, periods], units // 3)
    time = np.arange(periods)
    since = time[None, :] - first[:, None]
    y = generator.normal(size=units)[:, None] + 0.5 * time + np.where(since >= 0, since + 1.0, 0.0)
    y = y + slope * (first < periods)[:, None] * time + generator.normal(size=(units, periods))
    return StaggeredPanel(y, first)


def _found(panel: StaggeredPanel, **how: object) -> StaggeredEffect:
    found = staggered.estimate(panel, level=0.95, **how)  # type: ignore[arg-type]
    assert found is not None
    return found


def test_one_group_and_two_periods_are_four_means() -> None:
    """With one start and two periods it is the difference of differences, with Welch's error."""
    generator = np.random.default_rng(1)
    y, first = generator.normal(size=(40, 2)), np.repeat([1, 2], [15, 25])
    change = y[:, 1] - y[:, 0]
    found = _found(StaggeredPanel(y, first)).overall
    assert found.value == pytest.approx(change[:15].mean() - change[15:].mean(), abs=1e-12)
    welch = math.sqrt(change[:15].var(ddof=1) / 15 + change[15:].var(ddof=1) / 25)
    assert found.standard_error == pytest.approx(welch, rel=1e-9)


def test_growing_effects_are_found_where_two_way_effects_fail() -> None:
    """The average over groups and times is right; the two-way coefficient is far too small."""
    panel = _panel(2, units=600)
    units, periods = panel.y.shape
    since = np.arange(periods)[None, :] - panel.first[:, None]
    truth = float((since[since >= 0] + 1.0).mean())
    assert _found(panel, aggregate="simple").overall.value == pytest.approx(truth, abs=0.15)
    rows = two_way.Panel(
        panel.y.ravel(), np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    )
    biased = two_way.effect(rows, (since >= 0).astype(float).ravel(), errors="classic", level=0.95)
    assert biased is not None
    assert biased.value < truth - 0.5
    events = {one.period: one.estimate.value for one in _found(panel).events}
    assert [events[period] for period in range(3)] == pytest.approx([1, 2, 3], abs=0.25)


@pytest.mark.parametrize("aggregate", ["simple", "group", "event", "calendar"])
def test_errors_agree_with_a_bootstrap(aggregate: staggered.Aggregate) -> None:
    """Influence functions give the spread that drawing units anew gives."""
    panel = _panel(3, units=240)

    def again(rows: npt.NDArray[np.int64]) -> float:
        drawn = StaggeredPanel(panel.y[rows], panel.first[rows])
        found = staggered.estimate(drawn, level=0.95, aggregate=aggregate)
        return math.nan if found is None else found.overall.value

    drawn = cluster_bootstrap.bootstrap(again, np.arange(240), level=0.95, seed=1, draws=300)
    found = _found(panel, aggregate=aggregate).overall
    assert found.standard_error == pytest.approx(drawn.standard_error, rel=0.15)


def test_errors_with_covariates_agree_with_a_bootstrap() -> None:
    """The doubly robust influence function too; and it removes what depends on the covariate."""
    generator = np.random.default_rng(5)
    n = 400
    z = generator.normal(size=n)
    first = np.where(generator.random(n) < 1 / (1 + np.exp(-z)), 1, 2)
    change = 2.0 * z + generator.normal(size=n) + 1.0 * (first == 1)
    y = np.column_stack([np.zeros(n), change])
    panel = StaggeredPanel(y, first, np.repeat(z[:, None, None], 2, axis=1))
    found = _found(panel).overall
    assert found.value == pytest.approx(1.0, abs=0.3)
    assert _found(StaggeredPanel(y, first)).overall.value > 2.0

    def again(rows: npt.NDArray[np.int64]) -> float:
        drawn = StaggeredPanel(y[rows], first[rows], np.repeat(z[rows, None, None], 2, axis=1))
        return _found(drawn).overall.value

    drawn = cluster_bootstrap.bootstrap(again, np.arange(n), level=0.95, seed=2, draws=300)
    assert found.standard_error == pytest.approx(drawn.standard_error, rel=0.15)


def test_logit_is_statsmodels() -> None:
    """The propensity model is statsmodels' logistic regression."""
    generator = np.random.default_rng(6)
    x = np.column_stack([np.ones(200), generator.normal(size=(200, 2))])
    d = (generator.random(200) < 1 / (1 + np.exp(-x @ [0.2, 0.7, -0.4]))).astype(float)
    p, inverse = staggered.logit(x, d, np.ones(200))
    oracle = sm.Logit(d, x).fit(disp=0, tol=1e-12)
    assert p == pytest.approx(oracle.predict(), abs=1e-7)
    assert inverse == pytest.approx(np.asarray(oracle.cov_params()), rel=1e-5)


def test_never_treated_alone_can_be_asked_for() -> None:
    """The two comparisons differ, and without never treated units the second has nobody."""
    panel = _panel(7)
    assert _found(panel, not_yet=False).overall.value != _found(panel).overall.value
    mixed = StaggeredPanel(panel.y[:60], panel.first[:60])
    assert staggered.estimate(mixed, level=0.95, not_yet=False) is None
    assert _found(mixed).skipped


def test_trends_before_are_tested() -> None:
    """Parallel trends pass, others are found; with few units the Wald test is not used."""
    assert (calm := _found(_panel(8, units=300)).pre_trend) is not None
    assert calm.p_value > 0.05
    assert (steep := _found(_panel(8, units=300, slope=0.5)).pre_trend) is not None
    assert steep.p_value < 0.001
    assert _found(_panel(8)).pre_trend is None


def test_intervals_hold_the_truth() -> None:
    """With 90 units about 95 % of intervals hold the average effect."""
    held = 0
    for seed in range(200):
        panel = _panel(seed)
        since = np.arange(8)[None, :] - panel.first[:, None]
        found = _found(panel, aggregate="simple").overall
        held += found.low <= float((since[since >= 0] + 1.0).mean()) <= found.high
    assert 0.91 <= held / 200 <= 0.99


def test_clusters_widen_the_interval() -> None:
    """Units that move together in clusters have larger errors than they seem to."""
    generator = np.random.default_rng(9)
    clusters = np.repeat(np.arange(20), 12)
    first = np.where(clusters < 10, 1, 2)
    y = np.column_stack([np.zeros(240), generator.normal(size=20)[clusters] + generator.normal(size=240)])
    alone = _found(StaggeredPanel(y, first)).overall
    together = _found(StaggeredPanel(y, first, clusters=clusters)).overall
    assert together.standard_error > 2 * alone.standard_error
    assert together.degrees_of_freedom == 19
