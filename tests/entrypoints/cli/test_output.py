"""What is printed is safe for a terminal and for a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from roadworthy.entrypoints.cli import output
from roadworthy.registry import manifest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_a_cell_is_one_line_without_control_characters(value: object) -> None:
    """No value moves the cursor, colors the screen or breaks a row."""
    shown = output.printable(value)
    assert all(char.isprintable() or char == " " or not char.isascii() for char in shown)
    assert not any(char in shown for char in "\x1b\n\r\t\x00\u202e")


@given(st.decimals(-(10**9), 10**9, places=9))
def test_an_amount_is_said_in_figures(value: Decimal) -> None:
    """Whole, without an exponent, and the same amount."""
    assert "E" not in output.printable(value)
    assert Decimal(output.printable(value)) == value


@given(st.lists(st.text(st.characters(codec="utf-8")), min_size=1, max_size=4))
def test_csv_holds_no_formula(values: list[str]) -> None:
    """A spreadsheet opens a name as text, and what was written reads back."""
    text = output.as_csv(["value"], [{"value": value} for value in values])
    rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    for row, value in zip(rows, values, strict=True):
        cell = row[0] if row else ""
        assert cell in {value, f"'{value}"}
        assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r", "\x00"}


def test_a_list_of_texts_is_read_with_commas() -> None:
    """Nobody reads brackets and quotes; what is deeper stays JSON, so that nothing of it is lost."""
    assert output.printable(["secrets", "cards"]) == "secrets, cards"
    assert output.printable([]) == "-"
    assert output.printable([{"a": 1}]) == '[{"a": 1}]'
    assert output.as_csv(["of"], [{"of": ["secrets", "cards"]}]).splitlines()[1] == '"secrets, cards"'


def test_a_command_is_never_cut() -> None:
    """It is there to be copied; other cells are cut so that a line stays one."""
    long = "roadworthy exception grant use-case/claims-triage ev_01m8pn3nm6y9ryrapm3hxcy0g2"
    shown = output.as_table(["what", "do"], [{"what": "x" * 200, "do": long}])
    assert long in shown
    assert "x" * 200 not in shown


def test_a_table_is_aligned() -> None:
    """Columns start below each other; absent values are a dash."""
    rows: list[dict[str, object]] = [{"name": "a", "count": 1}, {"name": "long", "count": None}]
    plain = output.as_table(["name", "count"], rows).replace("\x1b[1m", "").replace("\x1b[0m", "")
    assert plain.splitlines() == ["NAME  COUNT", "a     1", "long  -"]


def test_json_carries_the_version_of_its_form() -> None:
    """A script can tell which form it reads."""
    assert json.loads(output.as_json({"a": 1})) == {"schema_version": 1, "a": 1}


def test_yaml_reads_back() -> None:
    """What `get -o yaml` prints can be applied."""
    value = {"spec": {"title": "no", "number": "012", "text": "a\nb\n"}}
    assert manifest.parse(output.as_yaml(value), file="x")[0].document == value
