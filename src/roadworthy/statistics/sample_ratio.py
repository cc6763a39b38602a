"""Pure: did the arms of an experiment get the shares of units that they were meant to get?"""

from collections.abc import Sequence
from dataclasses import dataclass

from roadworthy.statistics.distributions import chi_square_tail

ALARM = 0.001
"""A p-value this small is a fault of assignment or logging; 0.05 would cry wolf every 20th time."""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Counts beside what was expected, with Pearson's chi-square."""

    counts: tuple[int, ...]
    expected: tuple[float, ...]
    statistic: float
    p_value: float

    @property
    def mismatch(self) -> bool:
        """Whether the counts cannot be chance."""
        return self.p_value < ALARM


def check(counts: Sequence[int], shares: Sequence[float]) -> SampleRatio:
    """Compare counts with the shares meant; shares are above 0 and are scaled to add up to 1."""
    if len(counts) != len(shares) or len(counts) < 2 or min(shares) <= 0 or sum(counts) == 0:
        message = "a sample ratio needs two or more arms with a share above 0 each, and some units"
        raise ValueError(message)
    total = sum(counts)
    expected = tuple(total * share / sum(shares) for share in shares)
    statistic = sum((n - e) ** 2 / e for n, e in zip(counts, expected, strict=True))
    return SampleRatio(tuple(counts), expected, statistic, chi_square_tail(statistic, len(counts) - 1))
