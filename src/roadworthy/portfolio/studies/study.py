"""Pure: run a design on a table and judge what comes out: improved, no evidence yet, worse, or refused."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from roadworthy.foundation.errors import Issue
from roadworthy.portfolio.studies import panel, randomized, series
from roadworthy.portfolio.studies.design import (
    BeforeAfter,
    Claimed,
    Design,
    DifferenceInDifferences,
    Guard,
    InterruptedSeries,
    Measured,
    Randomized,
    Ratio,
    SteppedWedge,
    StudyDesignError,
    columns,
)
from roadworthy.portfolio.studies.finding import Finding
from roadworthy.portfolio.studies.table import Table, refused
from roadworthy.statistics import multiplicity, power
from roadworthy.statistics.estimate import Estimate, as_percent

Verdict: TypeAlias = Literal["improved", "no evidence yet", "worse", "refused"]
GuardState: TypeAlias = Literal["within margin", "breached", "cannot tell yet"]


@dataclass(frozen=True, slots=True)
class Reach:
    """What the study could have seen: the least effect at 80 % power, and what `wanted` would take.

    Effects are in the estimate's unit (a logarithm on the log scale).
    """

    detectable: float
    wanted: float
    from_target: bool
    power: float
    times_as_many: float | None
    more: int | None


@dataclass(frozen=True, slots=True)
class GuardResult:
    """A metric that must not get worse: how much worse it got, in its unit or in percent."""

    guard: Guard
    state: GuardState
    worse_by: float | None
    low: float | None
    high: float | None
    words: str


@dataclass(frozen=True, slots=True)
class FurtherOutcome:
    """One more outcome, with its p-value as adjusted for all that `also` names."""

    outcome: str
    finding: Finding
    adjusted_p: float | None


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that is said of a design and a table."""

    design: Design
    finding: Finding
    verdict: Verdict
    reach: Reach | None
    settles: str
    guards: tuple[GuardResult, ...] = ()
    also: tuple[FurtherOutcome, ...] = ()


def run(design: Design, table: Table | None, *, design_file: str = "") -> Study:
    """Run a design; a claim needs no table. Raises StudyDesignError or StudyDataError with what is wrong."""
    if isinstance(design, Claimed):
        value = design.effect
        claimed = Estimate(value, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, "none")
        found = Finding(claimed, "F", method="a claim")
        settles = "Measure it: figures of the weeks before and after the change are the least."
        return Study(design, found, "no evidence yet", None, settles)
    if table is None:
        raise StudyDesignError(
            f"A study of the design `{design.design}` needs figures.",
            fix="Give the table with `--data FILE.csv`.",
        )
    missing = [issue for field, name in columns(design) if (issue := table.missing_column(name, field))]
    if missing:
        raise refused(table.file, missing)
    chosen = _where(design, table, design_file)
    found = _finding(design, chosen)
    verdict = _verdict(found, design.direction)
    reach = _reach(design, found)
    return Study(
        design,
        found,
        verdict,
        reach,
        _settles(found, verdict, reach),
        tuple(_guard(design, one, chosen) for one in design.guards),
        _also(design, chosen),
    )


def _where(design: Measured, table: Table, file: str) -> Table:
    if not design.where:
        return table
    wanted = {
        name: [str(one) for one in (values if isinstance(values, list) else [values])]
        for name, values in design.where.items()
    }
    chosen = table.where(wanted)
    if not len(chosen):
        said = "; ".join(f"{name}: {', '.join(values)}" for name, values in wanted.items())
        issue = Issue(f"No row has {said}.", "Correct `where:` or leave it out.", "where", file or table.file)
        raise refused(table.file, [issue])
    return chosen


def _finding(design: Measured, table: Table) -> Finding:
    if isinstance(design.outcome, Ratio) and not isinstance(design, Randomized):
        raise StudyDesignError(
            "An outcome of `numerator` and `denominator` is for randomized trials alone.",
            fix="Put the ratio into a column of its own, and say how much each row counts as `weight`.",
        )
    match design:
        case Randomized():
            return randomized.study(design, table)
        case DifferenceInDifferences():
            return panel.study(design, table)
        case SteppedWedge():
            return series.wedge(design, table)
        case InterruptedSeries():
            return series.interrupted(design, table)
        case BeforeAfter():
            return series.before_and_after(design, table)


def _verdict(found: Finding, direction: Literal["higher", "lower"]) -> Verdict:
    if found.estimate is None:
        return "refused"
    if found.estimate.low <= 0.0 <= found.estimate.high:
        return "no evidence yet"
    return "improved" if (found.estimate.low > 0.0) == (direction == "higher") else "worse"


def _reach(design: Measured, found: Finding) -> Reach | None:
    estimate = found.estimate
    if estimate is None or not estimate.standard_error > 0:
        return None
    target = design.target
    if target is not None and design.scale == "log":
        target = math.log1p(target / 100.0)
    wanted = target or abs(estimate.value)
    times = power.times_as_many(wanted, estimate.standard_error, level=design.level)
    more = None if times is None else math.ceil((times - 1.0) * found.size)
    if isinstance(design, InterruptedSeries):
        more = found.details.get("more_periods")
    return Reach(
        power.detectable(estimate.standard_error, level=design.level),
        wanted,
        design.target is not None,
        power.power_of(wanted, estimate.standard_error, level=design.level),
        times,
        more,
    )


_CAUSE = {
    "A": "The lot settles the cause; whether it lasts, later figures show.",
    "B": "The lot settles the cause if it did draw the order; whether it lasts, later figures show.",
    "C": "Something else that met the changed units alone, at that time, would look the same.",
    "D": "A holdout or a staged rollout would show whether the change was the cause.",
    "E": "A holdout or a staged rollout would show whether the change was the cause.",
    "F": "Measure it.",
}


def _settles(found: Finding, verdict: Verdict, reach: Reach | None) -> str:
    if found.refusal is not None:
        return found.refusal.needs
    if verdict != "no evidence yet" or reach is None:
        return _CAUSE[found.grade]
    what = "a change as large as the target" if reach.from_target else "a change as large as the one seen"
    if reach.more is None:
        return f"No reasonable number of further {found.more_of} would show {what}; a quieter metric might."
    if reach.more == 0:
        return f"{what[0].upper()}{what[1:]} would most likely have shown; a smaller one may still be hidden."
    return (
        f"About {reach.more:,} more {found.more_of}, beside the {found.size:,} here, would show {what} "
        "four times in five."
    )


def _guard(design: Measured, guard: Guard, table: Table) -> GuardResult:
    changes = {
        "outcome": guard.outcome, "direction": guard.direction, "scale": guard.scale, "guards": (),
        "also": (), "target": None,
    }  # fmt: skip
    if isinstance(design, Randomized):
        changes["baseline"] = None
    found = _finding(design.model_copy(update=changes), table)
    if found.estimate is None:
        assert found.refusal is not None
        return GuardResult(guard, "cannot tell yet", None, None, None, found.refusal.reason)
    sign = -1.0 if guard.direction == "higher" else 1.0
    shown = [
        as_percent(value) if guard.scale == "log" else value
        for value in (found.estimate.value, found.estimate.low, found.estimate.high)
    ]
    worse, (low, high) = sign * shown[0], sorted(sign * one for one in shown[1:])
    state: GuardState = "cannot tell yet"
    if low > guard.margin:
        state = "breached"
    elif high <= guard.margin:
        state = "within margin"
    unit = " %" if guard.scale == "log" else ""
    words = (
        f"worse by {worse:.4g}{unit} ({100 * design.level:.4g} % interval {low:.4g} to {high:.4g}{unit}); "
        f"{guard.margin:.4g}{unit} are tolerated"
    )
    return GuardResult(guard, state, worse, low, high, words)


def _also(design: Measured, table: Table) -> tuple[FurtherOutcome, ...]:
    if not design.also:
        return ()
    findings = []
    for name in design.also:
        changes: dict[str, object] = {"outcome": name, "guards": (), "also": ()}
        if isinstance(design, Randomized):
            changes["baseline"] = None
        findings.append(_finding(design.model_copy(update=changes), table))
    told = [one.estimate.p_value for one in findings if one.estimate is not None]
    adjust = multiplicity.holm if design.adjust == "holm" else multiplicity.benjamini_hochberg
    adjusted = iter(adjust(told))
    return tuple(
        FurtherOutcome(name, one, None if one.estimate is None else next(adjusted))
        for name, one in zip(design.also, findings, strict=True)
    )
