"""Pure: reads a CSV of weekly figures; either every row is good, or every bad row is named."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from roadworthy.foundation.errors import InvalidError, Issue, TooLargeError

BYTES_MAX = 8 * 1024 * 1024
ROWS_MAX = 100_000
ISSUES_MAX = 500
WEEK = timedelta(days=7)
WITHDRAWN = "withdrawn"

_STARTS = ("week", "date", "period_start", "from")
_COLUMNS = {*_STARTS, "to", "metric", "value", "n"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_POINT = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_COMMA = re.compile(r"[+-]?\d+([.,]\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_COUNT = re.compile(r"\d{1,15}", re.ASCII)
_VALUE_MAX = 1e15
_FIRST_DAY = date(1970, 1, 1)
_EXAMPLE = "The file begins with a line such as `week,value` and then holds lines such as `2026-01-05,31.5`."


class MeasurementFileError(InvalidError):
    """A file of figures cannot be read; nothing of it was imported."""

    code = "measurement-file"


class MeasurementFileTooLargeError(TooLargeError):
    """A file of figures is larger than one import may be."""

    code = "measurement-file-too-large"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One line of the file; a value of None takes the week's figure back."""

    line: int
    metric: str
    start: date
    value: float | None
    n: int | None


def refused(issues: Sequence[Issue]) -> MeasurementFileError:
    """Return the error that names every bad row, up to a number that a person can still read."""
    shown = issues[:ISSUES_MAX]
    more = f" The first {ISSUES_MAX} are named." if len(issues) > len(shown) else ""
    count = "1 line of the file is wrong" if len(issues) == 1 else f"{len(issues):,} things are wrong"
    return MeasurementFileError(
        "Nothing was imported: the file has errors.",
        why=f"{count}.{more}",
        fix="Correct what is named and import the file again.",
        issues=shown,
    )


def read(
    text: str, *, today: date, metric: str | None, known: Mapping[str, str], source: str = ""
) -> list[FileRow]:
    """Return the rows, or raise with every bad one named.

    `metric` is what rows without a metric column measure; `known` gives each metric that may be measured,
    with its problem ("" for none). Bytes that are not UTF-8 are expected as lone surrogates.
    """
    if len(text) > BYTES_MAX or len(text.encode("utf-8", "surrogateescape")) > BYTES_MAX:
        raise MeasurementFileTooLargeError(
            "The file is too large.",
            why=f"One import holds at most {BYTES_MAX // 1024 // 1024} MiB.",
            fix="Split it by year, and import the parts one after the other.",
        )
    reader = _Reader(today=today, metric=metric, known=known, source=source)
    rows = reader.rows(text.removeprefix("\ufeff"))
    if reader.issues:
        raise refused(reader.issues)
    if not rows:
        raise refused([Issue("The file holds no figures.", _EXAMPLE, file=source, line=1)])
    return rows


class _Reader:
    def __init__(self, *, today: date, metric: str | None, known: Mapping[str, str], source: str) -> None:
        self._today = today
        self._metric = metric
        self._known = known
        self._source = source
        self._number = _POINT
        self._columns: list[str] = []
        self._line = 1
        self.issues: list[Issue] = []

    def rows(self, text: str) -> list[FileRow]:
        first = next((line for line in text.splitlines() if line.strip()), "")
        semicolon = ";" in first
        self._number = _COMMA if semicolon else _POINT
        source = csv.reader(io.StringIO(text, newline=""), delimiter=";" if semicolon else ",", strict=True)
        found: list[FileRow] = []
        for cells in self._lines(source):
            if not any(cell.strip() for cell in cells):
                continue
            if not self._columns:
                if not self._header([cell.strip().lower() for cell in cells]):
                    break
                continue
            if len(found) == ROWS_MAX:
                self._wrong(
                    "", f"The file has more than {ROWS_MAX:,} rows.", "Split it, and import each part."
                )
                break
            if (row := self._row([cell.strip() for cell in cells])) is not None:
                found.append(row)
        self._overlaps(found)
        return found

    def _lines(self, source: Iterator[list[str]]) -> Iterator[list[str]]:
        while True:
            try:
                cells = next(source)
            except StopIteration:
                return
            except csv.Error as error:
                self._line = max(1, getattr(source, "line_num", 1))
                self._wrong("", f"It is not readable as CSV: {error}.", "Save it as CSV (UTF-8) again.")
                return
            self._line = max(1, getattr(source, "line_num", 1))
            yield cells

    def _wrong(self, field: str, message: str, fix: str) -> None:
        self.issues.append(Issue(message, fix, field, self._source, self._line))

    def _header(self, names: list[str]) -> bool:
        before = len(self.issues)
        starts = [name for name in names if name in _STARTS]
        if len(starts) != 1:
            what = "no column" if not starts else "more than one column"
            self._wrong("", f"The first line names {what} for the week.", _EXAMPLE)
        if "value" not in names:
            self._wrong("value", "The first line names no column `value`.", _EXAMPLE)
        for name in sorted(set(names)):
            if name not in _COLUMNS:
                self._wrong(
                    _shown(name),
                    f"Nothing reads a column `{_shown(name)}`.",
                    "Remove it. The columns are week, value, and if you have them n and metric.",
                )
            elif names.count(name) > 1:
                self._wrong(name, f"The column `{name}` stands twice.", "Keep one of the two.")
        self._columns = names
        return len(self.issues) == before

    def _row(self, cells: list[str]) -> FileRow | None:
        before = len(self.issues)
        if any("\udc80" <= sign <= "\udcff" for cell in cells for sign in cell):
            self._wrong("", "The line is not UTF-8 text.", "Save the file as `CSV UTF-8`.")
            return None
        if len(cells) != len(self._columns):
            self._wrong(
                "",
                f"The line has {len(cells)} values, and the first line names {len(self._columns)} columns.",
                "Give every column a value; separate them as the first line does.",
            )
            return None
        given = dict(zip(self._columns, cells, strict=True))
        start_column = next(name for name in _STARTS if name in given)
        start = self._day(start_column, given[start_column])
        metric = self._metric_of(given.get("metric"))
        value = self._value(given["value"])
        count = self._count(given.get("n", ""))
        if start is not None and "to" in given:
            self._end(start, given["to"])
        if len(self.issues) > before or start is None:
            return None
        return FileRow(self._line, metric, start, value, count)

    def _day(self, field: str, text: str) -> date | None:
        try:
            day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None:
            self._wrong(
                field, f"`{_shown(text)}` is not a day.", "Write the week's first day, as in 2026-01-05."
            )
        elif day > self._today:
            self._wrong(
                field, f"{day} lies in the future.", "Import a week's figure once the week has begun."
            )
            return None
        elif day < _FIRST_DAY:
            self._wrong(field, f"{day} lies before 1970.", "Correct the year.")
            return None
        return day

    def _end(self, start: date, text: str) -> None:
        expected = start + WEEK - timedelta(days=1)
        if text != expected.isoformat():
            self._wrong(
                "to",
                f"`{_shown(text)}` is not the end of the week that begins on {start}.",
                f"Figures are weekly: it ends on {expected}. Leave the column out, or correct it.",
            )

    def _metric_of(self, text: str | None) -> str:
        name = text or self._metric or ""
        if not name:
            self._wrong("metric", "The line names no metric.", "Fill the column metric.")
        elif (problem := self._known.get(name)) is None:
            self._wrong(
                "metric",
                f"`{_shown(name)}` is not a metric that this import can measure.",
                f"Use one of: {', '.join(sorted(self._known)[:20])}.",
            )
        elif problem:
            self._wrong("metric", problem, "Leave its lines out.")
        return name

    def _value(self, text: str) -> float | None:
        if text.lower() == WITHDRAWN:
            return None
        value = float(text.replace(",", ".")) if self._number.fullmatch(text) else math.nan
        if math.isfinite(value) and abs(value) <= _VALUE_MAX:
            # Minus zero would be another text with the same meaning.
            return value + 0.0
        if not text:
            self._wrong("value", "There is no value.", "Leave the line out, or fill the value.")
        elif math.isnan(value):
            comma = "," in text and self._number is _POINT
            self._wrong(
                "value",
                f"`{_shown(text)}` is not a number.",
                "A decimal comma is read only where `;` separates the columns."
                if comma
                else "Write digits alone, as in 1234.5: no unit, no separator of thousands.",
            )
        else:
            self._wrong("value", f"`{_shown(text)}` is larger than can be kept.", "Use a larger unit.")
        return None

    def _count(self, text: str) -> int | None:
        if not text:
            return None
        if not _COUNT.fullmatch(text) or int(text) == 0:
            self._wrong(
                "n", f"`{_shown(text)}` is not a count.", "Write a whole number above 0, or leave it empty."
            )
            return None
        return int(text)

    def _overlaps(self, rows: Sequence[FileRow]) -> None:
        seen: dict[tuple[str, date], int] = {}
        for row in rows:
            self._line = row.line
            if (first := seen.get((row.metric, row.start))) is not None:
                self._wrong("", f"The week of {row.start} stands twice, first in line {first}.", "Keep one.")
            seen.setdefault((row.metric, row.start), row.line)


def _shown(text: str) -> str:
    """Return what a message may quote: short, and without signs that no store or terminal can hold."""
    kept = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return kept if len(kept) <= 40 else kept[:39] + "…"


def overlapping(starts: Mapping[date, int]) -> Iterator[tuple[int, date, date]]:
    """Yield (line, its week, the week it overlaps) where two weeks of one series share days.

    The value of a start is the line it comes from, 0 for one that is stored already.
    """
    ordered = sorted(starts)
    for earlier, later in pairwise(ordered):
        if later - earlier < WEEK:
            line = starts[later] or starts[earlier]
            if line:
                yield (line, later, earlier) if starts[later] else (line, earlier, later)
