"""Pure: outcome charts as Vega-Lite specifications, each with the table of the figures it draws."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from roadworthy.foundation.chart_tokens import color
from roadworthy.portfolio.chart_layers import (
    GUTTER,
    Scene,
    Spec,
    axes,
    backdrop,
    config,
    effect_layers,
    gutter_labels,
    mark_layers,
    pixels,
    rule,
    series_layers,
    trend_layers,
)
from roadworthy.portfolio.chart_layout import (
    epoch_ms,
)
from roadworthy.portfolio.effect import (
    PERIOD,
    EffectVerdict,
    InterventionMark,
    OutcomeContract,
    WeeklyPoint,
)
from roadworthy.portfolio.headline import day_words, headline
from roadworthy.statistics.control_chart import Limits, Signal, TooFewForLimits, limits, signals

Cell: TypeAlias = str | float | None

SCHEMA = "https://vega.github.io/schema/vega-lite/v5.json"
POINTS_MAX = 520
SPARK_WEEKS = 26


@dataclass(frozen=True, slots=True)
class Chart:
    """A specification, the words around it, and the same figures as a table."""

    spec: Spec
    title: str
    subtitle: str
    description: str
    footer: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    n: int


def _baseline_values(contract: OutcomeContract, points: Sequence[WeeklyPoint]) -> list[float]:
    return [p.value for p in points if contract.baseline_start <= p.start <= contract.baseline_end]


def _table(scene: Scene) -> tuple[tuple[str, ...], tuple[tuple[Cell, ...], ...]]:
    unit = scene.contract.unit
    columns = ("Week starting", f"Figure ({unit})", "Baseline", "Target", "Usual range from",
               "Usual range to", "Earlier trend", "Signal", "What happened")  # fmt: skip
    trend = {day: value for day, value, _, _ in scene.trend}
    low, high = (scene.bounds.lower, scene.bounds.upper) if isinstance(scene.bounds, Limits) else (None, None)
    rows = []
    for index, point in enumerate(scene.points):
        events = [
            " ".join(part for part in (mark.kind, mark.use_case, mark.note) if part)
            for mark in scene.marks
            if point.start <= mark.on < point.start + PERIOD
        ]
        rows.append(
            (
                point.start.isoformat(),
                point.value,
                scene.contract.baseline_value,
                scene.contract.target_value,
                low,
                high,
                trend.get(point.start),
                "; ".join(signal.rule.replace("-", " ") for signal in scene.fired.get(index, ())),
                "; ".join(events),
            )
        )
    return columns, tuple(rows)


def _footer(scene: Scene, *, as_of: date) -> str:
    parts = [f"n = {len(scene.points)} weeks"]
    if scene.points:
        newest = scene.points[-1].start
        age = (as_of - newest).days
        parts.append(f"newest week starts {day_words(newest)}, {age} {'day' if age == 1 else 'days'} ago")
    else:
        parts.append("no data yet")
    if isinstance(scene.bounds, TooFewForLimits):
        parts.append(f"no usual range: {scene.bounds.reason}")
    parts.append(f"grade {scene.verdict.grade}, {scene.verdict.grade_words}")
    return " · ".join(parts)


def _scene(
    contract: OutcomeContract,
    points: Sequence[WeeklyPoint],
    marks: Sequence[InterventionMark],
    verdict: EffectVerdict,
    *,
    as_of: date,
    size: tuple[int, int],
) -> Scene:
    ordered = tuple(sorted((p for p in points if p.start <= as_of), key=lambda p: p.start))[-POINTS_MAX:]
    bounds = limits(_baseline_values(contract, ordered))
    fired: dict[int, tuple[Signal, ...]] = {}
    if isinstance(bounds, Limits):
        for signal in signals([point.value for point in ordered], bounds):
            fired[signal.index] = (*fired.get(signal.index, ()), signal)
    first = ordered[0].start if ordered else contract.baseline_start
    shown = tuple(sorted((m for m in marks if first <= m.on <= as_of), key=lambda m: m.on))
    width, height = size
    return Scene(contract, ordered, shown, verdict, bounds, fired, width - GUTTER - 48, height)


def _layers(scene: Scene) -> list[Spec]:
    x, y = axes(scene)
    corner = {"t": epoch_ms(scene.first), "v": scene.contract.baseline_value}
    return [
        # The axes stand even when there is no figure to hang them on.
        {
            "data": {"values": [corner]},
            "mark": {"type": "point", "opacity": 0},
            "encoding": {"x": x, "y": {"field": "v", **y}},
        },
        # Room for the labels on the right, whatever font measures them.
        {
            "data": {"values": [{"px": scene.width + GUTTER, "py": 0}]},
            "mark": {"type": "point", "opacity": 0},
            "encoding": pixels(),
        },
        *backdrop(scene, y),
        rule(scene.contract.baseline_value, "axis", y),
        rule(scene.contract.target_value, "status-good", y, dash=[7, 3]),
        *trend_layers(scene, x, y),
        *mark_layers(scene),
        *(series_layers(scene, x, y) if scene.points else []),
        *effect_layers(scene, x, y),
        *gutter_labels(scene),
    ]


def _framed(layers: list[Spec], *, width: int, height: int, padding: int) -> Spec:
    return {
        "$schema": SCHEMA,
        "width": width,
        "height": height,
        "background": None,
        "padding": padding,
        "config": config(),
        "layer": layers,
    }


def run_chart(
    contract: OutcomeContract,
    points: Sequence[WeeklyPoint],
    marks: Sequence[InterventionMark],
    verdict: EffectVerdict,
    *,
    as_of: date,
    width: int = 720,
    height: int = 260,
) -> Chart:
    """The run chart of an outcome: figures, baseline, target, usual range, what happened, earlier trend."""
    scene = _scene(contract, points, marks, verdict, as_of=as_of, size=(width, height))
    columns, rows = _table(scene)
    wish = "lower is better" if contract.direction == "decrease" else "higher is better"
    band = "; blue band: usual range of the baseline weeks" if isinstance(scene.bounds, Limits) else ""
    live = "; gray: while live" if verdict.window is not None else ""
    return Chart(
        spec=_framed(_layers(scene), width=scene.width, height=height, padding=4),
        title=contract.title,
        subtitle=f"{contract.title}, {contract.unit}, by week; {wish}{band}{live}",
        description=headline(contract, verdict).text,
        footer=_footer(scene, as_of=as_of),
        columns=columns,
        rows=rows,
        n=len(scene.points),
    )


def _spark_layers(
    recent: Sequence[WeeklyPoint], *, baseline: float | None, oldest: date, newest: date
) -> list[Spec]:
    rows: list[Spec] = []
    run = 0
    for index, point in enumerate(recent):
        run += bool(index and point.start - recent[index - 1].start > PERIOD)
        rows.append({"t": epoch_ms(point.start), "v": point.value, "run": run})
    values = [point.value for point in recent] + ([baseline] if baseline is not None else [])
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    margin = (high - low) * 0.12 or abs(high) * 0.1 or 1.0
    x = {
        "field": "t",
        "type": "temporal",
        "axis": None,
        "scale": {"type": "utc", "domain": [epoch_ms(oldest), epoch_ms(newest)], "nice": False},
    }
    y = {
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [low - margin, high + margin], "nice": False, "zero": False},
    }
    layers: list[Spec] = []
    if baseline is not None:
        layers.append(rule(baseline, "axis", y, dash=[3, 2], weight=1))
    layers.append(
        {
            "data": {"values": rows},
            "mark": {"type": "line", "color": color("accent"), "strokeWidth": 1.5},
            "encoding": {"x": x, "y": {"field": "v", **y}, "detail": {"field": "run"}},
        }
    )
    layers.append(
        {
            "data": {"values": rows[-1:]},
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 28, "color": color("accent")},
            "encoding": {"x": x, "y": {"field": "v", **y}},
        }
    )
    return layers


def sparkline(
    title: str,
    unit: str,
    points: Sequence[WeeklyPoint],
    *,
    baseline: float | None,
    as_of: date,
    width: int = 120,
    height: int = 28,
) -> Chart:
    """The last 26 weeks as a small line on its own scale, with the newest point and the baseline marked."""
    oldest = as_of - SPARK_WEEKS * PERIOD
    recent = tuple(sorted((p for p in points if oldest < p.start <= as_of), key=lambda p: p.start))
    layers = _spark_layers(recent, baseline=baseline, oldest=oldest, newest=as_of)
    return Chart(
        spec=_framed(layers, width=width, height=height, padding=2),
        title=title,
        subtitle=f"{title}, {unit}, last {SPARK_WEEKS} weeks",
        description=_spark_words(title, unit, recent),
        footer=f"n = {len(recent)} weeks",
        columns=("Week starting", f"{title} ({unit})"),
        rows=tuple((point.start.isoformat(), point.value) for point in recent),
        n=len(recent),
    )


def _spark_words(title: str, unit: str, recent: Sequence[WeeklyPoint]) -> str:
    if not recent:
        return f"{title}: no data in the last {SPARK_WEEKS} weeks."
    return (
        f"{title}: {len(recent)} weekly figures in the last {SPARK_WEEKS} weeks, the newest "
        f"{recent[-1].value:,.4g} {unit} for the week starting {day_words(recent[-1].start)}."
    )
