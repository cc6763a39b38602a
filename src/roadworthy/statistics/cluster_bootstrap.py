"""Pure: how a statistic would vary had other clusters been drawn; seeded, so that it can be repeated."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DRAWS = 999


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """The statistic of each draw that could be computed, with its spread and percentile interval."""

    draws: npt.NDArray[np.float64]
    standard_error: float
    low: float
    high: float


def bootstrap(
    statistic: Callable[[npt.NDArray[np.int64]], float],
    clusters: npt.NDArray[np.int64],
    *,
    level: float,
    seed: int,
    draws: int = DRAWS,
) -> Bootstrap:
    """Draw whole clusters with replacement; `statistic` takes row indices and may answer NaN.

    Raises ValueError where fewer than two clusters are given or most draws cannot be computed.
    """
    names, codes = np.unique(clusters, return_inverse=True)
    if names.size < 2:
        message = "a cluster bootstrap needs two clusters or more"
        raise ValueError(message)
    order = np.argsort(codes, kind="stable")
    rows = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    generator = np.random.default_rng(seed)
    found = np.array(
        [
            statistic(np.concatenate([rows[pick] for pick in generator.integers(0, names.size, names.size)]))
            for _ in range(draws)
        ]
    )
    usable = found[np.isfinite(found)]
    if usable.size < draws / 2:
        message = "most draws of clusters held too little to compute the statistic"
        raise ValueError(message)
    tail = (1.0 - level) / 2.0
    low, high = (float(value) for value in np.quantile(usable, [tail, 1.0 - tail]))
    return Bootstrap(usable, float(usable.std(ddof=1)), low, high)
