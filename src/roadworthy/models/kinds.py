"""Pure: what users declare about what answers: providers, models, routes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from roadworthy.registry.kinds import Fix, Kind, Name, Ref, Spec, Title
from roadworthy.use_cases.kinds import Currency

Capability = Literal["chat", "embeddings", "images", "streaming", "structured_output", "tools"]


class ApiKeyPlace(Spec):
    """Where the provider's key is kept; the key itself is never declared."""

    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")] | None = None
    """The name of an environment variable of the gateway."""
    file: Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f]{1,400}$")] | None = None
    """The absolute path of a file the gateway can read."""

    @model_validator(mode="after")
    def _is_one_place(self) -> ApiKeyPlace:
        if (self.env is None) == (self.file is None):
            raise ValueError("A key is kept in one place: say either `env` or `file`")
        return self


class Provider(Spec):
    """Who serves models: an address, and where its key is kept."""

    title: Title
    """The provider's name for people."""
    dialect: Literal["openai"] = "openai"
    """The wire format it speaks."""
    base_url: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=500),
        Fix("Write the address up to and with the version: `https://api.example.com/v1`."),
    ]
    """Its address, with the version and without a credential."""
    api_key: ApiKeyPlace | None = None
    """Where its key is kept; none for a provider that asks for none."""
    region: Annotated[str, StringConstraints(max_length=60)] | None = None
    """Where it processes the data."""
    allow_private: bool = False
    """Whether its address may lie in a private network or on this machine."""
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    """How long to wait for a connection."""
    total_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 600.0
    """How long a whole answer may take."""

    @field_validator("base_url")
    @classmethod
    def _is_a_plain_address(cls, value: str) -> str:
        parts = urlsplit(value)  # raises ValueError on a malformed port or bracket
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError("The address has to begin with http:// or https:// and name a host")
        if "@" in parts.netloc:
            raise ValueError("The address holds a credential; name its place in `api_key` instead")
        if parts.query or parts.fragment or "?" in value or "#" in value:
            raise ValueError("The address has a query or a fragment; a base address has neither")
        if any(ord(letter) <= 32 or ord(letter) == 127 for letter in value) or "\\" in value:
            raise ValueError("The address holds a space, a backslash or a control character")
        _ = parts.port  # raises ValueError when out of range
        return value.rstrip("/")


class Price(Spec):
    """What a model costs: looked up in the shipped price list, or declared."""

    genai_prices: (
        Annotated[str, StringConstraints(pattern=r"^[a-z0-9._-]{1,60}/[A-Za-z0-9._:/@-]{1,120}$")] | None
    ) = None
    """`provider/model` in the shipped, dated price list."""
    input_per_million: Annotated[float, Field(ge=0)] | None = None
    """Price of a million input tokens."""
    output_per_million: Annotated[float, Field(ge=0)] | None = None
    """Price of a million output tokens."""
    currency: Currency | None = None
    """The currency of the declared price."""
    as_of: date | None = None
    """The day on which the declared price was read."""

    @model_validator(mode="after")
    def _is_one_form(self) -> Price:
        declared = {
            "input_per_million": self.input_per_million,
            "output_per_million": self.output_per_million,
            "currency": self.currency,
            "as_of": self.as_of,
        }
        missing = [name for name, value in declared.items() if value is None]
        if self.genai_prices is not None and len(missing) < len(declared):
            raise ValueError("A price is looked up or declared, not both: keep `genai_prices` or the figures")
        if self.genai_prices is None and missing:
            raise ValueError(
                "A price is `genai_prices: provider/model`, or the four fields input_per_million, "
                f"output_per_million, currency and as_of; missing here: {', '.join(missing)}"
            )
        return self


class Model(Spec):
    """An approved model at a provider."""

    title: Title
    """The model's name for people."""
    provider: Annotated[Name, Ref("Provider")]
    """Who serves it."""
    upstream_model: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    """What the provider calls it."""
    capabilities: tuple[Capability, ...] = ()
    """What it can do."""
    context_tokens: Annotated[int, Field(gt=0, le=100_000_000)]
    """How many tokens a call may hold in all."""
    max_output_tokens: Annotated[int, Field(gt=0, le=100_000_000)]
    """How many tokens an answer may hold."""
    price: Price | None = None
    """What it costs; none is shown as an unknown price, never as zero."""

    @model_validator(mode="after")
    def _answer_fits(self) -> Model:
        if self.max_output_tokens > self.context_tokens:
            raise ValueError("max_output_tokens exceeds context_tokens, but an answer is part of the context")
        return self


class Route(Spec):
    """A name that applications call, and the models that answer it, in order."""

    title: Title
    """The route's name for people."""
    targets: Annotated[tuple[Annotated[Name, Ref("Model")], ...], Field(min_length=1, max_length=16)]
    """The models to try, the first first."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """How long to wait for each model's first byte."""
    retries: Annotated[int, Field(ge=0, le=5)] = 0
    """How often to try the same model again before the next."""

    @field_validator("targets")
    @classmethod
    def _differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("A model is named twice: list each target once")
        return value


PROVIDER = Kind("Provider", Provider, "Who serves models, and where.", order=30)
MODEL = Kind("Model", Model, "An approved model at a provider, with its price.", order=45)
ROUTE = Kind("Route", Route, "A name that applications call, and the models behind it.", order=50)
KINDS = (PROVIDER, MODEL, ROUTE)
