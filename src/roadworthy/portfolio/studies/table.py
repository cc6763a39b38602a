"""Pure: reads a table of figures as people save them; each cell that cannot be read is named by its row."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

import numpy as np

from roadworthy.foundation.errors import InvalidError, Issue, TooLargeError
from roadworthy.statistics.linear_model import Indices, Vector

BYTES_MAX = 256 * 1024 * 1024
ROWS_MAX = 2_000_000
ISSUES_MAX = 20
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", ".", "-", "#n/a", "#value!"})
_DELIMITERS = (",", ";", "\t", "|")
_POINT = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_COMMA = re.compile(r"[+-]?(\d+[.,]?\d*|[.,]\d+)([eE][+-]?\d{1,3})?", re.ASCII)
_DAY = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_MONTH = re.compile(r"(\d{4})-(\d{2})", re.ASCII)
_QUARTER = re.compile(r"(\d{4})-?[Qq]([1-4])", re.ASCII)
_YES, _NO = frozenset({"1", "1.0", "true", "yes"}), frozenset({"0", "0.0", "false", "no"})


class StudyDataError(InvalidError):
    """A table of figures cannot be used for a study; each wrong row or column is named."""

    code = "study-data"


class StudyDataTooLargeError(TooLargeError):
    """A table of figures is larger than a study reads."""

    code = "study-data-too-large"


@dataclass(frozen=True, slots=True)
class Table:
    """Cells as text, column by column; `lines` says on which line of the file a row stands."""

    file: str
    columns: Mapping[str, tuple[str, ...]]
    lines: tuple[int, ...]
    decimal_comma: bool

    def __len__(self) -> int:
        return len(self.lines)

    def missing_column(self, name: str, field: str) -> Issue | None:
        """Say that there is no such column, with the nearest one; None where there is."""
        if name in self.columns:
            return None
        near = get_close_matches(name, self.columns, n=1, cutoff=0.5)
        known = ", ".join(f"`{one}`" for one in list(self.columns)[:12])
        fix = f"Did you mean `{near[0]}`?" if near else f"Its columns are {known}."
        return Issue(f"The table has no column `{_shown(name)}`.", fix, field, self.file, 1)

    def where(self, wanted: Mapping[str, Iterable[str]]) -> Table:
        """Only the rows whose cells are among the values wanted; numbers are compared as numbers."""
        keep = [True] * len(self)
        for name, values in wanted.items():
            same = {_plain(value) for value in values}
            keep = [k and _plain(cell) in same for k, cell in zip(keep, self.columns[name], strict=True)]
        return self.rows([index for index, kept in enumerate(keep) if kept])

    def rows(self, indices: Sequence[int]) -> Table:
        """These rows alone."""
        columns = {name: tuple(cells[i] for i in indices) for name, cells in self.columns.items()}
        return Table(self.file, columns, tuple(self.lines[i] for i in indices), self.decimal_comma)

    def complete(self, names: Iterable[str]) -> Table:
        """The rows in which none of these columns is empty."""
        columns = [self.columns[name] for name in dict.fromkeys(names)]
        if not any(is_missing(cell) for cells in columns for cell in cells):
            return self
        good = [i for i in range(len(self)) if not any(is_missing(cells[i]) for cells in columns)]
        return self.rows(good)

    def numbers(self, name: str, *, positive: str = "") -> Vector:
        """A column of finite numbers; `positive` is why each has to be above 0. Shape (rows,)."""
        pattern = _COMMA if self.decimal_comma else _POINT
        values, issues = np.empty(len(self)), []
        for index, cell in enumerate(self.columns[name]):
            value = float(cell.replace(",", ".")) if pattern.fullmatch(cell) else math.nan
            values[index] = value
            if not math.isfinite(value):
                issues.append(self._issue(index, name, *_not_a_number(cell, comma=self.decimal_comma)))
            elif positive and value <= 0:
                issues.append(self._issue(index, name, f"`{_shown(cell)}` is not above 0.", positive))
            if len(issues) > ISSUES_MAX:
                break
        if issues:
            raise refused(self.file, issues)
        return values

    def codes(self, name: str) -> tuple[Indices, tuple[str, ...]]:
        """A column of names as numbers from 0, and the names in order."""
        labels, codes = np.unique(
            np.array([_plain(cell) for cell in self.columns[name]]), return_inverse=True
        )
        return np.asarray(codes, dtype=np.int64).reshape(-1), tuple(str(label) for label in labels)

    def flags(self, name: str, treated: str | None = None, control: str | None = None) -> Vector:
        """A column of yes and no as 1 and 0; `treated` and `control` name the values of a column of arms."""
        yes = _YES if treated is None else {_plain(treated)}
        no = _NO if treated is None else None if control is None else {_plain(control)}
        values, issues = np.empty(len(self)), []
        for index, cell in enumerate(self.columns[name]):
            word = _plain(cell)
            if word in yes:
                values[index] = 1.0
            elif no is None or word in no:
                values[index] = 0.0
            else:
                known = "1 or 0, yes or no, true or false" if treated is None else f"{treated} or {control}"
                issues.append(
                    self._issue(
                        index,
                        name,
                        f"`{_shown(cell)}` does not say whether the row was treated.",
                        f"Write {known}; or name `treated:` and `control:`; `where:` leaves other arms out.",
                    )
                )
            if len(issues) > ISSUES_MAX:
                break
        if issues:
            raise refused(self.file, issues)
        return values

    def instants(self, name: str) -> tuple[float, ...]:
        """A column of times as sortable numbers: numbers, days, months (2026-03) or quarters (2026Q1)."""
        found, issues = [], []
        for index, cell in enumerate(self.columns[name]):
            value = instant(cell)
            if value is None:
                issues.append(
                    self._issue(
                        index,
                        name,
                        f"`{_shown(cell)}` is not a time.",
                        "Write a number, 2026-03-02, 2026-03 or 2026Q1; or list the times in their order "
                        "as `times:` in the design.",
                    )
                )
                if len(issues) > ISSUES_MAX:
                    break
            else:
                found.append(value)
        if issues:
            raise refused(self.file, issues)
        return tuple(found)

    def _issue(self, index: int, name: str, message: str, fix: str) -> Issue:
        return Issue(message, fix, name, self.file, self.lines[index])


def refused(file: str, issues: Sequence[Issue]) -> StudyDataError:
    """The error that names what is wrong, up to a number that a person can still read."""
    shown = list(issues[:ISSUES_MAX])
    more = f" and more; the first {ISSUES_MAX} are named" if len(issues) > ISSUES_MAX else ""
    return StudyDataError(
        f"{file or 'The table'} cannot be used.",
        why="; ".join(f"{one.where()}: {one.message.rstrip('.')}" for one in shown[:3]) + more + ".",
        fix=shown[0].fix,
        issues=shown,
    )


def _not_a_number(cell: str, *, comma: bool) -> tuple[str, str]:
    if not comma and _COMMA.fullmatch(cell):
        return (
            f"`{_shown(cell)}` is not a number.",
            "A decimal comma is read only where `;` or a tab separates the columns.",
        )
    return (
        f"`{_shown(cell)}` is not a number.",
        "Write digits alone, as in 1234.5: no unit, no separator of thousands. Leave unknown cells empty.",
    )


def is_missing(cell: str) -> bool:
    """Whether a cell says that nothing is known."""
    return cell.lower() in MISSING


def instant(cell: str) -> float | None:
    """A time as a number that sorts: itself, the day, the month or the quarter; None for anything else."""
    if _POINT.fullmatch(cell):
        return float(cell)
    if found := _DAY.fullmatch(cell):
        try:
            return float(date(int(found[1]), int(found[2]), int(found[3])).toordinal())
        except ValueError:
            return None
    if (found := _MONTH.fullmatch(cell)) and 1 <= int(found[2]) <= 12:
        return float(int(found[1]) * 12 + int(found[2]) - 1)
    if found := _QUARTER.fullmatch(cell):
        return float(int(found[1]) * 4 + int(found[2]) - 1)
    return None


def _plain(cell: str) -> str:
    """A value as it is compared: 1, 1.0 and 1.00 are one, and case does not matter."""
    text = str(cell).strip()
    if _POINT.fullmatch(text):
        number = float(text)
        return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
    return text.casefold()


def _shown(text: str) -> str:
    kept = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return kept if len(kept) <= 40 else kept[:39] + "…"


def read(raw: bytes, *, file: str) -> Table:
    """Read a CSV: UTF-8, the first line names the columns, comma, semicolon, tab or bar between cells."""
    if len(raw) > BYTES_MAX:
        raise StudyDataTooLargeError(
            f"{file} is too large.",
            why=f"A study reads up to {BYTES_MAX // 1024 // 1024} MiB.",
            fix="Leave out columns that the design does not name, or add up rows.",
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        issue = Issue("The line is not UTF-8 text.", "Save the file as `CSV UTF-8`.", "", file, line)
        raise refused(file, [issue]) from error
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    rows: list[list[str]] = []
    lines: list[int] = []
    issues: list[Issue] = []
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if not header:
                header = [cell.strip() for cell in cells]
                issues += _header_issues(header, file, reader.line_num)
            elif len(cells) != len(header):
                message = f"The row has {len(cells)} cells, and the first line names {len(header)} columns."
                fix = "Give every column a cell; put texts that hold a separator in quotes."
                issues.append(Issue(message, fix, "", file, reader.line_num))
            else:
                rows.append([cell.strip() for cell in cells])
                lines.append(reader.line_num)
            if len(issues) > ISSUES_MAX or len(rows) > ROWS_MAX:
                break
    except csv.Error as error:
        issues.append(
            Issue(f"It is not readable as CSV: {error}.", "Save it anew.", "", file, reader.line_num)
        )
    if not issues and not rows:
        fix = "The first line names the columns; each further line is a row."
        issues.append(Issue("The file holds no figures.", fix, "", file, 1))
    if issues:
        raise refused(file, issues)
    if len(rows) > ROWS_MAX:
        raise StudyDataTooLargeError(
            f"{file} has more than {ROWS_MAX:,} rows.", fix="Add up rows to one for each unit and time."
        )
    columns = {name: tuple(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}
    return Table(file, columns, tuple(lines), decimal_comma=delimiter in {";", "\t"})


def _header_issues(header: list[str], file: str, line: int) -> list[Issue]:
    twice = sorted({name for name in header if name and header.count(name) > 1})
    return [
        Issue(f"The column `{_shown(name)}` stands twice.", "Give each its own name.", name, file, line)
        for name in twice
    ] + [
        Issue(f"Column {index + 1} has no name.", "Name it in the first line.", "", file, line)
        for index, name in enumerate(header)
        if not name
    ]
