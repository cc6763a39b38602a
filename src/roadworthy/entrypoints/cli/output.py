"""Data for people and for programs: table, json, yaml, name and csv on standard output."""

from __future__ import annotations

import json
import os
import sys
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import click

FORMATS = ("table", "json", "yaml", "name", "csv")
SCHEMA_VERSION = 1
_CELL_MAX = 64

Row = Mapping[str, Any]


def formats(*allowed: str) -> Callable[[Any], Any]:
    """Give a command its `-o`."""
    choices = allowed or FORMATS
    return click.option(
        "-o", "--output", "fmt", type=click.Choice(choices), default=choices[0], help="How to print it."
    )


def colored(stream: Any = None) -> bool:
    """Say whether color reaches a person's eyes here."""
    stream = stream or sys.stdout
    wanted = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return wanted and bool(getattr(stream, "isatty", lambda: False)())


def say(text: str) -> None:
    """Write what is not data: progress, hints, warnings."""
    click.echo(text, err=True, color=colored(sys.stderr))


def style(text: str, **how: Any) -> str:
    """Color a text where that is wanted."""
    return click.style(text, **how)


def data(text: str) -> None:
    """Write data, whole, at the end of a command that succeeded."""
    try:
        click.echo(text.rstrip("\n"), color=colored())
    except BrokenPipeError as error:
        # Whoever read us has seen enough. What is still in the buffer must go somewhere at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.exceptions.Exit(0) from error


def as_json(value: Any) -> str:
    """Write a JSON document; an object carries the version of its form."""
    shown = {"schema_version": SCHEMA_VERSION, **value} if isinstance(value, dict) else value
    return json.dumps(shown, indent=2, ensure_ascii=False)


def as_yaml(value: Any) -> str:
    """Write YAML that Roadworthy reads back to the same values."""
    from roadworthy.registry.manifest import source_text

    return source_text([("", value)])


def printable(value: Any) -> str:
    """Write a value on one line; control characters cannot move a terminal's cursor."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    text = _text(value)
    return "".join(
        " " if char in "\n\t\r" else char if unicodedata.category(char)[0] != "C" else "�" for char in text
    )


def _text(value: Any) -> str:
    """Write a text as it is, a list of texts with commas, and anything deeper as JSON."""
    if isinstance(value, list | tuple) and all(isinstance(one, str) for one in value):
        return ", ".join(value) or "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Write aligned columns under upper-case headings."""
    headings = [column.replace("_", " ").upper() for column in columns]
    cells = [[_fitted(column, printable(row.get(column))) for column in columns] for row in rows]
    widths = [
        max(len(heading), *(len(line[place]) for line in cells)) if cells else len(heading)
        for place, heading in enumerate(headings)
    ]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in [headings, *cells]
    ]
    return "\n".join([click.style(lines[0], bold=True), *lines[1:]])


def _fitted(column: str, text: str) -> str:
    """Cut what is long; a command is copied, so it stays whole."""
    return text if column == "do" or len(text) <= _CELL_MAX else text[: _CELL_MAX - 1] + "…"


def as_csv(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Write CSV in which no cell is taken for a formula."""
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out)  # its line ends make it quote both CR and LF
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_harmless(row.get(column)) for column in columns])
    return out.getvalue()


def _harmless(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return "" if value is None else value
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    text = _text(value)
    return "'" + text if text[:1] in {"=", "+", "-", "@", "\t", "\r", "\x00"} else text


def show_rows(
    fmt: str, columns: Sequence[str], rows: Sequence[Row], *, whole: Any, name: str = "name", empty: str = ""
) -> None:
    """Print a list in the form asked for; `whole` is what json and yaml show."""
    if fmt == "json":
        data(as_json(whole))
    elif fmt == "yaml":
        data(as_yaml(whole))
    elif fmt == "name":
        for row in rows:
            data(printable(row.get(name)))
    elif fmt == "csv":
        data(as_csv(columns, rows))
    elif rows:
        data(as_table(columns, rows))
    else:
        say(empty or "Nothing to show.")


def show(fmt: str, value: Any, text: Callable[[], str]) -> None:
    """Print one thing: as json, as yaml, or as the text for people."""
    if fmt == "json":
        data(as_json(value))
    elif fmt == "yaml":
        data(as_yaml(value))
    else:
        data(text())
