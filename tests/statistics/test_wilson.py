"""Wilson's interval against an independent implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from roadworthy.statistics.wilson import wilson


@given(st.integers(1, 100_000).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size))))
def test_it_is_the_interval_that_statsmodels_computes(pair: tuple[int, int]) -> None:
    """To twelve places."""
    hits, size = pair
    low, high = wilson(hits, size)
    expected_low, expected_high = proportion_confint(hits, size, alpha=0.05, method="wilson")
    assert low == pytest.approx(expected_low, abs=1e-12)
    assert high == pytest.approx(expected_high, abs=1e-12)


@given(
    st.integers(1, 2_000).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size))),
    st.floats(0.5, 0.999),
)
def test_any_confidence(pair: tuple[int, int], confidence: float) -> None:
    """Not only 95 %."""
    hits, size = pair
    expected = proportion_confint(hits, size, alpha=1 - confidence, method="wilson")
    assert wilson(hits, size, confidence=confidence) == pytest.approx(expected, abs=1e-9)


def test_nothing_is_known_of_nothing() -> None:
    """No case, no bounds."""
    assert wilson(0, 0) == (None, None)
