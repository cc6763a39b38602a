"""Pure: charts are drawn in stand-in colors that become the page's design tokens afterwards.

A chart names `color("accent")`; the renderer replaces the stand-in with `var(--accent)`, so that one
drawing serves both themes without a style attribute, or with a palette's own value for a picture file.
"""

TOKENS = (
    "bg", "ink", "ink-2", "line", "axis", "grid", "band", "accent", "accent-wash", "chart-1", "chart-2",
    "chart-3", "chart-4", "chart-5", "chart-6", "status-good", "status-warn", "status-bad", "status-none",
)  # fmt: skip

STAND_INS: dict[str, str] = {token: f"#fe5a{index + 1:02x}" for index, token in enumerate(TOKENS)}


def color(token: str) -> str:
    """The stand-in of a design token, to be used wherever a chart wants a colour."""
    return STAND_INS[token]
