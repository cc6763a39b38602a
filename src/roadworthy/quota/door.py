"""What the API and the pages of limits and budgets share: what the caller may see."""

from __future__ import annotations

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.identity import queries as identity
from roadworthy.quota import queries
from roadworthy.quota.queries import Standing


def seen(tx: Tx, call: Call, name: str = "") -> tuple[Standing, ...]:
    """Return the standings that the caller may see."""
    rights = identity.rights_of(tx, principal=call.who.principal, now=call.now)
    return queries.standings(tx, now=call.now, namespaces=rights.namespaces("usage.read"), name=name)
