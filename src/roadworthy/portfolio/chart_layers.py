"""Pure: the parts of a run chart, as Vega-Lite layers: figures, lines, bands, marks and their labels."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, TypeAlias

from roadworthy.foundation.chart_tokens import color
from roadworthy.portfolio.chart_layout import (
    ROW_HEIGHT,
    epoch_ms,
    month_starts,
    place_labels,
    round_axis,
    shortened,
    spread,
    text_width,
    tick_decimals,
)
from roadworthy.portfolio.effect import (
    PERIOD,
    EffectVerdict,
    InterventionMark,
    MarkKind,
    OutcomeContract,
    WeeklyPoint,
)
from roadworthy.portfolio.headline import decimals_for
from roadworthy.statistics.control_chart import Limits, Signal, TooFewForLimits

Spec: TypeAlias = dict[str, Any]

MARK_SYMBOLS: dict[MarkKind, str] = {"launch": "▲", "rollback": "▼", "expansion": "●", "change": "■"}
GUTTER = 112
_FONT_SIZE = 11
_LEGEND_DROP = 50
_LABEL_ROWS = 4
_LABEL_CHARACTERS = 30


@dataclass(frozen=True, slots=True)
class Scene:
    """What a run chart shows, worked out before anything is placed."""

    contract: OutcomeContract
    points: tuple[WeeklyPoint, ...]
    marks: tuple[InterventionMark, ...]
    verdict: EffectVerdict
    bounds: Limits | TooFewForLimits
    fired: dict[int, tuple[Signal, ...]]
    width: int
    height: int

    @property
    def first(self) -> date:
        """The first day drawn."""
        days = [point.start for point in self.points] + [mark.on for mark in self.marks]
        return min(days, default=self.contract.baseline_start)

    @property
    def last(self) -> date:
        """The last day drawn."""
        days = [point.start for point in self.points] + [mark.on for mark in self.marks]
        return max(max(days, default=self.first), self.first + PERIOD)

    @property
    def trend(self) -> tuple[tuple[date, float, float, float], ...]:
        """The trend before, carried on: day, value, and its 95 % interval."""
        estimate, window = self.verdict.estimate, self.verdict.window
        if estimate is None or window is None:
            return ()
        return tuple(
            (window.start + timedelta(days=round(point.week * 7)), point.value, point.low, point.high)
            for point in estimate.counterfactual
        )

    def ticks(self) -> tuple[float, ...]:
        """Round figures that hold everything drawn."""
        values = [point.value for point in self.points]
        values += [self.contract.baseline_value, self.contract.target_value]
        values += [value for _, value, _, _ in self.trend]
        if isinstance(self.bounds, Limits):
            values += [self.bounds.lower, self.bounds.upper]
        low, high = min(values), max(values)
        return round_axis(low - 0.04 * (high - low), high + 0.04 * (high - low))

    def x_of(self, day: date) -> float:
        """Where a day stands, in pixels."""
        first, last = epoch_ms(self.first), epoch_ms(self.last)
        return (epoch_ms(day) - first) / (last - first) * self.width


def _favorable(contract: OutcomeContract, signal: Signal) -> bool:
    return (signal.side == "above") == (contract.direction == "increase")


def config() -> Spec:
    """Settings that every chart shares: sizes, quiet lines, no per-mark descriptions."""
    return {
        "aria": False,
        "font": "Inter, system-ui, sans-serif",
        "view": {"stroke": None},
        "mark": {"color": color("ink-2")},
        "axis": {
            "labelFontSize": _FONT_SIZE,
            "labelColor": color("ink-2"),
            "gridColor": color("grid"),
            "domainColor": color("axis"),
            "tickColor": color("axis"),
            "titleColor": color("ink-2"),
            "labelPadding": 6,
        },
    }


def axes(scene: Scene) -> tuple[Spec, Spec]:
    """The time axis and the figure's axis, with round ticks of our own."""
    ticks = scene.ticks()
    starts = month_starts(scene.first, scene.last)
    with_year = [epoch_ms(day) for day in starts if day.month == 1 or day == starts[0]]
    x = {
        "field": "t",
        "type": "temporal",
        "scale": {"type": "utc", "domain": [epoch_ms(scene.first), epoch_ms(scene.last)], "nice": False},
        "axis": {
            "title": None,
            "values": [epoch_ms(day) for day in starts],
            "grid": False,
            "labelExpr": (
                f"indexof({with_year}, +datum.value) >= 0 ? [utcFormat(datum.value, '%b'), "
                "utcFormat(datum.value, '%Y')] : utcFormat(datum.value, '%b')"
            ),
            "labelFlush": False,
        },
    }
    y = {
        "type": "quantitative",
        "scale": {"domain": [ticks[0], ticks[-1]], "nice": False, "zero": False},
        "axis": {
            "title": None,
            "values": list(ticks),
            "format": f",.{tick_decimals(ticks)}f",
            "domain": False,
            "ticks": False,
        },
    }
    return x, y


def rule(value: float, token: str, y: Spec, *, dash: list[int] | None = None, weight: float = 1.5) -> Spec:
    """A horizontal line at a value."""
    mark: Spec = {"type": "rule", "color": color(token), "strokeWidth": weight}
    if dash:
        mark["strokeDash"] = dash
    return {"data": {"values": [{"v": value}]}, "mark": mark, "encoding": {"y": {"field": "v", **y}}}


def backdrop(scene: Scene, y: Spec) -> list[Spec]:
    """The live window and the usual range, behind everything."""
    layers: list[Spec] = []
    window = scene.verdict.window
    if window is not None:
        end = min(window.end or scene.last, scene.last)
        span = {"t": epoch_ms(window.start), "t2": epoch_ms(end)}
        layers.append(
            {
                "data": {"values": [span]},
                "mark": {"type": "rect", "color": color("grid"), "opacity": 0.55},
                "encoding": {"x": {"field": "t", "type": "temporal"}, "x2": {"field": "t2"}},
            }
        )
    if isinstance(scene.bounds, Limits):
        layers.append(
            {
                "data": {"values": [{"low": scene.bounds.lower, "high": scene.bounds.upper}]},
                "mark": {"type": "rect", "color": color("band")},
                "encoding": {"y": {"field": "low", **y}, "y2": {"field": "high"}},
            }
        )
    return layers


def trend_layers(scene: Scene, x: Spec, y: Spec) -> list[Spec]:
    """The earlier trend carried on through the live weeks, with its interval."""
    if not scene.trend:
        return []
    ticks = scene.ticks()
    rows = [
        {"t": epoch_ms(day), "v": value, "low": max(low, ticks[0]), "high": min(high, ticks[-1])}
        for day, value, low, high in scene.trend
    ]
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "area", "color": color("ink-2"), "opacity": 0.13, "clip": True},
            "encoding": {"x": x, "y": {"field": "low", **y}, "y2": {"field": "high"}},
        },
        {
            "data": {"values": rows},
            "mark": {"type": "line", "color": color("ink-2"), "strokeDash": [2, 3], "strokeWidth": 1.5},
            "encoding": {"x": x, "y": {"field": "v", **y}},
        },
    ]


_POINT_STYLES: dict[str, tuple[str, str, int]] = {
    "weekly figure": ("circle", "accent", 26),
    "signal: better than usual": ("triangle-up", "status-good", 64),
    "signal: worse than usual": ("diamond", "status-bad", 64),
}


def _what(scene: Scene, index: int) -> str:
    plain, better, worse = _POINT_STYLES
    fired = scene.fired.get(index, ())
    if not fired:
        return plain
    return better if _favorable(scene.contract, fired[-1]) else worse


def _point_mark(what: str) -> Spec:
    shape, token, size = _POINT_STYLES[what]
    return {
        "type": "point",
        "filled": True,
        "opacity": 1,
        "shape": shape,
        "size": size,
        "fill": color(token),
        "stroke": color("bg"),
        "strokeWidth": 1,
    }


def pixels(**more: Spec) -> Spec:
    """Encodings for what is placed by pixel, beside the scales."""
    return {
        "x": {"field": "px", "type": "quantitative", "scale": None, "axis": None},
        "y": {"field": "py", "type": "quantitative", "scale": None, "axis": None},
        **more,
    }


def series_layers(scene: Scene, x: Spec, y: Spec) -> list[Spec]:
    """The figures, the signals among them by shape and color, and the legend."""
    rows: list[Spec] = []
    run = 0
    for index, point in enumerate(scene.points):
        # A missing week is a gap in the line, not a straight stroke across it.
        run += bool(index and point.start - scene.points[index - 1].start > PERIOD)
        rows.append({"t": epoch_ms(point.start), "v": point.value, "run": run, "what": _what(scene, index)})
    layers: list[Spec] = [
        {
            "data": {"values": rows},
            "mark": {"type": "line", "color": color("accent"), "strokeWidth": 1.75, "strokeJoin": "round"},
            "encoding": {"x": x, "y": {"field": "v", **y}, "detail": {"field": "run"}},
        }
    ]
    px = 0.0
    for what in _POINT_STYLES:
        chosen = [row for row in rows if row["what"] == what]
        if not chosen:
            continue
        layers.append(
            {
                "data": {"values": chosen},
                "mark": _point_mark(what),
                "encoding": {"x": x, "y": {"field": "v", **y}},
            }
        )
        # The legend is drawn by hand, so that it names only what is there, in this order.
        py = scene.height + _LEGEND_DROP
        layers.append(
            {
                "data": {"values": [{"px": px + 5, "py": py}]},
                "mark": _point_mark(what),
                "encoding": pixels(),
            }
        )
        layers.append(_text([{"px": px + 15, "py": py, "text": what}], align="left"))
        px += text_width(what) + 32
    return layers


def effect_layers(scene: Scene, x: Spec, y: Spec) -> list[Spec]:
    """A bracket from what the earlier trend gives to what was seen, on average over the live weeks."""
    verdict = scene.verdict
    if verdict.status not in {"improved", "worse"} or verdict.effect is None or not scene.trend:
        return []
    assert verdict.low is not None
    assert verdict.high is not None
    digits = decimals_for(verdict.effect, verdict.low, verdict.high)
    predicted = sum(value for _, value, _, _ in scene.trend) / len(scene.trend)
    middle = sum(epoch_ms(day) for day, _, _, _ in scene.trend) / len(scene.trend)
    seen = predicted + verdict.effect
    signed = [
        f"{value:+,.{digits}f}".replace("-", "−") for value in (verdict.effect, verdict.low, verdict.high)
    ]
    rows = [{"t": middle, "v": predicted, "v2": seen}]
    at = {"x": x, "y": {"field": "v", **y}}
    label: Spec = {"type": "text", "align": "left", "baseline": "middle", "dx": 7, "fontSize": 12}
    words = {
        "data": {"values": [{"t": middle, "v": predicted + verdict.effect * 0.5, "text": ""}]},
        "encoding": {**at, "text": {"value": f"{signed[0]} ({signed[1]} to {signed[2]})"}},
    }
    return [
        {
            "data": {"values": rows},
            "mark": {"type": "rule", "color": color("ink"), "strokeWidth": 2},
            "encoding": {**at, "y2": {"field": "v2"}},
        },
        {
            "data": {"values": [{"t": middle, "v": value} for value in (predicted, seen)]},
            "mark": {
                "type": "tick",
                "orient": "horizontal",
                "color": color("ink"),
                "thickness": 2,
                "opacity": 1,
                "size": 11,
            },
            "encoding": at,
        },
        # The same words twice: a stroke in the background's color keeps them legible over lines.
        {
            **words,
            "mark": {
                **label,
                "fontWeight": 600,
                "stroke": color("bg"),
                "strokeWidth": 4,
                "fill": color("bg"),
            },
        },
        {**words, "mark": {**label, "fontWeight": 600, "color": color("ink")}},
    ]


def _text(rows: list[Spec], *, align: str, ink: str = "ink-2", **more: Any) -> Spec:
    return {
        "data": {"values": rows},
        "mark": {
            "type": "text",
            "align": align,
            "baseline": "middle",
            "fontSize": _FONT_SIZE,
            "color": color(ink),
            **more,
        },
        "encoding": pixels(text={"field": "text", "type": "nominal"}),
    }


def gutter_labels(scene: Scene) -> list[Spec]:
    """Lines are named where they end, so that nobody has to match a legend."""
    ticks = scene.ticks()
    digits = tick_decimals(ticks) + 1
    contract = scene.contract
    named = [
        (contract.baseline_value, f"Baseline {contract.baseline_value:,.{digits}f}", "ink-2"),
        (contract.target_value, f"Target {contract.target_value:,.{digits}f}", "status-good"),
    ]
    if isinstance(scene.bounds, Limits):
        named.append((scene.bounds.upper, "Usual range", "ink-2"))
    if scene.trend and scene.x_of(scene.trend[-1][0]) > scene.width * 0.9:
        named.append((scene.trend[-1][1], "Earlier trend", "ink-2"))
    reach = ticks[-1] - ticks[0]
    wanted = [(ticks[-1] - value) / reach * scene.height for value, _, _ in named]
    placed = spread(wanted, gap=ROW_HEIGHT, low=0, high=scene.height)
    return [
        _text([{"px": scene.width + 8, "py": py, "text": text}], align="left", ink=token, limit=GUTTER - 8)
        for py, (_, text, token) in zip(placed, named, strict=True)
    ]


def _mark_words(mark: InterventionMark) -> str:
    return shortened(f"{MARK_SYMBOLS[mark.kind]} {mark.kind}: {mark.use_case}", _LABEL_CHARACTERS)


def mark_layers(scene: Scene) -> list[Spec]:
    """Dashed rules for what happened, each named above the plot."""
    if not scene.marks:
        return []
    labels = place_labels(
        [(scene.x_of(mark.on), _mark_words(mark)) for mark in scene.marks],
        width=scene.width + GUTTER,
        rows=_LABEL_ROWS,
    )
    row_of = {(label.x, label.text): label.row for label in labels}
    rules = [
        {
            "px": scene.x_of(mark.on),
            "py": -6 - ROW_HEIGHT * row_of.get((scene.x_of(mark.on), _mark_words(mark)), 0),
            "py2": scene.height,
        }
        for mark in scene.marks
    ]
    layers: list[Spec] = [
        {
            "data": {"values": rules},
            "mark": {"type": "rule", "color": color("ink"), "strokeDash": [4, 3], "strokeWidth": 1},
            "encoding": pixels(y2={"field": "py2"}),
        }
    ]
    for align in ("left", "right"):
        rows = [
            {
                "px": label.x + (4 if align == "left" else -4),
                "py": -9 - ROW_HEIGHT * label.row,
                "text": label.text,
            }
            for label in labels
            if label.align == align
        ]
        if rows:
            layers.append(_text(rows, align=align, ink="ink"))
    return layers
