"""Pure: least squares, ordinary or weighted, with the standard errors that designs ask for.

Weights are inverse variances: rows are scaled by their roots, as statsmodels' WLS and R's `lm` do.

| errors | what | source |
|---|---|---|
| classic | equal variances | Gauss |
| HC0 to HC3 | unequal variances; HC2 is exact for two means | MacKinnon and White 1985 |
| CR1 | clusters, corrected by G/(G-1) (n-1)/(n-k), G-1 degrees of freedom | Liang and Zeger 1986 |
| CR2 | clusters, unbiased if errors are alike; Satterthwaite's degrees of freedom | Bell and McCaffrey 2002 |
| HAC | autocorrelation, Bartlett kernel, corrected by n/(n-k) | Newey and West 1987 |
"""

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from roadworthy.statistics.estimate import Estimate, with_interval
from roadworthy.statistics.interrupted_series import newey_west

Vector: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]
Errors: TypeAlias = Literal["classic", "HC0", "HC1", "HC2", "HC3", "CR1", "CR2", "HAC"]

SATTERTHWAITE_MAX = 1_000
COLLINEAR = 1e-9
"""A column is left out when this little of its length is not explained by the columns before it."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted model. `x`, `y` and `residuals` are scaled by the roots of the weights; `kept` names columns.

    `absorbed` counts parameters that were projected out before and cost degrees of freedom; `pull` is what
    these add to each row's leverage, or none.
    """

    x: Vector
    y: Vector
    beta: Vector
    residuals: Vector
    bread: Vector
    kept: tuple[int, ...]
    absorbed: int
    pull: Vector | None = None

    @property
    def n(self) -> int:
        """How many rows."""
        return int(self.x.shape[0])

    @property
    def parameters(self) -> int:
        """How many parameters were fitted, with the absorbed ones."""
        return int(self.x.shape[1]) + self.absorbed

    def column(self, index: int) -> int | None:
        """Where a column of the design stands among those kept, or None where it was collinear."""
        return self.kept.index(index) if index in self.kept else None

    def row(self, contrast: Vector) -> Vector:
        """A combination of the design's columns as one of the kept columns."""
        picked: Vector = contrast[list(self.kept)]
        return picked


def independent_columns(x: Vector) -> tuple[int, ...]:
    """Indices of the columns, first ones first, that are not combinations of those before them."""
    basis = np.empty((x.shape[0], min(x.shape)))
    kept: list[int] = []
    for index in range(x.shape[1]):
        column = x[:, index]
        length = float(np.linalg.norm(column))
        if length == 0.0 or len(kept) == basis.shape[1]:
            continue
        rest = column / length
        for _ in range(2):  # once more for the digits that the first projection lost
            seen = basis[:, : len(kept)]
            rest = rest - seen @ (seen.T @ rest)
        size = float(np.linalg.norm(rest))
        if size > COLLINEAR:
            basis[:, len(kept)] = rest / size
            kept.append(index)
    return tuple(kept)


def fit(
    x: Vector, y: Vector, weights: Vector | None = None, *, absorbed: int = 0, pull: Vector | None = None
) -> Fit:
    """Fit y = x b by least squares; x is (n, k), y (n,), weights (n,) above 0 or none."""
    if weights is not None:
        root = np.sqrt(weights)
        x, y = x * root[:, None], y * root
    kept = independent_columns(x)
    x = np.ascontiguousarray(x[:, list(kept)])
    q, r = np.linalg.qr(x)
    inverse = np.linalg.solve(r, np.eye(r.shape[0]))
    beta: Vector = inverse @ (q.T @ y)
    residuals: Vector = y - x @ beta
    # One step of refinement keeps digits where an outcome is large beside its changes.
    beta = beta + inverse @ (q.T @ residuals)
    residuals = y - x @ beta
    return Fit(x, y, beta, residuals, np.asarray(inverse @ inverse.T), kept, absorbed, pull)


def leverage(model: Fit) -> Vector:
    """How much each row's own outcome moves its fitted value, between 0 and 1; shape (n,)."""
    own = np.asarray(np.einsum("ij,ij->i", model.x @ model.bread, model.x), dtype=np.float64)
    return own if model.pull is None else own + model.pull


def _sandwich(model: Fit, scores: Vector) -> Vector:
    half = scores @ model.bread
    return np.asarray(half.T @ half, dtype=np.float64)


def classic(model: Fit) -> Vector:
    """Covariance of the coefficients where all rows vary alike."""
    spread = float(model.residuals @ model.residuals) / max(1, model.n - model.parameters)
    return np.asarray(model.bread * spread, dtype=np.float64)


def heteroskedastic(model: Fit, kind: Errors) -> Vector:
    """Covariance of the coefficients where rows vary unlike: HC0, HC1, HC2 or HC3."""
    residuals = model.residuals
    if kind == "HC1":
        residuals = residuals * math.sqrt(model.n / max(1, model.n - model.parameters))
    elif kind in {"HC2", "HC3"}:
        room = np.maximum(1.0 - leverage(model), 1e-12)
        # A row that its own parameter fits exactly says nothing; it must not divide zero by nearly zero.
        residuals = np.where(room <= 1e-9, 0.0, residuals / (np.sqrt(room) if kind == "HC2" else room))
    return _sandwich(model, model.x * residuals[:, None])


def cluster_codes(clusters: npt.NDArray[np.int64]) -> tuple[Indices, int]:
    """Clusters numbered from 0, and how many there are."""
    names, codes = np.unique(clusters, return_inverse=True)
    return np.asarray(codes, dtype=np.int64).reshape(-1), int(names.size)


def _cluster_sums(values: Vector, codes: Indices, count: int) -> Vector:
    sums = np.zeros((count, values.shape[1]))
    np.add.at(sums, codes, values)
    return sums


def clustered(model: Fit, clusters: Indices, *, parameters: int | None = None) -> Vector:
    """CR1 covariance; `parameters` overrides the k of its correction (n-1)/(n-k)."""
    codes, count = cluster_codes(clusters)
    sums = _cluster_sums(model.x * model.residuals[:, None], codes, count)
    k = model.parameters if parameters is None else parameters
    correction = count / max(1, count - 1) * (model.n - 1) / max(1, model.n - k)
    return np.asarray(_sandwich(model, sums) * correction, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class ClusterRobust:
    """CR2 covariance and, for each kept coefficient's contrast, what Satterthwaite's degrees need."""

    covariance: Vector
    clusters: int
    _norms: Vector | None
    _sums: Vector | None
    _bread: Vector

    def degrees_of_freedom(self, row: Vector) -> float:
        """Satterthwaite's degrees of freedom of a combination of coefficients, above 0.

        With more than SATTERTHWAITE_MAX clusters G-1: the two then give the same interval.
        """
        if self._norms is None or self._sums is None:
            return float(self.clusters - 1)
        # The clusters' quadratic form under equal variances: a'a on the diagonal, less what the fit took.
        sums = np.einsum("gjk,k->gj", self._sums, row)
        gram = -sums @ self._bread @ sums.T
        gram[np.diag_indices_from(gram)] += np.einsum("gjk,j,k->g", self._norms, row, row)
        total = float(np.trace(gram))
        return total**2 / float(np.sum(gram**2)) if total > 0 else 1.0


def cluster_robust(model: Fit, clusters: Indices) -> ClusterRobust:
    """CR2 of Bell and McCaffrey with an identity working model.

    A cluster's residuals are multiplied by (I - H)^(-1/2); directions that the fit takes whole are left out.
    """
    codes, count = cluster_codes(clusters)
    k = model.x.shape[1]
    meat = np.zeros((k, k))
    exact = count <= SATTERTHWAITE_MAX
    norms, sums = np.zeros((count if exact else 0, k, k)), np.zeros((count if exact else 0, k, k))
    root = np.linalg.cholesky(model.bread)
    order = np.argsort(codes, kind="stable")
    for group, rows in enumerate(np.split(order, np.cumsum(np.bincount(codes))[:-1])):
        x, residuals = model.x[rows], model.residuals[rows]
        # (I - H)^(-1/2) differs from I only within the span of the cluster's columns, of rank at most k.
        _, sizes, right = np.linalg.svd(root.T @ x.T, full_matrices=False)
        inside = np.minimum(sizes**2, 1.0)
        stretch = np.where(inside > 1.0 - 1e-10, 0.0, 1.0 / np.sqrt(np.maximum(1.0 - inside, 1e-10)))
        adjusted = x + right.T @ ((stretch - 1.0)[:, None] * (right @ x))
        score = adjusted.T @ residuals
        meat += np.outer(score, score)
        if exact:
            spread = adjusted @ model.bread
            norms[group] = spread.T @ spread
            sums[group] = x.T @ spread
    covariance = model.bread @ meat @ model.bread
    return ClusterRobust(covariance, count, norms if exact else None, sums if exact else None, model.bread)


@dataclass(frozen=True, slots=True)
class Inference:
    """A fitted model with one kind of standard errors, from which combinations are estimated."""

    model: Fit
    errors: Errors
    level: float
    covariance: Vector
    degrees: float
    _robust: ClusterRobust | None

    def of(self, contrast: Vector) -> Estimate:
        """A combination of the design's columns with its interval; `contrast` has one number for each."""
        row = self.model.row(contrast)
        degrees = self.degrees if self._robust is None else self._robust.degrees_of_freedom(row)
        error = math.sqrt(max(0.0, float(row @ self.covariance @ row)))
        return with_interval(
            float(row @ self.model.beta), error, degrees, level=self.level, errors=self.errors
        )

    def of_column(self, index: int) -> Estimate:
        """One coefficient."""
        contrast = np.zeros(max(self.model.kept) + 1)
        contrast[index] = 1.0
        return self.of(contrast)


def inference(
    model: Fit,
    *,
    errors: Errors,
    level: float,
    clusters: Indices | None = None,
    lag: int = 1,
    parameters: int | None = None,
) -> Inference:
    """Standard errors of a fitted model; `parameters` overrides the k of CR1's correction."""
    degrees = float(max(1, model.n - model.parameters))
    robust: ClusterRobust | None = None
    if errors in {"CR1", "CR2"}:
        if clusters is None:
            message = f"{errors} errors need clusters"
            raise ValueError(message)
        degrees = float(max(1, cluster_codes(clusters)[1] - 1))
        if errors == "CR1":
            covariance = clustered(model, clusters, parameters=parameters)
        else:
            robust = cluster_robust(model, clusters)
            covariance = robust.covariance
    elif errors == "HAC":
        covariance = newey_west(model.x, model.residuals, lag)
    else:
        covariance = classic(model) if errors == "classic" else heteroskedastic(model, errors)
    return Inference(model, errors, level, covariance, degrees, robust)
