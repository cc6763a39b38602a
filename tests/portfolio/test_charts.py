"""The run chart always shows baseline, target and uncertainty, and its table holds what it draws."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from roadworthy.foundation.charts import ChartRenderer
from roadworthy.portfolio.charts import Chart, run_chart, sparkline
from roadworthy.portfolio.effect import InterventionMark, WeeklyPoint, judge
from tests.portfolio.outcome_figures import CONTRACT, LATE, LAUNCH, mark, points

AS_OF = LAUNCH + timedelta(weeks=20, days=2)


@pytest.fixture(scope="module")
def renderer() -> Iterator[ChartRenderer]:
    """One worker for the tests of this file."""
    with ChartRenderer(None) as shared:
        yield shared


def _chart(figures: list[WeeklyPoint], marks: list[InterventionMark]) -> Chart:
    verdict = judge(CONTRACT, figures, marks, as_of=AS_OF)
    return run_chart(CONTRACT, figures, marks, verdict, as_of=AS_OF)


def _texts(renderer: ChartRenderer, chart: Chart) -> list[str]:
    svg = renderer.render_svg(chart.spec, title=chart.title, description=chart.description)
    root = ET.fromstring(svg)  # noqa: S314 — our own drawing
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def _rules(spec: dict[str, Any]) -> list[float]:
    return [
        layer["data"]["values"][0]["v"]
        for layer in spec["layer"]
        if layer["mark"]["type"] == "rule" and list(layer["encoding"]) == ["y"]
    ]


def test_an_improvement_shows_everything(renderer: ChartRenderer) -> None:
    """Lines are named where they end, marks above the plot, the effect at its bracket, signals below."""
    chart = _chart(points(change=-3.0), [mark("launch"), mark("expansion", 6)])
    texts = _texts(renderer, chart)
    for text in ("Baseline 12.0", "Target 8.0", "Usual range", "Earlier trend", "▲ launch: claims-triage",
                 "● expansion: claims-triage", "signal: better than usual", "weekly figure"):  # fmt: skip
        assert text in texts
    assert any(re.fullmatch(r"−2\.\d+ \(−\d\.\d+ to −\d\.\d+\)", text) for text in texts)
    assert _rules(chart.spec) == [12.0, 8.0]
    assert chart.description.startswith("Median handling time has been 2.")
    assert "lower is better" in chart.subtitle
    assert chart.footer.startswith("n = 46 weeks · newest week starts 13 July 2026, 9 days ago · grade D")


def test_a_regression_has_its_own_shape(renderer: ChartRenderer) -> None:
    """Worse signals differ by shape and word, not by color alone."""
    texts = _texts(renderer, _chart(points(change=3.0), [mark("launch"), mark("rollback", 10)]))
    assert "signal: worse than usual" in texts
    assert "▼ rollback: claims-triage" in texts
    assert "signal: better than usual" not in texts


def test_too_few_points_draw_no_range(renderer: ChartRenderer) -> None:
    """Without ten baseline points there is no range, no signal and no effect, and the footer says why."""
    chart = _chart(points(before=7, after=3), [mark("launch")])
    texts = _texts(renderer, chart)
    assert "Usual range" not in texts
    assert not any(text.startswith("signal") for text in texts)
    assert not any("(" in text for text in texts)
    assert "no usual range: 7 points in the baseline window; limits need 10: 3 more" in chart.footer
    assert _rules(chart.spec) == [12.0, 8.0]


def test_no_data_still_shows_the_promise(renderer: ChartRenderer) -> None:
    """Without figures the chart holds baseline and target, and says that there is no data."""
    chart = _chart([], [mark("launch")])
    assert {"Baseline 12.0", "Target 8.0"} <= set(_texts(renderer, chart))
    assert chart.rows == ()
    assert "no data yet" in chart.footer


def test_noise_gets_no_bracket(renderer: ChartRenderer) -> None:
    """An effect that cannot be told is not drawn as one."""
    texts = _texts(renderer, _chart(points(), [mark("launch")]))
    assert not any("(" in text for text in texts)


def test_the_table_is_the_chart() -> None:
    """Every figure drawn is a row, with what happened that week and what was signalled."""
    figures = points(change=-3.0)
    chart = _chart(figures, [mark("launch"), mark("change", 2, days=3)])
    assert all(len(row) == len(chart.columns) for row in chart.rows)
    assert [(row[0], row[1]) for row in chart.rows] == [(p.start.isoformat(), p.value) for p in figures]
    assert chart.rows[26][-1] == "launch claims-triage"
    assert chart.rows[28][-1] == "change claims-triage"
    assert "outside limits" in str(chart.rows[26][7])
    assert chart.rows[25][6] is None
    assert isinstance(chart.rows[26][6], float)
    drawn = next(layer for layer in chart.spec["layer"] if layer["mark"]["type"] == "line" and
                 "detail" in layer["encoding"])  # fmt: skip
    assert [row["v"] for row in drawn["data"]["values"]] == [p.value for p in figures]


def test_a_missing_week_is_a_gap() -> None:
    """The line does not run across a week without a figure."""
    figures = [p for index, p in enumerate(points()) if index not in {5, 6}]
    chart = _chart(figures, [])
    line = next(layer for layer in chart.spec["layer"] if "detail" in layer["encoding"])
    assert [row["run"] for row in line["data"]["values"]] == [0] * 5 + [1] * 39


def test_the_future_is_not_drawn() -> None:
    """A chart as of a past day holds no later figure and no later mark."""
    figures, marks = points(change=-3.0), [mark("launch"), mark("rollback", 15)]
    past = LAUNCH + timedelta(weeks=8)
    chart = run_chart(CONTRACT, figures, marks, judge(CONTRACT, figures, marks, as_of=past), as_of=past)
    assert chart.n == 35
    assert "rollback" not in json.dumps(chart.spec)


def test_only_token_colors(renderer: ChartRenderer) -> None:
    """Every color in the drawing is a token, so both themes are complete."""
    chart = _chart(points(change=-3.0), [mark("launch")])
    svg = renderer.render_svg(chart.spec, title="t", description="d")
    painted = set(re.findall(r'(?:fill|stroke)="([^"]+)"', svg))
    assert all(value in {"none", "transparent"} or value.startswith("var(--") for value in painted), painted


def test_sparkline_has_its_own_scale(renderer: ChartRenderer) -> None:
    """Half a year, the newest point marked, the baseline drawn, no text, and a description in words."""
    chart = sparkline("Handling time", "minutes", points(after=20), baseline=12.0, as_of=AS_OF)
    assert (chart.n, len(chart.rows)) == (25, 25)
    assert _texts(renderer, chart) == []
    assert "25 weekly figures in the last 26 weeks, the newest" in chart.description
    empty = sparkline("Handling time", "minutes", [], baseline=None, as_of=LATE)
    assert empty.description == "Handling time: no data in the last 26 weeks."
    assert _texts(renderer, empty) == []
