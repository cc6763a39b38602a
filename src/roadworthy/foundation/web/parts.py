"""Pure: the plain values that pages are made of; a slice fills them, the kit draws them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol
from urllib.parse import parse_qsl, urlencode, urlsplit

State = Literal["good", "warn", "bad", "none", "info"]
"""How a thing stands. `none` is "no data", which is never good."""


class Drawing(Protocol):
    """A drawing by our own renderer, ready or yet to be drawn: a page asks for it when it is written."""

    def __html__(self) -> str:
        """Return the drawing as markup."""


@dataclass(frozen=True, slots=True)
class Status:
    """A word with a shape; colour only helps."""

    state: State
    word: str


@dataclass(frozen=True, slots=True)
class Link:
    """A word that leads somewhere inside the console."""

    text: str
    href: str


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in billionths of a currency unit."""

    nano: int
    currency: str


@dataclass(frozen=True, slots=True)
class Milliseconds:
    """A length of time."""

    value: float


@dataclass(frozen=True, slots=True)
class Code:
    """A name or an identifier, set in the fixed-width face."""

    text: str


@dataclass(frozen=True, slots=True)
class Spark:
    """A tiny chart in a table. `svg` comes from our own renderer; `text` says the same in words."""

    svg: Drawing
    text: str


Cell = (
    str
    | int
    | float
    | Decimal
    | bool
    | date
    | datetime
    | Status
    | Link
    | Money
    | Milliseconds
    | Code
    | Spark
    | None
)
"""What may stand in a table. None means "no data" and is shown as such."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column; `key` is its name in JSON and CSV and ends with the unit (`cost_eur`, `latency_ms_p95`)."""

    key: str
    title: str
    numeric: bool = False
    unit: str = ""
    sortable: bool = False
    decimals: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows by column key. A row's `href`, if it has one, is the address of what the row is about."""

    columns: Sequence[Column]
    rows: Sequence[Mapping[str, Cell]]
    caption: str = ""
    url: str = ""
    """Address of this page with its query; needed for sort links and for the pager."""
    sort: str = ""
    """`key` ascending, `-key` descending."""
    next_cursor: str | None = None
    previous_url: str | None = None
    empty: Empty | None = None

    def __post_init__(self) -> None:
        keys = {column.key for column in self.columns}
        assert len(keys) == len(self.columns), "two columns have the same key"
        for row in self.rows:
            assert keys <= row.keys(), f"a row lacks {', '.join(sorted(keys - row.keys()))}"

    def direction(self, column: Column) -> Literal["ascending", "descending"] | None:
        """Say how the table is sorted by this column, if it is."""
        if self.sort.removeprefix("-") != column.key:
            return None
        return "descending" if self.sort.startswith("-") else "ascending"

    def sort_url(self, column: Column) -> str:
        """Return the address that sorts by this column, or turns its order round; paging starts anew."""
        ascending = self.direction(column) == "ascending"
        return with_query(self.url, sort=f"-{column.key}" if ascending else column.key, cursor=None)

    @property
    def next_url(self) -> str | None:
        """Return the address of the next rows."""
        return with_query(self.url, cursor=self.next_cursor) if self.next_cursor else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Empty:
    """What an empty list teaches: one sentence, one command, one link."""

    sentence: str
    command: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Crumb:
    """One step of the way to this page; the page itself is not among them."""

    title: str
    href: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One view of the same thing; each has its own address."""

    title: str
    href: str
    current: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart with its sentence and its numbers. `svg` comes from our own renderer, never from a person."""

    headline: str
    subtitle: str
    svg: Drawing
    table: Table
    n: str
    """Out of how much: `52 weeks`, `1,204 calls`."""
    fresh_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold: how it stands, why, and what to do next."""

    status: Status
    what: str
    why: str = ""
    next_step: str = ""
    link: Link | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, on a timeline."""

    at: datetime
    what: str
    state: State = "info"
    by: str = ""
    why: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stat:
    """One number with what it means."""

    label: str
    value: str
    unit: str = ""
    status: Status | None = None
    note: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Option:
    """One choice of a select."""

    value: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One way to narrow a list; its state lives in the query string."""

    name: str
    label: str
    value: str = ""
    options: Sequence[Option] = ()
    """Without options it is a text field."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListPage:
    """The model of `table_page.html`."""

    lead: str = ""
    filters: Sequence[Filter] = ()
    action: Link | None = None
    stats: Sequence[Stat] = ()


@dataclass(frozen=True, slots=True)
class DiffLine:
    """One line of a difference."""

    change: Literal["added", "removed", "same"]
    text: str
    at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What a slice adds to the page of a declared resource: a table, with sentences around it."""

    title: str
    sentences: Sequence[str] = ()
    table: Table | None = None
    notes: Sequence[str] = ()
    command: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourcePage:
    """The model of `resource.html`: any declared resource, on the tab named by `tab`."""

    kind: str
    name: str
    tab: Literal["overview", "yaml", "history", "diff"]
    tabs: Sequence[Tab]
    summary: str = ""
    status: Status | None = None
    facts: Sequence[tuple[str, Cell]] = ()
    spec: Sequence[tuple[str, Cell]] = ()
    checks: Sequence[Check] = ()
    notes: Sequence[tuple[Status, str]] = ()
    yaml: str = ""
    diff: Sequence[DiffLine] = ()
    diff_title: str = ""
    action: Link | None = None
    sections: Sequence[Section] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorPage:
    """The model of `error.html`."""

    status: int
    what: str
    why: str = ""
    fix: str = ""
    code: str = ""
    trace_id: str = ""
    issues: Sequence[tuple[str, str]] = ()
    links: Sequence[Link] = field(default=(Link("Go to Needs you", "/"),))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInPage:
    """The model of `sign_in.html`."""

    action: str = "/sign-in"
    command: str = "roadworthy sign-in-link"
    next_path: str = ""
    problem: str = ""


def with_query(url: str, **changes: str | None) -> str:
    """Return the address with query parameters set, or taken away with None."""
    parts = urlsplit(url)
    kept = [(key, value) for key, value in parse_qsl(parts.query) if key not in changes]
    query = urlencode([*kept, *((key, value) for key, value in changes.items() if value is not None)])
    return f"{parts.path}?{query}" if query else parts.path
