"""Questions about autonomy: what is declared, allowed, earned and in force, and what was measured."""

from __future__ import annotations

from datetime import datetime

from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import autonomy_figures, queries
from roadworthy.governance.autonomy_measured import Measured


def measured(tx: Tx, *, use_case: str, now: datetime) -> Measured:
    """Return all about the autonomy of one use case."""
    return autonomy_figures.of_standing(tx, queries.standing(tx, use_case=use_case, now=now), now=now)
