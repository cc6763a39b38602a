"""Pure: a study as a document for programs, and as lines for people."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from roadworthy.portfolio.grades import GRADE_WORDS
from roadworthy.portfolio.studies.design import Claimed, Measured, Ratio
from roadworthy.portfolio.studies.study import Study
from roadworthy.statistics.estimate import Estimate, as_percent


def document(study: Study) -> dict[str, Any]:
    """The whole study as JSON-able values; what is not finite is null."""
    design, found = study.design, study.finding
    scale = "level" if isinstance(design, Claimed) else design.scale
    reach = study.reach
    whole = {
        "design": design.design,
        "title": design.title,
        "method": found.method,
        "outcome": outcome_name(study),
        "direction": design.direction,
        "measured_in": design.measured_in,
        "scale": scale,
        "verdict": study.verdict,
        "headline": headline(study),
        "grade": found.grade,
        "grade_words": GRADE_WORDS[found.grade],
        "effect": _effect(found.estimate, scale),
        "settles": study.settles,
        "refusal": found.refusal and {"reason": found.refusal.reason, "needs": found.refusal.needs},
        "checks": [{"name": one.name, "state": one.state, "words": one.words} for one in found.checks],
        "counts": dict(found.counts),
        "power": reach and {
            "detectable": reach.detectable, "wanted": reach.wanted, "wanted_is_target": reach.from_target,
            "power": reach.power, "times_as_many": reach.times_as_many,
            "more": reach.more, "of": found.more_of,
        },
        "guards": [
            {
                "outcome": one.guard.outcome, "margin": one.guard.margin, "state": one.state,
                "worse_by": one.worse_by, "low": one.low, "high": one.high, "words": one.words,
            }
            for one in study.guards
        ],
        "also": [
            {
                "outcome": one.outcome, "effect": _effect(one.finding.estimate, scale),
                "adjusted_p_value": one.adjusted_p,
                "refusal": one.finding.refusal and one.finding.refusal.reason,
            }
            for one in study.also
        ],
        "details": dict(found.details),
    }  # fmt: skip
    cleaned: dict[str, Any] = _finite(whole)
    return cleaned


def _effect(estimate: Estimate | None, scale: str) -> dict[str, Any] | None:
    if estimate is None:
        return None
    percent = None
    if scale == "log":
        percent = {
            "estimate": as_percent(estimate.value), "low": as_percent(estimate.low),
            "high": as_percent(estimate.high),
        }  # fmt: skip
    return {
        "estimate": estimate.value,
        "standard_error": estimate.standard_error,
        "low": estimate.low,
        "high": estimate.high,
        "level": estimate.level,
        "p_value": estimate.p_value,
        "degrees_of_freedom": estimate.degrees_of_freedom,
        "errors": estimate.errors,
        "percent": percent,
    }


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _finite(one) for key, one in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_finite(one) for one in value]
    return value


def outcome_name(study: Study) -> str:
    """What the study is about, in a few words."""
    design = study.design
    if isinstance(design, Claimed):
        return design.title or "the outcome"
    if isinstance(design.outcome, Ratio):
        return f"{design.outcome.numerator} per {design.outcome.denominator}"
    return design.outcome


def headline(study: Study) -> str:
    """One sentence that says no more than the figures do."""
    design, found, name = study.design, study.finding, outcome_name(study)
    if isinstance(design, Claimed):
        unit = f" {design.measured_in}" if design.measured_in else ""
        return f"{name}: a change of {_signed(design.effect)}{unit} is claimed; nothing measured supports it."
    if found.estimate is None:
        assert found.refusal is not None
        return f"{name}: nothing can be told: {found.refusal.reason}."
    value, low, high, unit = _shown(design, found.estimate)
    span = f"{100 * design.level:.4g} % interval {_signed(low)} to {_signed(high)}{unit}"
    if study.verdict == "no evidence yet":
        return f"{name}: no evidence of a change yet ({span}, no change included)."
    way = "higher" if value > 0 else "lower"
    judged = "better" if study.verdict == "improved" else "worse"
    caveat = "; this is not evidence of cause" if found.grade == "E" else ""
    return f"{name} is {_figure(abs(value))}{unit} {way} ({span}), which is {judged}{caveat}."


def _shown(design: Measured, estimate: Estimate) -> tuple[float, float, float, str]:
    if design.scale == "log":
        return as_percent(estimate.value), as_percent(estimate.low), as_percent(estimate.high), " %"
    unit = f" {design.measured_in}" if design.measured_in else ""
    return estimate.value, estimate.low, estimate.high, unit


def _figure(value: float) -> str:
    return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"


def _signed(value: float) -> str:
    return ("+" if value > 0 else "") + _figure(value)


def lines(study: Study) -> Iterator[str]:
    """The study for a person: the sentence, what it rests on, what to do next."""
    found = study.finding
    yield headline(study)
    yield ""
    yield f"Verdict  {study.verdict}"
    yield f"Grade    {found.grade}: {GRADE_WORDS[found.grade]}"
    yield f"Method   {found.method}" if found.method else f"Design   {study.design.design}"
    counts = ", ".join(f"{value:,} {name.replace('_', ' ')}" for name, value in found.counts.items() if value)
    if counts:
        yield f"Rests on {counts}"
    yield f"Next     {study.settles}"
    if found.checks:
        yield ""
        yield "Checks"
    for check in found.checks:
        yield f"  {check.state:<12} {check.name}: {check.words}"
    if study.guards:
        yield ""
        yield "Must not get worse"
    for guard in study.guards:
        yield f"  {guard.state:<15} {guard.guard.outcome}: {guard.words}"
    if study.also:
        yield ""
        yield "Further outcomes"
    for one in study.also:
        if one.finding.estimate is None:
            assert one.finding.refusal is not None
            yield f"  {one.outcome}: {one.finding.refusal.reason}"
        else:
            est = one.finding.estimate
            yield (
                f"  {one.outcome}: {_signed(est.value)} ({_signed(est.low)} to {_signed(est.high)}), "
                f"adjusted p = {one.adjusted_p:.2g}"
            )
