"""Pure: the bytes of a spreadsheet's export become rows; every row is accounted for, readable or not."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from roadworthy.foundation.errors import InvalidError, TooLargeError

BYTES_MAX = 50 * 1024 * 1024
ROWS_MAX = 100_000
COLUMNS_MAX = 1_000
DETECT = "detect"
_DELIMITERS = ",;\t|"
_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SPACE = re.compile(r"\s+")
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class InventoryFileError(InvalidError):
    """A file cannot be read as a table at all."""

    code = "inventory-file"


class InventoryFileTooLargeError(TooLargeError):
    """A file is larger than one import may be."""

    code = "inventory-file-too-large"


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row as it stands in the file, with what was odd about its form."""

    row: int
    """Its number as a spreadsheet shows it: the line of headers is 1."""
    line: int
    """The line of the file on which it begins."""
    cells: tuple[str, ...]
    oddities: tuple[str, ...] = ()

    @property
    def blank(self) -> bool:
        """Say whether nothing stands in it."""
        return not any(cell.strip() for cell in self.cells)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A table: its headers, its rows, and how the bytes were understood."""

    headers: tuple[str, ...]
    """Spaces are single, and a header that stands several times is told apart: `Why`, `Why (2)`."""
    rows: tuple[SourceRow, ...]
    encoding: str
    encoding_because: str
    delimiter: str
    notes: tuple[str, ...] = ()


def read(content: bytes, *, encoding: str = DETECT, delimiter: str = DETECT) -> SourceFile:
    """Read a table; a row that has the wrong form is kept, and says so."""
    if len(content) > BYTES_MAX:
        raise InventoryFileTooLargeError(
            "The file is too large.",
            why=f"One import holds at most {BYTES_MAX // 1024 // 1024} MiB.",
            fix="Split it, and import the parts as sources of their own.",
        )
    used, because, text = _decoded(content, encoding)
    chosen = _delimiter(text) if delimiter == DETECT else delimiter
    records = list(_records(text, chosen))
    while records and not any(cell.strip() for cell in records[0][1]):
        records.pop(0)
    if not records:
        raise InventoryFileError(
            "The file holds no table.",
            why="No line of it names columns.",
            fix="Export it as CSV, with the columns' names in the first line.",
        )
    (_line, first, _odd), *rest = records
    headers, notes = _headers(first)
    rows = tuple(_row(place + 2, *record, width=len(headers)) for place, record in enumerate(rest))
    return SourceFile(headers, _without_trailing_blanks(rows), used, because, chosen, tuple(notes))


def _without_trailing_blanks(rows: tuple[SourceRow, ...]) -> tuple[SourceRow, ...]:
    """Leave out lines at the very end on which nothing stands at all: they are the file's last line break."""
    end = len(rows)
    while end and rows[end - 1].cells == ():
        end -= 1
    return rows[:end]


def plain(text: str) -> str:
    """Return a text with single spaces, without spaces around it."""
    return _SPACE.sub(" ", text).strip()


def _decoded(content: bytes, encoding: str) -> tuple[str, str, str]:
    mark = next(((bom, name) for bom, name in _BOMS if content.startswith(bom)), None)
    if encoding != DETECT:
        used, because = encoding, "the mapping says so"
    elif mark is not None:
        used, because = mark[1], "the file begins with its byte order mark"
    elif _is_utf8(content):
        used, because = "utf-8", "every byte of the file fits it"
    else:
        used, because = "cp1252", "the file is not UTF-8, and this is what spreadsheets write otherwise"
    # A byte that the encoding does not know becomes half of a surrogate pair, which no encoding yields, so
    # that the row it stands in can be told.
    errors = "replace" if used.replace("_", "-").startswith(("utf-16", "utf-32")) else "surrogateescape"
    try:
        text = content.decode(used, errors)
    except (LookupError, UnicodeError) as error:
        raise InventoryFileError(
            f"The file cannot be read as {used[:40]}.",
            why=str(error)[:200],
            fix="Name its encoding in the mapping (`encoding: cp1252`), or let it be found: `detect`.",
        ) from error
    return used, because, text.removeprefix("\ufeff")


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _delimiter(text: str) -> str:
    """Return what separates the most columns in the first line on which something stands."""
    first = next((line for line in io.StringIO(text) if line.strip()), "")
    counted = Counter({sign: first.count(sign) for sign in _DELIMITERS})
    best, found = counted.most_common(1)[0]
    return best if found else ","


Record = tuple[int, list[str], tuple[str, ...]]


def _records(text: str, delimiter: str) -> Iterator[Record]:
    """Yield (line, cells, oddities); what cannot be split into cells is one cell and says so."""
    lines = _Lines(text)
    reader = csv.reader(lines, delimiter=delimiter)
    count = 0
    while True:
        start = lines.line + 1
        lines.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            cells = ["".join(lines.taken)[:20_000]]
            yield start, cells, (f"it could not be split into columns ({error})",)
            continue
        count += 1
        if count > ROWS_MAX + 1:
            raise InventoryFileTooLargeError(
                f"The file has more than {ROWS_MAX:,} rows.",
                fix="Split it, and import the parts as sources of their own.",
            )
        unpaired = sum(line.count('"') for line in lines.taken) % 2 == 1
        if unpaired and lines.ended and len(lines.taken) > 1:
            # The last quote is never closed: it would swallow all lines that follow, so they are read singly.
            yield from _singly(lines.taken, start, delimiter)
            return
        yield start, cells, ("its quotes do not pair up",) if unpaired else ()


def _singly(lines: Sequence[str], start: int, delimiter: str) -> Iterator[Record]:
    for place, line in enumerate(lines):
        said = f"a quote opened in line {start} is never closed, so it was read as a line of its own"
        try:
            cells = next(csv.reader([line.rstrip("\r\n")], delimiter=delimiter), [])
        except csv.Error:
            cells = [line[:20_000]]
        yield start + place, cells, (said,)


class _Lines:
    """Hands lines to the CSV reader and remembers those that the current record took."""

    def __init__(self, text: str) -> None:
        self._source = io.StringIO(text, newline="")
        self.taken: list[str] = []
        self.line = 0
        self.ended = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._source.readline()
        if not line:
            self.ended = True
            raise StopIteration
        self.line += 1
        self.taken.append(line)
        return line


def _headers(cells: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    named = [plain(_storable(cell)) for cell in cells]
    while named and not named[-1]:
        named.pop()
    if len(named) > COLUMNS_MAX:
        raise InventoryFileTooLargeError(
            f"The file has more than {COLUMNS_MAX:,} columns.", fix="Remove what is not about use cases."
        )
    seen: Counter[str] = Counter()
    headers, notes = [], []
    for place, name in enumerate(named, start=1):
        header = name or f"column {place}"
        if not name:
            notes.append(f"Column {place} has no header.")
        seen[header] += 1
        while (told := header if seen[header] == 1 else f"{header} ({seen[header]})") in headers:
            seen[header] += 1
        headers.append(told)
    repeated = [name for name, times in seen.items() if times > 1]
    notes += [f"The header `{name[:80]}` stands {seen[name]} times." for name in repeated]
    return tuple(headers), notes


def _row(row: int, line: int, cells: list[str], oddities: tuple[str, ...], *, width: int) -> SourceRow:
    odd = list(oddities)
    if any(_UNSTORABLE.search(cell) for cell in cells):
        odd.append("it holds bytes that the file's encoding does not know")
    held = [_storable(cell) for cell in cells]
    while len(held) > width and not held[-1].strip():
        held.pop()
    if len(held) > width:
        odd.append(f"it has {len(held)} values, and the first line names {width} columns")
    elif held and any(cell.strip() for cell in held) and len(held) < width:
        odd.append(f"it has only {len(held)} values for {width} columns")
    return SourceRow(row, line, tuple(held), tuple(odd))


def _storable(text: str) -> str:
    return _UNSTORABLE.sub(_REPLACEMENT, text)
