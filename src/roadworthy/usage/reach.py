"""Questions that controls ask of calls: what was reached, and whether texts are gone when they should be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from roadworthy.foundation.storage.database import Tx
from roadworthy.usage import rollup_store, store


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Calls that reached a model for a use case, by whom, and when the last one did."""

    use_case: str
    principal: str
    model: str
    provider: str
    calls: int
    last_at: datetime


def reached(
    tx: Tx, *, since: datetime, until: datetime, use_cases: Collection[str] | None = None
) -> list[Reached]:
    """Return what calls of a time reached, by use case, caller and model; hours are counted whole.

    Those of some hundred use cases at most, or of all.
    """
    return [
        Reached(
            use_case=row.use_case,
            principal=row.principal,
            model=row.model,
            provider=row.provider,
            calls=int(row.calls),
            last_at=datetime.fromtimestamp(int(row.last_at) / 1_000_000, UTC),
        )
        for row in rollup_store.reached(tx, since=since, until=until, use_cases=use_cases)
    ]


def texts_overdue(tx: Tx, *, now: datetime, grace: timedelta = timedelta(hours=1)) -> int:
    """Return how many texts are kept although their retention ended longer ago than the keeper may take."""
    return store.count_texts(tx, ended_before=now - grace)
