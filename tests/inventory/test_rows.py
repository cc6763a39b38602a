"""Every row of a list is accounted for, whatever is wrong with it."""

from __future__ import annotations

import csv
import io
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.inventory import source_file
from roadworthy.inventory.rows import RowRead
from roadworthy.inventory.source_file import InventoryFileError, InventoryFileTooLargeError
from tests.inventory.lists import LIST, ROWS, taken

BERTHS, CRACKS, FISH, SAME, NAMELESS, BLANK, TIDE, OVERFULL, SHORT, FORMULA = range(ROWS)


def _rows() -> tuple[RowRead, ...]:
    return taken().rows


def test_the_dirty_list_is_taken_in_whole() -> None:
    """As many rows come out as go in, each with what became of it."""
    found = taken()
    assert found.counts == {"rows": ROWS, "imported": 2, "warnings": 4, "attention": 3, "blank": 1}
    assert [row.row for row in found.rows] == list(range(2, 2 + ROWS))
    assert (found.source.encoding, found.source.delimiter) == ("cp1252", ",")
    assert len({row.name for row in found.rows if row.entry is not None}) == ROWS - 1


def test_cells_are_read_as_people_meant_them() -> None:
    """Line breaks, quotes, spaces, case and typographic signs do not change what is said."""
    berths, cracks, tide = (_rows()[place].entry for place in (BERTHS, CRACKS, TIDE))
    assert berths is not None
    assert cracks is not None
    assert tide is not None
    assert berths.outcome == 'Plans berths, "quickly", saves 20 hours a week'
    assert (berths.stage, berths.declared_risk, berths.expected_users) == ("live", "high", 1200)
    assert (berths.benefit, berths.owners) == ("20 hours", {"business": "Ada Lindqvist"})
    assert berths.facts == {
        "jurisdictions": ("US",),
        "sector": ("government",),
        "personal_data": True,
        "legal_or_similar_effect": True,
    }
    assert berths.provenance["personal_data"] == "Personal data?: YES"
    assert (cracks.stage, cracks.facts["personal_data"], cracks.owners) == ("live", True, {})
    assert (cracks.claims["review"].state, berths.claims["review"].state) == ("absent", "present")
    assert tide.title == "Tide café bot"
    assert "–" in (tide.summary or "")
    assert "review" not in tide.claims


def test_what_nobody_answered_stays_unknown() -> None:
    """An empty cell, `N/A` and a strange answer never become a no."""
    for place in (NAMELESS, TIDE, SHORT):
        entry = _rows()[place].entry
        assert entry is not None
        assert "personal_data" not in entry.facts
        assert "legal_or_similar_effect" not in entry.facts


@pytest.mark.parametrize(
    ("place", "said"),
    [
        (FISH, "Row 2 has the same name"),
        (SAME, "the same as row 3, word for word"),
        (NAMELESS, "has no title"),
        (NAMELESS, "`Stage` says `Maybe`, which the mapping does not read as a stage"),
        (NAMELESS, "`Personal data?` says `Sometimes`, which the mapping does not read as `personal_data`"),
        (NAMELESS, "`soon`, which is no day"),
        (NAMELESS, "`many` is no single number of users"),
        (TIDE, "1905-07-16 is what a spreadsheet makes of the year 2024; read as 2024"),
        (TIDE, "`1 to 2` is no single number"),
        (OVERFULL, "it has 15 values, and the first line names 12 columns"),
        (SHORT, "it has only 6 values for 12 columns"),
    ],
)
def test_what_is_odd_about_a_row_is_said(place: int, said: str) -> None:
    """A person who looks at the row finds out what to correct."""
    assert any(said in one for one in _rows()[place].findings), _rows()[place].findings


def test_nothing_of_a_row_is_lost() -> None:
    """Cells are kept as they stand, those without a column too."""
    overfull, formula, nameless = (_rows()[place].entry for place in (OVERFULL, FORMULA, NAMELESS))
    assert overfull is not None
    assert formula is not None
    assert nameless is not None
    assert overfull.answers["column 15"] == "lost and found"
    assert formula.answers["Name"] == "=cmd|' /C calc'!A1"
    assert nameless.answers["Rights-impacting?"] == "Perhaps"
    assert nameless.title.startswith("Without a title")


def test_names_stay_when_the_list_grows() -> None:
    """A row in front changes no name, so that an import again finds the same entries."""
    before = {row.name for row in _rows() if row.entry is not None}
    head, _, rest = LIST.partition(b"Reviewed?,\r\n")
    grown = head + b"Reviewed?,\r\nBuoy counter,Quay,Counts,,,Idea,No,No,2024,1,Bo,,\r\n" + rest
    after = {row.name for row in taken(grown).rows if row.entry is not None}
    assert after - before == {"buoy-counter"}
    assert before <= after


def test_a_quote_that_is_never_closed_swallows_nothing() -> None:
    """The lines after it are read one by one, and each says why."""
    broken = LIST + b'"Open,Quay,never closed\r\nAfter it,Quay,still here,,,Idea,No,No,2024,1,Bo,,\r\n'
    found = taken(broken)
    assert found.counts["rows"] == ROWS + 2
    last = found.rows[-1]
    assert (last.name, last.status) == ("after-it", "attention")
    assert "never closed" in last.findings[0]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_the_encoding_is_found_and_said(encoding: str) -> None:
    """Byte order marks, UTF-8 and what spreadsheets write otherwise are told apart."""
    found = source_file.read("Name;Unit\nCafé;Quay\n".encode(encoding))
    assert (found.headers, found.rows[0].cells) == (("Name", "Unit"), ("Café", "Quay"))
    assert found.encoding_because


def test_bytes_that_fit_no_encoding_are_said_of_their_row() -> None:
    """Only the row they stand in needs attention."""
    found = source_file.read(b"Name,Unit\nGood,Quay\nB\xffd,Quay\n", encoding="utf-8")
    assert [row.oddities for row in found.rows] == [
        (),
        ("it holds bytes that the file's encoding does not know",),
    ]
    assert found.rows[1].cells[0] == "B\N{REPLACEMENT CHARACTER}d"


def test_a_file_that_is_no_table_or_too_large_is_refused() -> None:
    """What cannot be taken in at all says so."""
    with pytest.raises(InventoryFileError):
        source_file.read(b"\n \n")
    with pytest.raises(InventoryFileError):
        source_file.read(b"a,b\n", encoding="no-such-encoding")
    with pytest.raises(InventoryFileTooLargeError):
        source_file.read(b"a" * (source_file.BYTES_MAX + 1))
    with pytest.raises(InventoryFileTooLargeError):
        source_file.read(b"a\n" + b"b\n" * (source_file.ROWS_MAX + 1))


_CELLS = st.text(alphabet=st.sampled_from('ab",;\n\r\té=0 \x00’'), max_size=12)


@given(st.lists(st.lists(_CELLS, max_size=14), min_size=1, max_size=12))
def test_as_many_rows_come_out_as_were_written(rows: list[list[str]]) -> None:
    """For any table that a CSV writer writes, no row is dropped and none is made up."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    head, _, _ = LIST.partition(b"Berth planner")
    found = taken(head + out.getvalue().encode("utf-8"))
    assert sum(found.counts[key] for key in ("imported", "warnings", "attention", "blank")) == len(found.rows)
    written = [row for row in rows if any(cell.strip() for cell in row)]
    kept = [row for row in found.rows if row.entry is not None]
    assert len(kept) == len(written)
    assert Counter(row.name for row in kept).most_common(1)[0][1] == 1 if kept else True


@given(st.binary(max_size=400))
def test_any_bytes_are_taken_in_or_refused(content: bytes) -> None:
    """Whatever follows the headers, every line on which something stands is accounted for."""
    head, _, _ = LIST.partition(b"Berth planner")
    found = taken(head + content)
    named = [row.name for row in found.rows if row.entry is not None]
    assert len(named) == len(set(named)) == len(found.assessed)
    assert found.counts["rows"] == len(found.source.rows)
    text = content.decode("utf-8", "replace").replace("\x00", "")
    if any(sign.isalnum() for sign in text):
        assert named
