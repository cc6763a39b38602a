"""Made-up weekly figures of one outcome, for the tests of effects and charts."""

from datetime import date, timedelta

import numpy as np

from roadworthy.portfolio.effect import InterventionMark, MarkKind, OutcomeContract, WeeklyPoint

MONDAY = date(2025, 9, 1)
LAUNCH = MONDAY + timedelta(weeks=26)
CONTRACT = OutcomeContract(
    title="Median handling time",
    unit="minutes per claim",
    direction="decrease",
    baseline_value=12.0,
    baseline_start=MONDAY,
    baseline_end=LAUNCH - timedelta(days=1),
    target_delta=4.0,
    horizon_end=date(2026, 12, 31),
)


def points(
    before: int = 26, after: int = 20, *, change: float = 0.0, noise: float = 0.3, seed: int = 7
) -> list[WeeklyPoint]:
    """Weekly figures around 12 that change by a step at the launch."""
    generator = np.random.default_rng(seed)
    first = LAUNCH - timedelta(weeks=before)
    return [
        WeeklyPoint(
            first + timedelta(weeks=index),
            float(12.0 + (change if index >= before else 0.0) + generator.normal() * noise),
        )
        for index in range(before + after)
    ]


def mark(
    kind: MarkKind, weeks: int = 0, *, days: int = 0, use_case: str = "claims-triage"
) -> InterventionMark:
    """A mark so many weeks and days after the launch date."""
    return InterventionMark(LAUNCH + timedelta(weeks=weeks, days=days), kind, use_case)


LATE = LAUNCH + timedelta(weeks=60)
