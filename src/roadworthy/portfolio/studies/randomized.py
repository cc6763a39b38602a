"""Pure: a randomized trial of a table: the arms, the check of their sizes, the effect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from roadworthy.portfolio.studies import variables
from roadworthy.portfolio.studies.design import Randomized, Ratio
from roadworthy.portfolio.studies.finding import Check, Finding, refuse
from roadworthy.portfolio.studies.table import Table
from roadworthy.statistics import confidence_sequence, power, randomized_trial, sample_ratio
from roadworthy.statistics.estimate import Estimate
from roadworthy.statistics.linear_model import Errors, Indices, Vector
from roadworthy.statistics.randomized_trial import TrialEffect

CLUSTERS_MIN = 4
ROWS_MIN = 2
SMALL = 30


@dataclass(frozen=True, slots=True)
class _Arms:
    treated: Vector
    controls: variables.Controls
    units_treated: int
    units_control: int


def study(design: Randomized, table: Table) -> Finding:
    """Run the design; what the data cannot bear is refused with the reason."""
    ratio = design.outcome if isinstance(design.outcome, Ratio) else None
    names = [ratio.numerator, ratio.denominator] if ratio else [str(design.outcome)]
    cluster = design.cluster or design.unit
    named = (
        design.treatment,
        design.weight,
        design.baseline,
        cluster,
        *design.covariates,
        *design.categories,
    )
    good, rows = variables.complete(table, [*names, *(one for one in named if one)])
    figures = _figures(design, good)
    treated = good.flags(design.treatment, _text(design.treated), _text(design.control))
    controls = variables.controls(design, good, cluster)
    arms = _arms(treated, controls)
    checks = [rows, _sizes(design, arms)]
    counts = {"rows": len(good), "treated": arms.units_treated, "control": arms.units_control}
    if controls.clusters is not None:
        counts["clusters"] = controls.cluster_count
    if refusal := _too_small(design, arms, checks, counts):
        return refusal
    if ratio:
        effect = _ratio(design, figures, arms)
        details: dict[str, Any] = {}
    else:
        (y,) = figures
        if float(np.ptp(y)) == 0.0:
            return refuse(
                "A", "the outcome is the same in every row", "A figure that varies.", *checks, **counts
            )
        effect, details = _difference(design, good, y, arms, checks)
    checks.append(_few(arms, controls))
    details |= {"mean_treated": effect.mean_treated, "mean_control": effect.mean_control}
    units = controls.cluster_count or len(good)
    return Finding(
        effect.estimate, "A", tuple(checks), counts, details,
        more_of=f"units (`{cluster}`)" if cluster else "rows", size=units, method=_method(design, ratio),
    )  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _method(design: Randomized, ratio: Ratio | None) -> str:
    if ratio:
        return "ratio of sums, delta method"
    if design.looks == "many":
        return "difference of means, always-valid confidence sequence"
    if design.baseline:
        return "difference of means after CUPED"
    if not (design.covariates or design.categories):
        return "difference of means"
    return "linear model with covariates" + (" that have slopes in each arm" if design.interacted else "")


def _arms(treated: Vector, controls: variables.Controls) -> _Arms:
    if controls.clusters is None:
        count = int(treated.sum())
        return _Arms(treated, controls, count, treated.size - count)
    live = treated > 0
    if np.intersect1d(controls.clusters[live], controls.clusters[~live]).size:
        # The lot fell on rows within clusters, which only the errors follow.
        return _Arms(treated, controls, int(live.sum()), int((~live).sum()))
    return _Arms(
        treated,
        controls,
        int(np.unique(controls.clusters[live]).size),
        int(np.unique(controls.clusters[~live]).size),
    )


def _sizes(design: Randomized, arms: _Arms) -> Check:
    counts = (arms.units_treated, arms.units_control)
    if design.expected_share is None:
        words = f"{counts[0]:,} treated and {counts[1]:,} not; give `expected_share` to have that checked"
        return Check("sample ratio", "not checked", words)
    if min(counts) == 0:
        return Check("sample ratio", "failed", "one arm is empty")
    found = sample_ratio.check(counts, (design.expected_share, 1.0 - design.expected_share))
    words = (
        f"{counts[0]:,} treated and {counts[1]:,} not, {found.expected[0]:,.1f} and {found.expected[1]:,.1f} "
        f"were meant (chi-square {found.statistic:.2f}, p = {found.p_value:.2g})"
    )
    return Check("sample ratio", "failed" if found.mismatch else "passed", words)


def _too_small(
    design: Randomized, arms: _Arms, checks: list[Check], counts: dict[str, int]
) -> Finding | None:
    if min(arms.units_treated, arms.units_control) == 0:
        return refuse(
            "A", "there is no comparison: one arm is empty", "Rows of both arms.", *checks, **counts
        )
    if any(check.name == "sample ratio" and check.state == "failed" for check in checks):
        return refuse(
            "A",
            "the arms do not have the sizes that they were meant to have: assignment or logging is at fault, "
            "and what was lost may be what matters",
            "Find where units were lost or counted twice, and run the trial again.",
            *checks, **counts,
        )  # fmt: skip
    clusters = arms.controls.clusters
    if clusters is not None and arms.controls.cluster_count < CLUSTERS_MIN:
        return refuse(
            "A",
            f"{arms.controls.cluster_count} clusters are too few to tell a change from their differences",
            f"At least {CLUSTERS_MIN} clusters, two in each arm; twenty and more to see moderate changes.",
            *checks, **counts,
        )  # fmt: skip
    units = arms.controls.cluster_count or arms.treated.size
    if design.looks == "many" and units < confidence_sequence.START:
        return refuse(
            "A",
            f"{units} units are too few for an interval that holds at every look",
            f"At least {confidence_sequence.START} units; or `looks: once`, at a time fixed before.",
            *checks, **counts,
        )  # fmt: skip
    if min(arms.units_treated, arms.units_control) < ROWS_MIN:
        return refuse("A", "one arm has a single unit", "At least two units in each arm.", *checks, **counts)
    return None


def _few(arms: _Arms, controls: variables.Controls) -> Check:
    least = min(arms.units_treated, arms.units_control)
    noun = "clusters" if controls.clusters is not None else "rows"
    if least < SMALL:
        words = f"the smaller arm has {least} {noun}: the interval rests on few, and on no outliers"
        return Check("enough units", "warning", words)
    return Check("enough units", "passed", f"{least:,} {noun} in the smaller arm")


def _errors(design: Randomized, controls: variables.Controls) -> Errors:
    return design.errors or variables.errors(controls)


def _figures(design: Randomized, table: Table) -> tuple[Vector, ...]:
    """The outcome, or its numerator and denominator: read first, so that a bad cell is named first."""
    if not isinstance(design.outcome, Ratio):
        return (variables.outcome(design, table),)
    below = table.numbers(design.outcome.denominator, positive="What is divided by has to be above 0.")
    return table.numbers(design.outcome.numerator), below


def _ratio(design: Randomized, figures: tuple[Vector, ...], arms: _Arms) -> TrialEffect:
    numerator, denominator = figures
    return randomized_trial.ratio_difference(
        numerator,
        denominator,
        arms.treated,
        level=design.level,
        relative=design.scale == "log",
        clusters=arms.controls.clusters,
        weights=arms.controls.weights,
    )


def _difference(
    design: Randomized, table: Table, y: Vector, arms: _Arms, checks: list[Check]
) -> tuple[TrialEffect, dict[str, Any]]:
    details: dict[str, Any] = {}
    controls = arms.controls
    if design.baseline:
        found = randomized_trial.cuped(y, table.numbers(design.baseline), arms.treated)
        y = found.adjusted
        details["cuped"] = {"theta": found.theta, "variance_removed": found.removed}
        words = f"the baseline explains {found.removed:.0%} of the variance, which CUPED takes out"
        checks.append(Check("baseline", "passed" if found.removed >= 0.01 else "warning", words))
    if controls.clusters is not None:
        icc = power.intracluster_correlation(y, controls.clusters)
        size = y.size / controls.cluster_count
        details["clusters"] = {"icc": icc, "design_effect": power.design_effect(size, icc)}
    effect = randomized_trial.difference(
        y,
        arms.treated,
        errors=_errors(design, controls),
        level=design.level,
        covariates=controls.covariates,
        interacted=design.interacted,
        weights=controls.weights,
        clusters=controls.clusters,
    )
    if design.looks == "many":
        effect = _always_valid(design, y, arms, effect)
        words = "the interval holds however often one looked, and whenever one stopped"
        checks.append(Check("repeated looks", "passed", words))
    else:
        words = "the interval holds for one look at a time fixed before; say `looks: many` otherwise"
        checks.append(Check("repeated looks", "not checked", words))
    return effect, details


def _always_valid(design: Randomized, y: Vector, arms: _Arms, effect: TrialEffect) -> TrialEffect:
    clusters: Indices | None = arms.controls.clusters
    if clusters is not None:
        first = np.unique(clusters, return_index=True)[1]
        order = np.argsort(first)
        sums = np.bincount(clusters, y) / np.bincount(clusters)
        arm = np.bincount(clusters, arms.treated) / np.bincount(clusters) > 0.5
        y, treated = sums[order], arm[order].astype(np.float64)
    else:
        treated = arms.treated
    found = confidence_sequence.difference(y, treated, alpha=1.0 - design.level)
    estimate = Estimate(
        found.value, found.standard_error, found.low, found.high, float("inf"), found.p_value, design.level,
        "always valid",
    )  # fmt: skip
    return replace(effect, estimate=estimate)
