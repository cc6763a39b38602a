"""Questions about what was measured, and what follows from it for outcomes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.portfolio import gateway_metric, store
from roadworthy.portfolio.constraint import ConstraintCheck, Guard, check
from roadworthy.portfolio.effect import WeeklyPoint, live_windows
from roadworthy.portfolio.facts import WHOLE, Measurement, MeasurementImport, segment_of_outcome
from roadworthy.portfolio.outcome_report import OutcomeReport, marks_of, report
from roadworthy.registry import queries as registry
from roadworthy.registry.resource import Resource
from roadworthy.usage import queries as usage
from roadworthy.use_cases.kinds import METRIC, OUTCOME, USE_CASE, Metric, Outcome, UseCase

PAGE_MAX = 200
IMPORTS_MAX = 50
_GATEWAY_WEEKS = 104


@dataclass(frozen=True, slots=True)
class Series:
    """The current figures of a metric for somebody: weekly points, and who they were measured for."""

    points: tuple[WeeklyPoint, ...] = ()
    measured_for: Literal["this outcome", "the whole organization", "the gateway", ""] = ""
    recorded_at: datetime | None = None
    counts: Mapping[date, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MeasurementPage:
    """A page of figures, newest week first, and the cursor of the next, empty at the end."""

    items: tuple[Measurement, ...]
    next_cursor: str


@dataclass(frozen=True, slots=True)
class Estate:
    """What effects and scorecards are computed from, read once."""

    outcomes: Mapping[str, Resource[Outcome]]
    metrics: Mapping[str, Metric]
    use_cases: Mapping[str, Resource[UseCase]]
    known: Mapping[tuple[str, str], tuple[Measurement, ...]]

    def serving(self, outcome: str) -> tuple[Resource[UseCase], ...]:
        """Return the use cases that serve an outcome, by name."""
        return tuple(one for _, one in sorted(self.use_cases.items()) if one.spec.outcome == outcome)

    def series(self, metric: str, *, outcome: str) -> Series:
        """Return a metric's figures as measured for an outcome, or else for the whole organization."""
        for segment, words in (
            (segment_of_outcome(outcome), "this outcome"),
            (WHOLE, "the whole organization"),
        ):
            if found := self.known.get((metric, segment)):
                return Series(
                    _points(found),
                    words,  # type: ignore[arg-type]  # one of the two above
                    max(one.recorded_at for one in found),
                    {one.period_start: one.n for one in found if one.n is not None},
                )
        return Series()


def _measurement(row: Any) -> Measurement:
    return Measurement(
        metric=row.metric,
        segment=row.segment,
        period_start=row.period_start,
        value=row.value,
        n=row.n,
        recorded_at=row.recorded_at,
        import_id=row.import_id,
        audit_seq=row.audit_seq,
        current=row.place == 1,
    )


def _points(found: Iterable[Measurement]) -> tuple[WeeklyPoint, ...]:
    return tuple(WeeklyPoint(one.period_start, one.value) for one in found if one.value is not None)


def figures(
    tx: Tx, *, metrics: Iterable[str] | None = None, as_of: datetime | None = None
) -> list[Measurement]:
    """Return the figures that count, of these metrics or of all, as the store knew them at a moment."""
    return [_measurement(row) for row in store.current(tx, metrics=metrics, as_of=as_of)]


def series(
    tx: Tx, *, metric: str, outcome: str = "", as_of: datetime | None = None
) -> tuple[WeeklyPoint, ...]:
    """Return the weekly figures of a metric that count, measured for an outcome if one is named."""
    segment = segment_of_outcome(outcome) if outcome else WHOLE
    return _points(one for one in figures(tx, metrics=[metric], as_of=as_of) if one.segment == segment)


def measurements(tx: Tx, *, metric: str, before: str = "", limit: int = 50) -> MeasurementPage:
    """Return every figure ever recorded of a metric, replaced ones too, newest week first."""
    registry.get(tx, METRIC, metric)
    size = max(1, min(limit, PAGE_MAX))
    rows = store.page(tx, metric, before=_read_cursor(before), limit=size + 1)
    items = tuple(_measurement(row) for row in rows[:size])
    return MeasurementPage(items, _write_cursor(items[-1]) if len(rows) > size else "")


def _write_cursor(one: Measurement) -> str:
    return f"{one.period_start}~{one.audit_seq}~{one.segment}"


def _read_cursor(text: str) -> tuple[date, str, int] | None:
    if not text:
        return None
    day, _, rest = text.partition("~")
    seq, separator, segment = rest.partition("~")
    try:
        start = date.fromisoformat(day)
        number = int(seq)
    except ValueError:
        separator = ""
    if not separator or "\0" in text or abs(number) > 2**62:
        raise InvalidError(
            "This cursor is not one that a page of measurements gave.",
            fix="Leave `cursor` out to start from the newest week.",
        )
    return start, segment, number


def imports_of(tx: Tx, *, subjects: Iterable[str], limit: int = IMPORTS_MAX) -> list[MeasurementImport]:
    """Return the imports for outcomes or metrics (`outcome/x`), newest first."""
    return [
        MeasurementImport(
            row.id, row.subject, row.source, row.actor, row.at, row.figures, row.digest, row.audit_seq
        )
        for row in store.imports_of(tx, subjects, limit=min(limit, IMPORTS_MAX))
    ]


def replaced(tx: Tx, *, metric: str, outcome: str, limit: int = IMPORTS_MAX) -> list[Measurement]:
    """Return an outcome's figures that were corrected or taken back later, newest week first."""
    rows = store.replaced(tx, metric, segment_of_outcome(outcome), limit=limit)
    return [_measurement(row) for row in rows]


def load(tx: Tx, *, as_of: datetime | None = None) -> Estate:
    """Read every outcome, metric, use case and figure once."""
    known: dict[tuple[str, str], list[Measurement]] = {}
    for one in figures(tx, as_of=as_of):
        known.setdefault((one.metric, one.segment), []).append(one)
    return Estate(
        outcomes={one.name: one.resource for one in registry.every(tx, OUTCOME)},
        metrics={one.name: one.resource.spec for one in registry.every(tx, METRIC)},
        use_cases={one.name: one.resource for one in registry.every(tx, USE_CASE)},
        known={key: tuple(found) for key, found in known.items()},
    )


def effect_of(tx: Tx, *, outcome: str, now: datetime, estate: Estate | None = None) -> OutcomeReport:
    """Return what can be said about an outcome now: its verdict, sentence, constraints and money."""
    registry.get(tx, OUTCOME, outcome)
    estate = estate or load(tx, as_of=now)
    today = now.astimezone(UTC).date()
    declared = estate.outcomes[outcome]
    metric = estate.metrics[declared.spec.metric]
    serving = estate.serving(outcome)
    found = _series_of(tx, estate, outcome, declared.spec.metric, now=now)
    return report(
        declared,
        metric,
        points=found.points,
        use_cases=serving,
        constraints=constraints_of(tx, outcome=outcome, now=now, estate=estate),
        measured_for=found.measured_for,
        recorded_at=found.recorded_at,
        as_of=today,
    )


def effects(tx: Tx, *, now: datetime, estate: Estate | None = None) -> list[OutcomeReport]:
    """Return what can be said about every outcome, by name."""
    estate = estate or load(tx, as_of=now)
    return [effect_of(tx, outcome=name, now=now, estate=estate) for name in sorted(estate.outcomes)]


def outcome_page(
    tx: Tx, *, after: str = "", limit: int = 50, now: datetime
) -> tuple[list[OutcomeReport], str]:
    """Return one page of outcomes by name with the cursor of the next, empty at the end."""
    items, following = registry.page(tx, OUTCOME, after=after, limit=limit)
    if not items:
        return [], ""
    estate = load(tx, as_of=now)
    return [effect_of(tx, outcome=one.name, now=now, estate=estate) for one in items], following


def constraints_of(
    tx: Tx, *, outcome: str, now: datetime, estate: Estate | None = None
) -> tuple[ConstraintCheck, ...]:
    """Return how each metric that must not get worse stands."""
    estate = estate or load(tx, as_of=now)
    today = now.astimezone(UTC).date()
    declared = estate.outcomes[outcome]
    marks = [mark for mark in marks_of(estate.serving(outcome)) if mark.on <= today]
    windows = live_windows(marks)
    checks = []
    for one in declared.spec.constraints:
        metric = estate.metrics[one.metric]
        guard = Guard(one.metric, metric.title, metric.unit, metric.direction, one.margin)
        points = _series_of(tx, estate, outcome, one.metric, now=now).points
        checks.append(check(guard, points, window=windows[-1] if windows else None, as_of=today))
    return tuple(checks)


def _series_of(tx: Tx, estate: Estate, outcome: str, name: str, *, now: datetime) -> Series:
    """Return a metric's weekly figures: imported ones, or what the gateway saw of the one use case."""
    metric = estate.metrics[name]
    if metric.source == "measurements":
        return estate.series(name, outcome=outcome)
    serving: Sequence[Resource[UseCase]] = estate.serving(outcome)
    if len(serving) != 1:
        # Percentiles and shares of several use cases cannot be added up from their weekly figures.
        return Series()
    since = now - timedelta(weeks=_GATEWAY_WEEKS)
    weeks = usage.weekly(tx, serving[0].name, since=since, until=now)
    points = tuple(WeeklyPoint(day, value) for day, value in gateway_metric.trend(metric, weeks))
    newest = max((week.last_at for week in weeks if week.last_at is not None), default=None)
    return Series(points, "the gateway" if points else "", newest)
