"""Questions about measured acceptance: what people did with answers, and what that speaks for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from roadworthy.drafts import queries as drafts
from roadworthy.drafts.draft import Figures
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import autonomy
from roadworthy.governance.autonomy import Level
from roadworthy.governance.autonomy_measured import Measured
from roadworthy.governance.standing import Standing


def of_standing(tx: Tx, standing: Standing, *, now: datetime) -> Measured:
    """Return the same for a standing that is known already."""
    figures = figures_of(tx, standing, now=now)
    found = standing.autonomy
    return Measured(
        standing,
        figures,
        autonomy.proposed(figures, found.bars, found.earned.level),
        drafts.queues(tx, now=now).get(standing.use_case),
    )


def figures_of(tx: Tx, standing: Standing, *, now: datetime) -> Figures:
    """Return what people did with a use case's answers, as it is declared now, within its tier's window."""
    found = standing.autonomy
    return drafts.figures(
        tx,
        use_case=standing.use_case,
        basis=found.basis,
        now=now,
        window_days=found.bars.window_days,
    )


def proposals(tx: Tx, standings: Iterable[Standing], *, now: datetime) -> dict[str, tuple[Level, Figures]]:
    """Return the use cases whose answers speak for the next level, where they are declared for more."""
    windows: dict[int, dict[tuple[str, str], Figures]] = {}
    found: dict[str, tuple[Level, Figures]] = {}
    for one in standings:
        held = one.autonomy
        if held.effective == held.declared:
            continue
        days = held.bars.window_days
        if days not in windows:
            windows[days] = drafts.measured(tx, now=now, window_days=days)
        figures = windows[days].get((one.use_case, held.basis))
        level = autonomy.proposed(figures, held.bars, held.earned.level) if figures is not None else None
        if level is not None and figures is not None:
            found[one.use_case] = (level, figures)
    return found
