"""Questions about what happened, now or as of an earlier moment."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from roadworthy.evidence import store
from roadworthy.evidence.fact import F, Fact, Recorded
from roadworthy.foundation.canonical import canonical
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit
from roadworthy.registry.slice import Finding

ACTION_PREFIX = "evidence."


def of(
    tx: Tx, fact_type: type[F], subject: str | None = None, *, as_of: datetime | None = None
) -> list[Recorded[F]]:
    """Return the facts of a type, oldest first: about one subject, or about all."""
    subjects = None if subject is None else [subject]
    rows = store.read(tx, types=[fact_type.type], subjects=subjects, as_of=as_of)
    return [_recorded(row, fact_type) for row in rows]


def of_types(
    tx: Tx,
    fact_types: Sequence[type[Fact]],
    *,
    subjects: Iterable[str] | None = None,
    as_of: datetime | None = None,
) -> list[Recorded[Any]]:
    """Return the facts of several types together, oldest first."""
    by_name = {one.type: one for one in fact_types}
    rows = store.read(tx, types=by_name, subjects=subjects, as_of=as_of)
    return [_recorded(row, by_name[row.type]) for row in rows]


def _recorded(row: Any, fact_type: type[F]) -> Recorded[F]:
    fact = fact_type.model_validate(row.body)
    return Recorded(row.id, fact, row.subject, row.actor, row.at, row.audit_seq)


def verify(tx: Tx) -> Iterator[Finding]:
    """Compare every row with what the audit log sealed, and the log with the rows."""
    seen: set[int] = set()
    for rows in store.every(tx):
        sealed = audit.contents(tx, [row.audit_seq for row in rows])
        for row in rows:
            seen.add(row.audit_seq)
            what = _difference(row, sealed.get(row.audit_seq))
            if what:
                yield Finding(f"evidence {row.id}", what)
    for seq in audit.sequence(tx, action_prefix=ACTION_PREFIX):
        if seq not in seen:
            yield Finding(f"audit entry {seq}", "it seals a piece of evidence that is no longer stored")


def _difference(row: Any, sealed: dict[str, Any] | None) -> str:
    if sealed is None:
        return f"there is no audit entry {row.audit_seq}"
    if sealed["content"] is None:
        return "" if row.body is None else "it was erased from the log and is still stored here"
    said = {
        "actor": sealed["actor"],
        "at": sealed["at"],
        "object": sealed["object"],
        "action": sealed["action"],
        "content": sealed["content"],
    }
    stored = {
        "actor": row.actor,
        "at": row.at.isoformat(),
        "object": row.subject,
        "action": f"{ACTION_PREFIX}{row.type}",
        "content": {"id": row.id, "type": row.type, "body": row.body},
    }
    differing = [name for name in said if canonical(said[name]) != canonical(stored[name])]
    return f"its {', '.join(differing)} is not what audit entry {row.audit_seq} sealed" if differing else ""
