"""Student's t agrees with scipy, from one degree of freedom to many."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from roadworthy.statistics import student_t


@settings(max_examples=300, deadline=None)
@given(t=st.floats(-60, 60), df=st.floats(1, 500))
def test_cdf_matches_scipy(t: float, df: float) -> None:
    """The probability is scipy's to 1e-9: next to 0 scipy itself rounds to one half."""
    assert student_t.cdf(t, df) == pytest.approx(float(stats.t.cdf(t, df)), abs=1e-9)


@settings(max_examples=300, deadline=None)
@given(probability=st.floats(1e-4, 1 - 1e-4), df=st.floats(1, 500))
def test_quantile_matches_scipy(probability: float, df: float) -> None:
    """The quantile is scipy's to 1e-8, relative in the far tails."""
    assert student_t.quantile(probability, df) == pytest.approx(
        float(stats.t.ppf(probability, df)), rel=1e-8, abs=1e-8
    )


def test_known_values() -> None:
    """The table in every textbook: 97.5 % at 10 degrees of freedom, and the ends of the line."""
    assert student_t.quantile(0.975, 10) == pytest.approx(2.2281388519649385, abs=1e-10)
    assert student_t.quantile(0.5, 3) == 0.0
    assert student_t.cdf(math.inf, 3) == 1.0
    assert student_t.cdf(-math.inf, 3) == 0.0
    assert student_t.incomplete_beta(2, 3, 0.0) == 0.0
    assert student_t.incomplete_beta(2, 3, 1.0) == 1.0


def test_next_to_the_middle_the_density_decides() -> None:
    """With one degree of freedom the density at 0 is 1/pi."""
    assert student_t.cdf(1e-9, 1) == pytest.approx(0.5 + 1e-9 / math.pi, abs=1e-16)


@pytest.mark.parametrize("probability", [0.0, 1.0, -0.1, math.nan])
def test_refuses_impossible_probabilities(probability: float) -> None:
    """A quantile of an impossible probability is an error, not a number."""
    with pytest.raises(ValueError, match="between 0 and 1"):
        student_t.quantile(probability, 5)


def test_refuses_impossible_parameters() -> None:
    """Degrees of freedom and beta parameters must be positive."""
    with pytest.raises(ValueError, match="above 0"):
        student_t.cdf(1.0, 0)
    with pytest.raises(ValueError, match="incomplete_beta needs"):
        student_t.incomplete_beta(-1, 1, 0.5)
