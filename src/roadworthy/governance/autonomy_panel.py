"""Pure: how much a use case does by itself, as a panel of its page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roadworthy.foundation.web.parts import Cell, Column, Link, Option, Status, Table
from roadworthy.governance import autonomy, autonomy_measured
from roadworthy.governance.autonomy import LEVELS, Level
from roadworthy.governance.autonomy_measured import Measured

_MEANINGS = {
    "assist": "a person releases each answer",
    "supervise": "a person reviews a sample",
    "automate": "no person is asked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AutonomyPanel:
    """How much a use case does by itself, why, and what it takes to do more."""

    status: Status
    why: str
    measured: str
    facts: Sequence[tuple[str, Cell]]
    bars: Table
    options: Sequence[Option]
    """The levels the reader may set now; none where they may not."""
    command: str


def panel(one: Measured, *, may: bool, principal: str) -> AutonomyPanel:
    """Return the panel; `may` says whether its reader may raise and lower use cases of this unit."""
    held, figures = one.standing.autonomy, one.figures
    waiting = one.queue.withheld + one.queue.samples if one.queue else 0
    facts: list[tuple[str, Cell]] = [
        ("In force", f"{held.effective}: {_MEANINGS[held.effective]}"),
        ("Declared", held.declared),
        (f"Most that tier {one.standing.tier.tier} allows", held.ceiling),
        ("Earned", held.earned.level),
        ("Because", held.earned.why),
        ("Until", held.earned.until),
        ("Decided by people", f"{figures.decided} in {held.bars.window_days} days, by {figures.reviewers}"),
        (
            "Waits",
            Link(f"{waiting} drafts", f"/drafts?use_case={one.standing.use_case}") if waiting else None,
        ),
    ]
    levels: list[Level] = list(LEVELS[: LEVELS.index(held.earned.level)])
    if one.proposed and principal not in one.standing.authors:
        levels.append(one.proposed)
    return AutonomyPanel(
        status=Status("info", held.effective),
        why=held.why,
        measured=autonomy_measured.sentence(figures),
        facts=facts,
        bars=_bars(one),
        options=[Option(level, f"{level}: {_MEANINGS[level]}") for level in levels] if may else [],
        command=f"roadworthy autonomy show {one.standing.use_case}",
    )


def _bars(one: Measured) -> Table:
    held, figures = one.standing.autonomy, one.figures
    low, high = figures.interval
    rows: list[dict[str, Cell]] = [
        {
            "level": level,
            "reviews": f"{figures.decided} of {bar.reviews}",
            "share": f"{low:.1%} to {high:.1%}" if low is not None and high is not None else None,
            "needed": f"{bar.share:.0%} or more at the lower end",
            "met": Status("good", "met") if autonomy.meets(figures, bar) else Status("none", "not met"),
        }
        for level in LEVELS
        if (bar := held.bars.bar(level)) is not None
    ]
    columns = (
        Column(key="level", title="Level"),
        Column(key="reviews", title="Decisions"),
        Column(key="share", title="Taken as it was"),
        Column(key="needed", title="Asked for"),
        Column(key="met", title="Bar"),
    )
    return Table(caption="What a level takes", columns=columns, rows=rows)
