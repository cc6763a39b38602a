"""What people write into cells is read as they meant it, or said to be unreadable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.inventory import answers
from roadworthy.inventory.naming import NAME_MAX, Names, slug


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("2024-10-01", "2024-10-01"),
        ("2024-10-01T08:00:00Z", "2024-10-01"),
        ("10/1/2024", "2024-10-01"),
        ("10/1/24", "2024-10-01"),
        ("13/10/2024", "2024-10-13"),
        ("10/2024", "2024-10"),
        ("2024/10", "2024-10"),
        ("October 1st, 2024", "2024-10-01"),
        ("1-Oct-24", "2024-10-01"),
        ("Oct 2024", "2024-10"),
        ("2024", "2024"),
        ("45566", "2024-10-01"),
        ("7/16/1905", "2024"),
    ],
)
def test_days_are_read_in_every_form(said: str, read: str) -> None:
    """As precise as what was written; what a spreadsheet made of a year is that year again."""
    found = answers.day(said, order="mdy")
    assert found is not None
    assert found.text == read


@pytest.mark.parametrize("said", ["soon", "24-Nov", "13/13/2024", "2024-02-30", "Q4FY25", "Foo 2024"])
def test_what_is_no_day_is_none(said: str) -> None:
    """Nothing is guessed."""
    assert answers.day(said, order="mdy") is None


def test_the_order_of_day_and_month_is_what_the_mapping_says() -> None:
    """10/1/2024 is the first of October, or the tenth of January."""
    found = answers.day("10/1/2024", order="dmy")
    assert found is not None
    assert found.text == "2024-01-10"


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("12", 12),
        ("about 1,200 users", 1200),
        ("1.5 million", 1_500_000),
        ("3k", 3000),
        ("1-2", None),
        ("", None),
    ],
)
def test_one_number_is_read_out_of_a_text(said: str, read: int | None) -> None:
    """Where there are several, nobody can say which."""
    assert answers.count(said) == read


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("It saves 20 hours a week", "20 hours"),
        ("Reduces cost by 12.5%", "12.5%"),
        ("saving $1,200,000", "$1,200,000"),
        ("It reads 300 pages", ""),
        ("A 30 days archive", ""),
        ("Improves quality", ""),
    ],
)
def test_a_benefit_is_a_figure_with_a_unit_near_a_change(said: str, read: str) -> None:
    """Figures about something else are none."""
    assert answers.stated_benefit(said) == read


def test_answers_are_compared_as_people_mean_them() -> None:
    """Case, spaces, dashes, quotes and a last dot do not matter; whole, begun or contained, as asked."""
    values = {"Yes": 1, "No – planned": 2}
    assert answers.find(" yes. ", values, match="exact") == (True, 1)
    assert answers.find("no - planned for May", values, match="starts") == (True, 2)
    assert answers.find("Oh yes", values, match="contains") == (True, 1)
    assert answers.find("Oh yes", values, match="starts") == (False, None)
    assert [answers.blank(one) for one in ("N/A", " n.a. ", "\xa0", "–", "0")] == [
        True,
        True,
        True,
        True,
        False,
    ]


@given(st.text(), st.text())
def test_names_are_names_and_unique(one: str, other: str) -> None:
    """Whatever a row is called, it gets a name of its own, and the same one again."""
    names = Names()
    made = [
        names.give(slug([text], fallback=[text]), row=row, told_apart_by=[other])[0]
        for row, text in ((2, one), (3, one))
    ]
    assert len(set(made)) == 2
    assert all(0 < len(name) <= NAME_MAX and name.strip("-") == name for name in made)
    again = Names()
    assert made == [
        again.give(slug([one], fallback=[one]), row=row, told_apart_by=[other])[0] for row in (2, 3)
    ]


@given(st.text())
def test_any_text_is_read_or_not(said: str) -> None:
    """No cell makes the reader fall over."""
    answers.day(said, order="mdy")
    answers.count(said)
    answers.stated_benefit(said)
    answers.find(said, {"Yes": 1}, match="contains")
