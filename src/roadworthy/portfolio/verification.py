"""Compares every imported figure with what the audit log sealed, and names those that differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from roadworthy.foundation.storage.database import Tx
from roadworthy.portfolio import seal, store
from roadworthy.portfolio.facts import WHOLE
from roadworthy.registry import audit
from roadworthy.registry.slice import Finding

PREFIX = "measurements."


def verify_measurements(tx: Tx) -> Iterator[Finding]:
    """Recompute the digest of every import, and name the altered row."""
    seen: set[int] = set()
    for row in store.every_import(tx):
        seen.add(row.audit_seq)
        entry = audit.contents(tx, [row.audit_seq]).get(row.audit_seq)
        yield from _import(tx, row, entry)
    for seq in audit.sequence(tx, action_prefix=PREFIX):
        if seq not in seen:
            yield Finding(f"audit entry {seq}", "it seals an import of measurements that is no longer stored")
    for stray in store.strays(tx):
        where = f"measurements {stray.metric} {stray.period_start}"
        yield Finding(where, f"it belongs to no import ({stray.import_id}): nobody sealed it")


def _import(tx: Tx, row: Any, entry: dict[str, Any] | None) -> Iterator[Finding]:
    where = f"measurement_imports {row.id}"
    if entry is None or not entry["action"].startswith(PREFIX):
        yield Finding(where, f"no audit entry {row.audit_seq} seals it")
        return
    stored = {"subject": row.subject, "actor": row.actor, "at": row.at.isoformat()}
    sealed = {"subject": entry["object"], "actor": entry["actor"], "at": entry["at"]}
    content = entry["content"]
    if content is not None:
        stored |= {"id": row.id, "digest": row.digest, "figures": row.figures, "source": row.source}
        sealed |= {
            "id": content.get("import"),
            "digest": content.get("digest"),
            "figures": content.get("count"),
            "source": content.get("file"),
        }
    for name, value in stored.items():
        if value != sealed[name]:
            yield Finding(f"{where}, column {name}", f"it is not what audit entry {row.audit_seq} sealed")
    if content is not None and seal.digest_of(row.manifest) != content.get("digest"):
        yield Finding(
            f"{where}, column manifest",
            "it was altered, so which of the import's figures were altered with it is not known",
        )
    yield from _figures(tx, row, where)


def _figures(tx: Tx, row: Any, where: str) -> Iterator[Finding]:
    figures = store.figures_of(tx, row.id)
    segment = row.subject if row.subject.startswith("outcome/") else WHOLE
    for line, what in seal.differences(row.manifest, figures):
        yield Finding(f"measurements {line}", f"it {what} (import {row.id})")
    for figure in figures:
        beside = (figure["segment"], figure["recorded_at"], figure["audit_seq"])
        if beside != (segment, row.at, row.audit_seq):
            yield Finding(
                f"measurements {figure['metric']} {figure['period_start']}",
                f"its segment, time or place in the log is not that of its import {row.id} ({where})",
            )
