"""Pure: what the gateway saw of a use case, as figures of declared metrics."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from roadworthy.usage.rollup import Usage
from roadworthy.use_cases.kinds import Metric

ACTIVITY_DAYS = 7
"""Counts of use are over a week, so that they compare from week to week."""
RATE_DAYS = 28
"""Rates and percentiles are over four weeks, so that a quiet week does not decide."""

_NANO = 1_000_000_000
_SECONDS = {"s", "sec", "seconds", "second"}
_PERCENT = {"%", "percent", "per cent"}


def days_of(metric: Metric) -> int:
    """Return over how many days a metric of the gateway is taken."""
    return ACTIVITY_DAYS if metric.source in {"gateway.calls", "gateway.active_principals"} else RATE_DAYS


def figure(metric: Metric, usage: Usage) -> tuple[float, int] | None:
    """Return the metric's value in its own unit and from how many calls; None where there is none."""
    name = metric.source.removeprefix("gateway.")
    unit = metric.unit.strip().lower()
    value: float | None = None
    cases = usage.calls
    if name == "latency_ms_p95" and usage.latency_ms_p95 is not None:
        value = usage.latency_ms_p95 / 1000 if unit in _SECONDS else usage.latency_ms_p95
        cases = usage.allowed
    elif name in {"error_rate", "refusal_rate"}:
        rate = usage.error_rate if name == "error_rate" else usage.refusal_rate
        cases = usage.allowed if name == "error_rate" else usage.calls
        value = None if rate is None else rate * 100 if unit in _PERCENT else rate
    elif name == "cost_per_call" and (cost := usage.cost_per_call) is not None:
        # Money in another currency than the metric's is no figure of it.
        named = unit.upper().split()[0] if unit else ""
        value = cost.nano / _NANO if named == cost.currency else None
        cases = usage.allowed - usage.unknown_cost_calls
    elif name == "calls":
        value = float(usage.calls)
    elif name == "active_principals":
        value = float(usage.active_principals)
    return None if value is None or cases <= 0 else (value, cases)


def trend(metric: Metric, weeks: Iterable[Usage]) -> tuple[tuple[date, float], ...]:
    """Return the weekly figures, oldest first; a week without a figure is left out, never zero."""
    seen = ((week.of, figure(metric, week)) for week in weeks)
    return tuple((date.fromisoformat(of), one[0]) for of, one in seen if one is not None)
