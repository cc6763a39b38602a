"""What the API and the pages of calls share: the snapshot asked about, and what the caller may see of it."""

from __future__ import annotations

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.gateway import queries
from roadworthy.gateway.snapshot import Index


def index_of(tx: Tx, call: Call) -> Index:
    """Return the snapshot that gateways decide on."""
    return queries.index(tx, database=call.parts.database, now=call.now)


def seen_by(tx: Tx, call: Call, permission: str) -> frozenset[str] | None:
    """Return the use cases that the caller may see with a permission; None for all."""
    return queries.visible_use_cases(tx, principal=call.who.principal, permission=permission, now=call.now)
