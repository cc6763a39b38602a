"""The colours of the console, read from the one file that defines them, for charts and for tests."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Literal

TOKENS_CSS = Path(__file__).parent / "assets" / "tokens.css"

Theme = Literal["light", "dark"]

_DECLARATION = re.compile(r"--([a-z0-9-]+):\s*light-dark\((#[0-9A-Fa-f]{6}),\s*(#[0-9A-Fa-f]{6})\);")
_FIRST_BLOCK = re.compile(r":root\s*\{(.*?)\n\}", re.DOTALL)


@cache
def colors(theme: Theme) -> dict[str, str]:
    """Return every colour token of a theme by name without the dashes: `{"chart-1": "#3269C2", …}`."""
    block = _FIRST_BLOCK.search(TOKENS_CSS.read_text(encoding="utf-8"))
    assert block is not None, "tokens.css has no :root block"
    return {
        name: light if theme == "light" else dark
        for name, light, dark in _DECLARATION.findall(block.group(1))
    }
