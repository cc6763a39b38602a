"""Pure: what users declare about access: a Cedar policy, whom it reaches, and examples that have to hold."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from roadworthy.policy.vocabulary import ORGANIZATION
from roadworthy.registry.kinds import Fix, Kind, Name, Ref, Spec, Title

CEDAR_LENGTH_MAX = 32_000
EXAMPLES_MAX = 200
Word = Annotated[str, StringConstraints(max_length=120)]
CedarText = Annotated[str, StringConstraints(min_length=1, max_length=CEDAR_LENGTH_MAX)]


class ExamplePrincipal(Spec):
    """Who calls in an example."""

    kind: Literal["service-account", "person"] = "service-account"
    """A program's account or a person."""
    name: Name
    """Its name."""
    unit: Name = ORGANIZATION
    """The unit it belongs to."""
    type: Word = ""
    """What a service account is for, as it is declared: `application`, `agent`, …"""
    owner: Word = ""
    """The person who answers for it."""


class ExampleUseCase(Spec):
    """What the call in an example is for."""

    name: Name
    """Its name."""
    unit: Name = ORGANIZATION
    """The unit it belongs to."""
    tier: Literal["minimal", "limited", "high"] = "minimal"
    """Its risk tier."""
    data_classes: tuple[Word, ...] = ()
    """The sorts of data it sees."""
    keeps_texts: bool = False
    """Whether the texts of its calls are kept."""


class ExampleModel(Spec):
    """Which model the call in an example would reach."""

    name: Name
    """Its name."""
    provider: Name = "provider"
    """Who serves it."""
    region: Word = ""
    """Where it is served, as the provider is declared."""
    upstream_model: Word = ""
    """What the provider calls it."""
    tiers: tuple[Word, ...] = ()
    """The risk tiers it is meant for; none for all."""
    data_classes: tuple[Word, ...] = ()
    """The sorts of data it is meant for; none for all."""
    currency: Word = "USD"
    """What its prices are in."""
    trains_on_data: bool | None = None
    """What the provider's contract says; nothing where it says nothing."""
    keeps_data_days: Annotated[int, Field(ge=0)] | None = None
    """For how long the provider keeps what it is sent; nothing where that is not known."""
    context_tokens: Annotated[int, Field(ge=1)] | None = None
    """How much it reads."""


class ExampleCall(Spec):
    """What is particular to the one call of an example."""

    route: Name | None = None
    """The route it came by; none for a model asked by its own name."""
    task: Word = "chat"
    """The task it named."""
    cohort: Word = ""
    """The cohort it named."""
    dialect: Literal["chat", "responses", "messages", "embeddings", "count_tokens"] = "chat"
    """What it asks for, and in whose words."""
    stream: bool = False
    """Whether the answer comes in pieces."""
    tools: tuple[Word, ...] = ()
    """The tools it offers the model, by name."""
    hour: Annotated[int, Field(ge=0, le=23)] = 12
    """The hour, in UTC."""
    weekday: Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"] = "monday"
    """The day, in UTC."""
    input_tokens: Annotated[int, Field(ge=0)] = 500
    """The size of the request."""
    output_tokens_max: Annotated[int, Field(ge=0)] | None = None
    """The bound the call sets on its answer."""


class Example(Spec):
    """A call, and what becomes of it. A policy whose examples do not hold is not applied."""

    name: Title
    """What it shows."""
    principal: ExamplePrincipal
    """Who calls."""
    use_case: ExampleUseCase
    """What for."""
    model: ExampleModel
    """Which model."""
    call: ExampleCall = ExampleCall()
    """The rest of it."""
    expect: Literal["allow", "deny"]
    """What this policy alone has to say; grants and other policies are left aside."""
    by: Word = ""
    """The `@id` of the statement that has to decide; nothing when any may."""


class AccessPolicy(Spec):
    """What calls may be made, beyond their grants: policies only take away from what a grant allows."""

    title: Title
    """The policy's name for people."""
    cedar: Annotated[CedarText, Fix("Write at least one `forbid` or `permit`, in Cedar.")]
    """The policy, in Cedar. `forbid` overrides; give each statement an `@id`, and a `@reason` that callers
    read."""
    default: Literal["allow", "deny"] = "allow"
    """Whether a call that no `forbid` meets may go on (`allow`), or needs a `permit` of a central policy
    (`deny`)."""
    units: tuple[Annotated[Name, Ref("Unit")], ...] = ()
    """Only calls for use cases of these units and the units below them; none named means all. With units
    named a policy tightens: it holds no `permit`."""
    tests: Annotated[tuple[Example, ...], Field(max_length=EXAMPLES_MAX)] = ()
    """Examples that have to hold whenever this is applied."""

    @model_validator(mode="after")
    def _units_only_tighten(self) -> AccessPolicy:
        if self.units and self.default == "deny":
            raise ValueError("Only a policy for all units may say `default: deny`; a unit's says `forbid`")
        return self


ACCESS_POLICY = Kind(
    "AccessPolicy",
    AccessPolicy,
    "What calls may be made, in Cedar, with examples that have to hold.",
    order=76,
)
KINDS = (ACCESS_POLICY,)
