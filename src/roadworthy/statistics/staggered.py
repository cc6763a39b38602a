"""Pure: difference-in-differences where units start at different times (Callaway and Sant'Anna 2021).

ATT(g, t) compares, for units that start in period g, the change from their last untreated period to t with
that of units not (yet) treated at t. Nobody who is treated serves as a comparison, so that effects which
grow do not bias it, as they do two-way fixed effects. With covariates the doubly robust estimator of
Sant'Anna and Zhao (2020), their `drdid_panel`. Standard errors come from influence functions, summed within
clusters. Gaps before g compare neighbouring periods ("varying base"), as the authors' package `did` does.
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from roadworthy.statistics import distributions
from roadworthy.statistics.estimate import Estimate, with_interval
from roadworthy.statistics.linear_model import Indices, Vector, independent_columns
from roadworthy.statistics.two_way import PreTrend

Aggregate: TypeAlias = Literal["simple", "group", "event", "calendar"]
NORMAL_FROM = 200
"""From this many independent units on the interval is the authors' normal one; below, Student's t."""
_OVERLAP = 0.999
"""The authors' package leaves out comparisons with a fitted probability of treatment beyond this."""


@dataclass(frozen=True, slots=True)
class StaggeredPanel:
    """Units by periods. `y` is (units, periods), NaN where nothing was measured.

    `first` is the period from which a unit is treated, `periods` or more for never. `covariates` is
    (units, periods, k) or none; `weights` and `clusters` are (units,) or none.
    """

    y: Vector
    first: Indices
    covariates: Vector | None = None
    weights: Vector | None = None
    clusters: Indices | None = None


@dataclass(frozen=True, slots=True)
class GroupTime:
    """ATT(g, t) in periods, its estimate, and each unit's influence on it; shape (units,)."""

    group: int
    time: int
    estimate: Estimate
    influence: Vector


@dataclass(frozen=True, slots=True)
class EventTime:
    """The average over groups, so many periods after the start (below 0: before it)."""

    period: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class StaggeredEffect:
    """All group-time effects, their average, the event study, and the test of the gaps before."""

    overall: Estimate
    group_times: tuple[GroupTime, ...]
    events: tuple[EventTime, ...]
    pre_trend: PreTrend | None
    skipped: tuple[tuple[int, int], ...]


def logit(x: Vector, d: Vector, w: Vector) -> tuple[Vector, Vector]:
    """Fitted probabilities of a weighted logistic regression, and the inverse of its information matrix."""
    beta = np.zeros(x.shape[1])
    p = np.full(d.size, 0.5)
    information = x.T @ (x * (w * p * (1.0 - p))[:, None])
    for _ in range(50):
        step = np.linalg.solve(information, x.T @ (w * (d - p)))
        beta = beta + step
        p = 1.0 / (1.0 + np.exp(-np.clip(x @ beta, -35.0, 35.0)))
        information = x.T @ (x * (w * p * (1.0 - p))[:, None])
        if float(np.abs(step).max()) < 1e-11:
            break
    return p, np.linalg.inv(information)


def doubly_robust(change: Vector, d: Vector, x: Vector, w: Vector) -> tuple[float, Vector]:
    """The effect on the treated (d = 1) and each row's influence on it; x is (n, k) with a constant.

    Raises LinAlgError where the covariates tell treated from others nearly without fail.
    """
    n = change.size
    w = w / w.mean()
    if x.shape[1] == 1:
        p, inverse = np.full(n, float(np.average(d, weights=w))), np.zeros((1, 1))
        inverse[0, 0] = 1.0 / float(np.sum(w * p * (1.0 - p)))
    else:
        p, inverse = logit(x, d, w)
        if float(p.max()) > _OVERLAP:
            message = "no overlap"
            raise np.linalg.LinAlgError(message)
    control = w * (1.0 - d)
    gram = np.linalg.inv((x * control[:, None]).T @ x / n)
    predicted = x @ (gram @ (x.T @ (control * change)) / n)
    rest = change - predicted
    w_treated, w_control = w * d, w * p * (1.0 - d) / (1.0 - p)
    eta_treated = float(np.sum(w_treated * rest) / np.sum(w_treated))
    eta_control = float(np.sum(w_control * rest) / np.sum(w_control))
    outcome_model = (x * (control * rest)[:, None]) @ gram
    propensity = (x * (w * (d - p))[:, None]) @ (inverse * n)
    treated = w_treated * (rest - eta_treated) - outcome_model @ (x * w_treated[:, None]).mean(axis=0)
    moved = (x * (w_control * (rest - eta_control))[:, None]).mean(axis=0)
    compared = (
        w_control * (rest - eta_control)
        + propensity @ moved
        - outcome_model @ (x * w_control[:, None]).mean(axis=0)
    )
    influence = treated / w_treated.mean() - compared / w_control.mean()
    return eta_treated - eta_control, np.asarray(influence, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Inference:
    units: int
    clusters: Indices | None
    level: float

    @property
    def independent(self) -> int:
        return self.units if self.clusters is None else int(np.unique(self.clusters).size)

    def summed(self, influence: Vector) -> Vector:
        """Influence by cluster; shape (clusters, ...)."""
        if self.clusters is None:
            return influence
        _, codes = np.unique(self.clusters, return_inverse=True)
        sums = np.zeros((self.independent, *influence.shape[1:]))
        np.add.at(sums, codes.reshape(-1), influence)
        return sums

    def estimate(self, value: float, influence: Vector) -> Estimate:
        error = math.sqrt(float(np.sum(self.summed(influence) ** 2))) / self.units
        count = self.independent
        degrees = math.inf if count >= NORMAL_FROM else float(max(1, count - 1))
        return with_interval(value, error, degrees, level=self.level, errors="influence function")


def _controls(first: Indices, group: int, latest: int, *, never: int, not_yet: bool) -> npt.NDArray[np.bool_]:
    untreated = first >= never
    return (untreated | (first > latest)) & (first != group) if not_yet else untreated


def _one(
    panel: StaggeredPanel, group: int, time: int, *, not_yet: bool, anticipation: int, how: _Inference
) -> GroupTime | None:
    never = panel.y.shape[1]
    base = time - 1 if time < group - anticipation else group - 1 - anticipation
    if base < 0 or base == time:
        return None
    treated = panel.first == group
    controls = _controls(panel.first, group, max(time, base) + anticipation, never=never, not_yet=not_yet)
    change = panel.y[:, time] - panel.y[:, base]
    use = (treated | controls) & np.isfinite(change)
    d = treated[use].astype(np.float64)
    if d.sum() < 1 or d.sum() == d.size or d.size < 3:
        return None
    x = np.ones((d.size, 1))
    if panel.covariates is not None:
        x = np.concatenate([x, panel.covariates[use, min(base, time)]], axis=1)
        x = x[:, list(independent_columns(x[d < 1]))]
        if x.shape[1] >= min(d.sum(), d.size - d.sum()):
            return None
    w = np.ones(d.size) if panel.weights is None else panel.weights[use]
    try:
        value, part = doubly_robust(change[use], d, x, w)
    except np.linalg.LinAlgError:
        return None  # the covariates separate the two, so that there is nobody alike to compare with
    if how.independent < NORMAL_FROM:
        part = _for_few(part, d, change[use])
    influence = np.zeros(panel.first.size)
    influence[use] = part * (panel.first.size / d.size)
    return GroupTime(group, time, how.estimate(value, influence), influence)


def _for_few(part: Vector, d: Vector, change: Vector) -> Vector:
    """Influence as HC2 would have it: each arm's own mean takes some of its spread away.

    A single treated unit has no spread of its own; it is given that of the units it is compared with.
    """
    treated, count = d > 0, int(d.sum())
    others = d.size - count
    found = part.copy()
    found[~treated] *= math.sqrt(others / (others - 1.0)) if others > 1 else 1.0
    if count > 1:
        found[treated] *= math.sqrt(count / (count - 1.0))
    elif others > 1:
        found[treated] = d.size * float(change[~treated].std(ddof=1))
    return found


def estimate(
    panel: StaggeredPanel,
    *,
    level: float,
    not_yet: bool = True,
    aggregate: Aggregate = "group",
    anticipation: int = 0,
) -> StaggeredEffect | None:
    """Every ATT(g, t) that can be told and their average; None where there is none after a start."""
    how = _Inference(panel.first.size, panel.clusters, level)
    periods = panel.y.shape[1]
    groups = [int(g) for g in np.unique(panel.first) if 0 < g < periods]
    found: list[GroupTime] = []
    skipped = []
    for group in groups:
        for time in range(periods):
            one = _one(panel, group, time, not_yet=not_yet, anticipation=anticipation, how=how)
            if one is not None:
                found.append(one)
            elif time >= group:
                skipped.append((group, time))
    after = [one for one in found if one.time >= one.group]
    if not after:
        return None
    shares = _Shares(panel)
    events = tuple(
        EventTime(e, how.estimate(*_average([o for o in found if o.time - o.group == e], shares)))
        for e in sorted({one.time - one.group for one in found})
    )
    overall = how.estimate(*_overall(after, shares, aggregate))
    return StaggeredEffect(
        overall, tuple(found), events, _pre_trend(found, how, anticipation), tuple(skipped)
    )


class _Shares:
    """Each group's share of the units, weighted, and each unit's influence on it."""

    def __init__(self, panel: StaggeredPanel) -> None:
        w = np.ones(panel.first.size) if panel.weights is None else panel.weights
        self._w, self._first = w / w.mean(), panel.first

    def of(self, group: int) -> float:
        return float(np.mean(self._w * (self._first == group)))

    def influence(self, group: int) -> Vector:
        return np.asarray(self._w * (self._first == group) - self.of(group), dtype=np.float64)


def _average(chosen: list[GroupTime], shares: _Shares) -> tuple[float, Vector]:
    """The average of effects by their groups' shares, which are estimates and add to the uncertainty."""
    p = np.array([shares.of(one.group) for one in chosen])
    values = np.array([one.estimate.value for one in chosen])
    total = float(p.sum())
    value = float(p @ values) / total
    influence = np.zeros_like(chosen[0].influence)
    for weight, one in zip(p / total, chosen, strict=True):
        influence += weight * one.influence
        influence += shares.influence(one.group) * (one.estimate.value - value) / total
    return value, influence


def _plain(parts: list[tuple[float, Vector]]) -> tuple[float, Vector]:
    return (
        sum(value for value, _ in parts) / len(parts),
        np.asarray(np.mean([influence for _, influence in parts], axis=0), dtype=np.float64),
    )


def _overall(after: list[GroupTime], shares: _Shares, aggregate: Aggregate) -> tuple[float, Vector]:
    if aggregate == "simple":
        return _average(after, shares)
    if aggregate == "group":
        each = []
        for group in sorted({one.group for one in after}):
            parts = [(o.estimate.value, o.influence) for o in after if o.group == group]
            value, influence = _plain(parts)
            like = next(one for one in after if one.group == group).estimate
            whole = Estimate(
                value, 0.0, value, value, math.inf, 1.0, like.level, like.errors
            )  # only its value is read
            each.append(GroupTime(group, group, whole, influence))
        return _average(each, shares)
    keys = sorted({one.time - one.group if aggregate == "event" else one.time for one in after})
    return _plain([
        _average([o for o in after if (o.time - o.group if aggregate == "event" else o.time) == key], shares)
        for key in keys
    ])  # fmt: skip


def _pre_trend(found: list[GroupTime], how: _Inference, anticipation: int) -> PreTrend | None:
    """The authors' Wald test that every effect before a start is 0; it needs many units."""
    before = [one for one in found if one.time < one.group - anticipation]
    if not before or how.independent < NORMAL_FROM:
        return None
    values = np.array([one.estimate.value for one in before])
    scores = how.summed(np.column_stack([one.influence for one in before]))
    covariance = scores.T @ scores / how.units**2
    rank = int(np.linalg.matrix_rank(covariance, hermitian=True))
    if rank == 0:
        return None
    statistic = float(values @ np.linalg.pinv(covariance, hermitian=True) @ values)
    return PreTrend(statistic, distributions.chi_square_tail(statistic, rank), len(before), "Wald")
