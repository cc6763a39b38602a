"""A metric that must not get worse: within its margin only when that is shown."""

from __future__ import annotations

import random
from datetime import timedelta

from roadworthy.portfolio.constraint import ConstraintCheck, Guard, check
from roadworthy.portfolio.effect import LiveWindow, WeeklyPoint
from tests.portfolio.outcome_figures import LAUNCH

GUARD = Guard("reopened", "Claims reopened", "%", "decrease", 0.5)
OPEN = LiveWindow(LAUNCH, None)
TODAY = LAUNCH + timedelta(weeks=20)


def judged(
    worse: float, *, noise: float = 0.1, before: int = 20, after: int = 16, guard: Guard = GUARD
) -> ConstraintCheck:
    """Check a guard that moves by so much at the launch."""
    seeded = random.Random(11)
    points = [
        WeeklyPoint(
            LAUNCH + timedelta(weeks=index),
            4.0 + (worse if index >= 0 else 0.0) + seeded.gauss(0.0, noise),
        )
        for index in range(-before, after)
    ]
    return check(guard, points, window=OPEN, as_of=TODAY)


def test_a_guard_that_stays_is_within_its_margin() -> None:
    """The whole interval of the worsening lies inside the margin."""
    found = judged(0.0)
    assert found.state == "within margin"
    assert found.high is not None
    assert found.high <= 0.5


def test_a_guard_that_got_much_worse_is_breached() -> None:
    """The whole interval lies beyond the margin, and the words say by how much."""
    found = judged(2.0)
    assert found.state == "breached"
    assert found.worse_by is not None
    assert abs(found.worse_by - 2.0) < 0.2
    assert "worse by" in found.words


def test_a_guard_in_the_noise_is_not_called_safe() -> None:
    """What cannot be told does not pass."""
    assert judged(0.5, noise=2.0).state == "cannot tell yet"


def test_worse_depends_on_the_direction() -> None:
    """A satisfaction that rises by two got better."""
    rising = Guard("csat", "Satisfaction", "points", "increase", 0.5)
    assert judged(2.0, guard=rising).state == "within margin"
    assert judged(-2.0, guard=rising).state == "breached"


def test_too_few_weeks_are_no_data() -> None:
    """Under four weeks on a side nothing is said."""
    assert judged(0.0, after=3).state == "no data"
    assert judged(0.0, before=3).state == "no data"
    assert check(GUARD, [], window=None, as_of=TODAY).state == "no data"


def test_weeks_after_a_rollback_do_not_count() -> None:
    """Only what was measured while it was live is compared."""
    points = [
        WeeklyPoint(LAUNCH + timedelta(weeks=index), 9.0 if 0 <= index < 8 else 4.0 + 0.01 * (index % 3))
        for index in range(-20, 16)
    ]
    window = LiveWindow(LAUNCH, LAUNCH + timedelta(weeks=8))
    found = check(GUARD, points, window=window, as_of=TODAY)
    assert (found.state, found.n_during) == ("breached", 8)


def test_a_constant_guard_needs_no_interval() -> None:
    """Without any variation the difference is what it is."""
    found = judged(0.0, noise=0.0)
    assert (found.state, found.low, found.high) == ("within margin", 0.0, 0.0)
