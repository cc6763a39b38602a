"""Pure: a rule as packs state it: when it applies, since when, what it asks for, on what authority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal, TypeAlias

from roadworthy.rules.conditions import Condition

Tier: TypeAlias = Literal["minimal", "limited", "high", "prohibited"]
TIERS: tuple[Tier, ...] = ("minimal", "limited", "high", "prohibited")
TierEffect: TypeAlias = Literal["none", "minimal", "limited", "high", "prohibited"]
ObligationKind: TypeAlias = Literal[
    "approval",
    "assessment",
    "document",
    "logging",
    "monitoring",
    "notice",
    "oversight",
    "registration",
    "retention",
    "test",
    "training",
]
LegalStatus: TypeAlias = Literal[
    "in_force",
    "enacted_not_effective",
    "guidance",
    "professional_guidance",
    "voluntary",
    "contract",
    "house_policy",
    "proposed",
    "repealed",
    "watch_only",
]
NEVER_FIRES: frozenset[LegalStatus] = frozenset({"proposed", "repealed", "watch_only"})
"""What is not law, or is law no more, creates no duty and raises no tier."""
OWN: frozenset[LegalStatus] = frozenset({"contract", "house_policy"})
"""What the organization has bound itself to; it needs nobody's confirmation."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule was read, and how much of it."""

    url: str
    read: str


@dataclass(frozen=True, slots=True)
class Stage:
    """A later date on which more of a rule applies."""

    from_: date
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One thing a rule asks for."""

    id: str
    kind: ObligationKind
    name: str
    controls: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()
    due: str = ""
    cadence: str = ""
    applies_from: date | None = None
    """Its own date, where it differs from the rule's."""
    retention_min: str = ""
    retention_max: str = ""
    condition: Condition | None = None
    """When it is asked for at all, beyond the rule's own condition."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """From facts to a tier and duties; read from a pack."""

    id: str
    title: str
    when: Condition
    tier_effect: TierEffect
    legal_status: LegalStatus
    enforcement_status: str
    applies_from: date
    confidence: str
    """C: read in a source; M: from memory; the rest of the text says of what."""
    applies: str = ""
    """To what it applies, for people."""
    asks: str = ""
    """What it asks for, for people."""
    authority: str = ""
    citation: str = ""
    note: str = ""
    jurisdictions: tuple[str, ...] = ()
    sectors: tuple[str, ...] = ()
    staged: tuple[Stage, ...] = ()
    duties: tuple[Duty, ...] = ()
    sources: tuple[Source, ...] = ()
    pack: str = ""
    insisted: bool = False
    """Whether the organization lets it stand in the way although nobody verified it."""

    @property
    def can_fire(self) -> bool:
        """Say whether it is more than something to watch."""
        return self.legal_status not in NEVER_FIRES

    @property
    def verified(self) -> bool:
        """Say whether somebody read it in a source, or it is the organization's own."""
        return self.legal_status in OWN or self.confidence[:1] == "C"

    @property
    def blocks(self) -> bool:
        """Say whether its unmet duties stand in the way by default; of an unverified rule they warn."""
        return (self.verified or self.insisted) and self.can_fire


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """A duty of a rule that fired for some facts."""

    id: str
    """`<rule id>/<duty id>`."""
    rule: str
    kind: ObligationKind
    name: str
    state: Literal["now", "later", "needs-information"]
    applies_from: date
    controls: tuple[str, ...]
    evidence: tuple[str, ...]
    due: str
    cadence: str
    retention_min: str
    retention_max: str
    blocks: bool
    """Whether it stands in the way while unmet; else it warns."""
    missing: tuple[str, ...] = ()
    """The facts that say whether it is asked for, where they are not known."""


def rank(tier: TierEffect) -> int:
    """Return the place of a tier, from least strict to strictest; no effect comes before all."""
    return _RANKS[tier]


_RANKS: Mapping[TierEffect, int] = {"none": -1, **{one: place for place, one in enumerate(TIERS)}}


@dataclass(frozen=True, slots=True)
class Pack:
    """A dated set of rules."""

    name: str
    title: str
    version: str
    review_by: date
    rules: tuple[Rule, ...]
    gathered: date | None = None
    """The day its facts were gathered."""
    own: bool = False
    """Whether the organization declared it itself."""
    warnings: tuple[str, ...] = field(default=())

    def overdue(self, as_of: date) -> bool:
        """Say whether nobody has reviewed it by the day it asked for."""
        return as_of > self.review_by
