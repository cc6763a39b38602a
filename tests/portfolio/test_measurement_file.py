"""A file of figures is read whole, or every bad line of it is named."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.foundation.errors import Issue
from roadworthy.portfolio import measurement_file
from roadworthy.portfolio.measurement_file import FileRow, MeasurementFileError, MeasurementFileTooLargeError

TODAY = date(2026, 11, 23)


def read(text: str) -> list[FileRow]:
    """Read a file for a metric called hours; another is measured by the gateway."""
    known = {"hours": "", "reopened": "", "latency": "The metric latency is measured by the gateway."}
    return measurement_file.read(text, today=TODAY, metric="hours", known=known, source="f.csv")


def outcome_of(text: str) -> tuple[list[FileRow], tuple[Issue, ...]]:
    """Return the rows, or what is wrong; anything else is a crash."""
    try:
        return read(text), ()
    except MeasurementFileError as error:
        return [], error.issues


def problems(text: str) -> list[tuple[int, str, str]]:
    """Return line, column and message of everything that is wrong."""
    with pytest.raises(MeasurementFileError) as caught:
        read(text)
    assert all(issue.fix and issue.file == "f.csv" for issue in caught.value.issues)
    return [(issue.line, issue.field, issue.message) for issue in caught.value.issues]


@pytest.mark.parametrize("column", ["week", "date", "period_start", "from", " Week "])
def test_every_name_of_the_week_is_read(column: str) -> None:
    """People export with different headers; all of these mean the first day of the week."""
    assert read(f"{column},value\n2026-01-05,31.5\n") == [FileRow(2, "hours", date(2026, 1, 5), 31.5, None)]


def test_what_a_spreadsheet_saves_is_read() -> None:
    """A byte order mark, semicolons, decimal commas, carriage returns, quotes and empty rows are usual."""
    text = '\ufeff"week";"value";"n"\r\n2026-01-05;"31,5";40\r\n;;\r\n2026-01-12;-1.5e2;\r\n\r\n'
    assert read(text) == [
        FileRow(2, "hours", date(2026, 1, 5), 31.5, 40),
        FileRow(4, "hours", date(2026, 1, 12), -150.0, None),
    ]


def test_several_metrics_and_withdrawals_stand_in_one_file() -> None:
    """A metric column names what a line measures; `withdrawn` takes a week back."""
    text = "metric,from,to,value\nreopened,2026-01-05,2026-01-11,4\nhours,2026-01-05,2026-01-11,withdrawn\n"
    assert [(row.metric, row.value) for row in read(text)] == [("reopened", 4.0), ("hours", None)]


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("", 1, "", "holds no figures"),
        ("week,value\n", 1, "", "holds no figures"),
        ("value\n1\n", 1, "", "no column for the week"),
        ("week,date,value\n", 1, "", "more than one column"),
        ("week,amount\n", 1, "value", "no column `value`"),
        ("week,value,value\n", 1, "value", "stands twice"),
        ("week,value,comment\n2026-01-05,1,x\n", 1, "comment", "Nothing reads a column"),
        ("week\tvalue\n2026-01-05\t1\n", 1, "", "no column for the week"),
        ("week,value\n2026-01-05,1,2\n", 2, "", "3 values"),
        ("week,value\n05/01/2026,1\n", 2, "week", "not a day"),
        ("week,value\n2026-02-30,1\n", 2, "week", "not a day"),
        ("week,value\n2026-W05,1\n", 2, "week", "not a day"),
        ("week,value\n2026-11-30,1\n", 2, "week", "in the future"),
        ("week,value\n0026-01-05,1\n", 2, "week", "before 1970"),
        ("week,value\n2026-01-05,\n", 2, "value", "no value"),
        ("week,value\n2026-01-05,12%\n", 2, "value", "not a number"),
        ("week,value\n2026-01-05,nan\n", 2, "value", "not a number"),
        ("week,value\n2026-01-05,Infinity\n", 2, "value", "not a number"),
        ("week,value\n2026-01-05,1e400\n", 2, "value", "larger than can be kept"),
        ("week,value\n2026-01-05,1e300\n", 2, "value", "larger than can be kept"),
        ('week,value\n2026-01-05,"31,5"\n', 2, "value", "not a number"),
        ("week;value\n2026-01-05;1.234,5\n", 2, "value", "not a number"),
        ("week,value,n\n2026-01-05,1,0\n", 2, "n", "not a count"),
        ("week,value,n\n2026-01-05,1,2.5\n", 2, "n", "not a count"),
        ("week,value\n2026-01-05,1\n\n2026-01-05,2\n", 4, "", "stands twice, first in line 2"),
        ("week,value,metric\n2026-01-05,1,unknown\n", 2, "metric", "not a metric"),
        ("week,value,metric\n2026-01-05,1,latency\n", 2, "metric", "measured by the gateway"),
        ("from,to,value\n2026-01-05,2026-01-31,1\n", 2, "to", "not the end of the week"),
        ("week,value\n2026-01-05,1\udcff\n", 2, "", "not UTF-8"),
        ('week,value\n"2026-01-05,1\n', 2, "", "not readable as CSV"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(text: str, line: int, column: str, said: str) -> None:
    """The line, the column and the trouble are named, each with what to do."""
    found = problems(text)
    assert any(
        (one_line, one_column) == (line, column) and said in message
        for one_line, one_column, message in found
    ), found


def test_every_bad_line_is_named_at_once() -> None:
    """A person corrects the whole file in one go."""
    text = "week,value,n\nyesterday,x,-1\n2026-01-05,2,3\n2026-01-12,,5\n"
    assert [(line, column) for line, column, _ in problems(text)] == [
        (2, "week"), (2, "value"), (2, "n"), (4, "value"),
    ]  # fmt: skip


def test_a_file_has_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """More bytes or rows than one import may hold are refused before they are kept."""
    with pytest.raises(MeasurementFileTooLargeError):
        read("week,value\n" + "x" * measurement_file.BYTES_MAX)
    day = date(1970, 1, 5)
    known = {f"m{index}": "" for index in range(60)}
    rows = (f"{day + timedelta(weeks=week)},m{metric},1" for metric in range(60) for week in range(1_700))
    text = "week,metric,value\n" + "\n".join(rows)
    with pytest.raises(MeasurementFileError, match="Nothing was imported") as caught:
        measurement_file.read(text, today=TODAY, metric=None, known=known)
    assert "more than 100,000 rows" in caught.value.issues[0].message


def test_many_errors_are_counted_and_the_first_are_named() -> None:
    """An answer stays readable; it says how many things are wrong."""
    with pytest.raises(MeasurementFileError) as caught:
        read("week,value\n" + "never,1\n" * 2_000)
    assert len(caught.value.issues) == measurement_file.ISSUES_MAX
    assert "2,000 things are wrong" in caught.value.why


_CELLS = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "week",
            "value",
            "n",
            "metric",
            "hours",
            "reopened",
            "2026-01-05",
            "2026-01-12",
            "31.5",
            "31,5",
            "withdrawn",
        ]
    ),
)
_LINES = st.lists(_CELLS, max_size=4)


@given(
    header=st.sampled_from(["week,value", "week;value;n", "date,metric,value", "", "\ufeffweek,value"]),
    lines=st.lists(_LINES, max_size=6),
    separator=st.sampled_from([",", ";", "\t"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_text_gives_rows_or_named_errors(
    header: str, lines: list[list[str]], separator: str, end: str
) -> None:
    """Whatever is sent, the answer is rows that can be stored, or errors with line, trouble and advice."""
    rows, issues = outcome_of(end.join([header, *(separator.join(line) for line in lines)]))
    assert bool(rows) != bool(issues)
    for issue in issues:
        assert issue.line >= 1
        assert issue.message
        assert issue.fix
        assert "\0" not in issue.message + issue.field
    assert len({(row.metric, row.start) for row in rows}) == len(rows)
    for row in rows:
        assert row.metric in {"hours", "reopened"}
        assert date(1970, 1, 1) <= row.start <= TODAY
        assert row.value is None or abs(row.value) <= 1e15
        assert row.n is None or row.n > 0


@given(st.text(max_size=80))
def test_any_text_at_all_is_answered(text: str) -> None:
    """Also what does not look like CSV at all."""
    rows, issues = outcome_of(text)
    assert bool(rows) != bool(issues)
