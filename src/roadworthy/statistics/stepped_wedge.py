"""Pure: a stepped wedge judged by permuting the order of its rollout.

The statistic is the coefficient of treatment beside unit and time effects, on one figure for each unit and
period. If the change did nothing, every order of the rollout that the lot could have drawn gives a figure
of the same kind; the p-value is the share of orders at least as extreme (Kennedy and others 2017; Thompson
and others 2018). The interval holds every constant effect that this test does not reject.
"""

import math
from dataclasses import dataclass

import numpy as np

from roadworthy.statistics.estimate import Estimate, Refusal
from roadworthy.statistics.linear_model import Indices, Vector
from roadworthy.statistics.two_way import demeaned, dummies

_BATCH = 128


@dataclass(frozen=True, slots=True)
class Wedge:
    """One row for each unit and period: outcome, unit and period from 0, the unit's first treated period.

    `first` is (units,), the number of periods or more for a unit that never was treated.
    """

    y: Vector
    units: Indices
    times: Indices
    first: Indices


@dataclass(frozen=True, slots=True)
class WedgeEffect:
    """The effect with its permutation interval, and how many orders there are (as a logarithm)."""

    estimate: Estimate
    orders: float
    permutations: int


def orders_log(first: Indices) -> float:
    """The logarithm of how many different orders the lot could have drawn."""
    _, counts = np.unique(first, return_counts=True)
    return math.lgamma(first.size + 1) - sum(math.lgamma(int(count) + 1) for count in counts)


class _Projected:
    """Removes unit and time effects from columns; shape (rows, columns)."""

    def __init__(self, wedge: Wedge) -> None:
        self._units = wedge.units
        periods = demeaned(dummies(wedge.times), wedge.units, None)
        q, r = np.linalg.qr(periods)
        self._basis = q[:, np.abs(np.diag(r)) > 1e-10] if r.size else np.zeros((wedge.y.size, 0))

    def __call__(self, columns: Vector) -> Vector:
        inner = demeaned(columns, self._units, None)
        result: Vector = inner - self._basis @ (self._basis.T @ inner)
        return result


def _coefficients(
    wedge: Wedge, project: _Projected, firsts: Vector, targets: Vector
) -> tuple[Vector, Vector]:
    """For each order (a column of `firsts`) its coefficients on the two projected targets."""
    treated = (wedge.times[:, None] >= firsts[wedge.units]).astype(np.float64)
    clean = project(treated)
    spread = np.sum(clean**2, axis=0)
    spread = np.where(spread > 1e-12, spread, np.inf)
    found = (clean.T @ targets) / spread[:, None]
    return found[:, 0], found[:, 1]


def estimate(wedge: Wedge, *, level: float, permutations: int, seed: int) -> WedgeEffect | Refusal:
    """The effect of a wedge; refused where the order could hardly have been another."""
    orders = orders_log(wedge.first)
    if orders < math.log(2.0 / (1.0 - level)):
        return Refusal(
            f"only {round(math.exp(orders)):,} different orders of the rollout exist, too few to tell chance",
            "More units, or more steps at which they change.",
        )
    project = _Projected(wedge)
    actual = (wedge.times >= wedge.first[wedge.units]).astype(np.float64)
    targets = project(np.column_stack([wedge.y, actual]))
    spread = float(targets[:, 1] @ targets[:, 1])
    if spread <= 1e-12:
        return Refusal(
            "the change cannot be told from unit and time effects", "Units that change at other times."
        )
    value = float(targets[:, 1] @ targets[:, 0]) / spread
    generator = np.random.default_rng(seed)
    a, b = np.empty(permutations), np.empty(permutations)
    for begin in range(0, permutations, _BATCH):
        width = min(_BATCH, permutations - begin)
        firsts = np.column_stack([generator.permutation(wedge.first) for _ in range(width)])
        a[begin : begin + width], b[begin : begin + width] = _coefficients(
            wedge, project, firsts.astype(np.float64), targets
        )
    null = _Null(value, a, b)
    error = float(np.std(a - value * b, ddof=1))
    low, high = (null.bound(side, 1.0 - level, error) for side in (-1.0, 1.0))
    if not math.isfinite(low) or not math.isfinite(high):
        return Refusal(
            "too few of the orders differ where it was measured, so that no effect could be ruled out",
            "More units, or figures of more units at more times.",
        )
    found = Estimate(
        value, error, low, high, math.inf, null.p_value(0.0), level, f"{permutations} permutations"
    )
    return WedgeEffect(found, orders, permutations)


@dataclass(frozen=True, slots=True)
class _Null:
    """The test of a constant effect: each order's statistic is a - effect b, ours value - effect."""

    value: float
    a: Vector
    b: Vector

    def p_value(self, effect: float) -> float:
        actual = abs(self.value - effect)
        slack = 1e-9 * (abs(self.value) + actual)
        extreme = int(np.sum(np.abs(self.a - effect * self.b) >= actual - slack))
        return (extreme + 1.0) / (self.a.size + 1.0)

    def bound(self, side: float, alpha: float, error: float) -> float:
        """The farthest effect on one side that is not rejected, found by doubling and halving the step."""
        near, step = 0.0, error if error > 0 else abs(self.value) or 1.0
        far = step
        for _ in range(60):
            if self.p_value(self.value + side * far) <= alpha:
                break
            near, far = far, far * 2.0
        else:
            return side * math.inf
        for _ in range(60):
            middle = (near + far) / 2.0
            if self.p_value(self.value + side * middle) <= alpha:
                far = middle
            else:
                near = middle
        return self.value + side * far
