"""Pure: what users declare about a route: its targets, how one is chosen, canaries, shadows, breakers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from roadworthy.registry.kinds import Name, Ref, Spec, Title

Prefer = Literal["order", "share", "cost", "quality", "latency", "weighted"]
Task = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
Share = Annotated[float, Field(gt=0, le=1)]
ModelName = Annotated[Name, Ref("Model")]
Region = Annotated[str, StringConstraints(min_length=1, max_length=60)]


class RouteTarget(Spec):
    """A model that a route may ask, with what holds for it alone."""

    model: ModelName
    """The model."""
    weight: Annotated[int, Field(ge=1, le=1000)] = 1
    """Its part of the calls where the route prefers `share`."""
    at_once: Annotated[int, Field(ge=1, le=100_000)] | None = None
    """How many calls one gateway may have under way at it; none for no limit."""
    tasks: tuple[Task, ...] = ()
    """The tasks it is asked for; none named means all."""


class Terms(Spec):
    """How much each term counts where a route prefers `weighted`."""

    cost: Annotated[float, Field(ge=0, le=1000)] = 0
    """The cheapest of the targets scores 1, one twice as dear 0.5."""
    quality: Annotated[float, Field(ge=0, le=1000)] = 0
    """The score of the latest evaluation, 0 to 1."""
    latency: Annotated[float, Field(ge=0, le=1000)] = 0
    """The fastest of the targets scores 1, one twice as slow 0.5."""

    @model_validator(mode="after")
    def _say_something(self) -> Terms:
        if not self.cost + self.quality + self.latency > 0:
            raise ValueError("Every term weighs nothing: give at least one of cost, quality and latency")
        return self


class Strategy(Spec):
    """How one of the targets is chosen."""

    prefer: Prefer = "order"
    """What decides: the declared order, declared shares, or what is cheapest, best, fastest, or all three."""
    terms: Terms | None = None
    """The weight of each term; only with `prefer: weighted`."""

    @model_validator(mode="after")
    def _terms_fit(self) -> Strategy:
        if (self.prefer == "weighted") != (self.terms is not None):
            raise ValueError("`terms` and `prefer: weighted` go together: write both or neither")
        return self


class Fit(Spec):
    """What a target has to keep to; one that does not is never asked."""

    regions: tuple[Region, ...] = ()
    """Where the provider may process the data; one whose region is not declared does not fit."""
    no_training: bool = False
    """Whether the contract has to say that what is sent is not trained on."""
    keeps_days_max: Annotated[int, Field(ge=0, le=36_500)] | None = None
    """How long the provider may keep what it is sent, by contract."""


class Cohort(Spec):
    """Who is asked to go first."""

    principals: Annotated[tuple[str, ...], Field(max_length=1000)] = ()
    """`service-account/x` and `person/y`."""
    units: tuple[Annotated[Name, Ref("Unit")], ...] = ()
    """Units whose use cases go first."""

    @field_validator("principals")
    @classmethod
    def _are_principals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            if one.partition("/")[0] not in {"service-account", "person"} or not one.partition("/")[2]:
                raise ValueError(f"`{one[:80]}` is no principal: write service-account/NAME or person/NAME")
        return value


class Canary(Spec):
    """A model that a part of the callers is sent to first; the route's targets stay behind it."""

    model: ModelName
    """The model that is tried out."""
    share: Share | None = None
    """How many of the callers, 0 to 1; the same caller is always on the same side."""
    key: Literal["principal", "use-case", "header"] = "principal"
    """What stays on one side: a principal, a use case, or the value of x-roadworthy-cohort."""
    cohort: Cohort | None = None
    """Callers that are sent to it whatever the share is."""

    @model_validator(mode="after")
    def _reaches_somebody(self) -> Canary:
        named = self.cohort is not None and (self.cohort.principals or self.cohort.units)
        if self.share is None and not named:
            raise ValueError("The canary reaches nobody: give a `share`, or a `cohort` that names somebody")
        return self


class Shadow(Spec):
    """A model that is asked as well, once the answer is out; its answer goes into its own record alone."""

    model: ModelName
    """The model that is compared."""
    share: Share = 1.0
    """How many of the calls, 0 to 1."""


class Breaker(Spec):
    """When a target that fails is left alone, and for how long."""

    failures_in_a_row: Annotated[int, Field(ge=1, le=1000)] = 5
    """So many failures one after another open the breaker."""
    failure_rate: Share = 0.5
    """So does this share of failures within the window."""
    least_calls: Annotated[int, Field(ge=1, le=100_000)] = 20
    """How many calls the window has to hold before its rate counts."""
    window_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How far back the rate looks."""
    rest_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """How long it rests before one call tries it; each failed try doubles the rest, to 16 times at most."""


class Route(Spec):
    """A name that applications call, the models that answer it, and how one of them is chosen."""

    title: Title
    """The route's name for people."""
    targets: Annotated[tuple[ModelName | RouteTarget, ...], Field(min_length=1, max_length=16)]
    """The models to choose from; each is a name, or a name with what holds for it alone."""
    prefer: Prefer = "order"
    """What decides which target is asked first; the others follow when it fails."""
    terms: Terms | None = None
    """The weight of each term; only with `prefer: weighted`."""
    task: Task = "chat"
    """What calls are for that do not say so in x-roadworthy-task."""
    tasks: Annotated[dict[Task, Strategy], Field(max_length=32, default_factory=dict)]
    """Tasks for which another preference decides."""
    fit: Fit | None = None
    """What every target has to keep to."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """How long to wait for each model's first byte."""
    total_timeout_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """How long all attempts together may wait for a first byte."""
    retries: Annotated[int, Field(ge=0, le=5)] = 0
    """How often to try the same model again before the next."""
    breaker: Breaker | None = None
    """When a target that fails is left alone; without it, the defaults hold."""
    canary: Canary | None = None
    """A model that a part of the callers tries out."""
    shadow: Shadow | None = None
    """A model that is asked as well, for comparison."""

    @property
    def models(self) -> tuple[str, ...]:
        """The targets' names, in order."""
        return tuple(one.model for one in self.each())

    def each(self) -> tuple[RouteTarget, ...]:
        """The targets, each with all that holds for it."""
        return tuple(one if isinstance(one, RouteTarget) else RouteTarget(model=one) for one in self.targets)

    @field_validator("targets")
    @classmethod
    def _differ(cls, value: tuple[str | RouteTarget, ...]) -> tuple[str | RouteTarget, ...]:
        names = [one.model if isinstance(one, RouteTarget) else one for one in value]
        if len(set(names)) < len(names):
            raise ValueError("A model is named twice: list each target once")
        return value

    @model_validator(mode="after")
    def _says_what_counts(self) -> Route:
        Strategy(prefer=self.prefer, terms=self.terms)
        shares = self.prefer == "share" or any(one.prefer == "share" for one in self.tasks.values())
        if any(one.weight != 1 for one in self.each()) and not shares:
            raise ValueError("A target has a `weight`, which counts only where `prefer: share` is declared")
        if self.canary is not None and self.canary.model in self.models:
            raise ValueError("The canary is one of the targets already: name a model that is not")
        return self
