"""Pure: difference-in-differences by least squares: groups and periods, units and times, event study.

Unit effects are projected out (exact for any panel and weights: the Frisch-Waugh-Lovell theorem), times stay
as columns. Where units begin at different times this estimator compares late with early ones as if these
were untreated; `staggered` is safe then.
"""

from dataclasses import dataclass

import numpy as np

from roadworthy.statistics import linear_model
from roadworthy.statistics.estimate import Estimate
from roadworthy.statistics.linear_model import Errors, Fit, Indices, Inference, Vector

LEADS, LAGS = 12, 24
"""An event study shows so many periods before and after; the outermost take in all beyond."""


@dataclass(frozen=True, slots=True)
class EventPoint:
    """The gap to the reference period, `period` steps from the start (below 0: before it)."""

    period: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class PreTrend:
    """The test that all gaps before the start are 0: its statistic, p-value, how many gaps, and its name."""

    statistic: float
    p_value: float
    gaps: int
    test: str


@dataclass(frozen=True, slots=True)
class EventStudy:
    """Gaps by period, and the test of those before the start (None where there is none to test)."""

    points: tuple[EventPoint, ...]
    pre_trend: PreTrend | None


def dummies(codes: Indices, *, drop_first: bool = True) -> Vector:
    """One column for each value of `codes` but the first; shape (n, values - 1)."""
    names = np.unique(codes)[1 if drop_first else 0 :]
    return np.asarray(codes[:, None] == names[None, :], dtype=np.float64)


def demeaned(values: Vector, units: Indices, weights: Vector | None) -> Vector:
    """Columns less their weighted means within units; shape (n, k)."""
    codes, count = linear_model.cluster_codes(units)
    w = np.ones(values.shape[0]) if weights is None else weights
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, codes, values * w[:, None])
    result: Vector = values - (sums / np.bincount(codes, w, count)[:, None])[codes]
    return result


@dataclass(frozen=True, slots=True)
class Panel:
    """Rows of units at times; `extra` are further columns (covariates, dummies), or none."""

    y: Vector
    units: Indices
    times: Indices
    weights: Vector | None = None
    extra: Vector | None = None
    clusters: Indices | None = None


@dataclass(frozen=True, slots=True)
class _Fitted:
    """A model whose regressors stand after times and covariates: what these explain is not theirs."""

    model: Fit
    offset: int

    def kept(self, regressor: int) -> bool:
        return self.offset + regressor in self.model.kept


def _fit(panel: Panel, regressors: Vector) -> _Fitted:
    columns = [dummies(panel.times)]
    if panel.extra is not None:
        columns.append(panel.extra)
    raw = np.concatenate([*columns, regressors], axis=1)
    x = demeaned(raw, panel.units, panel.weights)
    y = demeaned(panel.y[:, None], panel.units, panel.weights)[:, 0]
    # Columns constant within units leave nothing but rounding; that must not be taken for variation.
    x[:, np.abs(x).max(axis=0) <= 1e-11 * np.abs(raw).max(axis=0)] = 0.0
    codes, count = linear_model.cluster_codes(panel.units)
    w = np.ones_like(y) if panel.weights is None else panel.weights
    pull = w / np.bincount(codes, w, count)[codes]
    model = linear_model.fit(x, y, panel.weights, absorbed=count, pull=pull)
    return _Fitted(model, raw.shape[1] - regressors.shape[1])


def _inference(panel: Panel, model: Fit, *, errors: Errors, level: float) -> Inference:
    # Unit effects within clusters cost CR1's correction nothing (Stata's xtreg; Cameron and Miller 2015).
    nested = panel.clusters is not None and is_nested(panel.units, panel.clusters)
    parameters = model.x.shape[1] + (1 if nested else model.absorbed)
    return linear_model.inference(
        model, errors=errors, level=level, clusters=panel.clusters, parameters=parameters
    )


def is_nested(inner: Indices, outer: Indices) -> bool:
    """Whether each value of `inner` lies in one value of `outer`."""
    pairs = np.unique(np.column_stack([inner, outer]), axis=0)
    return bool(int(pairs.shape[0]) == int(np.unique(inner).size))


def effect(panel: Panel, treated: Vector, *, errors: Errors, level: float) -> Estimate | None:
    """The coefficient of treatment (0/1 a row) beside unit and time effects; None where it cannot be told."""
    fitted = _fit(panel, treated[:, None])
    if not fitted.kept(0):
        return None
    return _inference(panel, fitted.model, errors=errors, level=level).of_column(fitted.offset)


def event_study(
    panel: Panel, since: Indices, ever: Vector, *, errors: Errors, level: float, reference: int = -1
) -> EventStudy:
    """Gaps of treated units by period relative to their start, against `reference`.

    `since` counts periods since the start (of no meaning where `ever` is 0, the units never treated). The
    outermost of LEADS and LAGS take in all periods beyond.
    """
    live = ever > 0
    clipped = np.clip(since, -LEADS, LAGS)
    # The farthest lead comes last: without units that never changed it is the one that cannot be told.
    periods = sorted(
        (int(p) for p in np.unique(clipped[live]) if p != reference), key=lambda p: (p < 0, abs(p))
    )
    if not periods:
        return EventStudy((), None)
    columns = np.column_stack([live & (clipped == p) for p in periods]).astype(np.float64)
    fitted = _fit(panel, columns)
    told = sorted((period, fitted.offset + i) for i, period in enumerate(periods) if fitted.kept(i))
    if not told:
        return EventStudy((), None)
    how = _inference(panel, fitted.model, errors=errors, level=level)
    points = tuple(EventPoint(period, how.of_column(column)) for period, column in told)
    return EventStudy(points, _pre_trend(how, [one for one in told if one[0] < reference]))


def _pre_trend(how: Inference, leads: list[tuple[int, int]]) -> PreTrend | None:
    """Bonferroni over each gap before the start, and their slope.

    A joint Wald test rejects far too often with few clusters; with CR2 and Satterthwaite's degrees of
    freedom these do not.
    """
    if not leads:
        return None
    each = [how.of_column(column) for _, column in leads]
    p_values = [one.p_value for one in each]
    worst = min(1.0, min(p_values) * len(p_values))
    if len(leads) > 1:
        middle = sum(period for period, _ in leads) / len(leads)
        contrast = np.zeros(max(how.model.kept) + 1)
        for period, column in leads:
            contrast[column] = period - middle
        worst = min(1.0, 2.0 * min(worst, how.of(contrast).p_value))
    largest = max(
        (abs(one.value) / one.standard_error for one in each if one.standard_error > 0), default=0.0
    )
    return PreTrend(largest, worst, len(leads), "largest gap and slope, Bonferroni")


def two_by_two(
    y: Vector,
    group: Vector,
    after: Vector,
    *,
    errors: Errors,
    level: float,
    covariates: Vector | None = None,
    weights: Vector | None = None,
    clusters: Indices | None = None,
) -> Estimate | None:
    """The coefficient of group x after in a pooled regression; group and after are 0/1 a row."""
    product = group * after
    columns = [product, np.ones_like(y), group, after]
    x = np.column_stack(columns)
    if covariates is not None:
        x = np.concatenate([x, covariates], axis=1)
    # The interaction comes last in the order of elimination, so that it is what is missing if it must be.
    model = linear_model.fit(np.concatenate([x[:, 1:], x[:, :1]], axis=1), y, weights)
    last = x.shape[1] - 1
    if model.column(last) is None:
        return None
    return linear_model.inference(model, errors=errors, level=level, clusters=clusters).of_column(last)
