"""Pure: what people write into a spreadsheet's cells, read as answers, days and figures."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from typing import Any, Literal

BLANK = (
    "",
    "-",
    "--",
    "n/a",
    "na",
    "n.a",
    "not applicable",
    "none",
    "null",
    "nil",
    "nan",
    "#n/a",
    "tbd",
    "unknown",
    "blank/not provided",
    "not provided",
    "not reported",
)
"""What stands in a cell where nothing was answered, in the form that `folded` gives it."""

Match = Literal["exact", "starts", "contains"]
DateOrder = Literal["mdy", "dmy"]
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—−"), "-")
_QUOTES = {ord("’"): "'", ord("‘"): "'", ord("“"): '"', ord("”"): '"'}
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=50_000)
def folded(text: str) -> str:
    """Return the form in which answers are compared: case, spaces, dashes, quotes and a last dot aside."""
    even = unicodedata.normalize("NFKC", text).translate(_DASHES).translate(_QUOTES)
    return _SPACE.sub(" ", even).strip().rstrip(".").rstrip().casefold()


def parts(text: str) -> tuple[str, ...]:
    """Return the answers of a cell that takes several: a JSON list, or split at commas, semicolons, lines."""
    stripped = text.strip()
    if stripped.startswith("["):
        try:
            listed = json.loads(stripped)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
            return tuple(one for one in listed if one.strip())
    return tuple(one.strip() for one in re.split(r"[,;\n]", stripped) if one.strip())


def find(text: str, values: Mapping[str, Any], *, match: Match) -> tuple[bool, Any]:
    """Look an answer up; return whether the mapping knows it, and what it stands for."""
    said = folded(text)
    for key, value in values.items():
        known = folded(key)
        if (
            said == known
            or (match == "starts" and said.startswith(known))
            or (match == "contains" and known in said)
        ):
            return True, value
    return False, None


def blank(text: str, more: Iterable[str] = ()) -> bool:
    """Say whether a cell holds no answer."""
    said = folded(text)
    return said in BLANK or any(said == folded(one) for one in more)


@dataclass(frozen=True, slots=True)
class Day:
    """A day, a month or a year, and what was odd about how it was written."""

    text: str
    """ISO 8601, as precise as what was written: `2024-10-01`, `2024-10`, `2024`."""
    odd: str = ""


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("jan", "january"), ("feb", "february"), ("mar", "march"), ("apr", "april"), ("may",),
            ("jun", "june"), ("jul", "july"), ("aug", "august"), ("sep", "sept", "september"),
            ("oct", "october"), ("nov", "november"), ("dec", "december"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
_WORD = r"(?P<word>[A-Za-z]{3,9})\.?"
_TIME = r"([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?"
_FORMS = tuple(
    re.compile(form + r"\Z", re.ASCII)
    for form in (
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})" + _TIME,
        r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4}|\d{2})( \d{1,2}:\d{2}(:\d{2})?)?",
        r"(?P<m>\d{1,2})[-/.](?P<y>\d{4})",
        r"(?P<y>\d{4})[-/.](?P<m>\d{1,2})",
        rf"{_WORD} (?P<d>\d{{1,2}})(st|nd|rd|th)?,? (?P<y>\d{{4}})",
        rf"(?P<d>\d{{1,2}})(st|nd|rd|th)?[- ]{_WORD}[- ,]+(?P<y>\d{{4}}|\d{{2}})",
        rf"{_WORD}[-, ]+(?P<y>\d{{4}})",
        r"(?P<y>\d{4})",
    )
)
_EPOCH = date(1899, 12, 30)  # day 0 of spreadsheets, their leap day of 1900 counted in
_SERIALS = range(20_000, 80_000)
_YEARS = range(1950, 2101)
_CENTURY_SPLIT = 70


def day(text: str, *, order: DateOrder) -> Day | None:
    """Read a day in any of the forms people write; None where it is none."""
    said = _SPACE.sub(" ", text.translate(_DASHES)).strip()
    if re.fullmatch(r"\d{5}", said, re.ASCII) and int(said) in _SERIALS:
        return Day((_EPOCH + timedelta(days=int(said))).isoformat(), "a spreadsheet's day number")
    for form in _FORMS:
        if (found := form.match(said)) is not None:
            return _day(found.groupdict(), order)
    return None


def _day(found: Mapping[str, str | None], order: DateOrder) -> Day | None:
    year = int(found["y"] or 0)
    if len(found["y"] or "") == 2:
        year += 1900 if year >= _CENTURY_SPLIT else 2000
    odd = ""
    if found.get("a"):
        first, second = int(found["a"] or 0), int(found["b"] or 0)
        month, number = (first, second) if order == "mdy" else (second, first)
        if month > 12 >= number:
            month, number = number, month
            odd = "day and month stand the other way round than elsewhere in the file"
    else:
        month, number = int(found.get("m") or 0), int(found.get("d") or 0)
    if (word := found.get("word")) is not None:
        month = _MONTHS.get(word.lower(), 13)
    try:
        whole = date(year, month or 1, number or 1)
    except ValueError:
        return None
    if number and (meant := (whole - _EPOCH).days) in _YEARS:
        # The year alone was typed into a cell that holds days: day number 2024 is 16 July 1905.
        return Day(str(meant), f"{whole} is what a spreadsheet makes of the year {meant}")
    if year not in _YEARS:
        return Day(whole.isoformat(), f"the year {year} is not plausible")
    precise = whole.isoformat()
    return Day(precise if number else precise[:7] if month else precise[:4], odd)


_NUMBER = re.compile(
    r"(?<![\w.,])(\d{1,3}(?:,\d{3})+|\d+)(?:\.(\d+))?(?![\w]*\d)\s*(k\b|thousand|m\b|million)?",
    re.IGNORECASE,
)
_SCALE = {"k": 1_000, "thousand": 1_000, "m": 1_000_000, "million": 1_000_000}


def count(text: str) -> int | None:
    """Read the one number of a text such as `about 1,200 users`; None where there is none, or several."""
    found = _NUMBER.findall(text)
    if len(found) != 1:
        return None
    whole, fraction, scale = found[0]
    if len(whole) > 12:
        return None
    figure = float(whole.replace(",", "") + (f".{fraction[:6]}" if fraction else ""))
    return round(figure * _SCALE.get(scale.lower(), 1))


_AMOUNT = re.compile(
    r"(?<![\w.])(?:[$€£]\s?\d[\d,]*(?:\.\d+)?"
    r"|\d[\d,]*(?:\.\d+)?\s?(?:%|percent\b|per cent\b|(?:staff |labor |work |person )?"
    r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|fte|dollars?|usd|eur)\b))",
    re.IGNORECASE,
)  # fmt: skip
_CHANGE = re.compile(
    r"\b(reduc|sav|increas|decreas|improv|cut|faster|fewer|less|more|from|lower|rais|accelerat|short|speed"
    r"|boost|gain|achiev|avoid|higher|drop)",
    re.IGNORECASE,
)
_NEAR = 80


def stated_benefit(text: str) -> str:
    """Return the first figure with a unit that stands near a word of change; a text without has none."""
    for found in _AMOUNT.finditer(text):
        if _CHANGE.search(text[max(0, found.start() - _NEAR) : found.end() + _NEAR]):
            return _SPACE.sub(" ", found.group()).strip()
    return ""
