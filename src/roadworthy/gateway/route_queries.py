"""Questions about routes: what one would do now, or would have done at an earlier moment."""

from __future__ import annotations

from datetime import datetime, timedelta

from roadworthy.foundation.errors import BlockedError, NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.gateway import declared, explaining
from roadworthy.gateway.access import Refused
from roadworthy.gateway.compile import snapshot_of, stop_entry
from roadworthy.gateway.explaining import Asked, Explanation
from roadworthy.gateway.snapshot import Index
from roadworthy.governance import queries as governance
from roadworthy.models import evaluations
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import Catalogue
from roadworthy.switches import queries as switches
from roadworthy.usage import queries as usage

LATENCY_OF = timedelta(hours=1)
_CATALOGUE = Catalogue(declared.KINDS)


class NotRoutedError(BlockedError):
    """No call of the use case gets to the route."""


def index_as_of(tx: Tx, as_of: datetime) -> Index:
    """Return what gateways enforced at an earlier moment, without keys and identities."""
    size = audit.size_at(tx, as_of)
    resources = registry.as_of(tx, _CATALOGUE, size)
    return Index(
        snapshot_of(
            revision=size,
            keys=(),
            principals=(),
            standings=(one.verdict for one in governance.standings(tx, now=as_of, as_of=as_of)),
            now=as_of,
            stops={of: stop_entry(one, ()) for of, one in switches.every_thrown(tx, as_of=as_of).items()},
            quality=evaluations.quality(tx, as_of=as_of),
            **declared.parts(lambda kind: {one.name: one.spec for one in resources if one.kind == kind.name}),
        )
    )


def explain_route(
    tx: Tx, index: Index, asked: Asked, *, now: datetime, as_of: datetime | None = None
) -> Explanation:
    """Say which target a route would ask now, or would have asked at a moment, and why."""
    known = index if as_of is None else index_as_of(tx, as_of)
    if asked.route not in known.snapshot.routes:
        raise NotFoundError(
            f"There is no route called `{asked.route[:80]}`" + (" at that time." if as_of else "."),
            fix="`roadworthy get route` lists them.",
        )
    at = as_of or now
    by_model = usage.totals_by(tx, "model", since=at - LATENCY_OF, until=at)
    latency_ms = {
        name: one.latency_ms_p50 for name, one in by_model.items() if one.latency_ms_p50 is not None and name
    }
    found = explaining.explain(known, asked, now=at.timestamp(), latency_ms=latency_ms)
    if isinstance(found, Refused):
        raise NotRoutedError(found.message, why="A route serves who is granted it.", fix=found.next_step)
    return found
