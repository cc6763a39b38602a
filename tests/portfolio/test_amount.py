"""Figures read well, and never lose their whole part or their sign."""

from __future__ import annotations

import pytest

from roadworthy.portfolio.amount import amount, change, figure
from roadworthy.portfolio.plausibility import far_off


@pytest.mark.parametrize(
    ("value", "text"),
    [(64.5812, "64.6"), (4.428, "4.43"), (62.0, "62"), (12345.6, "12,346"), (0.07226, "0.0723"), (0, "0"),
     (-3.0, "−3"), (100.0, "100"), (999.6, "1,000"), (0.5, "0.5")],
)  # fmt: skip
def test_three_digits_count(value: float, text: str) -> None:
    """Three digits are enough to read; whole parts are never cut."""
    assert figure(value) == text


def test_a_change_of_a_percentage_is_in_points() -> None:
    """Ten percent less than twenty percent is not ten percent."""
    assert change(-3.0, "%") == "−3 percentage points"
    assert change(2.5, "hours") == "+2.5 hours"
    assert amount(18.48, "%") == "18.5 %"


def test_a_figure_in_the_wrong_unit_stands_out() -> None:
    """Minutes among hours are found, an ordinary bad week is not."""
    usual = [70.0 + index % 5 for index in range(20)]
    assert [line for line, _, _ in far_off(usual, {2: 4_300.0, 3: 79.0})] == [2]


def test_a_constant_series_still_finds_the_odd_one() -> None:
    """Where every figure is equal, the first other one has a distance."""
    assert [line for line, _, _ in far_off([12.0] * 30, {2: 12_000.0})] == [2]
    assert far_off([12.0] * 30, {2: 12.0}) == []


def test_a_few_figures_say_nothing_about_what_is_usual() -> None:
    """Under eight figures nothing is called odd."""
    assert far_off([1.0, 1.0], {2: 100.0}) == []
