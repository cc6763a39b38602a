"""The files of the fictional company, with their days counted from today."""

from __future__ import annotations

import csv
import io
import re
from datetime import date, timedelta
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "company"
LABEL = ("sample", "demo")
_MARK = re.compile(r"@\{(?:([+-]?\d{1,4})([dw])|([a-z]+-port))\}")


def day(text: str, *, today: date) -> date:
    """Read `-14d` (that many days from today) or `-26w` (the Monday of that many weeks from this one)."""
    found = _MARK.fullmatch(f"@{{{text}}}")
    assert found is not None, f"`{text}` is not a distance in days or weeks"
    distance = int(found[1])
    if found[2] == "d":
        return today + timedelta(days=distance)
    monday = today - timedelta(days=today.weekday())
    return monday + timedelta(weeks=distance)


def filled(text: str, *, today: date, ports: dict[str, int]) -> str:
    """Put real days and ports where a file of the company holds marks."""

    def real(found: re.Match[str]) -> str:
        if found[3]:
            return str(ports[found[3]])
        return day(f"{found[1]}{found[2]}", today=today).isoformat()

    return _MARK.sub(real, text)


def manifest(name: str, *, today: date, ports: dict[str, int]) -> dict[str, str]:
    """Return a file of declarations as the API takes it."""
    text = (FOLDER / name).read_text(encoding="utf-8")
    return {"file": name, "text": filled(text, today=today, ports=ports)}


def story(name: str) -> list[dict[str, str]]:
    """Return a table of what happens in the company."""
    text = (FOLDER / "story" / f"{name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))


def weekly(metric: str, *, today: date) -> list[tuple[date, str]]:
    """Return the weekly figures of a metric, by the Monday their week starts."""
    text = (FOLDER / "measurements" / f"{metric}.csv").read_text(encoding="utf-8")
    return [(day(f"{row['week']}w", today=today), row["value"]) for row in csv.DictReader(io.StringIO(text))]
