"""Trials: means are Welch's, models are statsmodels', CUPED and ratios have their known properties."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from roadworthy.statistics import before_after, randomized_trial, sample_ratio


@settings(max_examples=50, deadline=None)
@given(a=st.integers(3, 60), b=st.integers(3, 60), seed=st.integers(0, 10_000))
def test_two_means_are_welchs(*, a: int, b: int, seed: int) -> None:
    """With HC2 the standard error of two means is Welch's, exactly; the means are the arms'."""
    generator = np.random.default_rng(seed)
    treated, control = generator.normal(1, 3, a), generator.normal(0, 1, b)
    y, d = np.concatenate([treated, control]), np.repeat([1.0, 0.0], [a, b])
    found = randomized_trial.difference(y, d, errors="HC2", level=0.95)
    welch = np.sqrt(treated.var(ddof=1) / a + control.var(ddof=1) / b)
    assert found.estimate.standard_error == pytest.approx(welch, rel=1e-9)
    assert found.estimate.value == pytest.approx(treated.mean() - control.mean(), abs=1e-10)
    assert (found.mean_treated, found.mean_control) == pytest.approx((treated.mean(), control.mean()))


def test_interacted_covariates_are_lins() -> None:
    """With slopes in each arm the effect is that of statsmodels' regression on centred covariates."""
    generator = np.random.default_rng(2)
    d = (generator.random(200) < 0.4).astype(float)
    z = generator.normal(size=(200, 2))
    y = 2 * d + z @ [1.0, -2.0] + d * z[:, 0] + generator.normal(size=200)
    found = randomized_trial.difference(y, d, errors="HC2", level=0.95, covariates=z, interacted=True)
    centred = z - z.mean(axis=0)
    x = np.column_stack([np.ones(200), d, centred, centred * d[:, None]])
    oracle = sm.OLS(y, x).fit(cov_type="HC2", use_t=True)
    assert found.estimate.value == pytest.approx(oracle.params[1], abs=1e-8)
    assert found.estimate.standard_error == pytest.approx(oracle.bse[1], abs=1e-8)


def test_cuped_takes_out_what_the_past_explains() -> None:
    """Theta is the pooled within-arm slope, the effect stays unbiased, the error shrinks as promised."""
    generator = np.random.default_rng(3)
    d = np.repeat([1.0, 0.0], 400)
    past = generator.normal(size=800)
    y = 0.5 * d + 0.8 * past + 0.6 * generator.normal(size=800)
    found = randomized_trial.cuped(y, past, d)
    slope = sm.OLS(y, np.column_stack([np.ones(800), d, past])).fit().params[2]
    assert found.theta == pytest.approx(slope, abs=1e-8)
    plain = randomized_trial.difference(y, d, errors="HC2", level=0.95).estimate
    less = randomized_trial.difference(found.adjusted, d, errors="HC2", level=0.95).estimate
    assert (less.standard_error / plain.standard_error) ** 2 == pytest.approx(1 - found.removed, rel=0.02)
    assert less.low <= 0.5 <= less.high


def test_ratio_of_sums_with_equal_denominators_is_a_mean() -> None:
    """Where every denominator is 1 the delta method is Welch's difference of means, degrees included."""
    generator = np.random.default_rng(4)
    y, d = generator.gamma(2.0, size=90), np.repeat([1.0, 0.0], [40, 50])
    found = randomized_trial.ratio_difference(y, np.ones(90), d, level=0.95).estimate
    oracle = stats.ttest_ind(y[:40], y[40:], equal_var=False)
    interval = oracle.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalue, abs=1e-9)


def test_ratio_error_is_that_of_repeated_draws() -> None:
    """The delta method's error of a relative change is the spread of that change over many draws."""
    generator = np.random.default_rng(5)
    values, errors = [], []
    for _ in range(400):
        cases = generator.poisson(20, 200).astype(np.float64) + 1.0
        minutes = cases * generator.gamma(9.0, 1.0, 200)
        d = np.repeat([1.0, 0.0], 100)
        found = randomized_trial.ratio_difference(minutes, cases, d, level=0.95, relative=True)
        values.append(found.estimate.value)
        errors.append(found.estimate.standard_error)
    assert np.mean(errors) == pytest.approx(np.std(values), rel=0.12)


def test_ratio_follows_clusters() -> None:
    """Rows of one cluster count once: doubling each row within clusters changes nothing."""
    generator = np.random.default_rng(6)
    top, bottom, d = generator.gamma(3.0, size=60), generator.gamma(5.0, size=60), np.repeat([1.0, 0.0], 30)
    once = randomized_trial.ratio_difference(top, bottom, d, level=0.95).estimate
    twice = randomized_trial.ratio_difference(
        np.tile(top, 2), np.tile(bottom, 2), np.tile(d, 2), level=0.95, clusters=np.tile(np.arange(60), 2)
    ).estimate
    assert twice.standard_error == pytest.approx(once.standard_error, rel=1e-10)


def test_sample_ratio_is_pearsons() -> None:
    """The check is scipy's chi-square; a real mismatch is found, ordinary chance is not."""
    found = sample_ratio.check((821_588, 815_482), (0.5, 0.5))  # Fabijan and others 2019
    oracle = stats.chisquare([821_588, 815_482])
    assert (found.statistic, found.p_value) == pytest.approx((oracle.statistic, oracle.pvalue), rel=1e-8)
    assert found.mismatch
    assert not sample_ratio.check((505, 495), (1, 1)).mismatch
    with pytest.raises(ValueError, match="two or more arms"):
        sample_ratio.check((5,), (1.0,))


def test_before_after_is_scipys() -> None:
    """Two means are Welch's test, units with themselves the paired one."""
    generator = np.random.default_rng(7)
    a, b = generator.normal(5, 1, 14), generator.normal(4, 2, 14)
    welch, paired = stats.ttest_ind(b, a, equal_var=False), stats.ttest_rel(b, a)
    assert before_after.difference(a, b, level=0.95).p_value == pytest.approx(welch.pvalue, abs=1e-9)
    found = before_after.paired(a, b, level=0.95)
    assert found.p_value == pytest.approx(paired.pvalue, abs=1e-9)
    interval = paired.confidence_interval()
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high), abs=1e-9)
