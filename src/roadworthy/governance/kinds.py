"""Pure: gates, which people declare, and what this slice needs to know of kinds that slices above declare."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from roadworthy.registry.kinds import Kind, Name, Spec, Title
from roadworthy.rules.rule import Tier

CheckKind: TypeAlias = Literal[
    "tier", "pilot-test", "owners", "deputies", "volume", "approval", "control", "evidence", "obligation"
]
GateStage: TypeAlias = Literal["pilot", "live"]
NEEDS_SUBJECTS: frozenset[CheckKind] = frozenset({"approval", "control", "evidence", "obligation"})
"""What is asked has to be named; the others ask for everything where nothing is named."""

Subject = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class GateItem(Spec):
    """One line of a checklist."""

    id: Name
    """Its name inside the gate."""
    check: CheckKind
    """What is looked at."""
    of: tuple[Subject, ...] = ()
    """Which ones: controls (`C20`), roles, points of the pilot test, sides of ownership, kinds of evidence,
    kinds of obligations. Points and sides are all meant where none is named."""
    title: Title | None = None
    """What it asks for, in a line; by default what it looks at says so itself."""
    required: bool = True
    """Whether it stands in the way until it passes; otherwise it is shown, and warns."""
    quorum: Annotated[int, Field(ge=1, le=5)] = 1
    """Of an approval: how many holders of the role."""
    fresh_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    """Of evidence: how old it may be at most."""
    skip_when: dict[str, Any] | None = None
    """A condition on the facts of the use case, as rules write theirs, under which it is not asked for."""
    ttl_days: Annotated[int, Field(ge=1, le=365)] = 30
    """How long it may stay without an answer; after that it is an error, so that nothing waits for ever."""

    @model_validator(mode="after")
    def _says_what_it_asks(self) -> GateItem:
        if self.check in NEEDS_SUBJECTS and not self.of:
            raise ValueError(f"A check of {self.check} has to name what it looks at, under `of`")
        if self.check in {"tier", "volume"} and self.of:
            raise ValueError(f"A check of the {self.check} asks one thing, and names nothing under `of`")
        if len(set(self.of)) < len(self.of):
            raise ValueError("The same thing is named twice under `of`")
        return self


class Gate(Spec):
    """A checklist that use cases of some tiers have to pass at a stage before they may call."""

    title: Title
    """The gate's name for people."""
    tiers: tuple[Tier, ...] = ()
    """The risk tiers it is for; all where none is named."""
    stages: Annotated[tuple[GateStage, ...], Field(min_length=1)]
    """The stages it is for. An idea counts as a pilot."""
    items: Annotated[tuple[GateItem, ...], Field(min_length=1, max_length=100)]
    """The checklist."""
    replaces: Name | None = None
    """The shipped gate that this one stands in for, which only the organization itself may say."""

    @model_validator(mode="after")
    def _names_are_its_own(self) -> Gate:
        names = [one.id for one in self.items]
        if len(set(names)) < len(names):
            raise ValueError("Two items have the same id")
        return self


GATE = Kind("Gate", Gate, "A checklist that use cases have to pass at a stage.", order=50)


class ProviderHome(Spec):
    """A provider: that it is declared."""

    model_config = ConfigDict(extra="ignore")


class ModelHome(Spec):
    """A model: who serves it, and under which name."""

    model_config = ConfigDict(extra="ignore")

    provider: Name
    upstream_model: str = ""


class TargetHome(Spec):
    """A target of a route: the model it names."""

    model_config = ConfigDict(extra="ignore")

    model: Name


class RouteHome(Spec):
    """A route: where it leads."""

    model_config = ConfigDict(extra="ignore")

    targets: tuple[Name | TargetHome, ...]

    @property
    def models(self) -> tuple[str, ...]:
        """The targets' names, in order."""
        return tuple(one.model if isinstance(one, TargetHome) else one for one in self.targets)


# The slice `models` plugs in the kinds that people declare.
PROVIDER = Kind("Provider", ProviderHome, "Who serves models.")
MODEL = Kind("Model", ModelHome, "An approved model at a provider.")
ROUTE = Kind("Route", RouteHome, "A name that applications call.")
