"""Changes to usage: records arrive and are sealed, what was said ends with its retention."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from roadworthy.foundation import clock, ids
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.registry import audit
from roadworthy.registry.actor import Actor, system
from roadworthy.registry.commitment import SALT_BYTES
from roadworthy.usage import queries, seal, store
from roadworthy.usage.record import CallRecord


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came of a batch: its id and place in the audit log are empty when nothing in it was new."""

    inserted: int
    known: int
    batch_id: str = ""
    audit_seq: int | None = None


def ingest(tx: Tx, records: Sequence[CallRecord], *, source: str, now: datetime) -> Ingested:
    """Store the records that are new, and seal them as one batch; a record sent twice is stored once."""
    fresh: dict[str, tuple[dict[str, Any], CallRecord]] = {}
    said: list[dict[str, Any]] = []
    known = store.known_ids(tx, [record.id for record in records])
    for record in records:
        if record.id in known or record.id in fresh:
            continue
        committed = ""
        if record.text is not None:
            text, salt = seal.clean_text(record.text), secrets.token_bytes(SALT_BYTES)
            committed = seal.commit_text(text, salt=salt)
            said.append(
                {
                    "id": record.id,
                    "salt": salt,
                    "document": seal.text_document(text),
                    "expires_at": _ends(record, now),
                }
            )
        fresh[record.id] = (seal.row_of(record, text_commitment=committed), record)
    if not fresh:
        return Ingested(0, len(records))
    rows = [row for row, _ in fresh.values()]
    batch_id = ids.new_id("batch", at=now)
    manifest = seal.manifest_of(rows)
    digest = seal.manifest_digest(manifest)
    receipt = audit.record(
        tx,
        actor=system(f"gateway/{source}"[:120]),
        action=queries.RECORDED,
        subject=f"usage-batch/{batch_id}",
        at=now,
        content={"batch": batch_id, "count": len(rows), "digest": digest},
    )
    store.add_batch(
        tx,
        id=batch_id,
        at=now,
        source=source[:120],
        count=len(rows),
        digest=digest,
        manifest=manifest,
        audit_seq=receipt.seq,
    )
    store.add_records(tx, [{**row, "batch_id": batch_id} for row in rows])
    if said:
        store.add_texts(tx, said)
    return Ingested(len(rows), len(records) - len(rows), batch_id, receipt.seq)


def _ends(record: CallRecord, now: datetime) -> datetime:
    kept = timedelta(days=min(max(record.retention_days, 0), seal.RETENTION_DAYS_MAX))
    # From the call, not from its arrival: a spool that waited must not keep a text longer.
    called_at = min(now, datetime.fromtimestamp(min(max(record.at, 0), seal.AT_MS_MAX) / 1000, now.tzinfo))
    return called_at + kept


def ingest_into(database: Database, records: Sequence[CallRecord], *, source: str) -> None:
    """Store records in a transaction of their own: what the gateway's shipper is given."""
    with database.write() as tx:
        ingest(tx, records, source=source, now=clock.now())


def purge_texts(tx: Tx, *, now: datetime) -> int:
    """Delete what was said in calls whose retention has ended; the records stay and still prove."""
    purged = store.purge_texts(tx, until=now)
    if purged:
        audit.record(
            tx,
            actor=system("retention"),
            action="usage.texts-purged",
            subject="usage/texts",
            at=now,
            content={"count": purged, "until": now.isoformat()},
        )
    return purged


def erase_texts(tx: Tx, *, call_ids: Sequence[str], actor: Actor, now: datetime, reason: str) -> int:
    """Delete what was said in these calls before its time, with the reason in the audit log."""
    erased = store.erase_texts(tx, call_ids)
    if erased:
        audit.record(
            tx,
            actor=actor,
            action="usage.texts-erased",
            subject="usage/texts",
            at=now,
            content={"calls": sorted(call_ids), "reason": reason},
        )
    return erased
