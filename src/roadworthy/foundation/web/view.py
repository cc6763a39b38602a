"""One view, three twins. A page, its JSON and its CSV come from the same value."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypeAlias
from urllib.parse import quote

from jinja2 import Environment
from markupsafe import Markup

from roadworthy.foundation.web.formats import money_amount
from roadworthy.foundation.web.parts import (
    Cell,
    Code,
    Column,
    Crumb,
    Figure,
    Link,
    Milliseconds,
    Money,
    Spark,
    Status,
    Table,
)

__all__ = [
    "Column",
    "Crumb",
    "PaletteLink",
    "Person",
    "ShellContext",
    "Table",
    "View",
    "plain",
    "render",
    "twin_url",
]

SCHEMA_VERSION = 1
Format: TypeAlias = Literal["html", "json", "csv"]
Plain: TypeAlias = str | int | float | bool | None

_HTML = "text/html; charset=utf-8"
_JSON = "application/json"
_CSV = "text/csv; charset=utf-8"

# ASVS 1.2.10, with the full-width forms that spreadsheets read the same way and the line feed.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")
_NEGATIVE_NUMBER = re.compile(r"-\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What an endpoint answers: a page's title, its template, its model, and the table that is its twin."""

    title: str
    template: str
    model: object = None
    table: Table | None = None
    breadcrumbs: Sequence[Crumb] = ()
    active: str = ""
    """Address of the rail item this page belongs to."""
    command: str = ""
    """The `roadworthy` command that shows or does the same."""
    status: int | None = None
    """HTTP status, where it is not the route's own."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who is signed in, as the shell shows them."""

    name: str
    principal: str
    roles: Sequence[str] = ()

    @property
    def initials(self) -> str:
        """Return up to two letters for the round mark."""
        words = self.name.split() or ["?"]
        return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class PaletteLink:
    """One place the command palette can jump to."""

    title: str
    href: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellContext:
    """What the frame around every page needs to know about this request."""

    path: str
    query: str = ""
    now: datetime
    person: Person | None = None
    csrf: str = ""
    theme: Literal["", "light", "dark"] = ""
    shortcuts: bool = True
    needs_you: int = 0
    palette: Sequence[PaletteLink] = ()
    palette_url: str = ""
    """Where the palette fetches more links from: JSON with `rows` of `title`, `href`, `hint`."""
    revision: str = ""
    version: str = ""
    sample_data: bool = False
    notice: Status | None = None
    """Shown once, after a form: how it went, in a sentence."""


def render(view: View, *, fmt: Format, env: Environment, shell: ShellContext) -> tuple[bytes, str]:
    """Return a view as bytes with their media type."""
    if fmt == "json":
        return _json(view, shell), _JSON
    if fmt == "csv":
        return _csv(view).encode(), _CSV
    template = env.get_template(view.template)
    page = template.render(view=view, model=view.model, table=view.table, shell=shell, now=shell.now)
    return page.encode(), _HTML


def twin_url(path: str, query: str, fmt: Literal["json", "csv"]) -> str:
    """Return the address of a page's twin; the home page's is named for its title."""
    stem = "/needs-you" if path == "/" else path.rstrip("/")
    return f"{quote(stem, safe='/:@%')}.{fmt}" + (f"?{query}" if query else "")


def plain(cell: object) -> Plain:
    """Return a cell as a machine reads it; exact amounts are strings, so that no digit is lost."""
    if isinstance(cell, Enum):
        return plain(cell.value)
    if cell is None or isinstance(cell, bool | int):
        return cell
    if isinstance(cell, float):
        return cell if math.isfinite(cell) else None
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, Status):
        return cell.word
    if isinstance(cell, Link | Code | Spark):
        return cell.text
    if isinstance(cell, Money):
        return format(money_amount(cell.nano), "f")
    if isinstance(cell, Milliseconds):
        return plain(cell.value)
    if isinstance(cell, Decimal):
        return format(cell, "f") if cell.is_finite() else None
    return str(cell)


def _row(table: Table, row: Mapping[str, Cell]) -> dict[str, Plain]:
    values = {column.key: plain(row[column.key]) for column in table.columns}
    if any("href" in each for each in table.rows):
        values["url"] = plain(row.get("href"))
    return values


def _json(view: View, shell: ShellContext) -> bytes:
    body: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "title": view.title,
        "url": shell.path + (f"?{shell.query}" if shell.query else ""),
        "generated_at": shell.now.isoformat(),
        "model": _jsonable(view.model),
    }
    if shell.revision:
        body["revision"] = shell.revision
    if view.table is not None:
        body |= _table_json(view.table)
    return (json.dumps(body, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()


def _table_json(table: Table) -> dict[str, Any]:
    columns = [{"key": c.key, "title": c.title, "numeric": c.numeric, "unit": c.unit} for c in table.columns]
    rows = [_row(table, row) for row in table.rows]
    return {"columns": columns, "rows": rows, "next_cursor": table.next_cursor}


def _jsonable(value: object) -> Any:
    """Return a page's model as JSON values; drawings are left out, their tables are kept."""
    if isinstance(value, Table):
        return _table_json(value)
    if isinstance(value, Figure):
        return {
            "headline": value.headline,
            "subtitle": value.subtitle,
            "n": value.n,
            "fresh_at": plain(value.fresh_at),
            **_table_json(value.table),
        }
    if isinstance(value, Money):
        return {"amount": plain(value), "currency": value.currency}
    if isinstance(value, Milliseconds | Code | Spark | Markup):
        return plain(value) if not isinstance(value, Markup) else None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _jsonable(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(plain(key)): _jsonable(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        ordered = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [_jsonable(each) for each in ordered]
    return plain(value)


def _csv(view: View) -> str:
    """Return the page's table; a page without one is written as its model, one value a line."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    if view.table is None:
        writer.writerow(["key", "value"])
        writer.writerows([_csv_cell(key), _csv_cell(value)] for key, value in _flat(_jsonable(view.model)))
        return out.getvalue()
    rows = [_row(view.table, row) for row in view.table.rows]
    keys = list(rows[0]) if rows else [column.key for column in view.table.columns]
    writer.writerow(keys)
    writer.writerows([_csv_cell(row[key]) for key in keys] for row in rows)
    return out.getvalue()


def _csv_cell(value: Plain) -> str:
    """Return a value that no spreadsheet takes for a formula; a plain negative number stays a number."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    if value.startswith(_FORMULA_STARTS) and not _NEGATIVE_NUMBER.fullmatch(value):
        return "'" + value
    return value


def _flat(value: Any, prefix: str = "") -> list[tuple[str, Plain]]:
    if isinstance(value, dict):
        pairs = [(f"{prefix}.{key}" if prefix else str(key), each) for key, each in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{prefix}.{index}" if prefix else str(index), each) for index, each in enumerate(value)]
    else:
        return [(prefix, value)] if prefix else []
    return [line for key, each in pairs for line in _flat(each, key)]
