"""The three twins of a page say the same, row for row, and none of them can hurt its reader."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from roadworthy.foundation.web.parts import Cell, Column, ListPage, Money, Spark, Status, Table, with_query
from roadworthy.foundation.web.templating import cell_markup
from roadworthy.foundation.web.view import View, plain, render, twin_url
from tests.foundation.web import kitchen

ENV = kitchen.environment()


class _Rows(HTMLParser):
    """Reads the body rows of the first table as a machine would: `data` and `time` values before text."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.hrefs: list[str] = []
        self._in_body = self._in_cell = self._skip = False
        self._value: str | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "tbody":
            self._in_body = True
        elif self._in_body and tag == "tr":
            self.rows.append([])
        elif self._in_body and tag in {"td", "th"}:
            self._in_cell, self._value, self._text = True, None, ""
        elif self._in_cell and tag in {"data", "time"}:
            self._value = given.get("value") or given.get("datetime") or ""
        elif self._in_cell and tag == "span" and given.get("class") == "nil":
            self._value = ""
        elif self._in_cell and tag == "a" and not self.rows[-1]:
            self.hrefs.append(given.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "tbody":
            self._in_body = False
        elif self._in_cell and tag in {"td", "th"}:
            self._in_cell = False
            self.rows[-1].append(self._text.strip() if self._value is None else self._value)

    def handle_data(self, data: str) -> None:
        if self._in_cell:
            self._text += data


def _twins(view: View, path: str = "/traces") -> tuple[_Rows, dict[str, Any], list[dict[str, str]]]:
    shell = kitchen.shell(path)
    html, html_type = render(view, fmt="html", env=ENV, shell=shell)
    body, json_type = render(view, fmt="json", env=ENV, shell=shell)
    text, csv_type = render(view, fmt="csv", env=ENV, shell=shell)
    assert (html_type, json_type, csv_type) == (
        "text/html; charset=utf-8",
        "application/json",
        "text/csv; charset=utf-8",
    )
    rows = _Rows()
    rows.feed(html.decode())
    return rows, json.loads(body), list(csv.DictReader(io.StringIO(text.decode(), newline="")))


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def test_the_three_twins_agree_row_for_row() -> None:
    """HTML, JSON and CSV hold the same rows, the same values and the same addresses."""
    view = kitchen.list_view()
    assert view.table is not None
    keys = [column.key for column in view.table.columns]

    html, body, lines = _twins(view)

    assert body["schema_version"] == 1
    assert len(html.rows) == len(body["rows"]) == len(lines) == 14
    for shown, row, line in zip(html.rows, body["rows"], lines, strict=True):
        assert shown == [_as_text(row[key]) for key in keys] == [line[key] for key in keys]
    assert html.hrefs == [row["url"] for row in body["rows"]] == [line["url"] for line in lines]


def test_types_survive_in_json() -> None:
    """Numbers are numbers, exact amounts are strings, missing values are null."""
    _, body, _ = _twins(kitchen.list_view())
    first, gap = body["rows"][0], body["rows"][3]

    assert (first["tokens"], first["margin"], first["latency_ms"]) == (1204, -4.5, 180.0)
    assert first["cost_eur"] == "0.00125"
    assert first["started_at"] == "2026-11-23T09:30:00+00:00"
    assert gap["tokens"] is None
    assert body["next_cursor"] == "abc"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝"])
def test_no_spreadsheet_takes_a_cell_for_a_formula(start: str) -> None:
    """A text that starts like a formula is set in quotes' company; so is a hostile column name."""
    line = _csv_of([{"name": f"{start}cmd|' /C calc'!A0"}])
    assert line.split("\r\n", 1)[1].lstrip('"').startswith("'")


@pytest.mark.parametrize(
    ("cell", "written"), [(-4.5, "-4.5"), ("-12", "-12"), ("-1e5", "-1e5"), (-7, "-7"), (True, "true")]
)
def test_plain_negative_numbers_stay_numbers(cell: Cell, written: str) -> None:
    """A sheet can still add up a column with losses in it."""
    assert _csv_of([{"name": cell}]) == f"name\r\n{written}\r\n"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=5))
def test_every_text_comes_back_from_csv_and_none_is_a_formula(texts: list[str]) -> None:
    """Whatever people type, the file parses into as many rows, and only a quote mark was added."""
    parsed = list(csv.reader(io.StringIO(_csv_of([{"name": text} for text in texts]), newline="")))[1:]
    for text, row in zip(texts, parsed, strict=True):
        cell = row[0] if row else ""
        assert cell in {text, "'" + text}
        assert not cell.startswith(("=", "+", "@", "\t", "\r", "\n", "\0"))


def _csv_of(rows: list[Mapping[str, Cell]]) -> str:
    table = Table(columns=(Column(key="name", title="Name"),), rows=rows)
    view = View(title="T", template="table_page.html", table=table)
    return render(view, fmt="csv", env=ENV, shell=kitchen.shell())[0].decode()


def test_a_page_without_a_table_is_written_as_its_model() -> None:
    """Every page has a CSV twin: one value a line, drawings left out."""
    _, body, lines = _twins(kitchen.error_view())

    assert {"key": "what", "value": "You may not approve this use case."} in lines
    assert body["model"]["links"] == [{"text": "Go to Needs you", "href": "/"}]
    assert "columns" not in body


def test_figures_reach_json_as_headline_and_numbers() -> None:
    """A program gets what the chart is drawn from, not the drawing."""
    _, body, _ = _twins(kitchen.kitchen_view())
    figure = body["model"]["figure"]

    assert figure["headline"].startswith("Hours to settle")
    assert figure["rows"][0]["hours"] == kitchen.figure().table.rows[0]["hours"]
    assert "svg" not in figure


def test_text_from_people_cannot_become_markup() -> None:
    """Autoescape holds in every cell, caption and attribute."""
    hostile = '"><script>alert(1)</script>'
    table = Table(
        columns=(Column(key="name", title=hostile),),
        rows=[{"name": hostile, "href": "/x"}, {"name": Status("bad", hostile)}],
        caption=hostile,
    )
    view = View(title=hostile, template="table_page.html", table=table, command=hostile, model=ListPage())
    html = render(view, fmt="html", env=ENV, shell=kitchen.shell())[0].decode()

    assert "<script>alert" not in html
    assert html.count("&lt;script&gt;") >= 6


def test_addresses_keep_their_query() -> None:
    """A twin shows the rows of the page it stands under; the home page's twin has a name."""
    assert twin_url("/traces", "use_case=a&sort=-cost", "csv") == "/traces.csv?use_case=a&sort=-cost"
    assert twin_url("/", "", "json") == "/needs-you.json"
    assert (
        with_query("/traces?use_case=a&cursor=x", sort="cost", cursor=None) == "/traces?use_case=a&sort=cost"
    )


def test_sorting_turns_round_and_pages_anew() -> None:
    """The link of the sorted column reverses it; another column starts ascending."""
    table = kitchen.trace_table()
    call, started = table.columns[0], table.columns[3]

    assert table.direction(started) == "descending"
    assert table.sort_url(started) == "/kitchen?use_case=claims&sort=started_at"
    assert table.sort_url(call) == "/kitchen?use_case=claims&sort=call"
    assert table.next_url == "/kitchen?use_case=claims&cursor=abc"


def test_a_row_that_lacks_a_column_is_our_mistake() -> None:
    """A gap is None, said on purpose; a forgotten key is found where the table is made."""
    with pytest.raises(AssertionError, match="lacks name"):
        Table(columns=(Column(key="name", title="Name"),), rows=[{}])


def test_a_tiny_chart_is_words_to_a_machine() -> None:
    """JSON and CSV get the sentence, the page gets both."""
    spark = Spark(Markup("<svg></svg>"), "rose from 3 to 5")
    assert plain(spark) == "rose from 3 to 5"
    assert (
        cell_markup(spark) == '<span class="spark"><svg></svg><span class="sr">rose from 3 to 5</span></span>'
    )


def test_numbers_that_are_none_read_as_no_data() -> None:
    """Infinity is no measurement."""
    assert plain(float("nan")) is None
    assert plain(Money(-1_500_000_000, "EUR")) == "-1.50"
