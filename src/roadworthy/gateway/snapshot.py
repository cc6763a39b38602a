"""Pure: the compiled snapshot that every decision of the gateway is made from, and its look-up index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec


class Reason(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that stands in the way: what, from which declaration, who can change it, what to do."""

    code: str
    message: str
    declaration: str = ""
    who_can_change: tuple[str, ...] = ()
    next_step: str = ""


class Block(msgspec.Struct, frozen=True):
    """Everything that keeps a use case from having a grant."""

    reasons: tuple[Reason, ...] = ()


class KeyEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """An API key as the gateway knows it: never the key, only its handle."""

    id: str
    principal: str
    use_case: str
    expires_at: float | None = None
    revoked_at: float | None = None


class PrincipalEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who may call: a service account or a person."""

    name: str
    kind: Literal["service-account", "person"] = "service-account"
    type: str = ""
    owner: str = ""
    namespace: str = ""
    expires_at: float | None = None
    disabled_at: float | None = None
    source: str = ""


class GrantEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """The verdict that lets a use case call: for which models and routes, from when to when, and why."""

    id: str
    use_case: str
    namespace: str = ""
    tier: str = ""
    models: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    not_before: float | None = None
    expires_at: float | None = None
    logging: Literal["full", "metadata"] = "metadata"
    retention_days: int = 30
    made_of: tuple[str, ...] = ()
    declared_at: str = ""
    changers: tuple[str, ...] = ()
    data_class: str = ""


class ModelEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model at a provider; prices are billionths of the currency per token, None when unknown."""

    name: str
    provider: str
    upstream_model: str
    max_output_tokens: int | None = None
    context_tokens: int | None = None
    input_price_nano: int | None = None
    output_price_nano: int | None = None
    cached_input_price_nano: int | None = None
    price_source: str = ""
    currency: str = "USD"


class RouteEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """From one name to models in order; `timeout_s` bounds the wait for each attempt's first byte."""

    name: str
    targets: tuple[str, ...]
    retries: int = 0
    timeout_s: float | None = None


class ProviderEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who serves: the address, the credential's place (`env:NAME` or `file:PATH`), the time allowed."""

    name: str
    base_url: str
    dialect: Literal["openai"] = "openai"
    api_key_ref: str | None = None
    allow_private: bool = False
    connect_timeout_s: float = 5.0
    total_timeout_s: float = 600.0
    region: str = ""


class Snapshot(msgspec.Struct, frozen=True):
    """All that the gateway knows at one revision. `principals` is keyed by `kind/name`, the rest by name."""

    revision: int
    compiled_at: str
    keys: dict[str, KeyEntry] = {}
    principals: dict[str, PrincipalEntry] = {}
    grants: tuple[GrantEntry, ...] = ()
    blocks: dict[str, Block] = {}
    models: dict[str, ModelEntry] = {}
    routes: dict[str, RouteEntry] = {}
    providers: dict[str, ProviderEntry] = {}


class Target(msgspec.Struct, frozen=True):
    """A model with the provider that serves it."""

    model: ModelEntry
    provider: ProviderEntry


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Snapshot)


def encode(snapshot: Snapshot) -> bytes:
    """Return the snapshot as bytes."""
    return _ENCODER.encode(snapshot)


def decode(data: bytes) -> Snapshot:
    """Return the snapshot that `encode` wrote; `msgspec.DecodeError` for anything else."""
    return _DECODER.decode(data)


def newest_first(grants: Sequence[GrantEntry]) -> tuple[GrantEntry, ...]:
    """Order grants so that the one that lasts longest is asked first."""
    return tuple(
        sorted(grants, key=lambda grant: grant.expires_at if grant.expires_at is not None else float("inf"))
    )[::-1]


class Index:
    """A snapshot arranged for look-ups; made once, in the refresher's thread, and never changed."""

    __slots__ = ("grants", "keys", "keys_of", "revision", "snapshot", "targets")

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.revision = snapshot.revision
        self.keys = snapshot.keys
        by_use_case: dict[str, list[GrantEntry]] = {}
        for grant in snapshot.grants:
            by_use_case.setdefault(grant.use_case, []).append(grant)
        self.grants = {name: newest_first(grants) for name, grants in by_use_case.items()}
        keys_of: dict[str, list[KeyEntry]] = {}
        for key in snapshot.keys.values():
            keys_of.setdefault(key.principal, []).append(key)
        self.keys_of = {name: tuple(sorted(keys, key=lambda key: key.id)) for name, keys in keys_of.items()}
        self.targets = {
            name: Target(model, snapshot.providers[model.provider])
            for name, model in snapshot.models.items()
            if model.provider in snapshot.providers
        }
