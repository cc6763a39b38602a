"""Charts are drawn themed, accessible and without anything active; a renderer that hangs is replaced."""

import gc
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from roadworthy.foundation import charts
from roadworthy.foundation.chart_tokens import STAND_INS, TOKENS, color
from roadworthy.foundation.charts import (
    ChartRefusedError,
    ChartRenderer,
    ChartTooLargeError,
    ChartUnavailableError,
)
from roadworthy.foundation.web.design_tokens import colors

SPEC: dict[str, Any] = {
    "data": {"values": [{"x": 1, "y": 2, "t": "<script>alert(1)</script>"}, {"x": 2, "y": 3, "t": "b & c"}]},
    "background": None,
    "layer": [
        {
            "mark": {"type": "line", "color": color("accent"), "clip": True},
            "encoding": {
                "x": {"field": "x", "type": "quantitative"},
                "y": {"field": "y", "type": "quantitative"},
            },
        },
        {
            "mark": {"type": "text", "color": color("status-bad")},
            "encoding": {
                "x": {"field": "x", "type": "quantitative"},
                "y": {"field": "y", "type": "quantitative"},
                "text": {"field": "t"},
            },
        },
    ],
}


@pytest.fixture(scope="module")
def renderer() -> Iterator[ChartRenderer]:
    """One worker for the tests of this file."""
    with ChartRenderer(None) as shared:
        yield shared


def _texts(svg: str) -> list[str]:
    root = ET.fromstring(svg)  # noqa: S314 — our own drawing
    return ["".join(node.itertext()) for node in root.iter("{http://www.w3.org/2000/svg}text")]


def test_colors_become_tokens(renderer: ChartRenderer) -> None:
    """No stand-in is left, and the tokens stand where the colors were."""
    svg = renderer.render_svg(SPEC, title="Handling time", description="It fell.")
    assert 'stroke="var(--accent)"' in svg
    assert 'fill="var(--status-bad)"' in svg
    assert "#fe5a" not in svg.lower()


def test_every_token_is_one_of_the_console() -> None:
    """A chart cannot name a color that the console's style sheet does not define, in either theme."""
    assert len(set(STAND_INS.values())) == len(TOKENS)
    for theme in ("light", "dark"):
        assert set(TOKENS) <= set(colors(theme))


def test_one_accessible_image(renderer: ChartRenderer) -> None:
    """The drawing is one image with a name and a description, and no mark speaks for itself."""
    svg = renderer.render_svg(SPEC, title='Time & "cost"', description="Fell by <3.")
    root = ET.fromstring(svg)  # noqa: S314 — our own drawing
    assert root.get("role") == "img"
    names = (root.get("aria-labelledby") or "").split()
    found = {node.get("id"): node.text for node in root if node.get("id") in names}
    assert sorted(found.values(), key=str) == ["Fell by <3.", 'Time & "cost"']
    assert svg.count("role=") == 1
    assert svg.count("aria-") == 1


def test_nothing_active_and_real_text(renderer: ChartRenderer) -> None:
    """Text is text in the page's own font; markup in the data stays text; no style, script or handler."""
    svg = renderer.render_svg(SPEC, title="t", description="d")
    assert "<script>alert(1)</script>" in _texts(svg)
    assert "b & c" in _texts(svg)
    assert not re.search(r"<script|<style|style=|font-family=|\son\w+=|<image|href=", svg)


def test_ids_are_unique_to_the_chart(renderer: ChartRenderer) -> None:
    """Two charts on a page share no id, and references inside still resolve."""
    first = renderer.render_svg(SPEC, title="one", description="d")
    second = renderer.render_svg(SPEC, title="two", description="d")
    ids = [set(re.findall(r'id="([^"]+)"', svg)) for svg in (first, second)]
    assert ids[0].isdisjoint(ids[1])
    assert "clip-path" in first
    assert set(re.findall(r"url\(#([^)]+)\)", first)) <= ids[0]


def test_png_in_a_theme(renderer: ChartRenderer) -> None:
    """A picture file is drawn in the theme's colors, at the scale asked for."""
    light = renderer.render_png(SPEC, palette=colors("light"))
    dark = renderer.render_png(SPEC, palette=colors("dark"))
    assert light[:8] == dark[:8] == b"\x89PNG\r\n\x1a\n"
    assert light != dark
    small = renderer.render_png(SPEC, palette=colors("light"), scale=1)
    assert int.from_bytes(light[16:20], "big") == pytest.approx(
        2 * int.from_bytes(small[16:20], "big"), abs=2
    )


@pytest.mark.parametrize(
    "spec",
    [
        {"data": {"url": "http://127.0.0.1:1/x.json"}, "mark": "point"},
        {"data": {"values": [{"a": 1}]}, "mark": {"type": "point", "href": "https://example.org"}},
        {"data": {"values": [{"a": float("nan")}]}, "mark": "point"},
        {"mark": 3},
    ],
)
def test_refuses_what_may_not_be_drawn(renderer: ChartRenderer, spec: dict[str, Any]) -> None:
    """Addresses, figures that are not numbers and nonsense are refused with the reason."""
    with pytest.raises(ChartRefusedError) as caught:
        renderer.render_svg(spec, title="t", description="d")
    assert caught.value.why
    assert "<svg" in renderer.render_svg(SPEC, title="t", description="d")


def test_refuses_what_is_too_large(renderer: ChartRenderer) -> None:
    """More than 256 KiB of specification is refused before anything is drawn."""
    spec = {**SPEC, "data": {"values": [{"x": i, "y": i, "t": "x" * 90} for i in range(3000)]}}
    with pytest.raises(ChartTooLargeError, match="bytes"):
        renderer.render_svg(spec, title="t", description="d")


def test_disk_cache_serves_without_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chart drawn once is served by a new process from disk; a damaged file is drawn again."""
    folder = tmp_path / "charts"
    with ChartRenderer(folder) as first:
        drawn = first.render_svg(SPEC, title="t", description="d")
    (kept,) = folder.iterdir()
    with ChartRenderer(folder) as second:
        assert second.render_svg(SPEC, title="t", description="d") == drawn
        assert second._worker is None
    kept.write_bytes(kept.read_bytes()[:-20])
    with ChartRenderer(folder) as third:
        assert third.render_svg(SPEC, title="t", description="d") == drawn
        assert third._worker is not None
    assert len(kept.read_bytes()) > 20


def test_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """A file in the place of the cache folder costs time, not the chart."""
    (tmp_path / "taken").write_text("x")
    with ChartRenderer(tmp_path / "taken") as renderer:
        assert "<svg" in renderer.render_svg(SPEC, title="t", description="d")


def test_old_files_are_pruned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache folder does not grow for ever."""
    monkeypatch.setattr(charts, "_DISK_ENTRIES_MAX", 3)
    monkeypatch.setattr(charts, "_PRUNE_EVERY", 1)
    renderer = ChartRenderer(tmp_path)
    for index in range(8):
        renderer._keep(f"{index:064d}", b"drawn")
    assert len(list(tmp_path.iterdir())) == 3


def test_a_renderer_that_nobody_closes_leaves_nothing_behind() -> None:
    """Its worker ends with it, and so do the pipes to it."""
    renderer = ChartRenderer(None)
    renderer.render_svg(SPEC, title="t", description="d")
    worker = renderer._worker
    assert worker is not None
    del renderer
    gc.collect()
    assert worker.returncode is not None
    assert worker.stdin is not None
    assert worker.stdout is not None
    assert worker.stdin.closed
    assert worker.stdout.closed


def test_a_hanging_worker_is_killed_and_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A drawing that never comes gives a clear error in time, and the next chart is drawn."""
    asleep = tmp_path / "asleep.py"
    asleep.write_text("import time\ntime.sleep(60)\n")
    working = charts._WORKER
    with ChartRenderer(None, timeout_seconds=0.5) as renderer:
        monkeypatch.setattr(charts, "_WORKER", asleep)
        with pytest.raises(ChartUnavailableError) as caught:
            renderer.render_svg(SPEC, title="t", description="d")
        assert "0.5 seconds" in caught.value.why
        monkeypatch.setattr(charts, "_WORKER", working)
        renderer._timeout_seconds = 30
        assert "<svg" in renderer.render_svg(SPEC, title="t", description="d")


def test_a_killed_worker_is_replaced(renderer: ChartRenderer) -> None:
    """A worker that died between two charts is started again unnoticed."""
    renderer.warm()
    assert renderer._worker is not None
    renderer._worker.kill()
    renderer._worker.wait()
    spec = {**SPEC, "width": 333}
    assert "<svg" in renderer.render_svg(spec, title="t", description="d")


def test_threads_share_a_renderer(renderer: ChartRenderer) -> None:
    """Eight threads that draw different charts at once each get their own."""
    answers: dict[int, str] = {}

    def draw(index: int) -> None:
        spec = {**SPEC, "data": {"values": [{"x": 1, "y": 1, "t": f"label-{index}"}]}}
        answers[index] = renderer.render_svg(spec, title="t", description="d")

    threads = [threading.Thread(target=draw, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(f"label-{index}" in _texts(svg) for index, svg in answers.items())
    assert len(answers) == 8
