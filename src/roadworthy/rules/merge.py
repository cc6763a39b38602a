"""Pure: duties of several rules together: the strictest wins, and what cannot both be kept is a conflict."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from roadworthy.rules.rule import Obligation

_DAYS = {"D": 1, "W": 7, "M": 30, "Y": 365}
_PERIOD = re.compile(r"P(\d+)([YMWD])$")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long something has to be kept, and how long it may be, over all rules."""

    floor: str = ""
    """The longest of what has to be kept, such as P10Y."""
    floor_of: str = ""
    """The obligation it comes from."""
    ceiling: str = ""
    """The shortest of what may be kept; where it is words, they stand here."""
    ceiling_of: str = ""
    conflict: str = ""
    """Why a named person has to decide, if somebody has to."""


def retention(obligations: Iterable[Obligation]) -> Retention:
    """Lay floors and ceilings together; a floor above a ceiling is for a person to decide."""
    owed = [one for one in obligations if one.state != "later"]
    floors = [(days_of(one.retention_min), one) for one in owed if one.retention_min]
    ceilings = [one for one in owed if one.retention_max]
    floor = max(floors, key=lambda pair: pair[0] or 0, default=None)
    if floor is None and not ceilings:
        return Retention()
    measured = [(days, one) for one in ceilings if (days := days_of(one.retention_max)) is not None]
    in_words = [one for one in ceilings if days_of(one.retention_max) is None]
    lowest = min(measured, key=lambda pair: pair[0], default=None)
    ceiling = in_words[0] if in_words else lowest[1] if lowest else None
    conflict = ""
    if floor is not None and lowest is not None and (floor[0] or 0) > lowest[0]:
        conflict = (
            f"{floor[1].id} keeps for {floor[1].retention_min}, {lowest[1].id} allows "
            f"{lowest[1].retention_max} at most."
        )
    elif floor is not None and in_words:
        conflict = (
            f"{floor[1].id} keeps for {floor[1].retention_min}, {in_words[0].id} allows "
            f'"{in_words[0].retention_max}": somebody has to say how long that is.'
        )
    return Retention(
        floor[1].retention_min if floor else "",
        floor[1].id if floor else "",
        ceiling.retention_max if ceiling else "",
        ceiling.id if ceiling else "",
        conflict,
    )


def days_of(period: str) -> int | None:
    """Return a period such as P6M in days, months and years rounded, or None for words."""
    found = _PERIOD.match(period)
    return int(found.group(1)) * _DAYS[found.group(2)] if found else None


@dataclass(frozen=True, slots=True)
class Merged:
    """Obligations of one kind that the same controls prove: done once, as often as the strictest asks."""

    kind: str
    controls: tuple[str, ...]
    names: tuple[str, ...]
    obligations: tuple[str, ...]
    cadence: str
    blocks: bool


def merged(obligations: Iterable[Obligation]) -> tuple[Merged, ...]:
    """Lay obligations of one kind with the same controls together."""
    groups: dict[tuple[str, tuple[str, ...]], list[Obligation]] = {}
    for one in obligations:
        groups.setdefault((one.kind, tuple(sorted(one.controls))), []).append(one)
    return tuple(
        Merged(
            kind,
            controls,
            tuple(dict.fromkeys(one.name for one in members)),
            tuple(one.id for one in members),
            min((one.cadence for one in members if one.cadence), key=_rank, default=""),
            any(one.blocks for one in members),
        )
        for (kind, controls), members in groups.items()
    )


def _rank(cadence: str) -> int:
    """Return how often in days; always comes before all, what is no period after every period."""
    if cadence.startswith("continuous"):
        return 0
    periods = [days for word in cadence.split() if (days := days_of(word)) is not None]
    return min(periods, default=10_000)
