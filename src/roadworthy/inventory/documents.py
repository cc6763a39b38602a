"""Pure: how entries, imports and reports read in JSON, in the same words at every door."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from roadworthy.inventory.judging import Judge
from roadworthy.inventory.report import Assessed, Report
from roadworthy.inventory.rows import RowRead
from roadworthy.inventory.taking_in import TakenIn
from roadworthy.registry.resource import Stored


def assessed_document(one: Assessed) -> dict[str, Any]:
    """Return an entry's verdict: tier, reasons, what would settle it, what is missing."""
    judged = one.judged
    return {
        "name": one.name,
        "title": one.entry.title,
        "unit": one.entry.unit,
        "stage": one.entry.stage,
        "tier": judged.tier,
        "counts_as": judged.counts_as,
        "provisional": judged.provisional,
        "could_be": judged.could_be,
        "declared_risk": one.entry.declared_risk,
        "reasons": [
            {"rule": reason.rule, "title": reason.title, "tier": reason.tier, "answers": dict(reason.answers)}
            for reason in judged.reasons
        ],
        "needs_info": [each.rule for each in judged.open],
        "questions": [each.fact for each in judged.questions],
        "obligations": [
            {"id": duty.id, "kind": duty.kind, "name": duty.name, "state": duty.state}
            for duty in judged.obligations
        ],
        "gaps": [
            {"kind": gap.kind, "id": gap.id, "what": gap.what, "next_step": gap.next_step} for gap in one.gaps
        ],
        "score": one.score,
        "promoted_to": one.promoted_to or None,
    }


def entry_document(stored: Stored[Any], one: Assessed) -> dict[str, Any]:
    """Return a registered entry with all that follows from it."""
    spec = one.entry.model_dump(mode="json")
    return {
        **assessed_document(one),
        **{
            key: value
            for key, value in spec.items()
            if key not in {"title", "unit", "stage", "declared_risk"}
        },
        "questions": [{"fact": each.fact, "question": each.text} for each in one.judged.questions],
        "namespace": stored.namespace,
        "source": stored.source,
        "generation": stored.generation,
    }


def row_document(row: RowRead, assessed: Assessed | None) -> dict[str, Any]:
    """Return what became of a row."""
    said: dict[str, Any] = {"row": row.row, "line": row.line, "status": row.status, "name": row.name}
    if row.entry is None or assessed is None:
        return {**said, "tier": None, "reasons": [], "gaps": [], "findings": ["The row is blank."]}
    return {
        **said,
        **assessed_document(assessed),
        "findings": list(row.findings),
        "facts": row.entry.model_dump(mode="json")["facts"],
        "provenance": row.entry.provenance,
    }


def report_document(found: Report) -> dict[str, Any]:
    """Return a report."""
    said = {key: value for key, value in asdict(_without_first(found)).items() if key != "first"}
    said["questions"] = [
        {"fact": fact, "question": text, "entries": times} for fact, text, times in found.questions
    ]
    said["stages"] = dict(found.stages)
    said["next_steps"] = said.pop("steps")
    said["obligations"] = [
        {**line, "without_evidence": line["entries"], "without_claim": line["entries"] - line["claimed"]}
        for line in said["obligations"]
    ]
    said["first_entries"] = [
        {
            "name": one.name,
            "title": one.entry.title,
            "unit": one.entry.unit,
            "score": one.score,
            "tier": one.judged.tier,
            "declared_risk": one.entry.declared_risk,
            "gaps": len(one.gaps),
        }
        for one in found.first
    ]
    return said


def _without_first(found: Report) -> Report:
    return replace(found, first=())


def import_document(taken: TakenIn, judge: Judge, *, file: str) -> dict[str, Any]:
    """Return a whole import: how the file was read, every row, the columns, the report."""
    return {
        "list_name": taken.mapping.list_name,
        "title": taken.mapping.title,
        "file": file,
        "sha256": taken.digest,
        "as_of": judge.as_of.isoformat(),
        "rules": judge.rulebook.version,
        "encoding": {"used": taken.source.encoding, "because": taken.source.encoding_because},
        "delimiter": taken.source.delimiter,
        "counts": taken.counts,
        "rows": [row_document(row, taken.assessed.get(row.name)) for row in taken.rows],
        "report": report_document(taken.report),
        "duplicates": [
            {"row": row.row, "of_row": other, "word_for_word": same, "name": row.name}
            for row, other, same in taken.duplicates
        ],
        "columns": [asdict(one) for one in taken.columns],
        "notes": list(taken.source.notes),
    }
