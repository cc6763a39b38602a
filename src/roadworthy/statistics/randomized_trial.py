"""Pure: the effect in a randomized trial: means, a linear model with covariates, CUPED, and ratios.

The standard errors are HC2 where rows were randomized (for two means exactly Welch's variance) and CR2 where
clusters were. Covariates enter centred; with `interacted` they have slopes of their own in each arm
(Lin 2013), which cannot lose precision in large trials.
"""

import math
from dataclasses import dataclass

import numpy as np

from roadworthy.statistics import linear_model
from roadworthy.statistics.estimate import Estimate, with_interval
from roadworthy.statistics.linear_model import Errors, Fit, Indices, Vector


@dataclass(frozen=True, slots=True)
class TrialEffect:
    """Treated less control, with the means it rests on (unadjusted, weighted where weights are given)."""

    estimate: Estimate
    mean_treated: float
    mean_control: float
    deviation: float
    n_treated: int
    n_control: int


def _mean(values: Vector, weights: Vector | None) -> float:
    return float(np.average(values, weights=weights))


def _summed(
    estimate: Estimate, y: Vector, treated: Vector, weights: Vector | None, residuals: Vector
) -> TrialEffect:
    live = treated > 0
    w = (None, None) if weights is None else (weights[live], weights[~live])
    return TrialEffect(
        estimate,
        _mean(y[live], w[0]),
        _mean(y[~live], w[1]),
        float(np.sqrt(np.mean(residuals**2))),
        int(live.sum()),
        int((~live).sum()),
    )


def design(treated: Vector, covariates: Vector | None, *, interacted: bool, weights: Vector | None) -> Vector:
    """Columns: constant, treatment, centred covariates, and their products with treatment if wanted."""
    columns = [np.ones_like(treated)[:, None], treated[:, None]]
    if covariates is not None and covariates.shape[1]:
        centred = covariates - np.average(covariates, axis=0, weights=weights)
        columns.append(centred)
        if interacted:
            columns.append(centred * treated[:, None])
    return np.concatenate(columns, axis=1)


def difference(
    y: Vector,
    treated: Vector,
    *,
    errors: Errors,
    level: float,
    covariates: Vector | None = None,
    interacted: bool = False,
    weights: Vector | None = None,
    clusters: Indices | None = None,
) -> TrialEffect:
    """The coefficient of treatment (0 or 1) in a linear model of y; covariates are (n, k) or none."""
    x = design(treated, covariates, interacted=interacted, weights=weights)
    model: Fit = linear_model.fit(x, y, weights)
    found = linear_model.inference(model, errors=errors, level=level, clusters=clusters).of_column(1)
    return _summed(found, y, treated, weights, model.residuals)


@dataclass(frozen=True, slots=True)
class Cuped:
    """An outcome less what its own past predicts, and the share of variance that this removes."""

    adjusted: Vector
    theta: float
    removed: float


def cuped(y: Vector, baseline: Vector, treated: Vector) -> Cuped:
    """Subtract theta (baseline - its mean), with theta pooled within the arms (Deng and others 2013)."""
    live = treated > 0
    centred_y, centred_x = y.copy(), baseline.copy()
    for arm in (live, ~live):
        centred_y[arm] -= y[arm].mean()
        centred_x[arm] -= baseline[arm].mean()
    spread = float(centred_x @ centred_x)
    theta = float(centred_x @ centred_y) / spread if spread > 0 else 0.0
    total = float(centred_y @ centred_y)
    removed = theta**2 * spread / total if total > 0 else 0.0
    return Cuped(y - theta * (baseline - baseline.mean()), theta, removed)


def ratio_difference(
    numerator: Vector,
    denominator: Vector,
    treated: Vector,
    *,
    level: float,
    relative: bool = False,
    clusters: Indices | None = None,
    weights: Vector | None = None,
) -> TrialEffect:
    """The difference of two ratios of sums, or of their logarithms, by the delta method.

    Rows are the randomized units, or belong to the clusters that were. The linearised residual of a row is
    (numerator - R denominator) / (mean denominator of its arm); its arm's variance is that of a mean.
    """
    w = np.ones_like(numerator) if weights is None else weights
    ratios, variances, counts = [], [], []
    for arm in (treated > 0, treated <= 0):
        top, bottom = float(np.sum((w * numerator)[arm])), float(np.sum((w * denominator)[arm]))
        ratio = top / bottom
        rest = (w * (numerator - ratio * denominator))[arm] / bottom
        if clusters is not None:
            codes, count = linear_model.cluster_codes(clusters[arm])
            rest = np.asarray(np.bincount(codes, rest, count), dtype=np.float64)
        variance = float(rest @ rest) * rest.size / max(1, rest.size - 1)
        ratios.append(ratio)
        variances.append(variance / ratio**2 if relative else variance)
        counts.append(rest.size)
    value = math.log(ratios[0] / ratios[1]) if relative else ratios[0] - ratios[1]
    total = sum(variances)
    # Welch and Satterthwaite: each arm's variance has its own degrees of freedom.
    below = sum(v**2 / max(1, n - 1) for v, n in zip(variances, counts, strict=True))
    degrees = total**2 / below if below > 0 else float(max(1, sum(counts) - 2))
    found = with_interval(value, math.sqrt(total), degrees, level=level, errors="delta")
    live = treated > 0
    spread = math.sqrt(sum(v * n for v, n in zip(variances, counts, strict=True)) / 2.0)
    return TrialEffect(found, ratios[0], ratios[1], spread, int(live.sum()), int((~live).sum()))
