"""Changes: evidence is filed and taken back; what the platform did by itself is put on record."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from roadworthy.controls import filing, queries, store
from roadworthy.controls.catalogue import EvidenceKind, catalogue
from roadworthy.controls.facts import EvidenceUploaded, EvidenceWithdrawn, LogVerified, RetentionKept
from roadworthy.evidence import operations as evidence
from roadworthy.evidence import queries as recorded
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import ConflictError, InvalidError, TooLargeError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry.actor import Actor, system

BYTES_MAX = 10 * 1024 * 1024
LOG = "audit/log"
RETENTION = "usage/retention"
RETENTION_SAID_EVERY = timedelta(hours=12)


class EvidenceWithdrawnError(ConflictError):
    """A piece of evidence is taken back once."""

    code = "evidence-withdrawn"


def file(
    tx: Tx,
    *,
    kind: str,
    about: str,
    name: str,
    content: bytes,
    media_type: str = "application/octet-stream",
    observed_at: datetime | None = None,
    expires_at: datetime | None = None,
    self_attested: bool = False,
    values: Mapping[str, Any] | None = None,
    threshold: float | None = None,
    note: str = "",
    actor: Actor,
    now: datetime,
) -> Recorded[EvidenceUploaded]:
    """File a piece of evidence: its figures are read, its hash is sealed, its file is kept as it came."""
    book = catalogue()
    sort = filing.kind_of(book, kind)
    _require_place(sort, kind, about)
    _require_size(content)
    reading = filing.figures_of(content, sort)
    at = filing.observed(reading, observed_at, now=now)
    ends = expires_at or at + timedelta(days=sort.valid_days)
    if ends <= now:
        raise InvalidError(
            f"This evidence counted until {ends:%Y-%m-%d} only.",
            why=f"It is from {at:%Y-%m-%d}, and evidence of this kind counts for {sort.valid_days} days.",
            fix="File newer evidence.",
        )
    fact = EvidenceUploaded(
        kind=kind,
        about=about,
        name=name[:200],
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
        media_type=media_type[:100],
        observed_at=at,
        expires_at=min(ends, at + timedelta(days=sort.valid_days)),
        # Who answers for something cannot say that a stranger vouches for it.
        self_attested=self_attested or actor.principal in queries.answering(tx, about),
        values=filing.values_of(book, sort, reading=reading, stated=values or {}, threshold=threshold),
        read_as=reading.format if reading is not None else "",
        note=note.strip(),
    )
    # Grants rest on evidence: gateways hear of it at once, as of approvals.
    done = evidence.record(tx, fact, subject=about, actor=actor, at=now, enforcement=True)
    store.add(tx, id=done.id, subject=about, sha256=fact.sha256, size=fact.size, content=content)
    return done


def _require_place(kind: EvidenceKind, name: str, about: str) -> None:
    sort = about.partition("/")[0]
    if sort not in kind.about:
        raise InvalidError(
            f"Evidence of kind {name} is not filed under `{about[:80]}`.",
            fix=f"File it under {' or '.join(f'{one}/NAME' for one in kind.about)}.",
        )


def _require_size(content: bytes) -> None:
    if not content:
        raise InvalidError("The file is empty.", fix="File what the tool or the person wrote.")
    if len(content) > BYTES_MAX:
        raise TooLargeError(
            f"The file has more than {BYTES_MAX // 1024 // 1024} MiB.",
            why="Evidence is kept whole and sealed by its hash.",
            fix="File the report, and name in its note where the raw data lies.",
        )


def withdraw(
    tx: Tx, *, evidence_id: str, reason: str, actor: Actor, now: datetime
) -> Recorded[EvidenceWithdrawn]:
    """Take a piece of evidence back: it no longer counts, and stays where it is with the reason."""
    piece = queries.piece(tx, evidence_id)
    if piece.withdrawn is not None:
        raise EvidenceWithdrawnError(
            f"Evidence {evidence_id} was taken back already, by {piece.withdrawn.actor}.",
            fix="File a newer piece if it is to count again.",
        )
    if not reason.strip():
        raise InvalidError("Taking evidence back needs a reason.", fix="Say in a sentence what is wrong.")
    fact = EvidenceWithdrawn(evidence=evidence_id, reason=reason.strip())
    return evidence.record(tx, fact, subject=piece.fact.about, actor=actor, at=now, enforcement=True)


def note_verification(tx: Tx, *, size: int, findings: tuple[str, ...], now: datetime) -> None:
    """Put on record that the log was compared with what was sealed, and what came of it."""
    fact = LogVerified(ok=not findings, size=size, findings=findings[:20])
    evidence.record(tx, fact, subject=LOG, actor=system("log-keeper"), at=now)


def note_retention(tx: Tx, *, error: str, now: datetime) -> None:
    """Put on record that the keeper of retention passed: twice a day, and whenever that turns."""
    kept = recorded.of(tx, RetentionKept, RETENTION)
    last = kept[-1] if kept else None
    if last is not None and last.fact.ok == (not error) and now - last.at < RETENTION_SAID_EVERY:
        return
    fact = RetentionKept(ok=not error, error=error[:400])
    evidence.record(tx, fact, subject=RETENTION, actor=system("retention"), at=now)


def erase_files(tx: Tx, subject: str) -> int:
    """Drop the files about a subject whose log entries were erased; return how many."""
    return store.erase(tx, subject)
