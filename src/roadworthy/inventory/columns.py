"""Pure: what the columns of a list look like: how full, how evenly written, what was odd."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from roadworthy.inventory import answers
from roadworthy.inventory.mapping import InventoryMapping
from roadworthy.inventory.source_file import SourceFile

_FEW = 40
_LONG = 200


@dataclass(frozen=True, slots=True)
class ColumnQuality:
    """One column of a list."""

    header: str
    used_as: tuple[str, ...]
    """What the mapping calls it; none where it is only kept."""
    answered: int
    empty: int
    """Cells with nothing or only spaces in them."""
    declined: int
    """Cells that say that they say nothing: `N/A`, `None`, `-`."""
    distinct: int
    findings: tuple[str, ...]


def quality(
    source: SourceFile, mapping: InventoryMapping, places: dict[str, int | None]
) -> list[ColumnQuality]:
    """Return every column of the list."""
    uses: dict[int, list[str]] = {}
    for alias, place in places.items():
        if place is not None:
            uses.setdefault(place, []).append(alias)
    rows = [row.cells for row in source.rows if not row.blank]
    return [
        _column(
            header,
            [cells[place] if place < len(cells) else "" for cells in rows],
            used_as=tuple(uses.get(place, ())),
            more=mapping.blank,
        )
        for place, header in enumerate(source.headers)
    ]


def _column(
    header: str, cells: Sequence[str], *, used_as: tuple[str, ...], more: Iterable[str]
) -> ColumnQuality:
    counted = Counter(cells)
    empty = sum(times for cell, times in counted.items() if not cell.strip())
    declined = {cell: times for cell, times in counted.items() if cell.strip() and answers.blank(cell, more)}
    answered = len(cells) - empty - sum(declined.values())
    findings = []
    if cells and not answered:
        findings.append("Nobody answered it.")
    if len(declined) > 1:
        shown = ", ".join(f"`{one.strip()[:30]}`" for one, _ in Counter(declined).most_common(4))
        findings.append(f"{len(declined)} ways to say nothing: {shown}.")
    findings += _spellings({one: n for one, n in counted.items() if one.strip() and one not in declined})
    padded = sum(times for cell, times in counted.items() if cell.strip() and cell != cell.strip())
    if padded:
        findings.append(f"{padded:,} cells begin or end with spaces or line breaks.")
    torn = sum(times for cell, times in counted.items() if "\N{REPLACEMENT CHARACTER}" in cell)
    if torn:
        findings.append(f"{torn:,} cells hold characters that could not be read.")
    return ColumnQuality(
        header, used_as, answered, empty, sum(declined.values()), len(counted), tuple(findings)
    )


def _spellings(counted: dict[str, int]) -> list[str]:
    """Name the answers that are one answer written in several ways."""
    by_form: dict[str, list[str]] = {}
    for cell in counted:
        if len(cell) <= _LONG:
            by_form.setdefault(answers.folded(cell), []).append(cell)
    several = [sorted(group) for group in by_form.values() if len(group) > 1]
    if not several or len(by_form) > _FEW:
        return []
    count = "1 answer is" if len(several) == 1 else f"{len(several)} answers are"
    example = ", ".join(
        f"`{one.strip()[:40]}`" if one == one.strip() else f"`{one[:40]!r}`" for one in several[0][:3]
    )
    return [f"{count} written in several ways: {example}."]
