"""Small versions of the simulations in `bench/error_rates.py`, which runs the same code longer."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from bench import error_rates as bench

RUNS = 200


@pytest.mark.parametrize(
    ("name", "once"),
    [
        ("trial", lambda source: bench.trial(source, each=50, skewed=False)),
        ("clusters", lambda source: bench.cluster_trial(source, clusters=12)),
        ("ratio", lambda source: bench.ratio(source, each=60)),
        ("two-way", lambda source: bench.differences(source, units=12)),
        ("group-time", lambda source: bench.group_times(source, units=60)),
        ("series", lambda source: bench.series(source, before=26, after=26, rho=0.3)),
    ],
)
def test_intervals_hold_the_truth(name: str, once: Callable[[np.random.Generator], bool]) -> None:
    """About 95 % of intervals hold the truth, in each design."""
    share = sum(once(source) for source in bench.sources(f"small {name}", RUNS)) / RUNS
    assert abs(share - 0.95) <= 0.015 + 2.5 * math.sqrt(0.95 * 0.05 / RUNS)


def test_figures_are_judged() -> None:
    """A broken promise is said to be broken: the bench can fail."""
    assert not bench.at_most("x", 0.05, iter([True] * 20 + [False] * 80), 100).kept
    assert bench.at_most("x", 0.05, iter([True] * 5 + [False] * 95), 100).kept
    assert not bench.covers("x", iter([True] * 900 + [False] * 100), 1000).kept
    assert not bench.covers("x", iter([True] * 1000), 1000).kept
    assert bench.covers("x", iter([True] * 1000), 1000, at_least=True).kept
