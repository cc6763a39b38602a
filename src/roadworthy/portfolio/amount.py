"""Pure: a figure with its unit, as people read it."""

from __future__ import annotations

import math

_PERCENT = {"%", "percent", "per cent"}
_MINUS = "\N{MINUS SIGN}"


def figure(value: float, digits: int = 3) -> str:
    """Return a figure with this many digits that count; whole parts are never cut."""
    size = math.floor(math.log10(abs(value))) + 1 if value else 1
    text = f"{abs(value):,.{max(0, digits - size)}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"{_MINUS}{text}" if value < 0 and text.strip("0,.") else text


def amount(value: float, unit: str, digits: int = 3) -> str:
    """Return a figure with its unit: `62.5 hours`, `4.6 %`."""
    return f"{figure(value, digits)} {unit}"


def change_unit(unit: str) -> str:
    """Return what a change is counted in; a change of a percentage is in percentage points."""
    return "percentage points" if unit.strip().lower() in _PERCENT else unit


def signed(value: float, digits: int = 3) -> str:
    """Return a change with its sign."""
    text = figure(value, digits)
    return f"+{text}" if value > 0 else text


def change(value: float, unit: str) -> str:
    """Return a signed change with its unit."""
    return f"{signed(value)} {change_unit(unit)}"
