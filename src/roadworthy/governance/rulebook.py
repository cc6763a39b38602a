"""Pure: all that a verdict is decided by: facts, rules, and what each tier asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from roadworthy.governance.conditions import FactDefinition, Vocabulary, facts_of
from roadworthy.governance.tier import Rule, Tier


class ApprovalNeed(BaseModel):
    """A role that has to approve, how many of its holders, and for how long at most."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: str
    quorum: int = Field(ge=1)
    valid_days: int = Field(ge=1)


class TierNeeds(BaseModel):
    """What a tier asks for."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deputies: Literal["warn", "block"]
    approvals: tuple[ApprovalNeed, ...]


@dataclass(frozen=True, slots=True)
class Pack:
    """A dated set of rules."""

    name: str
    title: str
    version: str
    review_by: date
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Rulebook:
    """The vocabulary, the packs over it and what each tier asks for."""

    vocabulary: Vocabulary
    packs: tuple[Pack, ...]
    needs: Mapping[Tier, TierNeeds]
    version: str
    """Names the content: `house 1.0.0, requirements 1.0.0`."""

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Return the rules of all packs."""
        return tuple(rule for pack in self.packs for rule in pack.rules)

    @property
    def asked(self) -> tuple[FactDefinition, ...]:
        """Return the facts that some rule asks for: the questions worth a person's time."""
        used = {name for rule in self.rules for name in facts_of(rule.when)}
        return tuple(one for name, one in self.vocabulary.facts.items() if name in used)
