"""Pure: the windows that limits and budgets are counted in, on the store's clock, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

import msgspec

Period = Literal["minute", "hour", "day", "week", "month", "quarter", "total"]
FOR_EVER = 1 << 40
"""The end of a window without one: some 35,000 years from now."""
_FIXED = {"minute": 60, "hour": 3600, "day": 86_400}
_WEEK = 7 * 86_400
_MONDAY = 4 * 86_400  # 1970-01-05, the first Monday after the epoch


class Window(msgspec.Struct, frozen=True):
    """From `start` to before `end`, in whole seconds since 1970."""

    start: int
    end: int


def window_of(period: Period, at: float) -> Window:
    """Return the window of a period that an instant lies in."""
    second = int(at)
    length = _FIXED.get(period)
    if length is not None:
        start = second - second % length
        return Window(start, start + length)
    if period == "total":
        return Window(0, FOR_EVER)
    if period == "week":
        start = second - (second - _MONDAY) % _WEEK
        return Window(start, start + _WEEK)
    months = 1 if period == "month" else 3
    day = datetime.fromtimestamp(second, UTC)
    first = day.replace(
        month=day.month - (day.month - 1) % months, day=1, hour=0, minute=0, second=0, microsecond=0
    )
    # 31 days after the last month's first day lies in the month after it.
    after = first
    for _ in range(months):
        after = (after + timedelta(days=31)).replace(day=1)
    return Window(int(first.timestamp()), int(after.timestamp()))


def spoken(period: Period) -> str:
    """Return `per minute`, or `in all`."""
    return "in all" if period == "total" else f"per {period}"
