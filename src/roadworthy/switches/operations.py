"""Changes to kill switches: thrown, released. Each is evidence that gateways enforce at once."""

from __future__ import annotations

from datetime import datetime

from roadworthy.evidence import operations as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import ConflictError, InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry.actor import Actor
from roadworthy.switches import queries
from roadworthy.switches.facts import Killed, Revived


class NotKilledError(ConflictError):
    """Something that runs cannot be revived."""

    code = "not-killed"


def kill(
    tx: Tx,
    *,
    of: str,
    namespace: str,
    reason: str,
    until: datetime | None = None,
    actor: Actor,
    now: datetime,
) -> Recorded[Killed]:
    """Stop something at once; killing it again says a newer reason or end."""
    if not reason.strip():
        raise InvalidError(
            "Stopping something needs a reason.",
            why="Everybody whose call is refused reads it.",
            fix="Say what happened, in a sentence.",
        )
    if until is not None and until <= now:
        raise InvalidError("The end lies in the past.", fix="Choose a later one, or leave it out.")
    fact = Killed(of=of, reason=reason.strip(), namespace=namespace, until=until)
    return evidence.record(tx, fact, subject=of, actor=actor, at=now, enforcement=True)


def revive(tx: Tx, *, of: str, reason: str = "", actor: Actor, now: datetime) -> Recorded[Revived]:
    """Let something run again."""
    if queries.find(tx, of, now=now) is None:
        raise NotKilledError(
            f"{of[:140]} is not stopped.",
            why="It was never killed, was revived already, or its end has passed.",
            fix="`roadworthy switches` lists what is stopped.",
        )
    return evidence.record(
        tx, Revived(of=of, reason=reason.strip()), subject=of, actor=actor, at=now, enforcement=True
    )
