"""Pure: what people decided about duties that cannot both be kept, and whether it still counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from roadworthy.evidence.fact import Recorded
from roadworthy.rules.facts import ConflictDecided, ConflictReopened

State = Literal["in force", "due for review", "overtaken", "superseded", "taken back"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """A decision of a named person."""

    id: str
    key: str
    """What it is bound to."""
    conflict: str
    prevails: Literal["floor", "ceiling"]
    days: int | None
    justification: str
    review_on: date
    by: str
    at: datetime
    rules: str


def rulings_of(events: Iterable[Recorded[Any]]) -> tuple[tuple[Ruling, State], ...]:
    """Read what was decided, oldest first; `in force` as far as what was said alone tells."""
    found: list[tuple[Ruling, State]] = []
    for one in events:
        fact = one.fact
        if isinstance(fact, ConflictDecided):
            found = [
                (ruling, "superseded" if ruling.key == fact.key and state == "in force" else state)
                for ruling, state in found
            ]
            found.append((_ruling(one, fact), "in force"))
        elif isinstance(fact, ConflictReopened):
            found = [
                (ruling, "taken back" if ruling.id == fact.decision else state) for ruling, state in found
            ]
    return tuple(found)


def _ruling(one: Recorded[Any], fact: ConflictDecided) -> Ruling:
    return Ruling(
        id=one.id,
        key=fact.key,
        conflict=fact.conflict,
        prevails=fact.prevails,
        days=fact.days,
        justification=fact.justification,
        review_on=fact.review_on,
        by=one.actor,
        at=one.at,
        rules=fact.rules,
    )


def in_force(events: Iterable[Recorded[Any]], *, on: date) -> Mapping[str, Ruling]:
    """Return the decisions that count on a day, by what they are bound to."""
    return {
        ruling.key: ruling
        for ruling, state in rulings_of(events)
        if state == "in force" and on < ruling.review_on
    }


def standing_of(ruling: Ruling, state: State, *, used: Iterable[Ruling], on: date) -> State:
    """Say how a decision stands among today's rules."""
    if state != "in force":
        return state
    if on >= ruling.review_on:
        return "due for review"
    return "in force" if any(one.id == ruling.id for one in used) else "overtaken"
