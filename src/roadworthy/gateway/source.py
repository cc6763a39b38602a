"""Where a gateway's snapshot comes from: compiled from the database on every change, and by the clock."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from roadworthy.foundation import clock
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.gateway.compile import snapshot_of
from roadworthy.gateway.snapshot import Snapshot
from roadworthy.governance import queries as governance
from roadworthy.identity import queries as identity
from roadworthy.models.kinds import MODEL, PROVIDER, ROUTE
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import Kind

RECOMPILE_EVERY_S = 60.0


def compile_snapshot(tx: Tx, *, now: datetime) -> Snapshot:
    """Return what gateways enforce, as this transaction sees it."""
    return snapshot_of(
        revision=audit.revision(tx),
        keys=identity.keys_for_snapshot(tx),
        principals=identity.principals(tx),
        standings=(one.verdict for one in governance.standings(tx, now=now)),
        providers=_declared(tx, PROVIDER),
        models=_declared(tx, MODEL),
        routes=_declared(tx, ROUTE),
        now=now,
    )


def _declared(tx: Tx, kind: Kind) -> dict[str, Any]:
    return {one.name: one.spec for one in registry.every(tx, kind)}


class DatabaseSource:
    """What a gateway's refresher asks, once a second and whenever a revision is announced.

    Keys, grants and principals carry their own ends, so an ending needs no new snapshot. What the clock
    brings about otherwise (a role binding that ends takes its approvals along, a price list's new price)
    is caught by compiling anew after a minute at the latest.
    """

    def __init__(
        self,
        database: Database,
        *,
        recompile_every_s: float = RECOMPILE_EVERY_S,
        now: Callable[[], datetime] = clock.now,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._recompile_every_s = recompile_every_s
        self._now = now
        self._monotonic = monotonic
        self._compiled_at_s = float("-inf")

    def __call__(self, known_revision: int) -> Snapshot | None:
        """Return the snapshot, or None when the one of this revision still holds."""
        started_s = self._monotonic()
        due = started_s - self._compiled_at_s >= self._recompile_every_s
        with self._database.read() as tx:
            if not due and audit.revision(tx) == known_revision:
                return None
            snapshot = compile_snapshot(tx, now=self._now())
        self._compiled_at_s = started_s
        return snapshot
