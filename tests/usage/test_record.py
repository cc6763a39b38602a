"""What a call cost, and when nobody knows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.usage.record import CallRecord, cost_nano, decode, encode, plausible

COUNT = st.integers(min_value=0, max_value=10**9)
PRICE = st.integers(min_value=0, max_value=10**6)


@given(fresh=COUNT, cached=COUNT, output=COUNT, price=PRICE, output_price=PRICE)
def test_cost_is_exact(fresh: int, cached: int, output: int, price: int, output_price: int) -> None:
    """Whole billionths: no rounding anywhere."""
    cost, faults = cost_nano(
        input_tokens=fresh + cached,
        output_tokens=output,
        cached_input_tokens=cached,
        input_price_nano=price,
        output_price_nano=output_price,
        cached_input_price_nano=0,
    )
    assert cost == fresh * price + output * output_price
    assert faults == ()


def test_unknown_is_named_and_never_zero() -> None:
    """Each thing that is missing is a fault of its own."""
    known = {"cached_input_tokens": None, "cached_input_price_nano": None}
    assert cost_nano(
        input_tokens=1, output_tokens=1, input_price_nano=None, output_price_nano=1, **known
    ) == (
        None,
        ("price_unknown",),
    )
    assert cost_nano(
        input_tokens=None, output_tokens=1, input_price_nano=1, output_price_nano=1, **known
    ) == (
        None,
        ("usage_unknown",),
    )


def test_implausible_counts_are_unknown() -> None:
    """Negative and astronomic counts are a provider's mistake."""
    assert [plausible(count) for count in (None, -1, 0, 10**9, 10**12)] == [None, None, 0, 10**9, None]


def test_records_survive_the_spool() -> None:
    """What is read is what was written."""
    one = CallRecord(id="tr_1", at=1, decision="allowed", input_tokens=3, faults=("price_unknown",))
    assert decode(encode(one)) == one
