"""Pure: which figures are so far off that somebody should look at the unit; a warning, never a refusal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median

DEVIATIONS_MAX = 10.0
_FIGURES_MIN = 8
_MAD_TO_DEVIATION = 1.4826
_MEAN_TO_DEVIATION = 1.2533


def far_off(known: Sequence[float], given: Mapping[int, float]) -> list[tuple[int, float, float]]:
    """Return (line, value, deviations) of given figures more than ten robust deviations from the median."""
    values = [*known, *given.values()]
    if len(values) < _FIGURES_MIN:
        return []
    middle = median(values)
    distances = [abs(value - middle) for value in values]
    # Where more than half are equal the median distance is zero; the mean distance still has a size.
    deviation = median(distances) * _MAD_TO_DEVIATION or fmean(distances) * _MEAN_TO_DEVIATION
    if deviation == 0.0:
        return []
    return [
        (line, value, abs(value - middle) / deviation)
        for line, value in given.items()
        if abs(value - middle) > DEVIATIONS_MAX * deviation
    ]
