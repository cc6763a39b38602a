"""Pure: how much a use case may do by itself: what is declared, what its tier allows, what it has earned.

A level is earned from what people did with its answers. The share they took without a change has an
interval (Wilson, 95 %). A raise needs the lower end above the bar of the level and a person who decides it; a
level is lost at once when the upper end falls below its bar. Both are facts in the log, so what was earned at
any moment follows from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from roadworthy.drafts.draft import Figures
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.canonical import digest
from roadworthy.governance.facts import AutonomyLowered, AutonomyRaised
from roadworthy.governance.grant import Allowed, Supply
from roadworthy.governance.material import material
from roadworthy.registry.resource import Resource
from roadworthy.rules.tier import Tier
from roadworthy.use_cases.kinds import UseCase

Level = Literal["assist", "supervise", "automate"]
LEVELS: tuple[Level, ...] = get_args(Level)
"""From a person for each output, over a person for samples, to nobody."""
_FILE = Path(__file__).parent / "autonomy.yaml"
_BASIS = ("summary", "data_sources", "integrations", "intake", "models", "routes")
"""The fields that decide what answers are like; acceptance of other answers says nothing about these."""
_BASIS_CHARS = 16


class Bar(BaseModel):
    """What a level asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    reviews: int = Field(ge=1)
    """How many answers people decided about, at least."""
    share: float = Field(gt=0, lt=1)
    """How many of them they took without a change: the interval's lower end must reach it."""


class TierBars(BaseModel):
    """What a tier asks for, and the most that it allows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ceiling: Level
    window_days: int = Field(ge=1)
    automate_days: int = Field(default=90, ge=1)
    supervise: Bar | None = None
    automate: Bar | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> TierBars:
        for level in LEVELS[1 : LEVELS.index(self.ceiling) + 1]:
            if self.bar(level) is None:
                raise ValueError(f"the ceiling is {self.ceiling}, and nothing says what {level} asks for")
        return self

    def bar(self, level: Level) -> Bar | None:
        """Return what a level asks for; None for one that asks nothing, or is out of reach."""
        return {"assist": None, "supervise": self.supervise, "automate": self.automate}[level]


class _BarsFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    tiers: dict[Tier, TierBars]


@dataclass(frozen=True, slots=True)
class Bars:
    """What every tier asks for, as one dated text."""

    version: str
    tiers: Mapping[Tier, TierBars]


@cache
def bars(file: Path = _FILE) -> Bars:
    """Read what the tiers ask for, once."""
    read = _BarsFile.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    return Bars(read.version, read.tiers)


def least(*levels: Level) -> Level:
    """Return the lowest of some levels."""
    return min(levels, key=LEVELS.index)


def above(level: Level) -> Level | None:
    """Return the next level up; None for the highest."""
    place = LEVELS.index(level) + 1
    return LEVELS[place] if place < len(LEVELS) else None


def below(level: Level) -> Level:
    """Return the next level down; the lowest has none but itself."""
    return LEVELS[max(0, LEVELS.index(level) - 1)]


def basis_of(resource: Resource[UseCase], supply: Supply) -> str:
    """Return the digest of what decides a use case's answers: 16 hexadecimal characters.

    That is what it does, reads and is connected to, and every model behind what it may call, by provider and
    name there: another version of a model is another basis, and what was measured before says nothing of it.
    """
    spec = resource.spec.model_dump(mode="json", exclude_defaults=True)
    said = material(spec, resource.namespace)
    return digest(
        {
            **{name: said[name] for name in _BASIS if name in said},
            "versions": supply.behind(resource.spec),
        }
    )[:_BASIS_CHARS]


@dataclass(frozen=True, slots=True)
class Earned:
    """The level that was earned, and why it is that."""

    level: Level
    why: str
    since: datetime | None = None
    until: datetime | None = None
    """When it ends by itself."""
    fact: str = ""
    """The id of the evidence it rests on."""


def earned(said: Iterable[Recorded[Any]], *, basis: str, now: datetime) -> Earned:
    """Return what was earned, from the raises and losses on record, oldest first; the last word counts."""
    last = None
    for one in said:
        if isinstance(one.fact, AutonomyRaised | AutonomyLowered):
            last = one
    if last is None:
        return Earned("assist", "nobody has raised it yet")
    fact = last.fact
    if fact.basis != basis:
        why = f"what it does or its models have changed since {last.at:%Y-%m-%d}: measured anew from there"
        return Earned("assist", why, fact=last.id)
    if isinstance(fact, AutonomyLowered):
        return Earned(
            fact.level, f"it was lowered on {last.at:%Y-%m-%d}: {fact.reason}", last.at, fact=last.id
        )
    if fact.until is not None and fact.until <= now:
        why = f"the raise to {fact.level} ended on {fact.until:%Y-%m-%d}, and samples are taken again"
        return Earned(below(fact.level), why, fact.until, fact=last.id)
    why = f"{last.actor} raised it on {last.at:%Y-%m-%d}: {fact.reason}"
    return Earned(fact.level, why, last.at, fact.until, last.id)


def meets(figures: Figures, bar: Bar | None) -> bool:
    """Say whether figures reach a bar: enough decisions, and the interval's lower end high enough."""
    low, _ = figures.interval
    return bar is not None and figures.decided >= bar.reviews and low is not None and low >= bar.share


def proposed(figures: Figures, of: TierBars, level: Level) -> Level | None:
    """Return the level that figures speak for: the next one up, if the tier allows it and its bar is met."""
    higher = above(level)
    if higher is None or LEVELS.index(higher) > LEVELS.index(of.ceiling):
        return None
    return higher if meets(figures, of.bar(higher)) else None


def supported(figures: Figures, of: TierBars, level: Level) -> Level:
    """Return the level that is left: down for as long as the interval's upper end is below the bar."""
    _, high = figures.interval
    while (bar := of.bar(level)) is not None and high is not None and high < bar.share:
        level = below(level)
    return level


def ends_at(level: Level, of: TierBars, now: datetime) -> datetime | None:
    """Return when a raise ends by itself; None for never."""
    return now + timedelta(days=of.automate_days) if level == "automate" else None


@dataclass(frozen=True, slots=True)
class AutonomyStanding:
    """How much a use case may do by itself, and what that is made of."""

    declared: Level
    ceiling: Level
    """The most that its tier allows."""
    earned: Earned
    basis: str
    bars: TierBars

    @property
    def effective(self) -> Level:
        """Return the level that gateways enforce."""
        return least(self.declared, self.ceiling, self.earned.level)

    @property
    def why(self) -> str:
        """Say what keeps it where it is, in a sentence."""
        level = self.effective
        if level == self.declared:
            return f"It is declared as {level}."
        if level == self.earned.level and LEVELS.index(level) < LEVELS.index(self.ceiling):
            return f"It is declared as {self.declared} and has earned {level}: {self.earned.why}."
        return f"It is declared as {self.declared}, and its tier is kept to {self.ceiling}."

    def allowed(self, spec: UseCase) -> Allowed:
        """Return it as a grant carries it."""
        rests_on = self.earned.fact or "nothing earned"
        part = f"autonomy {self.effective} (declared {self.declared}, {rests_on})"
        return Allowed(self.effective, spec.draft, spec.review_share, self.basis, part)


def stand(
    resource: Resource[UseCase],
    *,
    tier: Tier,
    supply: Supply,
    said: Iterable[Recorded[Any]],
    now: datetime,
) -> AutonomyStanding:
    """Put together what is declared, what the tier allows and what was earned."""
    of, basis = bars().tiers[tier], basis_of(resource, supply)
    return AutonomyStanding(
        declared=resource.spec.autonomy,
        ceiling=of.ceiling,
        earned=earned(said, basis=basis, now=now),
        basis=basis,
        bars=of,
    )
