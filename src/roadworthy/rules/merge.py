"""Pure: duties of several rules together: the strictest wins, and what cannot both be kept is a conflict."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from roadworthy.foundation.canonical import digest
from roadworthy.rules.rule import Obligation, Rule
from roadworthy.rules.ruling import Ruling

_DAYS = {"D": 1, "W": 7, "M": 30, "Y": 365}
_PERIOD = re.compile(r"P(\d+)([YMWD])$")


@dataclass(frozen=True, slots=True)
class Overruled:
    """A duty that a person's decision lets another prevail over."""

    obligation: str
    side: Literal["floor", "ceiling"]
    ruling: Ruling


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
    key: str = ""
    """What a decision about the conflict is bound to."""
    rulings: tuple[Ruling, ...] = ()
    """The decisions that were made use of, in their order."""
    overruled: tuple[Overruled, ...] = ()
    ceiling_days: int | None = None
    """How many days a person said a ceiling in words to be."""


@dataclass(slots=True)
class _Sides:
    """Floors and ceilings that still count."""

    floors: list[tuple[int, Obligation]]
    measured: list[tuple[int, Obligation]]
    in_words: list[Obligation]

    def conflict(self) -> tuple[tuple[int, Obligation], Obligation, str] | None:
        """Return a floor and a ceiling that cannot both be kept, and why; None where all can."""
        if not self.floors:
            return None
        floor = max(self.floors, key=lambda pair: pair[0])
        keeps = f"{floor[1].id} keeps for {floor[1].retention_min}"
        lowest = min(self.measured, key=lambda pair: pair[0], default=None)
        if lowest is not None and floor[0] > lowest[0]:
            return floor, lowest[1], f"{keeps}, {lowest[1].id} allows {_most(lowest)} at most."
        if not self.in_words:
            return None
        said = self.in_words[0]
        why = f'{keeps}, {said.id} allows "{said.retention_max}": somebody has to say how long that is.'
        return floor, said, why

    def settle(self, floor: tuple[int, Obligation], ceiling: Obligation, ruling: Ruling) -> Overruled | None:
        """Let one of two prevail; return the other one, if it cannot be kept beside it."""
        if ruling.prevails == "floor":
            self.measured = [one for one in self.measured if one[1] is not ceiling]
            self.in_words = [one for one in self.in_words if one is not ceiling]
            return Overruled(ceiling.id, "ceiling", ruling)
        days = days_of(ceiling.retention_max)
        if days is None:
            days = ruling.days or 0
            self.in_words.remove(ceiling)
            self.measured.append((days, ceiling))
        if floor[0] <= days:
            return None
        self.floors.remove(floor)
        return Overruled(floor[1].id, "floor", ruling)


def _most(ceiling: tuple[int, Obligation]) -> str:
    days, one = ceiling
    return one.retention_max if days_of(one.retention_max) is not None else f"{days} days"


def retention(
    obligations: Iterable[Obligation],
    *,
    rulings: Mapping[str, Ruling] = MappingProxyType({}),
    rules: Mapping[str, Rule] = MappingProxyType({}),
) -> Retention:
    """Lay floors and ceilings together; a floor above a ceiling is for a person to decide.

    `rulings` are decisions in force, by what they are bound to. One prevails over the other for that pair
    alone: a third duty that cannot be kept beside either is a conflict of its own.
    """
    owed = [one for one in obligations if one.state != "later"]
    ceilings = [one for one in owed if one.retention_max]
    sides = _Sides(
        [(days_of(one.retention_min) or 0, one) for one in owed if one.retention_min],
        [(days, one) for one in ceilings if (days := days_of(one.retention_max)) is not None],
        [one for one in ceilings if days_of(one.retention_max) is None],
    )
    used: list[Ruling] = []
    overruled: list[Overruled] = []
    conflict = key = ""
    while (found := sides.conflict()) is not None:
        floor, ceiling, why = found
        bound_to = key_of(floor[1], ceiling, rules)
        ruling = rulings.get(bound_to)
        if ruling is None:
            conflict, key = why, bound_to
            break
        used.append(ruling)
        lost = sides.settle(floor, ceiling, ruling)
        overruled += [] if lost is None else [lost]
    return _told(sides, conflict, key, tuple(used), tuple(overruled))


def _told(
    sides: _Sides, conflict: str, key: str, used: tuple[Ruling, ...], overruled: tuple[Overruled, ...]
) -> Retention:
    longest = max(sides.floors, key=lambda pair: pair[0], default=None)
    lowest = min(sides.measured, key=lambda pair: pair[0], default=None)
    said = sides.in_words[0] if sides.in_words else None
    decided = [days for days, one in sides.measured if days_of(one.retention_max) is None]
    return Retention(
        floor=longest[1].retention_min if longest else "",
        floor_of=longest[1].id if longest else "",
        ceiling=said.retention_max if said else _most(lowest) if lowest else "",
        ceiling_of=said.id if said else lowest[1].id if lowest else "",
        conflict=conflict,
        key=key,
        rulings=used,
        overruled=overruled,
        ceiling_days=min(decided, default=None),
    )


def key_of(floor: Obligation, ceiling: Obligation, rules: Mapping[str, Rule]) -> str:
    """Return what a decision between two duties is bound to: another rule or duty overtakes it."""
    parts: list[Any] = []
    for one, period in ((floor, floor.retention_min), (ceiling, ceiling.retention_max)):
        rule = rules.get(one.rule)
        said = (
            []
            if rule is None
            else [rule.asks, rule.citation, rule.legal_status, rule.applies_from.isoformat()]
        )
        parts.append([one.id, one.name, period, *said])
    return digest(parts)[:32]


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
