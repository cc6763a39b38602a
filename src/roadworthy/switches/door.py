"""What the API and the pages of kill switches share: may this caller, and how a switch is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from roadworthy.foundation.errors import ForbiddenError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Link, Section
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import actor_of, clean
from roadworthy.switches import operations, queries
from roadworthy.switches.switch import KINDS, Thrown

SWITCHES = "/operations/switches"


def require(call: Call, *, namespace: str) -> None:
    """Let through who may throw and release switches in a unit."""
    if not call.who.may("kill", namespace=namespace):
        raise ForbiddenError(
            f"{call.who.principal} may not stop or revive what belongs to unit/{namespace}.",
            why="It needs the permission `kill` there.",
            fix="Ask a holder of the role operator or admin on that unit.",
        )


def offer(call: Call, ref: str, namespace: str) -> Link | None:
    """Return the way to stop a declared resource, for who may."""
    if ref.partition("/")[0] not in KINDS or not call.who.may("kill", namespace=namespace):
        return None
    return Link("Stop it", f"{SWITCHES}/stop?of={ref}")


def sections(tx: Tx, call: Call, ref: str) -> tuple[Section, ...]:
    """Say on the page of a declared resource that it is stopped."""
    found = queries.find(tx, ref, now=call.now) if ref.partition("/")[0] in KINDS else None
    if found is None:
        return ()
    until = f" until {found.until:%Y-%m-%d %H:%M} UTC" if found.until is not None else ""
    return (
        Section(
            title="It is stopped",
            sentences=(f"{found.by} stopped it at {found.at:%Y-%m-%d %H:%M} UTC{until}: {found.reason}",),
            command=f"roadworthy revive {ref}",
        ),
    )


def kill(tx: Tx, call: Call, *, of: str, reason: str, until: datetime | None) -> Thrown:
    """Stop something for this caller."""
    namespace = queries.namespace_of(tx, assembly_of(call).catalogue, clean(of))
    require(call, namespace=namespace)
    operations.kill(
        tx, of=of, namespace=namespace, reason=clean(reason), until=until, actor=actor_of(call), now=call.now
    )
    found = queries.find(tx, of, now=call.now)
    assert found is not None, "what was just killed is stopped"
    return found


def revive(tx: Tx, call: Call, *, of: str, reason: str) -> None:
    """Let something run again for this caller."""
    found = queries.find(tx, clean(of), now=call.now)
    if found is not None:
        require(call, namespace=found.namespace)
    operations.revive(tx, of=of, reason=clean(reason), actor=actor_of(call), now=call.now)


def shown(tx: Tx, one: Thrown, *, now: datetime) -> dict[str, Any]:
    """Return a switch as the API shows it."""
    return {
        "of": one.of,
        "reason": one.reason,
        "by": one.by,
        "at": one.at.isoformat(),
        "until": one.until.isoformat() if one.until is not None else None,
        "unit": one.namespace,
        "who_can_revive": list(queries.revivers(tx, one, now=now)),
    }
