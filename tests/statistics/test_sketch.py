"""A sketch's quantiles stay within one per cent, however it was filled."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.statistics.sketch import ACCURACY, BUCKETS_MAX, LEAST, Sketch

VALUES = st.lists(st.floats(min_value=1e-6, max_value=1e9), min_size=1, max_size=200)


def exact(values: list[float], share: float) -> float:
    """Return the quantile by sorting."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@given(VALUES, st.floats(0, 1))
def test_every_quantile_is_within_one_per_cent(values: list[float], share: float) -> None:
    """Of the value that sorting gives."""
    found = Sketch(values).quantile(share)
    assert found is not None
    assert abs(found - exact(values, share)) <= ACCURACY * exact(values, share) * (1 + 1e-9)


@given(VALUES, VALUES)
def test_merging_is_adding_all(left: list[float], right: list[float]) -> None:
    """So rollups of rollups lose nothing."""
    merged = Sketch(left)
    merged.merge(Sketch(right))
    whole = Sketch([*left, *right])
    assert merged.buckets == whole.buckets
    assert merged.count == len(left) + len(right)
    assert merged.total == pytest.approx(whole.total)


@given(st.lists(st.floats(min_value=0, max_value=1e9)))
def test_what_is_encoded_comes_back(values: list[float]) -> None:
    """Bytes in a rollup's row."""
    sketch = Sketch(values)
    back = Sketch.decode(sketch.encode())
    assert (back.zeros, back.total, back.buckets) == (sketch.zeros, sketch.total, sketch.buckets)
    assert back.encode() == sketch.encode()


def test_same_counts_give_the_same_bytes_in_any_order() -> None:
    """A checksum over rollups does not depend on who came first."""
    assert Sketch([1, 2, 4]).encode() == Sketch([4, 2, 1]).encode()


@pytest.mark.parametrize("value", [0.0, -1.0, LEAST, float("nan")])
def test_what_is_no_positive_amount_counts_as_zero(value: float) -> None:
    """A clock that stood still is no reason to lose the count."""
    sketch = Sketch([value, 5])
    assert (sketch.zeros, sketch.count, sketch.quantile(0.5)) == (1, 2, 0.0)


def test_nothing_counted_has_no_quantile() -> None:
    """Unknown is not zero."""
    assert Sketch().quantile(0.5) is None
    assert Sketch().mean is None


def test_size_is_bounded_and_the_high_end_stays_exact() -> None:
    """The smallest values are put together first: tails are what is asked for."""
    values = [1.021**power for power in range(-900, 1500)]
    sketch = Sketch(values)
    assert len(sketch.buckets) <= BUCKETS_MAX
    assert sketch.count == len(values)
    assert sketch.quantile(0.99) == pytest.approx(exact(values, 0.99), rel=ACCURACY)


@pytest.mark.parametrize("data", [b"", b"\x00", b"\x93\x00\x00\x00", b"junk"])
def test_foreign_bytes_are_refused(data: bytes) -> None:
    """As what they are."""
    with pytest.raises(msgspec.DecodeError):
        Sketch.decode(data)
