"""Pure: what users declare about what answers: providers, models, routes."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from roadworthy.models.address import host_problem
from roadworthy.models.route import Route
from roadworthy.registry.kinds import Fix, Kind, Name, Ref, Spec, Title
from roadworthy.use_cases.kinds import Currency

Capability = Literal["chat", "embeddings", "images", "streaming", "structured_output", "tools"]


class VaultPlace(Spec):
    """A field of a secret in Vault or OpenBao; address and token of the vault are the gateway's settings."""

    path: Annotated[
        str,
        StringConstraints(max_length=300, pattern=r"^[A-Za-z0-9_-]+(/[A-Za-z0-9_.-]*[A-Za-z0-9_-]){1,20}$"),
    ]
    """The path of its API, with the mount: `secret/data/openai` in a key-value store of version 2."""
    field: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] = "api_key"
    """Which field of the secret holds the key."""
    cache_s: Annotated[int, Field(ge=10, le=86_400)] = 300
    """How long a value read once is used; a vault that is away is not missed for as long."""


class ApiKeyPlace(Spec):
    """Where the provider's key is kept; the key itself is never declared."""

    env: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,127}$")] | None = None
    """The name of an environment variable of the gateway."""
    file: Annotated[str, StringConstraints(pattern=r"^/[^\x00-\x1f]{1,400}$")] | None = None
    """The absolute path of a file the gateway can read."""
    sealed: Name | None = None
    """The name of a secret kept here, sealed (`roadworthy secret set`)."""
    vault: VaultPlace | None = None
    """A place in the Vault or OpenBao that the gateway was told of."""

    @model_validator(mode="after")
    def _is_one_place(self) -> ApiKeyPlace:
        if [self.env, self.file, self.sealed, self.vault].count(None) != 3:
            raise ValueError("A key is kept in one place: say one of `env`, `file`, `sealed` and `vault`")
        return self


class DataTerms(Spec):
    """What the contract with a provider says about the data sent to it."""

    trains_on_data: bool
    """Whether it may train models with what it is sent."""
    keeps_days: Annotated[int, Field(ge=0, le=36_500)] | None = None
    """How long it keeps what it is sent; none where the contract does not say."""
    contract: Annotated[str, StringConstraints(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    """Where the contract is found: an address, or the number it is filed under."""


Dialect = Literal["openai", "anthropic", "azure-openai", "gemini", "bedrock"]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]([\x20-\x7e]{0,398}[\x21-\x7e])?$")]
_HEADER_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_OWN_HEADERS = frozenset(
    {
        *("accept", "accept-encoding", "anthropic-version", "api-key", "authorization", "connection"),
        *("content-encoding", "content-length", "content-type", "cookie", "expect", "forwarded", "host"),
        *("keep-alive", "metadata", "metadata-flavor", "proxy-authorization", "proxy-connection", "te"),
        *("trailer", "transfer-encoding", "upgrade", "user-agent", "via", "x-api-key", "x-goog-api-key"),
        *("x-metadata-token", "x-google-metadata-request", "x-http-method-override"),
    }
)
"""Headers that the gateway writes itself, that frame messages, or that open metadata services."""
_AWS_REGION = re.compile(r"[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}")
_OWN_PREFIXES = ("x-amz-", "x-aws-", "x-forwarded-", "x-metadata-", "x-original-", "x-rewrite-")


class Provider(Spec):
    """Who serves models: an address, and where its key is kept."""

    title: Title
    """The provider's name for people."""
    dialect: Dialect = "openai"
    """The wire format it speaks; `openai` for every server that is compatible with it."""
    has_responses: bool = True
    """Whether a server of dialect `openai` or `azure-openai` has `/responses`; where not, they are asked for
    as chat completions."""
    base_url: Annotated[
        str,
        StringConstraints(strip_whitespace=True, max_length=500),
        Fix("Write the address up to and with the version: `https://api.example.com/v1`."),
    ]
    """Its address, with the version and without a credential."""
    api_key: ApiKeyPlace | None = None
    """Where its key is kept; none for a provider that asks for none."""
    api_version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,40}$")] | None = None
    """The version of its API, where that is said beside the address (`azure-openai`, `anthropic`)."""
    region: Annotated[str, StringConstraints(max_length=60)] | None = None
    """Where it processes the data; for `bedrock` the region that requests are signed for."""
    headers: Annotated[dict[str, HeaderValue], Field(max_length=16, default_factory=dict)]
    """Headers that every request carries; never a credential: they are shown to whoever may read this."""
    data_terms: DataTerms | None = None
    """What the contract says about the data sent to it; none where nobody has said so far."""
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
        if problem := host_problem(parts.hostname):
            raise ValueError(f"The host of the address cannot be used: {problem}")
        return value.rstrip("/")

    @field_validator("headers")
    @classmethod
    def _are_additions(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f"`{name[:80]}` is no header: small letters, digits and hyphens only")
            if name in _OWN_HEADERS or name.startswith(_OWN_PREFIXES):
                raise ValueError(f"The header `{name}` is not to be declared: the gateway writes it")
        return value

    @model_validator(mode="after")
    def _says_what_its_dialect_needs(self) -> Provider:
        if self.dialect == "azure-openai" and self.api_version is None:
            raise ValueError(
                "dialect azure-openai needs `api_version`, such as 2024-10-21; for an address that ends in "
                "/openai/v1, declare dialect openai"
            )
        if not self.has_responses and self.dialect not in {"openai", "azure-openai"}:
            raise ValueError(
                f"`has_responses: false` says nothing about dialect {self.dialect}: responses are always "
                "translated for it; leave the field out"
            )
        if self.dialect == "bedrock" and not _AWS_REGION.fullmatch(self.region or ""):
            raise ValueError("dialect bedrock needs `region`, such as eu-central-1: requests name it")
        return self


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


DataClass = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
RiskTier = Literal["minimal", "limited", "high"]


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
    data_classes: tuple[DataClass, ...] = ()
    """The sorts of data it may be sent; none named means all."""
    tiers: tuple[RiskTier, ...] = ()
    """The risk tiers whose use cases may call it; none named means all."""

    @model_validator(mode="after")
    def _answer_fits(self) -> Model:
        if self.max_output_tokens > self.context_tokens:
            raise ValueError("max_output_tokens exceeds context_tokens, but an answer is part of the context")
        return self


PROVIDER = Kind("Provider", Provider, "Who serves models, and where.", order=30)
MODEL = Kind("Model", Model, "An approved model at a provider, with its price.", order=45)
ROUTE = Kind("Route", Route, "A name that applications call, and the models behind it.", order=50)
KINDS = (PROVIDER, MODEL, ROUTE)
