"""Pure: a rendered chart made fit to stand in a page: themed by tokens, one image to a screen reader."""

from __future__ import annotations

import hashlib
import re

from markupsafe import Markup, escape

from roadworthy.foundation.web.design_tokens import colors

_COLOR = re.compile(r'\b(fill|stroke)="(#[0-9A-Fa-f]{6})"')
_SPOKEN = re.compile(r' (?:role|aria-[a-z]+)="[^"]*"')
_ID = re.compile(r'\bid="([^"]+)"')
_FORBIDDEN = re.compile(r"<(?:script|style|foreignObject|a)\b|\bstyle=|\bon[a-z]+=", re.IGNORECASE)


def drawing(svg: str, *, label: str) -> Markup:
    """Return our renderer's SVG for a figure; draw it in the light theme's colours.

    A presentation attribute may hold `var(--chart-1)`, so one drawing follows both themes. The renderer
    labels every mark, which drowns a screen reader: here the whole is one image, and the table beside it
    holds the values. Names inside are made unique, because a page may hold several drawings.
    """
    assert svg.startswith("<svg"), "not an SVG document"
    assert not _FORBIDDEN.search(svg), "a drawing carries no script, style, link or handler"

    names = {value.lower(): name for name, value in reversed(colors("light").items())}

    def token(found: re.Match[str]) -> str:
        name = names.get(found.group(2).lower())
        return f'{found.group(1)}="var(--{name})"' if name else found.group(0)

    svg = _COLOR.sub(token, _SPOKEN.sub("", svg))
    prefix = "d" + hashlib.sha256(svg.encode()).hexdigest()[:8]
    for name in set(_ID.findall(svg)):
        svg = svg.replace(f'id="{name}"', f'id="{prefix}-{name}"').replace(f"#{name})", f"#{prefix}-{name})")
        svg = svg.replace(f'href="#{name}"', f'href="#{prefix}-{name}"')
    # The renderer escapes every text it is given, and what could act was refused above.
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{escape(label)}"', 1))  # noqa: S704
