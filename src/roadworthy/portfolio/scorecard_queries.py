"""Questions about scorecards: every measure of a use case, from imported figures and from the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from roadworthy.foundation.storage.database import Tx
from roadworthy.portfolio import gateway_metric, queries
from roadworthy.portfolio.effect import PERIOD, WeeklyPoint
from roadworthy.portfolio.outcome_report import contract_of
from roadworthy.portfolio.queries import Estate, Series
from roadworthy.portfolio.scorecard import MetricDefinition, Observation, Scorecard, scorecard, weakness
from roadworthy.registry import queries as registry
from roadworthy.registry.resource import Resource
from roadworthy.usage import queries as usage
from roadworthy.usage.rollup import Usage
from roadworthy.use_cases.kinds import USE_CASE, Metric, Outcome, UseCase

TREND_WEEKS = 26
VALUE_WEEKS = 4
"""A figure on the scorecard is the mean of the last four weeks, so that one week does not decide."""


@dataclass(frozen=True, slots=True)
class UseCaseScore:
    """A use case's scorecard, with where each figure comes from."""

    name: str
    title: str
    namespace: str
    stage: str
    outcome: str
    card: Scorecard
    sources: Mapping[str, str]
    """Metric -> in words, where its figure comes from and over which time."""
    as_of: date


def scorecard_of(tx: Tx, *, use_case: str, now: datetime, estate: Estate | None = None) -> UseCaseScore:
    """Return the scorecard of a use case as of now."""
    registry.get(tx, USE_CASE, use_case)
    estate = estate or queries.load(tx, as_of=now)
    return _score(tx, estate, estate.use_cases[use_case], now=now)


def scorecards(tx: Tx, *, now: datetime) -> list[UseCaseScore]:
    """Return every use case's scorecard, the weakest first."""
    estate = queries.load(tx, as_of=now)
    found = [_score(tx, estate, one, now=now) for one in estate.use_cases.values()]
    return sorted(found, key=lambda one: (weakness(one.card), one.name))


def _score(tx: Tx, estate: Estate, use_case: Resource[UseCase], *, now: datetime) -> UseCaseScore:
    today = now.astimezone(UTC).date()
    outcome = estate.outcomes[use_case.spec.outcome].spec
    targets = {one.metric: one.target for one in use_case.spec.metrics}
    # The outcome's own metric is what the use case is for; it stands on the card whether it is listed or not.
    targets.setdefault(outcome.metric, None)
    weeks: tuple[Usage, ...] | None = None
    definitions: list[MetricDefinition] = []
    observed: dict[str, Observation] = {}
    sources: dict[str, str] = {}
    for name, target in targets.items():
        metric = estate.metrics[name]
        definitions.append(_definition(name, metric, target, outcome))
        if metric.source == "measurements":
            series = estate.series(name, outcome=use_case.spec.outcome)
            seen = _measured(series, today)
            sources[name] = f"imported for {series.measured_for}" if seen else "nothing imported"
        else:
            if weeks is None:
                since = now - timedelta(weeks=TREND_WEEKS)
                weeks = usage.weekly(tx, use_case.name, since=since, until=now)
            seen = _called(tx, use_case.name, metric, weeks, now=now)
            sources[name] = (
                f"the gateway, last {gateway_metric.days_of(metric)} days"
                if seen
                else "the gateway saw no such call"
            )
        if seen is not None:
            observed[name] = seen
    return UseCaseScore(
        name=use_case.name,
        title=use_case.spec.title,
        namespace=use_case.metadata.namespace,
        stage=use_case.spec.stage,
        outcome=use_case.spec.outcome,
        card=scorecard(definitions, observed, as_of=today),
        sources=sources,
        as_of=today,
    )


def _definition(name: str, metric: Metric, target: float | None, outcome: Outcome) -> MetricDefinition:
    given: dict[str, Any] = {"target": target}
    if name == outcome.metric:
        contract = contract_of(outcome, metric)
        given["baseline"] = contract.baseline_value
        if target is None:
            given["target"] = contract.target_value
    return MetricDefinition(
        name=name,
        title=metric.title,
        layer=metric.layer,
        unit=metric.unit,
        direction=metric.direction,
        source="measurements" if metric.source == "measurements" else "gateway",
        # What counts use is activity whoever declares it: use is never shown as value.
        activity=metric.activity or metric.source in {"gateway.calls", "gateway.active_principals"},
        **given,
    )


def _measured(series: Series, today: date) -> Observation | None:
    whole = [point for point in series.points if point.start + PERIOD <= today + timedelta(days=1)]
    if not whole:
        return None
    recent = [point for point in whole if point.start > whole[-1].start - VALUE_WEEKS * PERIOD]
    oldest = whole[-1].start - TREND_WEEKS * PERIOD
    return Observation(
        value=_mean(recent, series.counts),
        n=len(recent),
        period_start=recent[0].start,
        period_end=recent[-1].start + PERIOD - timedelta(days=1),
        trend=tuple((point.start, point.value) for point in whole if point.start > oldest),
    )


def _mean(points: list[WeeklyPoint], counts: Mapping[date, int]) -> float:
    """Weigh weeks by their cases where every week says how many it had."""
    weights = [counts.get(point.start, 0) for point in points]
    if not all(weights):
        weights = [1] * len(points)
    return sum(point.value * weight for point, weight in zip(points, weights, strict=True)) / sum(weights)


def _called(
    tx: Tx, use_case: str, metric: Metric, weeks: tuple[Usage, ...], *, now: datetime
) -> Observation | None:
    since = now - timedelta(days=gateway_metric.days_of(metric))
    window = usage.totals(tx, since=since, until=now, use_case=use_case)
    found = gateway_metric.figure(metric, window)
    if found is None:
        # Nothing lately: the newest week that has a figure shows how old it is.
        earlier = [week for week in weeks if week.last_at is not None and gateway_metric.figure(metric, week)]
        if not earlier:
            return None
        window = earlier[-1]
        found = gateway_metric.figure(metric, window)
    assert found is not None, "the week was chosen for having a figure"
    assert window.first_at is not None, "calls have a first"
    assert window.last_at is not None, "calls have a last"
    return Observation(
        value=found[0],
        n=found[1],
        period_start=window.first_at.date(),
        period_end=window.last_at.date(),
        trend=gateway_metric.trend(metric, weeks),
    )
