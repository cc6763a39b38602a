"""Pure: an outcome with what can be said about it: contract, figures, marks, verdict, money."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from roadworthy.portfolio.constraint import ConstraintCheck
from roadworthy.portfolio.effect import (
    EffectVerdict,
    InterventionMark,
    MarkKind,
    OutcomeContract,
    WeeklyPoint,
    judge,
)
from roadworthy.portfolio.grades import Grade
from roadworthy.portfolio.headline import Headline, headline
from roadworthy.registry.resource import Resource
from roadworthy.use_cases.kinds import Metric, Outcome, Stage, UseCase

CAVEAT = (
    "A before/after comparison is not proof of cause: whatever else changed at the same time is in it. "
    "A holdout or a staged rollout would be."
)

_MARKS: dict[str, tuple[MarkKind, str]] = {
    "pilot": ("change", "pilot"),
    "launch": ("launch", ""),
    "expansion": ("expansion", ""),
    "rollback": ("rollback", ""),
    "change": ("change", ""),
    # What was stopped is no longer live, just as what was rolled back.
    "stop": ("rollback", "stopped"),
}


@dataclass(frozen=True, slots=True)
class Serving:
    """A use case that is meant to bring the outcome about."""

    name: str
    title: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class Worth:
    """What the measured change is worth, and whether it may be counted."""

    amount: float | None
    currency: str
    at_target: float
    unit_amount: float
    grade: Grade
    counted: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeReport:
    """Everything a page or an answer says about an outcome."""

    name: str
    namespace: str
    spec: Outcome
    metric: Metric
    contract: OutcomeContract
    points: tuple[WeeklyPoint, ...]
    marks: tuple[InterventionMark, ...]
    verdict: EffectVerdict
    headline: Headline
    serving: tuple[Serving, ...]
    constraints: tuple[ConstraintCheck, ...]
    worth: Worth | None
    measured_for: Literal["this outcome", "the whole organization", "the gateway", ""]
    recorded_at: datetime | None
    """When its newest figure was recorded."""
    as_of: date


def contract_of(outcome: Outcome, metric: Metric) -> OutcomeContract:
    """Return what was promised; the metric names what is measured, so the sentence is about it."""
    return OutcomeContract(
        title=metric.title,
        unit=metric.unit,
        direction=metric.direction,
        baseline_value=outcome.baseline.value,
        baseline_start=outcome.baseline.from_,
        baseline_end=outcome.baseline.to,
        target_delta=outcome.target.delta,
        horizon_end=outcome.horizon,
    )


def marks_of(use_cases: Iterable[Resource[UseCase]]) -> tuple[InterventionMark, ...]:
    """Return what happened to the outcome's process, from the timelines of the use cases that serve it."""
    marks = []
    for one in use_cases:
        for entry in one.spec.timeline:
            kind, word = _MARKS[entry.event]
            note = ": ".join(part for part in (word, entry.note) if part)
            marks.append(InterventionMark(entry.date, kind, one.name, note))
    return tuple(sorted(marks, key=lambda mark: (mark.on, mark.use_case)))


def worth_of(outcome: Outcome, contract: OutcomeContract, verdict: EffectVerdict) -> Worth | None:
    """Value the measured change; grade D and below is shown and never counted."""
    if outcome.unit_value is None:
        return None
    unit, currency = outcome.unit_value.amount, outcome.unit_value.currency
    amount = None
    if verdict.effect is not None and verdict.status in {"improved", "worse"}:
        gain = verdict.effect if contract.direction == "increase" else -verdict.effect
        amount = gain * unit
    words = f"grade {verdict.grade}: not counted" if amount is not None else "nothing to count yet"
    return Worth(
        amount, currency, abs(outcome.target.delta) * unit, unit, verdict.grade, counted=False, words=words
    )


def report(
    outcome: Resource[Outcome],
    metric: Metric,
    *,
    points: Sequence[WeeklyPoint],
    use_cases: Sequence[Resource[UseCase]],
    constraints: Sequence[ConstraintCheck] = (),
    measured_for: Literal["this outcome", "the whole organization", "the gateway", ""] = "",
    recorded_at: datetime | None = None,
    as_of: date,
) -> OutcomeReport:
    """Put the verdict, its sentence and its money together as of a day."""
    contract = contract_of(outcome.spec, metric)
    marks = marks_of(use_cases)
    verdict = judge(contract, points, marks, as_of=as_of)
    return OutcomeReport(
        name=outcome.name,
        namespace=outcome.metadata.namespace,
        spec=outcome.spec,
        metric=metric,
        contract=contract,
        points=tuple(points),
        marks=marks,
        verdict=verdict,
        headline=headline(contract, verdict),
        serving=tuple(Serving(one.name, one.spec.title, one.spec.stage) for one in use_cases),
        constraints=tuple(constraints),
        worth=worth_of(outcome.spec, contract, verdict),
        measured_for=measured_for,
        recorded_at=recorded_at,
        as_of=as_of,
    )
