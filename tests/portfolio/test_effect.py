"""The verdict on an outcome: what counts as before and live, what is said when, and what would settle it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from roadworthy.portfolio.effect import (
    LiveWindow,
    WeeklyPoint,
    judge,
    live_windows,
)
from tests.portfolio.outcome_figures import CONTRACT, LATE, LAUNCH, MONDAY, mark, points


def test_true_improvement() -> None:
    """A fall of 3 against a wanted fall of 4 is an improvement of about three quarters of the target."""
    verdict = judge(CONTRACT, points(change=-3.0), [mark("launch")], as_of=LATE)
    assert (verdict.status, verdict.grade) == ("improved", "D")
    assert verdict.effect == pytest.approx(-3.0, abs=0.6)
    assert verdict.share_of_target == pytest.approx(0.75, abs=0.15)
    assert (verdict.n_before, verdict.n_after) == (26, 20)
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.low < verdict.high < 0
    assert "holdout" in verdict.settles
    assert "not proof of cause" in verdict.grade_words


def test_direction_decides_what_is_good() -> None:
    """The same fall is worse when the outcome should increase."""
    rising = replace(
        CONTRACT,
        direction="increase",
    )
    assert judge(rising, points(change=-3.0), [mark("launch")], as_of=LATE).status == "worse"
    assert judge(rising, points(change=3.0), [mark("launch")], as_of=LATE).status == "improved"
    assert rising.target_value == 16.0
    assert CONTRACT.target_value == 8.0


def test_rolled_back_regression_is_judged_while_live() -> None:
    """A regression that was rolled back is worse over its live weeks, though the figures recovered since."""
    series = points(after=30, change=3.0)
    recovered = [p if p.start < LAUNCH + timedelta(weeks=10) else WeeklyPoint(p.start, 12.0) for p in series]
    verdict = judge(CONTRACT, recovered, [mark("launch"), mark("rollback", 10)], as_of=LATE)
    assert verdict.status == "worse"
    assert verdict.window == LiveWindow(LAUNCH, LAUNCH + timedelta(weeks=10))
    assert verdict.n_after == 10


def test_noise_is_not_evidence() -> None:
    """No change within much noise: nothing is claimed, and the reader hears what would settle it."""
    verdict = judge(CONTRACT, points(noise=3.0), [mark("launch")], as_of=LATE)
    assert verdict.status == "no evidence yet"
    assert "comparison" in verdict.settles
    assert verdict.more_weeks is None
    calm = judge(CONTRACT, points(noise=0.3), [mark("launch")], as_of=LATE)
    assert (calm.status, calm.more_weeks) == ("no evidence yet", 0)
    assert "most likely have shown" in calm.settles
    ended = judge(CONTRACT, points(noise=3.0), [mark("launch"), mark("rollback", 15)], as_of=LATE)
    assert "only a new launch" in ended.settles


def test_more_weeks_are_counted_against_the_horizon() -> None:
    """When more weeks would settle it, their number is said, and that the horizon ends first if it does."""
    modest = points(before=104, after=6, noise=2.9, seed=3)
    verdict = judge(CONTRACT, modest, [mark("launch")], as_of=LATE)
    assert verdict.status == "no evidence yet"
    assert verdict.more_weeks
    assert f"About {verdict.more_weeks} week" in verdict.settles
    assert "horizon" not in verdict.settles
    hurried = replace(
        CONTRACT,
        horizon_end=LAUNCH + timedelta(weeks=6),
    )
    assert "after the horizon ends" in judge(hurried, modest, [mark("launch")], as_of=LATE).settles


def test_too_early_names_what_is_missing() -> None:
    """Three weeks after a launch is too early; grade E with something on both sides, else F."""
    verdict = judge(CONTRACT, points(after=3), [mark("launch")], as_of=LATE)
    assert (verdict.status, verdict.grade, verdict.more_weeks) == ("too early", "E", 3)
    assert verdict.settles == "A first estimate needs 3 weeks more after it."
    short = judge(CONTRACT, points(before=2, after=20), [mark("launch")], as_of=LATE)
    assert (short.status, short.more_weeks) == ("too early", None)
    assert "4 weeks more of figures from before" in short.settles
    assert judge(CONTRACT, points(after=0), [mark("launch")], as_of=LATE).grade == "F"
    brief = judge(CONTRACT, points(after=9), [mark("launch"), mark("rollback", 3)], as_of=LATE)
    assert brief.status == "too early"
    assert "too briefly" in brief.settles


def test_nothing_measured_and_nothing_launched() -> None:
    """Without figures there is no data; without a launch it is too early whatever the figures do."""
    empty = judge(CONTRACT, [], [mark("launch")], as_of=LATE)
    assert (empty.status, empty.grade, empty.last_measured_on) == ("no data", "F", None)
    waiting = judge(CONTRACT, points(change=-3), [], as_of=LATE)
    assert (waiting.status, waiting.window, waiting.n_before) == ("too early", None, 46)


def test_as_of_hides_the_future() -> None:
    """A verdict for a past day uses only weeks that were over and marks that had happened."""
    series, marks = points(change=-3.0), [mark("launch"), mark("rollback", 15)]
    past = LAUNCH + timedelta(weeks=8, days=-1)
    then = judge(CONTRACT, series, marks, as_of=past)
    assert then.window == LiveWindow(LAUNCH, None)
    assert then.n_after == 8
    running = judge(CONTRACT, series, marks, as_of=past + timedelta(days=3))
    assert running.n_after == 8
    assert any("1 week not over" in note for note in running.notes)


def test_mixed_weeks_are_left_out() -> None:
    """A launch in the middle of a week makes that week neither before nor after."""
    verdict = judge(CONTRACT, points(change=-3.0), [mark("launch", days=2)], as_of=LATE)
    assert (verdict.n_before, verdict.n_after) == (26, 19)
    assert any("1 week left out because the change happened within" in note for note in verdict.notes)
    ended = judge(CONTRACT, points(), [mark("launch"), mark("rollback", 8, days=3)], as_of=LATE)
    assert ended.n_after == 8


def test_relaunch_is_compared_with_weeks_that_were_not_live() -> None:
    """After a rollback and a relaunch, the first live stretch is in neither side."""
    marks = [mark("launch"), mark("rollback", 5), mark("launch", 12)]
    verdict = judge(CONTRACT, points(after=30), marks, as_of=LATE)
    assert (verdict.n_before, verdict.n_after) == (26 + 7, 18)
    assert any("5 weeks left out because an earlier launch" in note for note in verdict.notes)


def test_live_windows_follow_use_cases() -> None:
    """A window lasts while any use case is live; strays and repeats change nothing."""
    assert live_windows([mark("rollback"), mark("change", 1), mark("expansion", 2)]) == ()
    two = [mark("launch"), mark("launch", 3, use_case="b"), mark("rollback", 5)]
    assert live_windows(two) == (LiveWindow(LAUNCH, None),)
    both = [*two, mark("rollback", 9, use_case="b")]
    assert live_windows(both) == (LiveWindow(LAUNCH, LAUNCH + timedelta(weeks=9)),)
    again = [mark("launch"), mark("launch", 4), mark("rollback", 4)]
    assert live_windows(again)[-1] == LiveWindow(LAUNCH + timedelta(weeks=4), None)


def test_declared_baseline_is_checked_against_the_figures() -> None:
    """A baseline that the measured weeks contradict is said; so is a window that nobody measured."""
    wrong = replace(
        CONTRACT,
        baseline_value=15.0,
    )
    assert any("declared baseline is 15" in n for n in judge(wrong, points(), [], as_of=LATE).notes)
    later = judge(CONTRACT, points(before=0), [mark("launch")], as_of=LATE)
    assert "no week of the declared baseline window was measured" in later.notes


def test_refuses_contradictions() -> None:
    """Two figures for a week and a target equal to the baseline are errors."""
    with pytest.raises(ValueError, match="same week"):
        judge(CONTRACT, [WeeklyPoint(MONDAY, 1), WeeklyPoint(MONDAY, 2)], [], as_of=LATE)
    flat = replace(
        CONTRACT,
        target_delta=0.0,
    )
    with pytest.raises(ValueError, match="differ from its baseline"):
        judge(flat, points(), [], as_of=LATE)


def test_percent_changes_are_points() -> None:
    """A change of a percentage is said in percentage points."""
    share = replace(CONTRACT, unit="%")
    assert share.effect_unit == "percentage points"
    assert CONTRACT.effect_unit == "minutes per claim"
