"""Changes to usage: records arrive and are sealed, what was said ends with its retention."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from roadworthy.foundation import clock, ids
from roadworthy.foundation.errors import ForbiddenError
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.registry import audit
from roadworthy.registry.actor import Actor, system
from roadworthy.registry.commitment import SALT_BYTES, commit
from roadworthy.usage import attempt_store, drafted, queries, rollup_store, seal, store, tally
from roadworthy.usage.record import CallRecord, LoggedText


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came of a batch: its id and place in the audit log are empty when nothing in it was new."""

    inserted: int
    known: int
    batch_id: str = ""
    audit_seq: int | None = None


Hook = Callable[[Tx, Sequence[CallRecord]], None]
"""What else happens, once for each record, in the transaction that stores it."""


def ingest(
    tx: Tx, records: Sequence[CallRecord], *, source: str, now: datetime, hooks: Sequence[Hook] = ()
) -> Ingested:
    """Store the records that are new, and seal them as one batch; a record sent twice is stored once."""
    said: list[dict[str, Any]] = []
    rows: dict[str, tuple[Any, ...]] = {}
    documents: dict[str, bytes] = {}
    columns = [seal.columns_of(record) for record in records]
    known = store.known_ids(tx, [row[0] for row in columns])
    fresh: list[CallRecord] = []
    for record, row in zip(records, columns, strict=True):
        name = row[0]
        if name in known or name in rows:
            continue
        committed = ""
        if record.text is not None:
            text, salt = seal.clean_text(record.text), secrets.token_bytes(SALT_BYTES)
            committed = seal.commit_text(text, salt=salt)
            said.append(
                {
                    "id": name,
                    "salt": salt,
                    "document": seal.text_document(text),
                    "expires_at": _ends(record, now),
                }
            )
        rows[name] = row
        documents[name] = seal.document_of(record, text_commitment=committed)
        fresh.append(record)
    if not rows:
        return Ingested(0, len(records))
    batch_id = ids.new_id("batch", at=now)
    manifest = seal.manifest_of((name, seal.digest_of_document(doc)) for name, doc in documents.items())
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
    store.add_records(tx, [(*row, documents[name], batch_id) for name, row in rows.items()])
    attempt_store.add(tx, fresh)
    rollup_store.add(tx, tally.tally(rows.values()))
    if said:
        store.add_texts(tx, said)
    for hook in hooks:
        hook(tx, fresh)
    return Ingested(len(rows), len(records) - len(rows), batch_id, receipt.seq)


def _ends(record: CallRecord, now: datetime) -> datetime:
    kept = timedelta(days=min(max(record.retention_days, 0), seal.RETENTION_DAYS_MAX))
    # From the call, not from its arrival: a spool that waited must not keep a text longer.
    called_at = min(now, datetime.fromtimestamp(min(max(record.at, 0), seal.AT_MS_MAX) / 1000, now.tzinfo))
    return called_at + kept


def ingest_into(
    database: Database, records: Sequence[CallRecord], *, source: str, hooks: Sequence[Hook] = ()
) -> None:
    """Store records in a transaction of their own: what the gateway's shipper is given."""
    with database.write() as tx:
        ingest(tx, records, source=source, now=clock.now(), hooks=hooks)


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


def purge_records(tx: Tx, *, now: datetime, days: int, limit: int = 50) -> int:
    """Delete what is known of calls that arrived longer ago; return how many batches went.

    The batch and its place in the log stay, and the log says what was deleted: it verifies without them.
    """
    until = now - timedelta(days=days)
    names, gone = store.purge_batches(tx, until=until, limit=limit)
    hours = rollup_store.forget(tx, before=until)
    if names or hours:
        audit.record(
            tx,
            actor=system("retention"),
            action=queries.PURGED,
            subject="usage/records",
            at=now,
            content={"batches": names, "records": gone, "hours": hours, "until": until.isoformat()},
        )
    return len(names)


def read_said(
    tx: Tx, call_id: str, *, actor: Actor, now: datetime, use_cases: Collection[str] | None = None
) -> queries.Said:
    """Return what was said in a call, and put into the log who read it."""
    found = queries.said(tx, call_id, use_cases=use_cases)
    call = queries.trace(tx, found.call_id, use_cases=use_cases)
    if call.draft == "withheld" and call.principal == actor.principal:
        raise ForbiddenError(
            f"{actor.principal} may not read what was said in call `{found.call_id}`.",
            why="Its answer is withheld from whoever made the call until somebody else releases it.",
            fix="Ask the gateway for the draft once it is released.",
        )
    audit.record(
        tx, actor=actor, action="usage.content-read", subject=f"trace/{found.call_id}", at=now, content={}
    )
    return found


def search_said(
    tx: Tx,
    narrowed: queries.TraceFilter,
    *,
    actor: Actor,
    now: datetime,
    before: str = "",
    limit: int = 50,
    use_cases: Collection[str] | None = None,
) -> queries.Traces:
    """Return a page of the calls in which words were said, and put into the log who looked for how many.

    The words themselves are not in the log: they may be what must not be kept.
    """
    found = queries.traces(tx, narrowed, before=before, limit=limit, use_cases=use_cases)
    audit.record(
        tx,
        actor=actor,
        action="usage.content-searched",
        subject="usage/texts",
        at=now,
        content={"calls": [line.id for line in found.lines], "use_case": narrowed.use_case},
    )
    return found


def note_replayed(tx: Tx, *, calls: int, days: int, actor: Actor, now: datetime) -> None:
    """Put into the log who had filters read what was said in how many calls; nobody was shown it."""
    audit.record(
        tx,
        actor=actor,
        action="usage.content-replayed",
        subject="usage/texts",
        at=now,
        content={"calls": calls, "days": days},
    )


def keep_edited(tx: Tx, draft_id: str, text: str, *, expires_at: datetime) -> str:
    """Keep an answer as a person changed it, as long as the text of its call; return the commitment to it."""
    salt = secrets.token_bytes(SALT_BYTES)
    document = seal.text_document(seal.clean_text(LoggedText(draft=text)))
    store.add_texts(tx, [{"id": draft_id, "salt": salt, "document": document, "expires_at": expires_at}])
    return commit(salt, document)


def erase_texts(tx: Tx, *, call_ids: Sequence[str], actor: Actor, now: datetime, reason: str) -> int:
    """Delete what was said in these calls before its time, with the reason in the audit log."""
    # What a person made of an answer goes with it: its text is kept under the draft's id.
    edited = [drafted.draft_id(one) for one in call_ids]
    erased = store.erase_texts(tx, call_ids)
    store.erase_texts(tx, edited)
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
