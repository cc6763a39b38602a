"""Pure: where things go in a chart: round axes, month ticks, and labels that do not run into each other."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

CHARACTER_WIDTH = 6.3
"""Pixels of an average character at 11 px, on the wide side, so that estimated labels never touch."""

ROW_HEIGHT = 14


@dataclass(frozen=True, slots=True)
class PlacedLabel:
    """A label above the plot: its row (0 is nearest to the plot) and which way it runs from its mark."""

    text: str
    x: float
    row: int
    align: str


def epoch_ms(day: date) -> int:
    """A day as the number that the time axis uses."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def round_axis(low: float, high: float, *, ticks: int = 5) -> tuple[float, ...]:
    """Round tick values that enclose the range."""
    if high <= low:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    rough = (high - low) / ticks
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(size * power for size in (1.0, 2.0, 2.5, 5.0, 10.0) if size * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(index * step, 12 - math.floor(math.log10(step))) for index in range(first, last + 1))


def tick_decimals(ticks: Sequence[float]) -> int:
    """Decimals that tell neighboring ticks apart."""
    step = ticks[1] - ticks[0]
    return next((places for places in range(12) if abs(round(step, places) - step) <= 1e-9 * step), 12)


def month_starts(first: date, last: date, *, at_most: int = 8) -> tuple[date, ...]:
    """First days of months within a range, every first, second, third, sixth or twelfth of them."""
    starts = []
    year, month = first.year, first.month
    while date(year, month, 1) <= last:
        if date(year, month, 1) >= first:
            starts.append(date(year, month, 1))
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    step = next((size for size in (1, 2, 3, 6, 12) if len(starts) <= at_most * size), 24)
    return tuple(day for day in starts if ((day.year * 12 + day.month - 1) % step) == 0) or tuple(starts[:1])


def text_width(text: str) -> float:
    """A cautious estimate of a label's width in pixels."""
    return len(text) * CHARACTER_WIDTH


def shortened(text: str, characters: int) -> str:
    """A text cut to length with an ellipsis; the table beside the chart holds it whole."""
    return text if len(text) <= characters else text[: characters - 1].rstrip() + "…"


def place_labels(labels: Sequence[tuple[float, str]], *, width: float, rows: int) -> tuple[PlacedLabel, ...]:
    """Put labels in rows above the plot so that none touches another or the rule below another.

    The latest mark is placed first, in the lowest row; earlier ones rise above it, so that their rules pass
    to its left. Labels that find no room are left out.
    """
    placed: list[tuple[PlacedLabel, float, float]] = []
    for x, text in sorted(labels, reverse=True):
        size = text_width(text) + 8
        runs_left = x + size > width and x - size >= 0
        start, end = (x - size, x) if runs_left else (x, x + size)
        for row in range(rows):
            in_the_way = any(
                (other.row == row and start < other_end and end > other_start)
                or (other.row > row and start <= other.x <= end and other.x != x)
                or (other.row < row and other_start <= x <= other_end and other.x != x)
                for other, other_start, other_end in placed
            )
            if not in_the_way:
                label = PlacedLabel(text, x, row, "right" if runs_left else "left")
                placed.append((label, start, end))
                break
    return tuple(label for label, _, _ in reversed(placed))


def spread(positions: Sequence[float], *, gap: float, low: float, high: float) -> tuple[float, ...]:
    """Move positions apart to at least `gap`, as little as possible, keeping their order and the range."""
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    placed = [0.0] * len(positions)
    floor = low
    for index in order:
        placed[index] = max(positions[index], floor)
        floor = placed[index] + gap
    ceiling = high
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return tuple(placed)
