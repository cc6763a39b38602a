"""What the API and the pages share: how a file comes in, and who may bring it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from roadworthy.foundation.errors import ForbiddenError, InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.portfolio import operations
from roadworthy.portfolio.operations import Imported
from roadworthy.registry import queries as registry
from roadworthy.registry.door import actor_of, clean
from roadworthy.use_cases.kinds import METRIC, OUTCOME


def as_text(content: bytes) -> str:
    """Return a body as text; bytes that are not UTF-8 stay as lone surrogates, for the reader to name."""
    return content.decode("utf-8", "surrogateescape")


def import_file(
    tx: Tx, call: Call, *, content: bytes, outcome: str = "", metric: str = "", source: str = ""
) -> Imported:
    """Import a file for somebody who may measure in the unit that owns the outcome or the metric."""
    clean(outcome + metric)
    if bool(outcome) == bool(metric):
        raise InvalidError(
            "Say what was measured: an outcome or a metric.",
            fix="Add ?outcome=NAME or ?metric=NAME to the address, one of the two.",
        )
    owner = registry.get(tx, OUTCOME, outcome) if outcome else registry.get(tx, METRIC, metric)
    if not may_measure(call, owner.namespace):
        raise ForbiddenError(
            f"{call.who.principal} may not import measurements here.",
            why=f"{owner.ref} belongs to the unit {owner.namespace}, and no role of yours carries "
            "`measure.import` there.",
            fix="Ask its owner to import them, or an administrator for a role binding on that unit.",
        )
    return operations.import_csv(
        tx,
        text=as_text(content),
        outcome=outcome,
        metric=metric,
        source=source,
        actor=actor_of(call),
        now=call.now,
    )


def may_measure(call: Call, namespace: str) -> bool:
    """Say whether the caller may import figures of what this unit owns."""
    return call.who.may("measure.import", namespace=namespace)


def import_document(done: Imported) -> dict[str, Any]:
    """Return what an import did, as the API says it."""
    said = asdict(done)
    said["import"] = said.pop("import_id")
    said["warnings"] = [
        {"line": one.line, "field": one.field, "message": one.message, "fix": one.fix}
        for one in done.warnings
    ]
    return said


def import_sentence(done: Imported) -> str:
    """Return what an import did, as a person reads it."""
    if done.status == "unchanged":
        return f"Nothing changed: all {done.rows:,} figures were known already."
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (done.added, "added"),
            (done.corrected, "corrected"),
            (done.withdrawn, "taken back"),
            (done.unchanged, "known already"),
        )
        if count
    ]
    odd = f" Look at line {done.warnings[0].line}: {done.warnings[0].message}" if done.warnings else ""
    return f"Imported: {', '.join(parts)}.{odd}"
