"""Pure: did an outcome change after its launch, how sure is that, and what would settle it?"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, TypeAlias

from roadworthy.portfolio.grades import GRADE_WORDS, Grade
from roadworthy.statistics.interrupted_series import SeriesEffect, TooFewPoints, compare, weeks_to_detect

PERIOD = timedelta(days=7)
_BASELINE_DRIFT = 0.25

Direction: TypeAlias = Literal["increase", "decrease"]
MarkKind: TypeAlias = Literal["launch", "rollback", "expansion", "change"]
Status: TypeAlias = Literal["improved", "no evidence yet", "worse", "too early", "no data"]


@dataclass(frozen=True, slots=True)
class OutcomeContract:
    """What was promised: which figure moves which way, from where, by how much, until when."""

    title: str
    unit: str
    direction: Direction
    baseline_value: float
    baseline_start: date
    baseline_end: date
    target_delta: float
    """The size of the wanted change; `direction` says which way, so its sign does not matter."""
    horizon_end: date

    @property
    def target_value(self) -> float:
        """The figure that meets the target."""
        size = abs(self.target_delta)
        return self.baseline_value + (size if self.direction == "increase" else -size)

    @property
    def effect_unit(self) -> str:
        """A change of a percentage is in percentage points; every other change has the figure's own unit."""
        return "percentage points" if self.unit.strip().lower() in {"%", "percent", "per cent"} else self.unit


@dataclass(frozen=True, slots=True)
class WeeklyPoint:
    """One week's figure, by the day its week starts."""

    start: date
    value: float


@dataclass(frozen=True, slots=True)
class InterventionMark:
    """Something that was done to the outcome's process on a day."""

    on: date
    kind: MarkKind
    use_case: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class LiveWindow:
    """From a launch to the rollback that left nothing live, or still open."""

    start: date
    end: date | None


@dataclass(frozen=True, slots=True)
class EffectVerdict:
    """What can be said about an outcome's change, in the outcome's unit, and on what ground."""

    status: Status
    grade: Grade
    window: LiveWindow | None
    n_before: int
    n_after: int
    effect: float | None
    low: float | None
    high: float | None
    share_of_target: float | None
    more_weeks: int | None
    settles: str
    notes: tuple[str, ...]
    last_measured_on: date | None
    estimate: SeriesEffect | None
    refusal: TooFewPoints | None

    @property
    def grade_words(self) -> str:
        """What the claim's grade means."""
        return GRADE_WORDS[self.grade]


@dataclass(frozen=True, slots=True)
class _Split:
    before: tuple[WeeklyPoint, ...]
    live: tuple[WeeklyPoint, ...]
    notes: tuple[str, ...]


def live_windows(marks: Sequence[InterventionMark]) -> tuple[LiveWindow, ...]:
    """The stretches of time in which at least one use case was live for this outcome."""
    windows: list[LiveWindow] = []
    live: set[str] = set()
    # A rollback on the day of a launch undoes an earlier launch first, so that a relaunch counts.
    order = {"rollback": 0, "launch": 1}
    for mark in sorted(marks, key=lambda mark: (mark.on, order.get(mark.kind, 2))):
        if mark.kind == "launch":
            if not live:
                windows.append(LiveWindow(mark.on, None))
            live.add(mark.use_case)
        elif mark.kind == "rollback" and mark.use_case in live:
            live.remove(mark.use_case)
            if not live:
                windows[-1] = LiveWindow(windows[-1].start, mark.on)
    return tuple(windows)


def _split(points: Sequence[WeeklyPoint], windows: Sequence[LiveWindow]) -> _Split:
    """Whole weeks before and during the last window; mixed weeks and earlier live weeks are left out."""
    current = windows[-1]
    before, live = [], []
    mixed = earlier = 0
    for point in points:
        end = point.start + PERIOD
        if point.start >= current.start:
            if current.end is None or end <= current.end:
                live.append(point)
            elif point.start < current.end:
                mixed += 1
        elif end > current.start:
            mixed += 1
        elif any(
            window.end is not None and point.start < window.end and end > window.start
            for window in windows[:-1]
        ):
            earlier += 1
        else:
            before.append(point)
    notes = []
    if mixed:
        notes.append(f"{_weeks(mixed)} left out because the change happened within")
    if earlier:
        notes.append(f"{_weeks(earlier)} left out because an earlier launch was live then")
    return _Split(tuple(before), tuple(live), tuple(notes))


def _weeks(count: int) -> str:
    return f"{count} week" if count == 1 else f"{count} weeks"


def _usable(points: Sequence[WeeklyPoint], as_of: date) -> tuple[tuple[WeeklyPoint, ...], tuple[str, ...]]:
    ordered = tuple(sorted(points, key=lambda point: point.start))
    starts = [point.start for point in ordered]
    if len(set(starts)) != len(starts):
        message = "two figures for the same week; correct one of them before computing an effect"
        raise ValueError(message)
    whole = tuple(point for point in ordered if point.start + PERIOD <= as_of + timedelta(days=1))
    left = len(ordered) - len(whole)
    return whole, ((f"{_weeks(left)} not over by {as_of.isoformat()}, left out",) if left else ())


def _baseline_notes(contract: OutcomeContract, points: Sequence[WeeklyPoint]) -> tuple[str, ...]:
    window = [p.value for p in points if contract.baseline_start <= p.start <= contract.baseline_end]
    if not window:
        return ("no week of the declared baseline window was measured",)
    mean = sum(window) / len(window)
    if abs(mean - contract.baseline_value) > _BASELINE_DRIFT * abs(contract.target_delta):
        declared = f"{contract.baseline_value:g} {contract.unit}"
        return (f"the declared baseline is {declared}, but the weeks of its window average {mean:.4g}",)
    return ()


def _status(contract: OutcomeContract, low: float, high: float) -> Status:
    if low <= 0.0 <= high:
        return "no evidence yet"
    return "improved" if (low > 0.0) == (contract.direction == "increase") else "worse"


def _settles_open(contract: OutcomeContract, window: LiveWindow, more: int | None, last: date) -> str:
    if window.end is not None:
        return "It is no longer live; only a new launch would add evidence."
    if more is None:
        return (
            "More weeks alone will not settle it: the trend before the launch is too uncertain to carry that "
            "far. A part of the organization that goes without it, as a comparison, would."
        )
    if more == 0:
        return (
            "A change as large as the target would most likely have shown by now; a smaller one may still be "
            "hidden in the noise."
        )
    late = last + (more + 1) * PERIOD > contract.horizon_end
    return (
        f"About {_weeks(more)} more would show a change as large as the target, at the noise seen so far"
        f"{', which is after the horizon ends' if late else ''}."
    )


def _settles_short(refusal: TooFewPoints, window: LiveWindow) -> str:
    parts = []
    if refusal.needed_before:
        parts.append(f"{_weeks(refusal.needed_before)} more of figures from before the launch")
    if refusal.needed_after and window.end is None:
        parts.append(f"{_weeks(refusal.needed_after)} more after it")
    if refusal.needed_after and window.end is not None:
        return "It was live too briefly to tell, and no longer is; only a new launch would add evidence."
    return f"A first estimate needs {' and '.join(parts)}."


def _silent(
    status: Status,
    settles: str,
    notes: tuple[str, ...],
    points: Sequence[WeeklyPoint],
    window: LiveWindow | None,
) -> EffectVerdict:
    return EffectVerdict(
        status=status,
        grade="F",
        window=window,
        n_before=len(points),
        n_after=0,
        effect=None,
        low=None,
        high=None,
        share_of_target=None,
        more_weeks=None,
        settles=settles,
        notes=notes,
        last_measured_on=points[-1].start if points else None,
        estimate=None,
        refusal=None,
    )


def judge(
    contract: OutcomeContract,
    points: Sequence[WeeklyPoint],
    marks: Sequence[InterventionMark],
    *,
    as_of: date,
) -> EffectVerdict:
    """The verdict as of a day: later points and marks are not looked at."""
    if contract.target_delta == 0:
        message = "an outcome's target must differ from its baseline; declare a change to aim for"
        raise ValueError(message)
    usable, left_out = _usable([p for p in points if p.start <= as_of], as_of)
    windows = live_windows([mark for mark in marks if mark.on <= as_of])
    if not usable:
        settles = "Import weekly figures: at least 6 from before the launch and 6 after it."
        return _silent("no data", settles, left_out, (), windows[-1] if windows else None)
    if not windows:
        settles = "Nothing has been launched for it; figures collected until then are its baseline."
        return _silent("too early", settles, left_out + _baseline_notes(contract, usable), usable, None)

    window = windows[-1]
    split = _split(usable, windows)
    notes = left_out + split.notes + _baseline_notes(contract, usable)
    series = split.before + split.live
    weeks = [(point.start - window.start).days / 7.0 for point in series]
    found = compare(weeks, [point.value for point in series])
    if isinstance(found, TooFewPoints):
        return EffectVerdict(
            status="too early",
            grade="E" if split.before and split.live else "F",
            window=window,
            n_before=found.n_before,
            n_after=found.n_after,
            effect=None,
            low=None,
            high=None,
            share_of_target=None,
            more_weeks=found.needed_after if window.end is None and not found.needed_before else None,
            settles=_settles_short(found, window),
            notes=notes,
            last_measured_on=usable[-1].start,
            estimate=None,
            refusal=found,
        )
    return _estimated(contract, window, found, weeks, notes=notes, last=usable[-1].start)


def _estimated(
    contract: OutcomeContract,
    window: LiveWindow,
    found: SeriesEffect,
    weeks: list[float],
    *,
    notes: tuple[str, ...],
    last: date,
) -> EffectVerdict:
    status = _status(contract, found.low, found.high)
    gain = found.average_effect if contract.direction == "increase" else -found.average_effect
    more = (
        weeks_to_detect(weeks, found, contract.target_delta)
        if status == "no evidence yet" and window.end is None
        else None
    )
    settles = (
        _settles_open(contract, window, more, last)
        if status == "no evidence yet"
        else "A holdout or a staged rollout would show whether the launch was the cause."
    )
    return EffectVerdict(
        status=status,
        grade="D",
        window=window,
        n_before=found.n_before,
        n_after=found.n_after,
        effect=found.average_effect,
        low=found.low,
        high=found.high,
        share_of_target=gain / abs(contract.target_delta),
        more_weeks=more,
        settles=settles,
        notes=notes + found.checks.warnings,
        last_measured_on=last,
        estimate=found,
        refusal=None,
    )
