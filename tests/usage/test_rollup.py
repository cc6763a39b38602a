"""Weeks begin on Monday at 00:00 UTC, and rates over nothing are unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.usage.rollup import MONDAY_US, WEEK_US, Cost, Usage, every_week, monday_of, week_start


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  given a zone
def test_the_number_of_a_week_and_its_monday_agree(at: datetime) -> None:
    """The store counts weeks in microseconds, people by Mondays: the same weeks."""
    micros = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    assert monday_of((micros - MONDAY_US) // WEEK_US) == week_start(at).date()
    assert week_start(at).weekday() == 0


def test_a_week_is_reckoned_in_utc() -> None:
    """Late on a Sunday in the west is Monday already."""
    west = timezone(timedelta(hours=-5))

    assert week_start(datetime(2026, 11, 22, 23, 0, tzinfo=west)) == datetime(2026, 11, 23, tzinfo=UTC)


def test_a_week_without_calls_is_there() -> None:
    """A gap is shown as a gap, not left out."""
    busy = Usage(of="2026-11-16", calls=3)

    weeks = every_week(
        {"2026-11-16": busy},
        since=datetime(2026, 11, 11, tzinfo=UTC),
        until=datetime(2026, 11, 23, tzinfo=UTC),
    )

    assert weeks == (Usage(of="2026-11-09"), busy, Usage(of="2026-11-23"))


def test_rates_over_nothing_are_unknown() -> None:
    """No calls is no data, never a rate of zero."""
    nothing = Usage(of="all")

    assert (nothing.refusal_rate, nothing.error_rate, nothing.cost_per_call) == (None, None, None)


def test_cost_per_call_counts_only_calls_whose_cost_is_known() -> None:
    """Unknown costs must not make calls look cheap, and currencies are never mixed."""
    one = Usage(of="all", calls=10, refusals=2, errors=4, unknown_cost_calls=4, costs=(Cost("USD", 1_000),))
    two = Usage(of="all", calls=10, costs=(Cost("EUR", 1), Cost("USD", 1_000)))

    assert one.cost_per_call == Cost("USD", 250)
    assert one.error_rate == 0.5
    assert two.cost_per_call is None
