"""Axes are round, months are readable and labels never touch."""

from datetime import date
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.portfolio.chart_layout import (
    epoch_ms,
    month_starts,
    place_labels,
    round_axis,
    shortened,
    spread,
    text_width,
    tick_decimals,
)


@given(low=st.floats(-1e9, 1e9), size=st.floats(1e-3, 1e9))
def test_axis_encloses_the_range(low: float, size: float) -> None:
    """Three to eight rising ticks hold every range."""
    ticks = round_axis(low, low + size)
    slack = 1e-6 * max(abs(low), size)
    assert 3 <= len(ticks) <= 8
    assert list(ticks) == sorted(set(ticks))
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + size - slack


def test_axis_values_are_round() -> None:
    """Ticks are multiples of 1, 2, 2.5 or 5, and one value alone still has a scale."""
    assert round_axis(7.1, 12.8) == (6.0, 8.0, 10.0, 12.0, 14.0)
    assert tick_decimals(round_axis(0.0, 1.0)) == 1
    assert tick_decimals((0.0, 2.5)) == 1
    assert round_axis(5.0, 5.0)[0] < 5.0 < round_axis(5.0, 5.0)[-1]
    assert round_axis(0.0, 0.0) == (-1.0, -0.5, 0.0, 0.5, 1.0)


def test_months_thin_out() -> None:
    """A year shows every second month, ten years one tick a year or fewer."""
    year = month_starts(date(2025, 9, 3), date(2026, 9, 1))
    assert [day.month for day in year] == [11, 1, 3, 5, 7, 9]
    assert len(month_starts(date(2015, 1, 1), date(2026, 1, 1))) <= 12
    assert month_starts(date(2026, 2, 3), date(2026, 2, 20)) == ()
    assert epoch_ms(date(1970, 1, 2)) == 86_400_000


@given(marks=st.lists(st.tuples(st.floats(0, 500), st.text("abc", min_size=1, max_size=30)), max_size=12))
def test_labels_never_touch(marks: list[tuple[float, str]]) -> None:
    """No two labels overlap, and no rule runs through a label of another mark."""
    placed = place_labels(marks, width=600, rows=4)
    boxes = []
    for label in placed:
        size = text_width(label.text)
        start = label.x if label.align == "left" else label.x - size
        boxes.append((label, start, start + size))
    for index, (label, start, end) in enumerate(boxes):
        for other, other_start, other_end in boxes[index + 1 :]:
            if label.row == other.row:
                assert end <= other_start or other_end <= start
            if other.row > label.row and other.x != label.x:
                assert not start <= other.x <= end
            if label.row > other.row and other.x != label.x:
                assert not other_start <= label.x <= other_end


def test_labels_at_the_edge_run_left() -> None:
    """A label that would leave the picture runs to the left of its mark."""
    (label,) = place_labels([(590.0, "rollback")], width=600, rows=2)
    assert label.align == "right"


@given(positions=st.lists(st.floats(0, 260), min_size=1, max_size=5))
def test_spread_keeps_apart_and_inside(positions: list[float]) -> None:
    """Line labels are at least a row apart, inside the plot, in the order of their lines."""
    placed = spread(positions, gap=14, low=0, high=260)
    ordered = sorted(placed)
    assert all(b - a >= 14 - 1e-9 for a, b in pairwise(ordered))
    assert ordered[0] >= -1e-9
    assert ordered[-1] <= 260 + 1e-9
    order = sorted(range(len(positions)), key=lambda index: positions[index])
    assert [placed[index] for index in order] == ordered


def test_long_names_are_cut() -> None:
    """A name is cut with an ellipsis, a short one is not."""
    assert shortened("claims-triage", 30) == "claims-triage"
    assert shortened("a-very-long-name", 8) == "a-very-…"
