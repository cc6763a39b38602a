"""Pure: calls added up by the hour, in figures and sketches that can be added up further."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from roadworthy.statistics.sketch import Sketch
from roadworthy.usage.seal import COLUMNS

HOUR_US = 3_600_000_000
SUMS = (
    "calls", "refusals", "errors", "input_tokens", "output_tokens", "cached_input_tokens", "cost_nano",
    "unknown_cost_calls",
)  # fmt: skip
SKETCHES = ("latency", "first_byte", "cost")
KEY = ("hour", "use_case", "principal", "model", "provider", "route", "currency", "tag")

Key = tuple[int, str, str, str, str, str, str, str]

(_AT, _PRINCIPAL, _USE_CASE, _DECISION, _ROUTE, _MODEL, _PROVIDER, _STATUS, _INPUT, _OUTPUT, _CACHED, _COST,
 _CURRENCY, _LATENCY, _FIRST_BYTE, _ERROR, _TAG) = (
    COLUMNS.index(name)
    for name in (
        "at", "principal", "use_case", "decision", "route", "model", "provider", "status", "input_tokens",
        "output_tokens", "cached_input_tokens", "cost_nano", "currency", "latency_us", "first_byte_us",
        "error", "tag",
    )
)  # fmt: skip


@dataclass(slots=True)
class Cell:
    """What the calls of one hour, use case, identity, model and route amount to. Times in microseconds."""

    calls: int = 0
    refusals: int = 0
    errors: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cost_nano: int = 0
    unknown_cost_calls: int = 0
    first_at: int = 0
    last_at: int = 0
    latency: Sketch = field(default_factory=Sketch)
    """Of calls let through, in microseconds."""
    first_byte: Sketch = field(default_factory=Sketch)
    cost: Sketch = field(default_factory=Sketch)

    def add(self, other: Cell) -> None:
        """Take in what another cell holds."""
        self.first_at = min(self.first_at, other.first_at) if self.calls else other.first_at
        self.last_at = max(self.last_at, other.last_at)
        for name in SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in SKETCHES:
            getattr(self, name).merge(getattr(other, name))


def failed(*, status: int, error: str) -> bool:
    """Did a call that was let through come to nothing?"""
    return status >= 500 or status == 429 or (status == 200 and error != "")


def tally(rows: Iterable[tuple[Any, ...]]) -> dict[Key, Cell]:
    """Add up rows of `COLUMNS` by hour and by who called what for which use."""
    cells: dict[Key, Cell] = {}
    values: dict[Key, tuple[list[int], list[int], list[int]]] = {}
    for row in rows:
        at = row[_AT]
        key = (
            at // HOUR_US * HOUR_US, row[_USE_CASE], row[_PRINCIPAL], row[_MODEL], row[_PROVIDER],
            row[_ROUTE], row[_CURRENCY], row[_TAG],
        )  # fmt: skip
        cell = cells.get(key)
        if cell is None:
            cell = cells[key] = Cell(first_at=at)
            values[key] = ([], [], [])
        cell.calls += 1
        cell.first_at = min(cell.first_at, at)
        cell.last_at = max(cell.last_at, at)
        if row[_DECISION] != "allowed":
            cell.refusals += row[_DECISION] == "refused"
            continue
        latency, first_byte, cost = values[key]
        status = row[_STATUS]
        latency.append(row[_LATENCY])
        if row[_FIRST_BYTE] is not None:
            first_byte.append(row[_FIRST_BYTE])
        if failed(status=status, error=row[_ERROR]):
            cell.errors += 1
        cell.input_tokens += row[_INPUT] or 0
        cell.output_tokens += row[_OUTPUT] or 0
        cell.cached_input_tokens += row[_CACHED] or 0
        nano = row[_COST]
        if nano is not None:
            cell.cost_nano += nano
            cost.append(nano)
        elif status == 200:
            cell.unknown_cost_calls += 1
    for key, lists in values.items():
        for name, list_of in zip(SKETCHES, lists, strict=True):
            add = getattr(cells[key], name).add
            for value in list_of:
                add(value)
    return cells
