"""Process limits and signals: the textbook numbers, each rule alone, and silence on ordinary variation."""

import pytest

from roadworthy.statistics.control_chart import Limits, TooFewForLimits, limits, signals

BOUNDS = Limits(center=0.0, lower=-3.0, upper=3.0, mean_moving_range=3.0 / 2.66, n=20)


def _rules(values: list[float]) -> set[tuple[int, str, str]]:
    return {(signal.index, signal.rule, signal.side) for signal in signals(values, BOUNDS)}


def test_limits_are_mean_and_moving_range() -> None:
    """Ten points with moving ranges of 2: limits at the mean plus and minus 5.32."""
    bounds = limits([9.0, 11.0] * 5)
    assert isinstance(bounds, Limits)
    assert (bounds.center, bounds.mean_moving_range, bounds.n) == (10.0, 2.0, 10)
    assert (bounds.lower, bounds.upper) == pytest.approx((10 - 5.32, 10 + 5.32))


@pytest.mark.parametrize("count", [0, 1, 9])
def test_refuses_under_ten_points(count: int) -> None:
    """Fewer than ten points get no limits but the number that is missing."""
    found = limits([1.0] * count)
    assert found == TooFewForLimits(count, 10 - count)
    assert f"{10 - count} more" in found.reason


def test_refuses_missing_values() -> None:
    """A hole in the window is an error, not a limit of nan."""
    with pytest.raises(ValueError, match="finite"):
        limits([1.0] * 10 + [float("inf")])


def test_one_point_outside() -> None:
    """A point beyond a limit signals on its side; one on the limit does not."""
    assert _rules([0.0, 3.1, 0.0]) == {(1, "outside-limits", "above")}
    assert _rules([0.0, -3.1, 0.0]) == {(1, "outside-limits", "below")}
    assert _rules([0.0, 3.0, 0.0]) == set()


def test_eight_on_one_side() -> None:
    """The eighth point in a row on one side signals; a point on the centre line breaks the run."""
    assert _rules([1.0, 0.5] * 4) == {(7, "eight-one-side", "above")}
    assert _rules([-1.0, -0.5] * 4) == {(7, "eight-one-side", "below")}
    assert _rules([1.0, 0.5, 1.0, 0.5, 0.0, 1.0, 0.5, 1.0, 0.5]) == set()


def test_six_trending() -> None:
    """Six points each above the last signal a rise; an equal pair breaks the trend."""
    assert _rules([-1.5, -1.0, -0.5, 0.2, 0.7, 1.2]) == {(5, "six-trending", "above")}
    assert _rules([1.5, 1.0, 0.5, -0.2, -0.7, -1.2]) == {(5, "six-trending", "below")}
    assert _rules([-1.5, -1.0, -1.0, 0.2, 0.7, 1.2]) == set()


def test_two_of_three_near_a_limit() -> None:
    """Two of three points beyond two thirds of the way, same side, the newest being one of them."""
    assert _rules([2.5, 0.0, 2.5]) == {(2, "two-of-three-near-limit", "above")}
    assert _rules([-2.5, 0.0, -2.5]) == {(2, "two-of-three-near-limit", "below")}
    assert _rules([2.5, 0.0, -2.5]) == set()
    assert _rules([2.0, 0.0, 2.0]) == set()


def test_constant_baseline() -> None:
    """Without any variation every different value is outside, and the same value is not a signal."""
    bounds = limits([4.0] * 12)
    assert isinstance(bounds, Limits)
    assert signals([4.0] * 9, bounds) == ()
    assert [signal.rule for signal in signals([4.0, 4.1], bounds)] == ["outside-limits"]
