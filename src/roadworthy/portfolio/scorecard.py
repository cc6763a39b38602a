"""Pure: the five-layer scorecard: each measure against its target, and what one layer's win costs another."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise
from typing import Literal, TypeAlias

Layer: TypeAlias = Literal["business", "process", "quality", "reliability", "adoption"]
Source: TypeAlias = Literal["measurements", "gateway"]
CellStatus: TypeAlias = Literal["met", "near", "missed", "no target", "no data", "stale", "activity"]
Movement: TypeAlias = Literal["better", "worse", "steady", "unknown"]

LAYERS: tuple[Layer, ...] = ("business", "process", "quality", "reliability", "adoption")
LAYER_TITLES: dict[Layer, str] = {
    "business": "Business outcome",
    "process": "Process efficiency",
    "quality": "Model quality",
    "reliability": "Platform reliability",
    "adoption": "Adoption health",
}
NEAR_SHARE = 0.10
FRESH_FOR = {"measurements": timedelta(days=21), "gateway": timedelta(days=2)}
_TREND_POINTS_MIN = 8


@dataclass(frozen=True, slots=True)
class MetricDefinition:
    """What is measured, which way is better, where it comes from, and what is aimed for."""

    name: str
    title: str
    layer: Layer
    unit: str
    direction: Literal["increase", "decrease"]
    source: Source
    target: float | None = None
    baseline: float | None = None
    activity: bool = False
    """Counts use, such as calls: shown as use, never as value."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What was seen of a metric: its value over a period, from how many figures, and how it went."""

    value: float
    n: int
    period_start: date
    period_end: date
    trend: tuple[tuple[date, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Cell:
    """One measure on the scorecard."""

    metric: MetricDefinition
    status: CellStatus
    observed: Observation | None
    distance: float | None
    """Signed distance to the target in the metric's unit: zero or more is met, whichever way is better."""
    age_days: int | None
    movement: Movement
    words: str


@dataclass(frozen=True, slots=True)
class LayerScore:
    """One layer: its cells and the worst that can be said of them."""

    layer: Layer
    title: str
    status: CellStatus
    cells: tuple[Cell, ...]
    weakest: bool


@dataclass(frozen=True, slots=True)
class Scorecard:
    """All five layers, always in the same order, and the trade-offs between them."""

    layers: tuple[LayerScore, ...]
    weakest: Layer | None
    trade_offs: tuple[str, ...]
    summary: str


# Worst first. What is not known ranks between a miss and a near miss: it can hide either, and is never good.
_SEVERITY: tuple[CellStatus, ...] = ("missed", "no data", "stale", "near", "no target", "met", "activity")


def _distance(metric: MetricDefinition, value: float) -> float | None:
    if metric.target is None:
        return None
    return value - metric.target if metric.direction == "increase" else metric.target - value


def _tolerance(metric: MetricDefinition) -> float:
    """How far from the target is near: a tenth of the way from the baseline, or of the target itself."""
    assert metric.target is not None
    way = abs(metric.target - metric.baseline) if metric.baseline is not None else abs(metric.target)
    return NEAR_SHARE * way


def movement(metric: MetricDefinition, trend: Sequence[tuple[date, float]]) -> Movement:
    """Whether the newer half of the trend is better or worse than the older, beyond its own noise.

    The halves are compared by their means against the mean week-to-week change, so that ordinary
    variation reads as steady; under eight points nothing is said.
    """
    values = [value for _, value in sorted(trend)]
    if len(values) < _TREND_POINTS_MIN:
        return "unknown"
    half = len(values) // 2
    older, newer = values[:half], values[-half:]
    change = sum(newer) / half - sum(older) / half
    ranges = [abs(b - a) for part in (older, newer) for a, b in pairwise(part)]
    # 1.128 turns a mean moving range into a standard deviation; two standard errors of a difference of means.
    noise = 2.0 * (sum(ranges) / len(ranges) / 1.128) * (2.0 / half) ** 0.5
    if abs(change) <= noise:
        return "steady"
    return "better" if (change > 0) == (metric.direction == "increase") else "worse"


def _figure(value: float, unit: str) -> str:
    text = f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return f"{text} %" if unit == "%" else f"{text} {unit}"


def _cell(metric: MetricDefinition, seen: Observation | None, *, as_of: date) -> Cell:
    if seen is None or seen.n == 0:
        return Cell(metric, "no data", None, None, None, "unknown", "no data: nothing was measured")
    if not math.isfinite(seen.value):
        message = f"the observed value of metric {metric.name} is {seen.value}; leave out what has no figure"
        raise ValueError(message)
    age = (as_of - seen.period_end).days
    moving = movement(metric, seen.trend)
    distance = _distance(metric, seen.value)
    value = _figure(seen.value, metric.unit)
    if as_of - seen.period_end > FRESH_FOR[metric.source]:
        words = f"stale: {value}, but the newest figure is {age} days old"
        return Cell(metric, "stale", seen, distance, age, moving, words)
    if metric.activity:
        words = f"activity, not value: {value}"
        return Cell(metric, "activity", seen, None, age, moving, words)
    if distance is None or metric.target is None:
        return Cell(metric, "no target", seen, None, age, moving, f"no target declared: {value}")
    if distance >= 0:
        status: CellStatus = "met"
    else:
        status = "near" if -distance <= _tolerance(metric) else "missed"
    sign = "at most" if metric.direction == "decrease" else "at least"
    gap = "" if distance >= 0 else f", {_figure(-distance, metric.unit)} short"
    words = f"{status}: {value} where {sign} {_figure(metric.target, metric.unit)} is aimed for{gap}"
    return Cell(metric, status, seen, distance, age, moving, words)


def _layer_status(cells: Sequence[Cell]) -> CellStatus:
    valued = [cell for cell in cells if not cell.metric.activity]
    # A layer with nothing but counts of use has no evidence of how well it does.
    return min((cell.status for cell in valued), key=_SEVERITY.index, default="no data")


def _is_up(cell: Cell) -> bool:
    return cell.status == "met" or (cell.movement == "better" and cell.status not in {"stale", "no data"})


def _is_down(cell: Cell) -> bool:
    return cell.status == "missed" or (cell.movement == "worse" and cell.status not in {"stale", "no data"})


def _went(cell: Cell, *, up: bool) -> str:
    if up:
        return "is getting better" if cell.movement == "better" else "meets its target"
    return "is getting worse" if cell.movement == "worse" else "misses its target"


def _trade_offs(layers: Sequence[LayerScore]) -> tuple[str, ...]:
    """A layer that wins while another loses, said once for each pair of layers."""
    found = []
    for gaining in layers:
        ups = [
            cell for cell in gaining.cells if _is_up(cell) and not _is_down(cell) and not cell.metric.activity
        ]
        for losing in layers:
            downs = [cell for cell in losing.cells if _is_down(cell) and not cell.metric.activity]
            if gaining.layer != losing.layer and ups and downs:
                found.append(
                    f"{gaining.title} wins while {losing.title.lower()} loses: {ups[0].metric.title} "
                    f"{_went(ups[0], up=True)}, but {downs[0].metric.title} {_went(downs[0], up=False)}."
                )
    return tuple(found)


def _summary(layers: Sequence[LayerScore]) -> str:
    counted = {
        status: sum(1 for layer in layers if layer.status == status)
        for status in ("met", "near", "missed", "no data", "stale", "no target")
    }
    parts = [f"{count} {status}" for status, count in counted.items() if count]
    return f"Of five layers: {', '.join(parts)}."


def scorecard(
    metrics: Sequence[MetricDefinition], observed: Mapping[str, Observation], *, as_of: date
) -> Scorecard:
    """The scorecard as of a day; every layer appears, measured or not."""
    cells = [_cell(metric, observed.get(metric.name), as_of=as_of) for metric in metrics]
    statuses: dict[Layer, CellStatus] = {
        layer: _layer_status([cell for cell in cells if cell.metric.layer == layer]) for layer in LAYERS
    }
    worst = min(LAYERS, key=lambda layer: _SEVERITY.index(statuses[layer]))
    weakest = None if statuses[worst] == "met" else worst
    layers = tuple(
        LayerScore(
            layer=layer,
            title=LAYER_TITLES[layer],
            status=statuses[layer],
            cells=tuple(cell for cell in cells if cell.metric.layer == layer),
            weakest=layer == weakest,
        )
        for layer in LAYERS
    )
    return Scorecard(layers, weakest, _trade_offs(layers), _summary(layers))


def weakness(card: Scorecard) -> tuple[int, ...]:
    """A key that sorts the weakest card first: by its worst layer, then by the next worst, and so on."""
    return tuple(sorted(_SEVERITY.index(layer.status) for layer in card.layers))
