"""Pure: what organizations declare about rules: packs of their own, laid over the shipped ones."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints

from roadworthy.registry.kinds import Kind, Spec, Title
from roadworthy.rules.rule import ObligationKind, Tier
from roadworthy.use_cases.kinds import FactName, FactValue, Line

RuleId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)+$", max_length=120)]
DutyId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
ControlId = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9_-]{0,59}$")]


class OwnDuty(Spec):
    """One thing a rule asks for."""

    id: DutyId
    """Its name within the rule."""
    kind: ObligationKind
    """What sort of thing it is."""
    name: Line
    """What has to be done, for people."""
    controls: tuple[ControlId, ...] = ()
    """The controls that prove it."""
    due: Line | None = None
    """By when, or on what occasion."""
    cadence: Line | None = None
    """How often."""
    retention_min: Annotated[str, StringConstraints(pattern=r"^P\d+[YMWD]$")] | None = None
    """How long something has to be kept at least, such as P3Y."""
    retention_max: Annotated[str, StringConstraints(pattern=r"^P\d+[YMWD]$")] | None = None
    """How long it may be kept at most."""
    applies_from: date | None = None
    """Its own first day, where it begins later than the rule."""


class OwnFixture(Spec):
    """Facts, and what the rule says of them: its test."""

    expect: Literal["fires", "silent"]
    """What the rule is to say."""
    facts: dict[FactName, FactValue] = Field(default_factory=dict)
    """Every fact the rule asks for."""


class OwnRule(Spec):
    """A rule of the organization: a term of a contract, a requirement of procurement, a house policy."""

    id: RuleId
    """Its name in all packs, such as `contract.acme.no_training`."""
    title: Title
    """What it is about, for people."""
    source: Literal["contract", "house_policy"] = "house_policy"
    """Where it comes from."""
    citation: Line | None = None
    """Where it is written down."""
    applies: Line
    """To what it applies, for people."""
    asks: Line
    """What it asks for, for people."""
    applies_from: date
    """The day from which its duties are owed."""
    tier: Tier = "minimal"
    """The least tier of what it applies to."""
    when: dict[str, Any]
    """Its condition: `all`, `any` or `not` of conditions, or one fact compared."""
    obligations: tuple[OwnDuty, ...] = ()
    """What it asks for."""
    fixtures: Annotated[tuple[OwnFixture, ...], Field(min_length=1)]
    """Its tests: facts on which it fires, and facts on which it is silent."""


class Tightening(Spec):
    """A shipped rule taken more strictly than it is shipped; what would loosen it is refused."""

    rule: RuleId
    """The shipped rule."""
    tier: Tier | None = None
    """A stricter tier."""
    applies_from: date | None = None
    """An earlier first day."""
    blocks: Literal[True] | None = None
    """Its unmet duties stand in the way although nobody has read it in a source."""


class PolicyPack(Spec):
    """Rules of the organization, laid over the shipped packs."""

    title: Title
    """The pack's name for people."""
    version: Annotated[str, StringConstraints(pattern=r"^\d+\.\d+\.\d+$")]
    """Its version, such as 1.0.0."""
    review_by: date
    """The day by which somebody has to have read it again."""
    rules: tuple[OwnRule, ...] = ()
    """Its own rules."""
    tighten: tuple[Tightening, ...] = ()
    """Shipped rules taken more strictly."""


POLICY_PACK = Kind("PolicyPack", PolicyPack, "Rules of your own, laid over the shipped packs.", order=15)
KINDS = (POLICY_PACK,)
