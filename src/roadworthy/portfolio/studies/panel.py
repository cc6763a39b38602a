"""Pure: difference-in-differences of a table: which estimator, which comparison, were the trends parallel?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from roadworthy.portfolio.grades import Grade
from roadworthy.portfolio.studies import variables
from roadworthy.portfolio.studies.design import DifferenceInDifferences
from roadworthy.portfolio.studies.finding import Check, Finding, refuse
from roadworthy.portfolio.studies.table import Table
from roadworthy.statistics import staggered, two_way
from roadworthy.statistics.estimate import Estimate
from roadworthy.statistics.linear_model import Errors, Indices, Vector, cluster_codes
from roadworthy.statistics.two_way import PreTrend

PRE_TREND_ALARM = 0.05
CLUSTERS_MIN = 4
CLUSTERS_FEW = 20
TREATED_FEW = 5


def study(design: DifferenceInDifferences, table: Table) -> Finding:
    """Run the design; what the data cannot bear is refused with the reason."""
    cluster = design.cluster or design.unit
    columns = [
        str(design.outcome), design.unit, design.time, design.treatment, design.group, design.after,
        design.weight, cluster, *design.covariates, *design.categories,
    ]  # fmt: skip
    good, rows = variables.complete(table, [one for one in columns if one])
    y = variables.outcome(design, good)
    if float(np.ptp(y)) == 0.0:
        return refuse("C", "the outcome is the same in every row", "A figure that varies.", rows)
    controls = variables.controls(design, good, cluster)
    if controls.clusters is not None and controls.cluster_count < CLUSTERS_MIN:
        return refuse(
            "C",
            f"{controls.cluster_count} units or clusters are too few to tell a change from their differences",
            f"At least {CLUSTERS_MIN}, some of them unchanged; twenty and more to see moderate changes.",
            rows, clusters=controls.cluster_count, rows=len(good),
        )  # fmt: skip
    if design.group is not None:
        return _two_by_two(design, good, y, controls, rows)
    return _panel(design, good, y, controls, rows)


def _errors(design: DifferenceInDifferences, controls: variables.Controls) -> Errors:
    return design.errors or variables.errors(controls)


def _two_by_two(
    design: DifferenceInDifferences, table: Table, y: Vector, controls: variables.Controls, rows: Check
) -> Finding:
    assert design.group is not None
    assert design.after is not None
    group = table.flags(design.group, _text(design.treated), _text(design.control))
    after = table.flags(design.after)
    cells = {
        name: int(np.sum((group == g) & (after == a)))
        for name, g, a in (
            ("treated_before", 1, 0), ("treated_after", 1, 1), ("control_before", 0, 0),
            ("control_after", 0, 1),
        )
    }  # fmt: skip
    if min(cells.values()) == 0:
        empty = ", ".join(name.replace("_", " ") for name, count in cells.items() if not count)
        return refuse(
            "C", f"there are no rows for {empty}", "Rows of both groups on both sides.", rows, **cells
        )
    found = two_way.two_by_two(
        y, group, after, errors=_errors(design, controls), level=design.level,
        covariates=controls.covariates, weights=controls.weights, clusters=controls.clusters,
    )  # fmt: skip
    if found is None:
        return refuse("C", "the covariates leave nothing to the change", "Fewer covariates.", rows, **cells)
    means = {
        name: float(np.average(y[pick], weights=None if controls.weights is None else controls.weights[pick]))
        for name, pick in (
            ("treated_before", (group == 1) & (after == 0)), ("treated_after", (group == 1) & (after == 1)),
            ("control_before", (group == 0) & (after == 0)), ("control_after", (group == 0) & (after == 1)),
        )
    }  # fmt: skip
    trend = Check(
        "parallel trends", "not checked",
        "two periods cannot show whether trends before were parallel; `unit`, `time` and `start` can",
    )  # fmt: skip
    checks = (rows, trend, *_clusters(controls))
    counts = {"rows": len(table), **cells}
    return Finding(
        found, "D", checks, counts, {"means": means}, more_of="rows", size=len(table),
        method="two groups and two periods",
    )  # fmt: skip


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _clusters(controls: variables.Controls, treated: int | None = None) -> list[Check]:
    if controls.clusters is None:
        words = "rows are taken to be independent; name `cluster` where they belong together"
        return [Check("clusters", "warning", words)]
    few = controls.cluster_count < CLUSTERS_FEW
    words = f"{controls.cluster_count} clusters"
    if few:
        words += ": few, so the interval leans on Satterthwaite's degrees of freedom"
    checks = [Check("clusters", "warning" if few else "passed", words)]
    if treated is not None and treated < TREATED_FEW:
        noun = "1 unit" if treated == 1 else f"{treated} units"
        words = f"only {noun} changed: what else met them looks the same, and CR1 errors are far too small"
        checks.append(Check("treated units", "warning", words))
    return checks


@dataclass(frozen=True, slots=True)
class _Rows:
    units: Indices
    when: variables.Periods
    first: Indices
    treated: Vector

    @property
    def starts(self) -> list[int]:
        """The periods in which units begin that were seen untreated before."""
        return [int(p) for p in np.unique(self.first) if 0 < p < len(self.when.places)]


def _rows(design: DifferenceInDifferences, table: Table) -> _Rows:
    assert design.unit is not None
    assert design.time is not None
    units = table.codes(design.unit)[0]
    when = variables.periods(table, design.time, design.times)
    if design.start is not None:
        first = variables.starts(table, design.start, when, design.times)
        treated = (when.codes >= first).astype(np.float64)
    else:
        assert design.treatment is not None
        treated = table.flags(design.treatment, _text(design.treated), _text(design.control))
        first = variables.starts_of(treated, units, when)
    return _Rows(units, when, first, treated)


def _panel(
    design: DifferenceInDifferences, table: Table, y: Vector, controls: variables.Controls, check: Check
) -> Finding:
    rows = _rows(design, table)
    never = len(rows.when.places)
    first_of = np.full(int(rows.units.max()) + 1, -1, dtype=np.int64)
    first_of[rows.units] = rows.first
    counts = {
        "rows": len(table), "units": int(first_of.size), "periods": never,
        "units_treated": int(np.sum(first_of < never)), "units_never_treated": int(np.sum(first_of >= never)),
        "clusters": controls.cluster_count,
    }  # fmt: skip
    if not rows.starts:
        reason = (
            "no unit was seen both before and after a change"
            if np.any(first_of < never)
            else ("no unit was ever treated")
        )
        return refuse("C", reason, "Figures from before the change, too.", check, **counts)
    if np.any(first_of[rows.units] != rows.first):
        return refuse(
            "C",
            "a unit has more than one start",
            "Give each unit one start in all its rows.",
            check,
            **counts,
        )
    if counts["units_treated"] == 1 and design.errors is None:
        return refuse(
            "C", "a single unit changed, so that its own ups and downs cannot be told from the change",
            "Two or more changed units. `errors: CR1` gives an interval all the same; it is far too narrow.",
            check, **counts,
        )  # fmt: skip
    several = len(rows.starts) > 1
    wanted = design.estimator
    if wanted == "group_time" or (wanted == "auto" and several):
        return _staggered(design, y, controls, rows, checks=[check], counts=counts)
    return _two_way(design, y, controls, rows, checks=[check], counts=counts)


def _two_way(
    design: DifferenceInDifferences,
    y: Vector,
    controls: variables.Controls,
    rows: _Rows,
    *,
    checks: list[Check],
    counts: dict[str, int],
) -> Finding:
    panel = two_way.Panel(
        y, rows.units, rows.when.codes, controls.weights, controls.covariates, controls.clusters
    )
    errors = _errors(design, controls)
    found = two_way.effect(panel, rows.treated, errors=errors, level=design.level)
    if found is None:
        return refuse(
            "C", "the change cannot be told from unit and time effects: everybody changed at once",
            "Units that did not change, or that change later.", *checks, **counts,
        )  # fmt: skip
    events: list[dict[str, Any]] = []
    trend: PreTrend | None = None
    if _switches_back(rows):
        words = "units switch the change off again, so trends before a start were not compared"
        checks.append(Check("treatment stays on", "warning", words))
    else:
        ever = (rows.first < len(rows.when.places)).astype(np.float64)
        reference = -1 - design.anticipation
        study_errors = variables.errors(controls) if errors in {"CR1", "CR2"} else errors
        study = two_way.event_study(
            panel, rows.when.codes - rows.first, ever, errors=study_errors, level=design.level,
            reference=reference,
        )  # fmt: skip
        events = [_point(one.period, one.estimate) for one in study.points]
        trend = study.pre_trend if counts["units_treated"] > 1 else None
    if len(rows.starts) > 1:
        words = (
            "units start at different times: two-way effects compare late starters with early ones as if "
            "these were untreated; `estimator: group_time` does not"
        )
        checks.append(Check("staggered starts", "warning", words))
    checks += [*_clusters(controls, counts["units_treated"]), _parallel(trend)]
    return Finding(
        found, _grade(trend), tuple(checks), counts, {"event_study": events, **_trend_details(trend)},
        more_of="units", size=counts["units"], method=f"two-way fixed effects, {found.errors} errors",
    )  # fmt: skip


def _switches_back(rows: _Rows) -> bool:
    return bool(np.any((rows.when.codes >= rows.first) & (rows.treated == 0)))


def _staggered(
    design: DifferenceInDifferences,
    y: Vector,
    controls: variables.Controls,
    rows: _Rows,
    *,
    checks: list[Check],
    counts: dict[str, int],
) -> Finding:
    if _switches_back(rows):
        return refuse(
            "C", "units switch the change off again, which `group_time` cannot follow",
            "`estimator: two_way`, or leave out the time after.", *checks, **counts,
        )  # fmt: skip
    if design.errors is not None:
        words = f"group-time effects have errors of their own; `errors: {design.errors}` was not used"
        checks.append(Check("errors", "warning", words))
    panel, doubled = _matrix(y, controls, rows)
    if doubled:
        checks.append(Check("one row a unit and time", "warning", f"{doubled:,} further rows were averaged"))
    if design.controls == "never_treated" and counts["units_never_treated"] == 0:
        return refuse(
            "C", "there is no unit that never changed", "`controls: not_yet_treated`.", *checks, **counts
        )
    found = staggered.estimate(
        panel, level=design.level, not_yet=design.controls == "not_yet_treated", aggregate=design.aggregate,
        anticipation=design.anticipation,
    )  # fmt: skip
    if found is None:
        return refuse(
            "C", "nobody is left to compare with once the change begins",
            "Units that did not change, or that change later.", *checks, **counts,
        )  # fmt: skip
    always = int(np.sum(panel.first <= 0))
    if always:
        words = f"{always} units were treated from the first period on and were left out"
        checks.append(Check("seen before", "warning", words))
    if found.skipped:
        words = f"{len(found.skipped)} groups and times have nobody to compare with and were left out"
        checks.append(Check("comparisons", "warning", words))
    trend = found.pre_trend or _leads(design, y, controls, rows)
    checks += [*_clusters(controls, counts["units_treated"]), _parallel(trend)]
    labels = rows.when.labels
    details = {
        "group_times": [
            {"group": labels[one.group], "time": labels[one.time], **_figures(one.estimate)}
            for one in found.group_times
        ],
        "event_study": [_point(one.period, one.estimate) for one in found.events],
        **_trend_details(trend),
    }
    whom = "units not yet treated" if design.controls == "not_yet_treated" else "units never treated"
    method = f"group-time effects (Callaway and Sant'Anna) against {whom}, averaged by {design.aggregate}"
    return Finding(
        found.overall, _grade(trend), tuple(checks), counts, details,
        more_of="units", size=counts["units"], method=method,
    )  # fmt: skip


def _leads(
    design: DifferenceInDifferences, y: Vector, controls: variables.Controls, rows: _Rows
) -> PreTrend | None:
    """Whether trends differed, from rows not treated yet (Borusyak, Jaravel and Spiess 2024)."""
    use = rows.when.codes < rows.first
    panel = two_way.Panel(
        y[use],
        rows.units[use],
        rows.when.codes[use],
        None if controls.weights is None else controls.weights[use],
        None if controls.covariates is None else controls.covariates[use],
        rows.units[use] if controls.clusters is None else controls.clusters[use],
    )
    ever = (rows.first < len(rows.when.places))[use].astype(np.float64)
    if not ever.any():
        return None
    since = (rows.when.codes - rows.first)[use]
    found = two_way.event_study(
        panel,
        since,
        ever,
        errors=variables.errors(controls),
        level=design.level,
        reference=-1 - design.anticipation,
    )
    return found.pre_trend


def _matrix(y: Vector, controls: variables.Controls, rows: _Rows) -> tuple[staggered.StaggeredPanel, int]:
    """One cell for each unit and period; further rows of a cell are averaged, and counted."""
    units, periods = int(rows.units.max()) + 1, len(rows.when.places)
    w = np.ones_like(y) if controls.weights is None else controls.weights
    cell = rows.units * periods + rows.when.codes
    mass = np.bincount(cell, w, units * periods)
    with np.errstate(invalid="ignore"):
        means = np.bincount(cell, w * y, units * periods) / mass
        covariates = None
        if controls.covariates is not None:
            covariates = np.stack(
                [np.bincount(cell, w * c, units * periods) / mass for c in controls.covariates.T], axis=1
            ).reshape(units, periods, -1)
    first = np.zeros(units, dtype=np.int64)
    first[rows.units] = rows.first
    clusters = None
    if controls.clusters is not None:
        clusters = np.zeros(units, dtype=np.int64)
        clusters[rows.units] = controls.clusters
        if cluster_codes(clusters)[1] == units:
            clusters = None
    weights = None if controls.weights is None else np.bincount(rows.units, w) / np.bincount(rows.units)
    doubled = int(y.size - np.count_nonzero(mass))
    panel = staggered.StaggeredPanel(means.reshape(units, periods), first, covariates, weights, clusters)
    return panel, doubled


def _figures(one: Estimate) -> dict[str, Any]:
    return {"estimate": one.value, "standard_error": one.standard_error, "low": one.low, "high": one.high}


def _point(period: int, one: Estimate) -> dict[str, Any]:
    return {"period": period, **_figures(one)}


def _trend_details(trend: PreTrend | None) -> dict[str, Any]:
    if trend is None:
        return {}
    shown = {"test": trend.test, "statistic": trend.statistic, "gaps": trend.gaps, "p_value": trend.p_value}
    return {"pre_trend": shown}


def _parallel(trend: PreTrend | None) -> Check:
    if trend is None:
        words = "too few periods or changed units to see whether trends before were parallel; the grade is D"
        return Check("parallel trends", "not checked", words)
    where = f"over {trend.gaps} gaps before the change (p = {trend.p_value:.2g})"
    if trend.p_value < PRE_TREND_ALARM:
        words = f"trends already differed {where}; the grade falls to E"
        return Check("parallel trends", "failed", words)
    words = f"no difference of trends was found {where}; that does not prove that there is none"
    return Check("parallel trends", "passed", words)


def _grade(trend: PreTrend | None) -> Grade:
    if trend is None:
        return "D"
    return "E" if trend.p_value < PRE_TREND_ALARM else "C"
