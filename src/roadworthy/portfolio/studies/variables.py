"""Pure: the columns that a design names, as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from roadworthy.foundation.errors import Issue
from roadworthy.portfolio.studies.design import Measured, Ratio, Regression, Value
from roadworthy.portfolio.studies.finding import Check
from roadworthy.portfolio.studies.table import Table, instant, is_missing, refused
from roadworthy.statistics import two_way
from roadworthy.statistics.linear_model import SATTERTHWAITE_MAX, Errors, Indices, Vector

NEVER = frozenset({"never", "inf", "infinity"})
_LOG_NEEDS = "A logarithm needs figures above 0: use `scale: level`, or add up rows."


@dataclass(frozen=True, slots=True)
class Controls:
    """What a linear model takes beside the treatment: covariates (n, k) or none, weights, clusters."""

    covariates: Vector | None
    weights: Vector | None
    clusters: Indices | None

    @property
    def cluster_count(self) -> int:
        """How many clusters, or 0 where rows stand for themselves."""
        return 0 if self.clusters is None else int(np.unique(self.clusters).size)


def complete(table: Table, names: Sequence[str]) -> tuple[Table, Check]:
    """The rows in which nothing that is needed is empty, and the check that says how many were left out."""
    good = table.complete(names)
    left = len(table) - len(good)
    if not len(good):
        message = "Every row lacks a figure that the design needs."
        fix = "Fill the columns, or leave one out of the design."
        raise refused(table.file, [Issue(message, fix, file=table.file)])
    if not left:
        return good, Check("complete rows", "passed", f"all {len(table):,} rows have every figure needed")
    share = left / len(table)
    words = f"{left:,} of {len(table):,} rows lack a figure that is needed and were left out"
    return good, Check("complete rows", "warning" if share > 0.05 else "passed", words)


def outcome(design: Measured, table: Table) -> Vector:
    """The outcome's column, or its logarithm. Shape (rows,)."""
    assert not isinstance(design.outcome, Ratio), "a ratio has two columns"
    if design.scale == "log":
        return np.asarray(np.log(table.numbers(design.outcome, positive=_LOG_NEEDS)))
    return table.numbers(design.outcome)


def controls(design: Regression, table: Table, cluster: str | None) -> Controls:
    """Covariates, weights and clusters; `cluster` is the column that the standard errors follow."""
    blocks = [table.numbers(name)[:, None] for name in design.covariates]
    blocks += [two_way.dummies(table.codes(name)[0]) for name in design.categories]
    weights = None
    if design.weight is not None:
        weights = table.numbers(design.weight, positive="Rows that count for nothing are left out.")
        weights = weights / weights.mean()
    return Controls(
        np.concatenate(blocks, axis=1) if blocks else None,
        weights,
        None if cluster is None else table.codes(cluster)[0],
    )


def errors(controls: Controls) -> Errors:
    """The standard errors of a design that names none: with very many clusters CR1 is CR2, and quick."""
    if controls.clusters is None:
        return "HC2"
    return "CR2" if controls.cluster_count <= SATTERTHWAITE_MAX else "CR1"


@dataclass(frozen=True, slots=True)
class Periods:
    """Times as periods 0, 1, ...: one code a row, and what each period is called in the table."""

    codes: Indices
    labels: tuple[str, ...]
    places: tuple[float, ...]


def periods(table: Table, name: str, order: Sequence[Value]) -> Periods:
    """The periods of a column of times; `order` lists them where they do not sort by themselves."""
    cells = table.columns[name]
    if order:
        known = {str(one).strip(): place for place, one in enumerate(order)}
        bad = [
            Issue(f"`{cell}` is not among `times:` of the design.", "Add it.", name, table.file, line)
            for cell, line in zip(cells, table.lines, strict=True)
            if cell not in known
        ]
        if bad:
            raise refused(table.file, bad)
        values = [float(known[cell]) for cell in cells]
    else:
        values = list(table.instants(name))
    places, first, codes = np.unique(values, return_index=True, return_inverse=True)
    labels = tuple(cells[int(i)] for i in first)
    return Periods(
        np.asarray(codes, dtype=np.int64).reshape(-1), labels, tuple(float(place) for place in places)
    )


def starts(table: Table, name: str, when: Periods, order: Sequence[Value]) -> Indices:
    """The period from which each row's unit was treated; one after the last for never. Shape (rows,)."""
    known = {str(one).strip(): float(place) for place, one in enumerate(order)}
    never = len(when.places)
    cache: dict[str, int] = {}
    issues = []
    found = np.empty(len(table), dtype=np.int64)
    for index, cell in enumerate(table.columns[name]):
        if cell not in cache:
            value = known.get(cell) if order else instant(cell)
            if is_missing(cell) or cell.lower() in NEVER or (value == 0.0 and not (order and cell in known)):
                cache[cell] = never
            elif value is None:
                fix = "Write a time as in the column of times; leave it empty where it never was."
                issues.append(Issue(f"`{cell}` is not a time.", fix, name, table.file, table.lines[index]))
                cache[cell] = never
            else:
                cache[cell] = int(np.searchsorted(when.places, value))
        found[index] = cache[cell]
    if issues:
        raise refused(table.file, issues)
    return found


def starts_of(treated: Vector, units: Indices, when: Periods) -> Indices:
    """The first period in which each row's unit was treated, from 0/1 rows; one after the last for never."""
    first = np.full(int(units.max()) + 1, len(when.places), dtype=np.int64)
    live = treated > 0
    np.minimum.at(first, units[live], when.codes[live])
    return np.asarray(first[units], dtype=np.int64)
