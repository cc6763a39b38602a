"""Pure: the evidence of taking in a list: which file, by which mapping, what became of its rows."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from roadworthy.evidence.fact import Fact


class ColumnFound(BaseModel):
    """What one column of the list looked like."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: str
    used_as: tuple[str, ...] = ()
    answered: int
    empty: int
    declined: int
    distinct: int
    findings: tuple[str, ...] = ()


class RowRepeated(BaseModel):
    """A row that repeats an earlier one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    row: int
    of_row: int
    word_for_word: bool
    name: str


class InventoryImported(Fact):
    """A list was taken in whole."""

    type: ClassVar[str] = "inventory-imported"
    list_name: str
    title: str
    file: str
    sha256: str
    mapping_sha256: str
    encoding: str
    encoding_because: str
    rows: int
    imported: int
    warnings: int
    attention: int
    blank: int
    created: int
    updated: int
    unchanged: int
    gone: tuple[str, ...] = ()
    """Entries that an earlier import brought and this list no longer holds; they are kept."""
    repeated: tuple[RowRepeated, ...] = ()
    columns: tuple[ColumnFound, ...] = ()
    notes: tuple[str, ...] = ()
