"""Pure: one series before and after a change, and the stepped wedge, of a table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from roadworthy.foundation.errors import Issue
from roadworthy.portfolio.studies import variables
from roadworthy.portfolio.studies.design import BeforeAfter, InterruptedSeries, SteppedWedge
from roadworthy.portfolio.studies.finding import Check, Finding, refuse
from roadworthy.portfolio.studies.table import Table, instant, refused
from roadworthy.statistics import before_after, distributions, stepped_wedge
from roadworthy.statistics.estimate import Estimate, Refusal
from roadworthy.statistics.interrupted_series import SeriesEffect, TooFewPoints, compare, weeks_to_detect
from roadworthy.statistics.linear_model import Vector


def _place(design: InterruptedSeries | BeforeAfter, table: Table) -> float:
    place = instant(str(design.start))
    if place is None:
        issue = Issue(
            f"`{design.start}` is not a time.",
            "Write `start:` as the column of times does.",
            "start",
            table.file,
        )
        raise refused(table.file, [issue])
    return place


def interrupted(design: InterruptedSeries, table: Table) -> Finding:
    """The mean gap to the trend before; several rows of one time are averaged."""
    good, rows = variables.complete(table, [str(design.outcome), design.time])
    y = variables.outcome(design, good)
    when = variables.periods(good, design.time, ())
    start = _place(design, good)
    places = np.array(when.places)
    means: Vector = np.bincount(when.codes, y) / np.bincount(when.codes)
    step = float(np.diff(places).min()) if places.size > 1 else 1.0
    steps = (places - start) / step
    counts = {"rows": len(good), "before": int(np.sum(steps < 0)), "after": int(np.sum(steps >= 0))}
    found = compare(steps.tolist(), means.tolist())
    if isinstance(found, TooFewPoints):
        return refuse("D", found.reason, _needs(found), rows, **counts)
    target = design.target
    if target is not None and design.scale == "log":
        target = math.log1p(target / 100.0)
    more = weeks_to_detect(steps.tolist(), found, target or abs(found.average_effect) or math.inf)
    details: dict[str, Any] = {
        "level_change": found.level_change,
        "level_change_low": found.level_change_low,
        "level_change_high": found.level_change_high,
        "slope_before": found.slope_before,
        "slope_change": found.slope_change,
        "newey_west_lag": found.lag,
        "more_periods": more,
    }
    return Finding(
        _estimate(found), "D", (rows, *_checks(found)), counts, details, more_of="periods",
        size=counts["before"] + counts["after"],
        method="segmented regression of an interrupted series, Newey-West errors",
    )  # fmt: skip


def _needs(found: TooFewPoints) -> str:
    parts = [
        f"{count} more {side} the change"
        for count, side in ((found.needed_before, "before"), (found.needed_after, "after"))
        if count
    ]
    return f"{' and '.join(parts)}." if parts else "Twelve points in all."


def _estimate(found: SeriesEffect) -> Estimate:
    degrees = float(found.n_before + found.n_after - 4)
    error = found.standard_error
    p_value = 1.0
    if error > 0:
        # The critical value is wider than Student's t; the p-value is the one that agrees with the interval.
        widened = found.critical_value / distributions.quantile(0.975, degrees)
        p_value = distributions.two_sided(found.average_effect / error / widened, degrees)
    elif found.average_effect:
        p_value = 0.0
    return Estimate(found.average_effect, error, found.low, found.high, degrees, p_value, 0.95, "HAC")


def _checks(found: SeriesEffect) -> list[Check]:
    checks = [Check("series", "warning", words) for words in found.checks.warnings]
    if not checks:
        checks = [Check("series", "passed", "neighboring periods do not move together beyond the trend")]
    words = "nothing that did not change is compared with; a season or another change would look the same"
    return [*checks, Check("comparison", "not checked", words)]


def before_and_after(design: BeforeAfter, table: Table) -> Finding:
    """The difference of two means; of units' own means where `unit` is given."""
    columns = [str(design.outcome), design.time, *([design.unit] if design.unit else [])]
    good, rows = variables.complete(table, columns)
    y = variables.outcome(design, good)
    when = variables.periods(good, design.time, ())
    late = np.array(when.places)[when.codes] >= _place(design, good)
    counts = {"rows": len(good), "before": int(np.sum(~late)), "after": int(np.sum(late))}
    warning = Check("cause", "failed", "a trend, a season or anything else in that time looks the same")
    if design.unit is None:
        if min(counts["before"], counts["after"]) < 2:
            return refuse("E", "one side has fewer than two figures", "Two on each side.", rows, **counts)
        found = before_after.difference(y[~late], y[late], level=design.level)
        return Finding(found, "E", (rows, warning), counts, size=len(good), method="two means")
    units = good.codes(design.unit)[0]
    sides = [np.bincount(units[pick], minlength=int(units.max()) + 1) for pick in (~late, late)]
    both = (sides[0] > 0) & (sides[1] > 0)
    counts["units"] = int(both.sum())
    if both.sum() < 2:
        return refuse(
            "E", "fewer than two units were measured on both sides", "More of them.", rows, **counts
        )
    means = [
        (np.bincount(units[pick], y[pick], minlength=both.size)[both] / side[both])
        for pick, side in zip((~late, late), sides, strict=True)
    ]
    found = before_after.paired(means[0], means[1], level=design.level)
    return Finding(
        found, "E", (rows, warning), counts, more_of="units", size=counts["units"],
        method="units' own means before and after",
    )  # fmt: skip


def wedge(design: SteppedWedge, table: Table) -> Finding:
    """The effect of a rollout whose order was drawn by lot."""
    columns = [
        str(design.outcome),
        design.unit,
        design.time,
        *([design.treatment] if design.treatment else []),
    ]
    good, rows = variables.complete(table, columns)
    y = variables.outcome(design, good)
    units = good.codes(design.unit)[0]
    when = variables.periods(good, design.time, design.times)
    if design.start is not None:
        first = variables.starts(good, design.start, when, design.times)
    else:
        treatment = design.treatment or ""
        text = (None if design.treated is None else str(design.treated),
                None if design.control is None else str(design.control))  # fmt: skip
        treated = good.flags(treatment, *text)
        first = variables.starts_of(treated, units, when)
        if np.any((when.codes >= first) & (treated == 0)):
            return refuse("B", "a unit switched the change off again", "Leave out the time after.", rows)
    periods = len(when.places)
    cells = units * periods + when.codes
    present, inverse = np.unique(cells, return_inverse=True)
    means: Vector = np.bincount(inverse, y) / np.bincount(inverse)
    first_of = np.zeros(int(units.max()) + 1, dtype=np.int64)
    first_of[units] = np.minimum(first, periods)
    counts = {
        "rows": len(good), "units": int(first_of.size), "periods": periods,
        "steps": int(np.unique(first_of[(first_of > 0) & (first_of < periods)]).size),
    }  # fmt: skip
    if counts["steps"] == 0 or (counts["steps"] == 1 and not np.any((first_of <= 0) | (first_of >= periods))):
        return refuse(
            "B", "all units changed at once, so that nothing is left to compare with",
            "A rollout in steps; its order drawn by lot.", rows, **counts,
        )  # fmt: skip
    laid = stepped_wedge.Wedge(means, present // periods, present % periods, first_of)
    found = stepped_wedge.estimate(
        laid, level=design.level, permutations=design.permutations, seed=design.seed
    )
    if isinstance(found, Refusal):
        return refuse("B", found.reason, found.needs, rows, **counts)
    order = Check(
        "order by lot", "not checked",
        "the grade rests on the order having been drawn by lot, which the table cannot show",
    )  # fmt: skip
    return Finding(
        found.estimate, "B", (rows, order), counts, {"permutations": found.permutations},
        more_of="units", size=counts["units"], method="stepped wedge by permutation of the rollout order",
    )  # fmt: skip
