"""Power is statsmodels', adjustment too; the bootstrap is seeded and finds the known spread."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower

from roadworthy.statistics import cluster_bootstrap, multiplicity, power


@settings(max_examples=80, deadline=None)
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=20))
def test_adjusted_p_values_are_statsmodels(p_values: list[float]) -> None:
    """Holm and Benjamini-Hochberg."""
    assert multiplicity.holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1], abs=1e-12)
    assert multiplicity.benjamini_hochberg(p_values) == pytest.approx(
        multipletests(p_values, method="fdr_bh")[1], abs=1e-12
    )


@pytest.mark.parametrize(("effect", "n"), [(0.2, 393), (0.5, 63), (0.05, 6280)])
def test_units_each_arm(effect: float, n: int) -> None:
    """The textbook numbers: 80 % power at 5 % for effects in standard deviations (statsmodels agrees)."""
    oracle = NormalIndPower().solve_power(effect, power=0.8, alpha=0.05)
    assert power.units_each_arm(effect, 1.0, level=0.95) == n == math.ceil(oracle)
    clustered = power.units_each_arm(effect, 1.0, level=0.95, cluster_size=21, icc=0.05)
    assert clustered == pytest.approx(2 * n, abs=2)


def test_power_of_what_is_detectable_is_the_power_asked_for() -> None:
    """The least detectable effect is seen with 80 % power, and needs once as many units."""
    least = power.detectable(2.0, level=0.95)
    assert least == pytest.approx(2.0 * 2.80158, rel=1e-5)
    assert power.power_of(least, 2.0, level=0.95) == pytest.approx(0.8, abs=1e-5)
    assert power.power_of(0.0, 2.0, level=0.95) == pytest.approx(0.05, abs=1e-9)
    assert power.times_as_many(least / 2, 2.0, level=0.95) == pytest.approx(4.0)
    assert power.times_as_many(0.0, 2.0, level=0.95) is None
    with pytest.raises(ValueError, match="differ from 0"):
        power.units_each_arm(0.0, 1.0, level=0.95)


def test_intracluster_correlation_is_found() -> None:
    """A correlation of 0.3 is estimated as such; without one it is near 0."""
    generator = np.random.default_rng(1)
    clusters = np.repeat(np.arange(300), 10)
    noise = generator.normal(size=3000)
    alike = math.sqrt(0.3) * generator.normal(size=300)[clusters] + math.sqrt(0.7) * noise
    assert power.intracluster_correlation(alike, clusters) == pytest.approx(0.3, abs=0.05)
    assert power.intracluster_correlation(noise, clusters) < 0.02
    assert power.intracluster_correlation(noise[:3], np.arange(3)) == 0.0


def test_bootstrap_finds_the_error_of_a_mean_of_clusters() -> None:
    """The spread over draws is the cluster-robust error; one seed gives one answer."""
    generator = np.random.default_rng(2)
    clusters = np.repeat(np.arange(80), 5)
    y = generator.normal(size=80)[clusters] + 0.3 * generator.normal(size=400)
    means = np.bincount(clusters, y) / 5
    found = cluster_bootstrap.bootstrap(lambda rows: float(y[rows].mean()), clusters, level=0.95, seed=4)
    again = cluster_bootstrap.bootstrap(lambda rows: float(y[rows].mean()), clusters, level=0.95, seed=4)
    assert found.standard_error == pytest.approx(means.std(ddof=1) / math.sqrt(80), rel=0.1)
    assert (found.low, found.high) == (again.low, again.high)
    assert found.low < y.mean() < found.high


def test_bootstrap_refuses_what_it_cannot_do() -> None:
    """One cluster, or draws of which most hold nothing, are errors."""
    with pytest.raises(ValueError, match="two clusters"):
        cluster_bootstrap.bootstrap(lambda _rows: 1.0, np.zeros(5, dtype=np.int64), level=0.95, seed=1)
    with pytest.raises(ValueError, match="most draws"):
        cluster_bootstrap.bootstrap(lambda _rows: math.nan, np.arange(5), level=0.95, seed=1)
