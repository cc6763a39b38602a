"""Questions about balance: whose review costs more than the risk asks for, who proves too little."""

from __future__ import annotations

from datetime import datetime

from roadworthy.controls import queries as controls
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries
from roadworthy.governance.balance import Weighed, weigh


def weighed(tx: Tx, *, now: datetime) -> tuple[Weighed, ...]:
    """Weigh every use case that runs, the least in balance first."""
    standings = queries.standings(tx, now=now)
    needs = controls.needs(tx, use_cases=[one.use_case for one in standings], now=now)
    return weigh(standings, controls.states(tx, use_cases=needs, now=now))
