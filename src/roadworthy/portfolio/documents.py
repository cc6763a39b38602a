"""Outcomes, effects, scorecards and measurements as the API shows them."""

from __future__ import annotations

from typing import Any

from roadworthy.portfolio.constraint import ConstraintCheck
from roadworthy.portfolio.facts import Measurement
from roadworthy.portfolio.outcome_report import CAVEAT, OutcomeReport
from roadworthy.portfolio.scorecard import Cell
from roadworthy.portfolio.scorecard_queries import UseCaseScore


def measurement(one: Measurement) -> dict[str, Any]:
    """Return one recorded figure."""
    return {
        "metric": one.metric,
        "segment": one.segment,
        "period_start": one.period_start.isoformat(),
        "value": one.value,
        "n": one.n,
        "recorded_at": one.recorded_at.isoformat(),
        "import": one.import_id,
        "audit_seq": one.audit_seq,
        "current": one.current,
    }


def outcome(one: OutcomeReport) -> dict[str, Any]:
    """Return an outcome in a list: its contract and where it stands."""
    return {
        "name": one.name,
        "namespace": one.namespace,
        "title": one.spec.title,
        "kind": one.spec.kind,
        "owner": f"person/{one.spec.owner}",
        "metric": one.spec.metric,
        "unit": one.metric.unit,
        "direction": one.metric.direction,
        "baseline": one.contract.baseline_value,
        "target": one.contract.target_value,
        "horizon": one.spec.horizon.isoformat(),
        "status": one.verdict.status,
        "grade": one.verdict.grade,
        "headline": one.headline.text,
    }


def effect(one: OutcomeReport) -> dict[str, Any]:
    """Return everything that can be said about an outcome, with what would settle it."""
    verdict = one.verdict
    return outcome(one) | {
        "as_of": one.as_of.isoformat(),
        "grade_words": verdict.grade_words,
        "caveat": CAVEAT,
        "claims": [{"kind": claim.kind, "shown": claim.shown} for claim in one.headline.claims],
        "effect": verdict.effect,
        "interval_95": None if verdict.low is None else [verdict.low, verdict.high],
        "effect_unit": one.contract.effect_unit,
        "share_of_target": verdict.share_of_target,
        "weeks_before": verdict.n_before,
        "weeks_after": verdict.n_after,
        "weeks": len(one.points),
        "window": None
        if verdict.window is None
        else {
            "start": verdict.window.start.isoformat(),
            "end": verdict.window.end.isoformat() if verdict.window.end else None,
        },
        "last_measured_on": verdict.last_measured_on.isoformat() if verdict.last_measured_on else None,
        "measured_for": one.measured_for,
        "settles": verdict.settles,
        "notes": list(verdict.notes),
        "constraints": [constraint(check) for check in one.constraints],
        "use_cases": [{"name": each.name, "title": each.title, "stage": each.stage} for each in one.serving],
        "worth": None
        if one.worth is None
        else {
            "amount": one.worth.amount,
            "at_target": one.worth.at_target,
            "currency": one.worth.currency,
            "grade": one.worth.grade,
            "counted": one.worth.counted,
            "words": one.worth.words,
        },
    }


def constraint(check: ConstraintCheck) -> dict[str, Any]:
    """Return how a metric that must not get worse stands."""
    return {
        "metric": check.guard.metric,
        "title": check.guard.title,
        "unit": check.guard.unit,
        "margin": check.guard.margin,
        "state": check.state,
        "words": check.words,
        "before": check.before,
        "during": check.during,
        "worse_by": check.worse_by,
        "interval_95": None if check.low is None else [check.low, check.high],
        "weeks_before": check.n_before,
        "weeks_during": check.n_during,
    }


def score(one: UseCaseScore) -> dict[str, Any]:
    """Return a use case's scorecard, layer by layer."""
    return {
        "use_case": one.name,
        "title": one.title,
        "namespace": one.namespace,
        "stage": one.stage,
        "outcome": one.outcome,
        "as_of": one.as_of.isoformat(),
        "summary": one.card.summary,
        "weakest": one.card.weakest,
        "trade_offs": list(one.card.trade_offs),
        "layers": [
            {
                "layer": layer.layer,
                "title": layer.title,
                "status": layer.status,
                "metrics": [cell(each, one.sources[each.metric.name]) for each in layer.cells],
            }
            for layer in one.card.layers
        ],
    }


def cell(one: Cell, source: str) -> dict[str, Any]:
    """Return one measure of a scorecard."""
    seen = one.observed
    return {
        "metric": one.metric.name,
        "title": one.metric.title,
        "status": one.status,
        "activity": one.metric.activity,
        "value": seen.value if seen else None,
        "unit": one.metric.unit,
        "target": one.metric.target,
        "distance": one.distance,
        "direction": one.metric.direction,
        "movement": one.movement,
        "n": seen.n if seen else 0,
        "period_start": seen.period_start.isoformat() if seen else None,
        "period_end": seen.period_end.isoformat() if seen else None,
        "age_days": one.age_days,
        "source": source,
        "words": one.words,
    }
