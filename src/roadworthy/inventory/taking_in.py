"""Pure: a file and a mapping in; rows, verdicts, the state of the columns and the report out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from hashlib import sha256

from roadworthy.inventory import columns, source_file
from roadworthy.inventory import mapping as mappings
from roadworthy.inventory import report as reports
from roadworthy.inventory import rows as reading
from roadworthy.inventory.columns import ColumnQuality
from roadworthy.inventory.judging import Judge
from roadworthy.inventory.mapping import InventoryMapping
from roadworthy.inventory.report import Assessed, Report
from roadworthy.inventory.rows import RowRead
from roadworthy.inventory.source_file import SourceFile


@dataclass(frozen=True, slots=True)
class TakenIn:
    """A list, read whole."""

    mapping: InventoryMapping
    source: SourceFile
    rows: tuple[RowRead, ...]
    assessed: dict[str, Assessed]
    """By name."""
    columns: tuple[ColumnQuality, ...]
    report: Report
    digest: str
    """SHA-256 of the file."""
    mapping_digest: str

    @property
    def counts(self) -> dict[str, int]:
        """Say what became of the rows; the parts add up to all of them."""
        counted = Counter(row.status for row in self.rows)
        return {
            "rows": len(self.rows),
            **{status: counted[status] for status in ("imported", "warnings", "attention", "blank")},
        }

    @property
    def duplicates(self) -> list[tuple[RowRead, int, bool]]:
        """Return rows that repeat an earlier one: the row, the earlier row, whether word for word."""
        return [
            (row, row.same_as or row.same_name_as, bool(row.same_as))
            for row in self.rows
            if row.same_as or row.same_name_as
        ]


def take_in(content: bytes, *, mapping_text: str, mapping_file: str, judge: Judge) -> TakenIn:
    """Read a list whole; a wrong mapping is refused, what is wrong with a row is said of it."""
    mapping = mappings.read(mapping_text, file=mapping_file)
    if issues := mappings.problems_with_facts(mapping, judge.problem, file=mapping_file):
        raise mappings.refused(issues, mapping_file)
    source = source_file.read(content, encoding=mapping.encoding, delimiter=mapping.delimiter)
    read = tuple(reading.read_rows(mapping, source, file=mapping_file))
    assessed = {row.name: reports.assess(row.name, row.entry, judge) for row in read if row.entry is not None}
    return TakenIn(
        mapping=mapping,
        source=source,
        rows=read,
        assessed=assessed,
        columns=tuple(columns.quality(source, mapping, mappings.locate(mapping, source))),
        report=reports.report(list(assessed.values()), judge),
        digest=sha256(content).hexdigest(),
        mapping_digest=sha256(mapping_text.encode()).hexdigest(),
    )
