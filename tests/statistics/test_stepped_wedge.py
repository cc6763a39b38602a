"""The stepped wedge: exact by permutation, refused where the lot had little choice."""

import math

import numpy as np
import pytest

from roadworthy.statistics import stepped_wedge, two_way
from roadworthy.statistics.estimate import Refusal
from roadworthy.statistics.stepped_wedge import Wedge, WedgeEffect


def _wedge(seed: int, *, units: int = 8, periods: int = 6, effect: float = 0.0, gaps: float = 0.0) -> Wedge:
    generator = np.random.default_rng(seed)
    first = generator.permutation(np.arange(units) % (periods - 1) + 1)
    unit, time = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    # Neighbouring periods of a unit move together, which plain least squares would take for evidence.
    noise = np.cumsum(generator.normal(size=(units, periods)), axis=1).ravel()
    y = generator.normal(size=units)[unit] + 0.5 * time + noise + effect * (time >= first[unit])
    keep = generator.random(y.size) >= gaps
    return Wedge(y[keep], unit[keep], time[keep], first)


def _found(wedge: Wedge, seed: int = 1, permutations: int = 399) -> WedgeEffect:
    found = stepped_wedge.estimate(wedge, level=0.95, permutations=permutations, seed=seed)
    assert isinstance(found, WedgeEffect)
    return found


@pytest.mark.parametrize("gaps", [0.0, 0.15])
def test_the_statistic_is_the_two_way_coefficient(gaps: float) -> None:
    """The figure is that of a regression on units and times, missing cells included."""
    wedge = _wedge(2, effect=1.0, gaps=gaps)
    panel = two_way.Panel(wedge.y, wedge.units, wedge.times)
    treated = (wedge.times >= wedge.first[wedge.units]).astype(float)
    oracle = two_way.effect(panel, treated, errors="classic", level=0.95)
    assert oracle is not None
    assert _found(wedge).estimate.value == pytest.approx(oracle.value, abs=1e-9)


def test_one_seed_gives_one_answer() -> None:
    """The same seed gives the same interval, another one nearly the same."""
    wedge = _wedge(3, effect=1.0)
    one, two, other = _found(wedge), _found(wedge), _found(wedge, seed=9, permutations=3999)
    assert one == two
    assert other.estimate.p_value == pytest.approx(one.estimate.p_value, abs=0.1)


def test_false_alarms_are_at_most_five_percent() -> None:
    """Without an effect, and with noise that wanders, at most about one wedge in twenty says otherwise."""
    alarms = sum(_found(_wedge(seed), permutations=199).estimate.p_value <= 0.05 for seed in range(400))
    assert alarms / 400 <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 400)


def test_the_interval_is_the_test_turned_around() -> None:
    """Effects inside are not rejected, and 0 lies inside exactly when the p-value is above 5 %."""
    for seed in range(40):
        found = _found(_wedge(seed, effect=1.5)).estimate
        assert found.low <= found.value <= found.high
        assert (found.low <= 0.0 <= found.high) == (found.p_value > 0.05)


def test_an_effect_is_found() -> None:
    """A large effect in many units is found, with the truth inside."""
    found = _found(_wedge(4, units=24, effect=4.0)).estimate
    assert found.low > 0
    assert found.low <= 4.0 <= found.high


def test_few_orders_are_refused() -> None:
    """Three units have six orders: even the rarest would be chance one time in six."""
    wedge = _wedge(5, units=3, periods=4)
    found = stepped_wedge.estimate(wedge, level=0.95, permutations=199, seed=1)
    assert isinstance(found, Refusal)
    assert "only 6 different orders" in found.reason
    assert math.exp(stepped_wedge.orders_log(np.array([1, 1, 2, 2]))) == pytest.approx(6)
