"""Changes to evidence: it is only ever added, together with its entry in the audit log."""

from __future__ import annotations

from datetime import datetime

from roadworthy.evidence import store
from roadworthy.evidence.fact import F, Recorded
from roadworthy.evidence.queries import ACTION_PREFIX
from roadworthy.foundation.ids import new_id
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit
from roadworthy.registry.actor import Actor


def record(
    tx: Tx, fact: F, *, subject: str, actor: Actor, at: datetime, enforcement: bool = False
) -> Recorded[F]:
    """Add a fact about `subject` (`use-case/x`); `enforcement` when gateways must know at once."""
    identity, body = new_id("ev", at=at), fact.model_dump(mode="json")
    receipt = audit.record(
        tx,
        actor=actor,
        action=f"{ACTION_PREFIX}{fact.type}",
        subject=subject,
        at=at,
        content={"id": identity, "type": fact.type, "body": body},
        enforcement=enforcement,
    )
    store.add(
        tx,
        id=identity,
        type=fact.type,
        subject=subject,
        body=body,
        actor=actor.principal,
        at=at,
        audit_seq=receipt.seq,
    )
    return Recorded(identity, fact, subject, actor.principal, at, receipt.seq)


def erase_copies(tx: Tx, subject: str) -> int:
    """Drop the bodies of evidence about a subject whose log entries were erased; return how many."""
    return store.erase(tx, subject)


def erase(tx: Tx, *, subject: str, reason: str, actor: Actor, at: datetime) -> int:
    """Erase what evidence and log say about a subject; that it happened, when and by whom stays."""
    audit.erase(tx, subject=subject, actor=actor, at=at, reason=reason)
    return store.erase(tx, subject)
