"""Tail probabilities agree with scipy."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from roadworthy.statistics import distributions


@settings(max_examples=200, deadline=None)
@given(x=st.floats(0.0, 400.0), df=st.floats(0.5, 200.0))
def test_chi_square_matches_scipy(x: float, df: float) -> None:
    """The chi-square tail is scipy's to 1e-9, relative where it is small."""
    expected = float(stats.chi2.sf(x, df))
    assert distributions.chi_square_tail(x, df) == pytest.approx(expected, rel=1e-8, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(f=st.floats(0.0, 60.0), top=st.integers(1, 40), bottom=st.integers(1, 400))
def test_f_matches_scipy(f: float, top: int, bottom: int) -> None:
    """The F tail is scipy's."""
    assert distributions.f_tail(f, top, bottom) == pytest.approx(
        float(stats.f.sf(f, top, bottom)), rel=1e-8, abs=1e-9
    )
    assert distributions.f_tail(f, top, math.inf) == pytest.approx(
        float(stats.chi2.sf(f * top, top)), rel=1e-8, abs=1e-9
    )


@settings(max_examples=200, deadline=None)
@given(z=st.floats(-8, 8), p=st.floats(1e-6, 1 - 1e-6))
def test_normal_matches_scipy(z: float, p: float) -> None:
    """Normal probabilities, quantiles and two-sided p-values are scipy's."""
    assert distributions.normal_cdf(z) == pytest.approx(float(stats.norm.cdf(z)), rel=1e-9)
    assert distributions.quantile(p, math.inf) == pytest.approx(float(stats.norm.ppf(p)), abs=1e-9)
    assert distributions.two_sided(z, math.inf) == pytest.approx(2 * float(stats.norm.sf(abs(z))), rel=1e-9)
    assert distributions.two_sided(z, 7) == pytest.approx(2 * float(stats.t.sf(abs(z), 7)), rel=1e-7)


@pytest.mark.parametrize("probability", [0.0, 1.0, math.nan])
def test_refuses_impossible_probabilities(probability: float) -> None:
    """An impossible probability or number of degrees is an error, not a number."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        distributions.normal_quantile(probability)
    with pytest.raises(ValueError, match="above 0"):
        distributions.chi_square_tail(1.0, 0.0)
