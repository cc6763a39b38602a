"""Numbers, money and times read as people write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.foundation.web import formats

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (1_234_567, None, "1,234,567"),
        (-4.5, None, "−4.5"),
        (0.10, None, "0.1"),
        (Decimal("1200.00"), None, "1,200"),
        (1e21, None, "1,000,000,000,000,000,000,000"),
        (2.345, 1, "2.3"),
        (-0.001, 1, "0.0"),
        (float("nan"), None, "not a number"),
    ],
)
def test_numbers(value: float, decimals: int | None, text: str) -> None:
    """Thousands are separated, minus is a minus, and zero has no sign."""
    assert formats.number(value, decimals) == text


@pytest.mark.parametrize(
    ("nano", "currency", "text"),
    [
        (1_284_200_000_000, "EUR", "€1,284.20"),
        (0, "USD", "$0.00"),
        (-5_000_000_000, "GBP", "−£5.00"),
        (1_250_000, "EUR", "€0.0012"),
        (1, "EUR", "€0.0000000010"),
        (12_000_000_000, "CHF", "CHF\N{NO-BREAK SPACE}12.00"),
    ],
)
def test_money(nano: int, currency: str, text: str) -> None:
    """A fraction of a cent is shown, because a thousand calls of it are money."""
    assert formats.money(nano, currency) == text


@given(st.integers(min_value=1, max_value=10**18))
def test_a_cost_never_reads_as_nothing(nano: int) -> None:
    """What costs something shows a figure that is not zero, and the exact amount loses no digit."""
    assert set(formats.money(nano, "EUR")) & set("123456789")
    assert formats.money_amount(nano) * formats.NANO == nano


@pytest.mark.parametrize(
    ("ms", "text"),
    [
        (0, "0 ms"),
        (4.26, "4.3 ms"),
        (812, "812 ms"),
        (1_500, "1.5 s"),
        (90_000, "1 min 30 s"),
        (3_600_000, "1 h"),
        (7_500_000, "2 h 5 min"),
        (180_000_000, "2 d 2 h"),
    ],
)
def test_durations(ms: float, text: str) -> None:
    """Two units at most."""
    assert formats.duration(ms) == text


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (timedelta(seconds=3), "just now"),
        (timedelta(seconds=12), "12 s ago"),
        (timedelta(minutes=5), "5 min ago"),
        (timedelta(hours=26), "1 day ago"),
        (timedelta(days=90), "3 months ago"),
        (timedelta(days=800), "2 years ago"),
        (-timedelta(days=6), "in 6 days"),
    ],
)
def test_ages(before: timedelta, text: str) -> None:
    """One unit, past or ahead."""
    assert formats.age_text(NOW - before, NOW) == text


def test_times_carry_the_machine_value() -> None:
    """A <time> element says the exact moment, whatever is shown."""
    assert formats.date_markup(date(2026, 4, 3)) == '<time datetime="2026-04-03">3 Apr 2026</time>'
    assert formats.datetime_markup(NOW) == (
        '<time datetime="2026-11-23T09:30:00+00:00">23 Nov 2026, 09:30 UTC</time>'
    )
    assert 'title="23 Nov 2026, 09:30 UTC"' in formats.age_markup(NOW, NOW)


def test_a_time_in_another_zone_is_our_mistake() -> None:
    """Times are UTC throughout, or a page would lie by hours."""
    with pytest.raises(AssertionError, match="UTC"):
        formats.moment_text(NOW.astimezone(timezone(timedelta(hours=2))))
