"""The palettes are measured from the token file: contrast, and distance as colour-blind people see it."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pytest
from numpy.typing import NDArray

from roadworthy.foundation.web.design_tokens import TOKENS_CSS, Theme, colors

THEMES: tuple[Theme, ...] = ("light", "dark")
CHARTS = tuple(f"chart-{index}" for index in range(1, 7))
STATES = ("status-good", "status-warn", "status-bad", "status-none")
GRAPHICS_MIN, TEXT_MIN, DISTANCE_MIN = 3.0, 4.5, 12.0
Vector = NDArray[np.float64]

# Machado, Oliveira and Fernandes 2009, severity 1.0, on linear RGB.
VISIONS: dict[str, Vector] = {
    "normal": np.eye(3),
    "protan": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deutan": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritan": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def linear(color: str) -> Vector:
    """Return #RRGGBB as linear RGB."""
    channels = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """Return the WCAG contrast ratio."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    dark, light = sorted(float(weights @ linear(color)) for color in (one, other))
    return (light + 0.05) / (dark + 0.05)


def lab(color: str, vision: str) -> Vector:
    """Return CIE L*a*b* of a colour as seen with a kind of vision."""
    scaled = _TO_XYZ @ np.clip(VISIONS[vision] @ linear(color), 0, 1) / _WHITE
    f = np.where(scaled > (6 / 29) ** 3, np.cbrt(scaled), scaled / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def ciede2000(one: Vector, other: Vector) -> float:
    """Return the CIEDE2000 colour difference (Sharma, Wu and Dalal 2005)."""
    l1, a1, b1 = map(float, one)
    l2, a2, b2 = map(float, other)
    chroma = (math.hypot(a1, b1) + math.hypot(a2, b2)) / 2
    g = 0.5 * (1 - math.sqrt(chroma**7 / (chroma**7 + 25**7)))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = math.hypot(a1, b1), math.hypot(a2, b2)
    h1, h2 = (math.degrees(math.atan2(b, a)) % 360 if a or b else 0.0 for a, b in ((a1, b1), (a2, b2)))
    gap = (h2 - h1 + 180) % 360 - 180 if c1 * c2 else 0.0
    delta_h = 2 * math.sqrt(c1 * c2) * math.sin(math.radians(gap / 2))
    if not c1 * c2:
        hue = h1 + h2
    elif abs(h1 - h2) <= 180:
        hue = (h1 + h2) / 2
    else:
        hue = (h1 + h2 + 360) / 2 if h1 + h2 < 360 else (h1 + h2 - 360) / 2
    mean_l, mean_c = (l1 + l2) / 2, (c1 + c2) / 2
    waves = ((-0.17, 1, -30), (0.24, 2, 0), (0.32, 3, 6), (-0.20, 4, -63))
    t = 1 + sum(amount * math.cos(math.radians(times * hue + shift)) for amount, times, shift in waves)
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / math.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    turn = 60 * math.exp(-(((hue - 275) / 25) ** 2))
    r = -2 * math.sqrt(mean_c**7 / (mean_c**7 + 25**7)) * math.sin(math.radians(turn))
    x, y, z = (l2 - l1) / s_l, (c2 - c1) / s_c, delta_h / s_h
    return math.sqrt(x * x + y * y + z * z + r * y * z)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0000),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ],
)
def test_the_ruler_agrees_with_its_paper(
    one: tuple[float, ...], other: tuple[float, ...], expected: float
) -> None:
    """Pairs from the published test data, so that what follows is measured rightly."""
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("palette", [CHARTS, STATES], ids=["charts", "states"])
@pytest.mark.parametrize("vision", VISIONS)
def test_colors_stay_apart_for_every_kind_of_vision(
    theme: Theme, palette: tuple[str, ...], vision: str
) -> None:
    """No two series and no two states collapse into one."""
    token = colors(theme)
    for one, other in itertools.combinations(palette, 2):
        distance = ciede2000(lab(token[one], vision), lab(token[other], vision))
        assert distance >= DISTANCE_MIN, f"{one} and {other} are {distance:.1f} apart to {vision} eyes"


@pytest.mark.parametrize("theme", THEMES)
def test_graphics_stand_out(theme: Theme) -> None:
    """Series, states, axes and the edges of controls reach 3:1 on what they stand on."""
    token = colors(theme)
    for name in (*CHARTS, *STATES, "axis", "control", "accent"):
        assert contrast(token[name], token["bg"]) >= GRAPHICS_MIN, name
    for state in ("good", "bad"):
        assert contrast(token[f"status-{state}"], token[f"wash-{state}"]) >= GRAPHICS_MIN, state


@pytest.mark.parametrize("theme", THEMES)
def test_text_is_readable(theme: Theme) -> None:
    """Every ink reaches 4.5:1 on every ground it is set on, links and buttons too."""
    token = colors(theme)
    grounds = ("bg", "surface", "raised", "hover", "accent-wash")
    washes = tuple(f"wash-{state}" for state in ("good", "warn", "bad", "none"))
    pairs = [
        *itertools.product(("ink", "ink-2"), (*grounds, *washes)),
        *itertools.product(("accent",), ("bg", "surface", "raised", "accent-wash")),
        ("accent-ink", "accent"),
    ]
    for ink, ground in pairs:
        ratio = contrast(token[ink], token[ground])
        assert ratio >= TEXT_MIN, f"{ink} on {ground} is {ratio:.2f}"


def test_every_color_token_serves_both_themes() -> None:
    """A colour written outside light-dark() would be wrong in one of them."""
    css = TOKENS_CSS.read_text(encoding="utf-8")
    assert not re.search(r"--[a-z0-9-]+:\s*#", css)
    assert colors("light").keys() == colors("dark").keys()
    assert {*CHARTS, *STATES, "ink", "ink-2", "axis", "grid", "band", "accent", "bg", "surface"} <= colors(
        "light"
    ).keys()
