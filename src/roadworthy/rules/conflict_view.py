"""Pure: what was decided of rules that cannot both be kept, as parts of a console page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from roadworthy.foundation.web.parts import Cell, Code, Column, Option, Status, Table
from roadworthy.foundation.web.parts import State as Look
from roadworthy.rules.merge import Retention, days_of
from roadworthy.rules.ruling import Ruling, State

_LOOKS: dict[State, Look] = {
    "in force": "good",
    "due for review": "warn",
    "overtaken": "warn",
    "superseded": "none",
    "taken back": "none",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConflictPart:
    """What is open, what can be decided, and what was."""

    open: str
    """The conflict in words; empty where there is none."""
    key: str
    in_words: bool
    """The ceiling is words, which somebody has to put into days."""
    sides: Sequence[Option]
    may_decide: bool
    action: str
    decisions: Table | None
    standing: Sequence[Option]
    """Decisions that can be taken back."""


def part(
    name: str,
    kept: Retention,
    rulings: Sequence[tuple[Ruling, State]],
    *,
    may_decide: bool,
    now: datetime,
) -> ConflictPart:
    """Return the part of a use case's page; `now` says how old a decision is."""
    taken = {"superseded", "taken back"}
    return ConflictPart(
        open=kept.conflict,
        key=kept.key,
        in_words=bool(kept.ceiling) and days_of(kept.ceiling) is None,
        sides=(
            Option("floor", f"What has to be kept: {kept.floor} ({kept.floor_of})"),
            Option("ceiling", f"What may be kept: {kept.ceiling} ({kept.ceiling_of})"),
        ),
        may_decide=may_decide,
        action=f"/use-cases/{name}/conflicts",
        decisions=_table(rulings, now) if rulings else None,
        standing=[
            Option(one.id, f"{one.by}, {one.at:%Y-%m-%d}") for one, state in rulings if state not in taken
        ],
    )


def _table(rulings: Sequence[tuple[Ruling, State]], now: datetime) -> Table:
    columns = (
        Column(key="state", title="Stands"),
        Column(key="prevails", title="Prevails"),
        Column(key="conflict", title="Conflict"),
        Column(key="justification", title="Because"),
        Column(key="by", title="Decided by"),
        Column(key="at", title="On"),
        Column(key="review_on", title="Reviewed on"),
        Column(key="id", title="Decision"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "state": Status(_LOOKS[state], state),
            "prevails": ("floor" if one.prevails == "floor" else "ceiling")
            + (f", as {one.days} days" if one.days is not None else ""),
            "conflict": one.conflict,
            "justification": one.justification,
            "by": one.by,
            "at": one.at.date(),
            "review_on": f"{one.review_on} ({(one.review_on - now.date()).days} days)",
            "id": Code(one.id),
        }
        for one, state in reversed(rulings)
    ]
    return Table(caption="What was decided between rules", columns=columns, rows=rows)
