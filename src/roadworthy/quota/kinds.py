"""Pure: what users declare about how much: limits on requests and tokens, budgets of money."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator, model_validator

from roadworthy.registry.kinds import Fix, Kind, Name, Ref, Spec, Title

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""A currency by its ISO 4217 code, such as EUR."""

Count = Annotated[int, Field(gt=0, le=1_000_000_000_000)]
Tokens = Annotated[int, Field(gt=0, le=100_000_000)]
PerMillion = Annotated[float, Field(ge=0, le=1_000_000)]
Each = Literal["key", "principal", "use-case", "unit", "model"]
CONCURRENCY = 100
"""Calls under way at once for one key, where no limit for the whole organization says otherwise."""


class Scope(Spec):
    """Which calls count: those that match everything named here; all calls when nothing is named."""

    unit: Annotated[Name, Ref("Unit")] | None = None
    """Calls of use cases in this unit or a unit below it."""
    use_case: Annotated[Name, Ref("UseCase")] | None = None
    """Calls for this use case."""
    service_account: Annotated[Name, Ref("ServiceAccount")] | None = None
    """Calls by this service account."""
    person: Annotated[Name, Ref("Person")] | None = None
    """Calls by this person."""
    key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")] | None = None
    """Calls with this API key, by its id."""
    model: Annotated[Name, Ref("Model")] | None = None
    """Calls that this model answers."""
    provider: Annotated[Name, Ref("Provider")] | None = None
    """Calls that this provider answers."""

    @model_validator(mode="after")
    def _names_one_principal(self) -> Scope:
        if self.service_account is not None and self.person is not None:
            raise ValueError("A call is made by a service account or by a person: name one of them")
        return self


class Limit(Spec):
    """How many requests and tokens in a minute, an hour or a day, and how many calls at once."""

    title: Title
    """The limit's name for people."""
    scope: Scope = Scope()
    """Which calls count."""
    each: Each | None = None
    """Count each of these by itself; otherwise all calls of the scope count together."""
    per: Literal["minute", "hour", "day"] = "minute"
    """How long the window is; it begins on the full minute, hour or day in UTC."""
    requests: Count | None = None
    """Requests in a window."""
    input_tokens: Count | None = None
    """Input tokens in a window."""
    output_tokens: Count | None = None
    """Output tokens in a window."""
    concurrency: Annotated[int, Field(gt=0, le=100_000)] | None = None
    """Calls under way at once, for each key on each gateway."""
    max_output_tokens: Tokens | None = None
    """What stands in for `max_tokens` where a call names none."""
    owner: Annotated[Name, Ref("Person")] | None = None
    """Whom callers turn to when the limit is in their way."""

    @model_validator(mode="after")
    def _limits_something(self) -> Limit:
        figures = (
            self.requests,
            self.input_tokens,
            self.output_tokens,
            self.concurrency,
            self.max_output_tokens,
        )
        if all(figure is None for figure in figures):
            raise ValueError(
                "It limits nothing: give requests, input_tokens, output_tokens, concurrency or "
                "max_output_tokens"
            )
        return self


class DefaultPrice(Spec):
    """What a token of a model without a known price is taken to cost, in the budget's currency."""

    input_per_million: PerMillion
    """A million input tokens."""
    output_per_million: PerMillion
    """A million output tokens."""


class Budget(Spec):
    """How much money may be spent in a window."""

    title: Title
    """The budget's name for people."""
    owner: Annotated[Name, Ref("Person"), Fix("Name the person who answers for the money: `owner: ada`.")]
    """Who answers for the money, and may have it changed."""
    amount: Annotated[float, Field(gt=0, le=1_000_000_000)]
    """How much, with at most six digits after the point."""
    currency: Currency
    """In which currency."""
    period: Literal["day", "week", "month", "quarter", "total"]
    """How long the window is, in UTC; weeks begin on Monday; `total` never ends."""
    scope: Scope = Scope()
    """Which calls count."""
    each: Each | None = None
    """A budget of this amount for each of these; otherwise one for all calls of the scope."""
    default_price: DefaultPrice | None = None
    """For models without a known price; without it such calls are refused."""
    rates: dict[Currency, Annotated[float, Field(gt=0, le=1_000_000)]] = Field(default_factory=dict)
    """What one unit of another currency is in this one: `{USD: 0.92}`; without it such calls are refused."""
    max_output_tokens: Tokens | None = None
    """What stands in for `max_tokens` where a call names none."""
    lease_share: Annotated[float, Field(ge=0.0001, le=0.05)] = 0.0025
    """The largest part of the amount that one gateway may hold in advance, and so spend while it is alone."""

    @field_validator("amount")
    @classmethod
    def _is_whole_micro_units(cls, value: float) -> float:
        if Decimal(str(value)) * 1_000_000 % 1:
            raise ValueError("An amount has at most six digits after the point")
        return value


LIMIT = Kind(
    "Limit", Limit, "How many requests and tokens in a window, and how many calls at once.", order=52
)
BUDGET = Kind("Budget", Budget, "How much money may be spent in a window.", order=53)
KINDS = (LIMIT, BUDGET)
