"""What the API and the pages of evidence share: may this caller, and how a piece is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from roadworthy.controls import operations, queries
from roadworthy.controls.piece import Piece
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import ForbiddenError, InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.registry.door import actor_of, clean


def require(tx: Tx, call: Call, permission: str, *, about: str) -> None:
    """Let through who holds a permission in the unit that something belongs to."""
    namespace = queries.namespace_of(tx, clean(about))
    if not call.who.may(permission, namespace=namespace):
        raise ForbiddenError(
            f"{call.who.principal} may not do this with evidence of unit/{namespace}.",
            why=f"It needs the permission `{permission}` there.",
            fix="Ask an administrator for a role on that unit that carries it.",
        )


def file(tx: Tx, call: Call, *, about: str, name: str, note: str, **given: Any) -> Recorded[Any]:
    """File a piece of evidence for this caller."""
    require(tx, call, "evidence.add", about=about)
    return operations.file(
        tx, about=about, name=clean(name), note=clean(note), actor=actor_of(call), now=call.now, **given
    )


def withdraw(tx: Tx, call: Call, *, evidence_id: str, reason: str) -> None:
    """Take a piece of evidence back for this caller."""
    found = queries.piece(tx, clean(evidence_id))
    require(tx, call, "evidence.add", about=found.fact.about)
    operations.withdraw(tx, evidence_id=evidence_id, reason=clean(reason), actor=actor_of(call), now=call.now)


def content(tx: Tx, call: Call, *, evidence_id: str) -> tuple[Piece, bytes]:
    """Return a piece with its file for this caller."""
    found = queries.piece(tx, clean(evidence_id))
    require(tx, call, "evidence.read", about=found.fact.about)
    return found, queries.content_of(tx, evidence_id)


def stated(lines: Iterable[str]) -> dict[str, Any]:
    """Read `name=value` lines: true and false, numbers, `[a, b]`, else words."""
    found: dict[str, Any] = {}
    for line in lines:
        name, sign, text = line.partition("=")
        if not sign:
            raise InvalidError(f"`{line[:80]}` is no value.", fix="Write NAME=VALUE.")
        found[name.strip()] = _value(text.strip())
    return found


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        if text.startswith("[") and text.endswith("]"):
            return [one.strip() for one in text[1:-1].split(",") if one.strip()]
        return text
    return value if isinstance(value, bool | int | float | list) else text


def document(one: Piece, *, now: datetime) -> dict[str, Any]:
    """Return a piece of evidence as the API says it."""
    taken = one.withdrawn
    return {
        "id": one.recorded.id,
        "state": one.state(now),
        **one.fact.model_dump(mode="json"),
        "by": one.recorded.actor,
        "at": one.recorded.at.isoformat(),
        "audit_seq": one.recorded.audit_seq,
        "withdrawn_by": taken.actor if taken is not None else None,
        "withdrawn_because": taken.fact.reason if taken is not None else None,
    }
