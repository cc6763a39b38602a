"""Pure: how numbers, money, dates and durations read to a person."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal

from markupsafe import Markup

NANO = Decimal(1_000_000_000)
_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MINUS = "\N{MINUS SIGN}"


def number(value: float | Decimal, decimals: int | None = None) -> str:
    """Return a number with thousands separated; whole numbers stay whole unless decimals are asked for."""
    exact = Decimal(str(value))
    if not exact.is_finite():
        return "not a number"
    if decimals is not None:
        exact = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)
    text = f"{abs(exact):,f}"
    if decimals is None and "." in text:
        text = text.rstrip("0").rstrip(".")
    return _MINUS + text if exact < 0 and text.strip("0,.") else text


def money_amount(nano: int) -> Decimal:
    """Return nano units of a currency as an exact amount, without idle zeros after the cents."""
    exact = Decimal(nano) / NANO
    cents = exact.quantize(Decimal("0.01"))
    return cents if cents == exact else exact.normalize()


def money(nano: int, currency: str) -> str:
    """Return an amount of money; a fraction of a cent keeps two figures, so it never reads as zero."""
    exact = Decimal(nano) / NANO
    decimals = 2 if exact == 0 or abs(exact) >= Decimal("0.01") else 1 - exact.adjusted()
    text = number(exact, decimals)
    sign, digits = (_MINUS, text[1:]) if text.startswith(_MINUS) else ("", text)
    symbol = _SYMBOLS.get(currency)
    return f"{sign}{symbol}{digits}" if symbol else f"{sign}{currency}\N{NO-BREAK SPACE}{digits}"


def duration(milliseconds: float) -> str:
    """Return a duration in the two largest units that matter."""
    if milliseconds < 1_000:
        return f"{number(milliseconds, 0 if milliseconds >= 10 or milliseconds == 0 else 1)} ms"
    if milliseconds < 60_000:
        return f"{number(milliseconds / 1_000, 1)} s"
    minutes, seconds = divmod(round(milliseconds / 1_000), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def day_text(value: date) -> str:
    """Return a date with the month as a word, because 03/04 means two days."""
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def moment_text(value: datetime) -> str:
    """Return a moment in UTC to the minute."""
    assert value.utcoffset() == timedelta(0), "times are kept and shown in UTC"
    return f"{day_text(value.date())}, {value:%H:%M} UTC"


def age_text(value: datetime, now: datetime) -> str:
    """Return how long ago (or how far ahead) a moment is, in one unit."""
    seconds = (now - value).total_seconds()
    ahead, seconds = seconds < 0, abs(seconds)
    if seconds < 10:
        return "just now"
    if seconds < 60:
        amount = f"{int(seconds)} s"
    elif seconds < 3_600:
        amount = f"{int(seconds // 60)} min"
    elif seconds < 86_400:
        amount = f"{int(seconds // 3_600)} h"
    else:
        days = int(seconds // 86_400)
        amount = _count(days, "day") if days < 60 else _count(days // 30, "month") if days < 730 else ""
        amount = amount or _count(days // 365, "year")
    return f"in {amount}" if ahead else f"{amount} ago"


def _count(amount: int, unit: str) -> str:
    return f"{amount} {unit}" if amount == 1 else f"{amount} {unit}s"


def date_markup(value: date) -> Markup:
    """Return a date as a <time> element."""
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), day_text(value))


def datetime_markup(value: datetime) -> Markup:
    """Return a moment as a <time> element."""
    return Markup('<time datetime="{}">{}</time>').format(value.isoformat(), moment_text(value))


def age_markup(value: datetime, now: datetime) -> Markup:
    """Return an age as a <time> element whose title says the moment itself."""
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        value.isoformat(), moment_text(value), age_text(value, now)
    )
