"""Pure: the run chart of an outcome without words, for where several stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from roadworthy.foundation.chart_tokens import color
from roadworthy.portfolio.chart_layers import Spec, config, rule
from roadworthy.portfolio.chart_layout import epoch_ms
from roadworthy.portfolio.charts import POINTS_MAX, SCHEMA, Chart
from roadworthy.portfolio.effect import PERIOD, InterventionMark, OutcomeContract, WeeklyPoint, live_windows
from roadworthy.portfolio.headline import day_words

KEY = (
    "In each chart: the weekly figures, a solid line for the baseline, a dashed one for the target, a gray "
    "area while a use case was live."
)
_WIDTH, _HEIGHT = 320, 92


def tile_chart(
    contract: OutcomeContract,
    points: Sequence[WeeklyPoint],
    marks: Sequence[InterventionMark],
    *,
    as_of: date,
) -> Chart:
    """Draw figures, baseline, target and the time something was live; the page says the rest beside it."""
    ordered = tuple(sorted((p for p in points if p.start <= as_of), key=lambda p: p.start))[-POINTS_MAX:]
    return Chart(
        spec={
            "$schema": SCHEMA,
            "width": _WIDTH,
            "height": _HEIGHT,
            "background": None,
            "padding": 3,
            "config": config(),
            "layer": _layers(contract, ordered, [mark for mark in marks if mark.on <= as_of], as_of=as_of),
        },
        title=contract.title,
        subtitle=f"{contract.title}, {contract.unit}, by week",
        description=_words(contract, ordered),
        footer=f"n = {len(ordered)} weeks",
        columns=("Week starting", f"Figure ({contract.unit})"),
        rows=tuple((point.start.isoformat(), point.value) for point in ordered),
        n=len(ordered),
    )


def _words(contract: OutcomeContract, points: Sequence[WeeklyPoint]) -> str:
    if not points:
        return f"{contract.title}: no figure yet."
    newest = points[-1]
    return (
        f"{contract.title}: {len(points)} weekly figures, the newest {newest.value:,.4g} {contract.unit} for "
        f"the week starting {day_words(newest.start)}; baseline {contract.baseline_value:,.4g}, target "
        f"{contract.target_value:,.4g}."
    )


def _layers(
    contract: OutcomeContract,
    points: Sequence[WeeklyPoint],
    marks: Sequence[InterventionMark],
    *,
    as_of: date,
) -> list[Spec]:
    first = points[0].start if points else contract.baseline_start
    last = max(as_of, first + timedelta(days=1))
    values = [point.value for point in points] + [contract.baseline_value, contract.target_value]
    margin = (max(values) - min(values)) * 0.08 or 1.0
    x = {
        "field": "t",
        "type": "temporal",
        "axis": None,
        "scale": {"type": "utc", "domain": [epoch_ms(first), epoch_ms(last)], "nice": False},
    }
    y = {
        "type": "quantitative",
        "axis": None,
        "scale": {"domain": [min(values) - margin, max(values) + margin], "nice": False, "zero": False},
    }
    windows = [
        {"t": epoch_ms(max(window.start, first)), "u": epoch_ms(min(window.end or last, last))}
        for window in live_windows(marks)
        if (window.end or last) > first
    ]
    run, rows = 0, []
    for index, point in enumerate(points):
        # A gap in the weeks is a gap in the line.
        run += bool(index and point.start - points[index - 1].start > PERIOD)
        rows.append({"t": epoch_ms(point.start), "v": point.value, "run": run})
    figures = {"x": x, "y": {"field": "v", **y}}
    return [
        {
            "data": {"values": windows},
            "mark": {"type": "rect", "color": color("status-none"), "opacity": 0.16},
            "encoding": {"x": x, "x2": {"field": "u"}},
        },
        {
            "data": {"values": windows},
            "mark": {"type": "rule", "color": color("ink-2"), "strokeWidth": 1},
            "encoding": {"x": x},
        },
        rule(contract.baseline_value, "axis", y),
        rule(contract.target_value, "status-good", y, dash=[6, 3]),
        {
            "data": {"values": rows},
            "mark": {"type": "line", "color": color("accent"), "strokeWidth": 1.75},
            "encoding": {**figures, "detail": {"field": "run"}},
        },
        {
            "data": {"values": rows[-1:]},
            "mark": {"type": "point", "filled": True, "opacity": 1, "size": 34, "color": color("accent")},
            "encoding": figures,
        },
    ]
