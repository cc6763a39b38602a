"""A rendered chart is safe to put into a page, follows the theme and is one image to a screen reader."""

from __future__ import annotations

import re

import pytest

from roadworthy.foundation.web.drawing import drawing
from tests.foundation.web import kitchen

SVG = (
    '<svg xmlns="x"><clipPath id="c0"/>'
    '<g role="graphics-symbol" aria-label="a" clip-path="url(#c0)" fill="#3269C2"/></svg>'
)


def test_colors_become_tokens() -> None:
    """One drawing serves both themes; a colour that is no token stays as it is."""
    assert 'fill="var(--chart-1)"' in drawing(SVG, label="Hours")
    assert 'fill="#123456"' in drawing(SVG.replace("#3269C2", "#123456"), label="Hours")


def test_it_is_one_labelled_image() -> None:
    """The marks' own roles are gone; the label is escaped."""
    made = drawing(SVG, label='Hours "net" <b>')
    assert made.startswith('<svg role="img" aria-label="Hours &#34;net&#34; &lt;b&gt;"')
    assert "graphics-symbol" not in made


def test_two_drawings_share_no_names() -> None:
    """Clip paths of one must not cut the other."""
    one, two = drawing(SVG, label="x"), drawing(SVG.replace("#3269C2", "#E6632B"), label="x")
    names = [re.findall(r'id="([^"]+)"', made)[0] for made in (one, two)]
    assert names[0] != names[1]
    assert f"url(#{names[0]})" in one


@pytest.mark.parametrize(
    "inside", ["<script>", '<g style="x"/>', '<g onload="x"/>', "<foreignObject>", "<style>", '<a href="x">']
)
def test_what_could_act_is_refused(inside: str) -> None:
    """Our renderer makes none of these; if it ever does, the page is not made."""
    with pytest.raises(AssertionError, match="carries no script"):
        drawing(f"<svg>{inside}</svg>", label="x")


def test_the_real_renderer_passes() -> None:
    """Vega's output holds no inline style, and its colours are all ours."""
    svg = kitchen.figure().svg
    assert "var(--band)" in svg
    assert re.findall(r'(?:fill|stroke)="#[0-9A-Fa-f]{6}"', svg) == []
