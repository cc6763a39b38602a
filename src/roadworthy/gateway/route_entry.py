"""Pure: from a declared route to what the snapshot carries of it."""

from __future__ import annotations

from roadworthy.gateway.snapshot import (
    BreakerEntry,
    CanaryEntry,
    FitEntry,
    RouteEntry,
    ShadowEntry,
    StrategyEntry,
    TargetEntry,
)
from roadworthy.models.route import Canary, Prefer, Route, Terms


def route_entry(name: str, spec: Route) -> RouteEntry:
    """Return the entry of a route."""
    details = {
        one.model: TargetEntry(one.weight, one.at_once or 0, one.tasks)
        for one in spec.each()
        if one.weight != 1 or one.at_once or one.tasks
    }
    fit, breaker, shadow = spec.fit, spec.breaker, spec.shadow
    return RouteEntry(
        name=name,
        targets=spec.models,
        retries=spec.retries,
        timeout_s=spec.timeout_s,
        total_timeout_s=spec.total_timeout_s,
        strategy=_strategy(spec.prefer, spec.terms),
        task=spec.task,
        tasks={task: _strategy(one.prefer, one.terms) for task, one in spec.tasks.items()},
        details=details,
        fit=FitEntry() if fit is None else FitEntry(fit.regions, fit.no_training, fit.keeps_days_max),
        breaker=BreakerEntry() if breaker is None else BreakerEntry(**breaker.model_dump()),
        canary=None if spec.canary is None else _canary(spec.canary),
        shadow=None if shadow is None else ShadowEntry(shadow.model, shadow.share),
    )


def _strategy(prefer: Prefer, terms: Terms | None) -> StrategyEntry:
    if terms is None:
        return StrategyEntry(prefer)
    return StrategyEntry(prefer, terms.cost, terms.quality, terms.latency)


def _canary(spec: Canary) -> CanaryEntry:
    cohort = spec.cohort
    return CanaryEntry(
        spec.model,
        spec.share or 0.0,
        spec.key,
        frozenset(cohort.principals) if cohort is not None else frozenset(),
        frozenset(cohort.units) if cohort is not None else frozenset(),
    )
