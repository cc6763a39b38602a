"""Pure: the compiled snapshot that every decision of the gateway is made from, and its look-up index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from roadworthy.policy.decide import Rules
from roadworthy.policy.statement import PolicyEntry
from roadworthy.quota.entry import BudgetEntry, LimitEntry

ProviderDialectName = Literal[
    "openai", "openai-chat", "anthropic", "azure-openai", "azure-openai-chat", "gemini", "bedrock"
]
"""As declared; the two in `-chat` are those whose declaration says that they have no responses."""


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
    ends_with: str = ""
    """What to do once it has expired."""
    autonomy: Literal["", "assist", "supervise", "automate"] = ""
    """How much the use case may do by itself; nothing in snapshots from before that was enforced."""
    draft: Literal["marked", "withheld"] = "marked"
    review_share: float = 0.0
    basis: str = ""
    """The digest of what its answers come from: decisions about them count for that alone."""
    verdict: str = ""
    """Digest of the verdict it follows from."""
    issued_at: float | None = None
    valid_until: float | None = None
    """When it ends unless it is issued anew; None for one that nobody signed."""
    signature: bytes = b""


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
    data_classes: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()


class StrategyEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What decides between targets; the three weights count where it is `weighted`."""

    prefer: Literal["order", "share", "cost", "quality", "latency", "weighted"] = "order"
    cost: float = 0.0
    quality: float = 0.0
    latency: float = 0.0


class TargetEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What holds for one target of a route alone; `at_once` is 0 for no limit."""

    weight: int = 1
    at_once: int = 0
    tasks: tuple[str, ...] = ()


class FitEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a route's targets have to keep to."""

    regions: tuple[str, ...] = ()
    no_training: bool = False
    keeps_days_max: int | None = None


class BreakerEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """When a target that fails is left alone, and for how long."""

    failures_in_a_row: int = 5
    failure_rate: float = 0.5
    least_calls: int = 20
    window_s: float = 30.0
    rest_s: float = 10.0


class CanaryEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model that a share of the callers, and everybody in a cohort, is sent to first."""

    model: str
    share: float = 0.0
    key: Literal["principal", "use-case", "header"] = "principal"
    principals: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()


class ShadowEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model that is asked as well, once the answer is out."""

    model: str
    share: float = 1.0


class RouteEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """From one name to models; `timeout_s` bounds the wait for each attempt's first byte."""

    name: str
    targets: tuple[str, ...]
    retries: int = 0
    timeout_s: float | None = None
    total_timeout_s: float | None = None
    strategy: StrategyEntry = StrategyEntry()
    task: str = "chat"
    tasks: dict[str, StrategyEntry] = {}
    details: dict[str, TargetEntry] = {}
    fit: FitEntry = FitEntry()
    breaker: BreakerEntry = BreakerEntry()
    canary: CanaryEntry | None = None
    shadow: ShadowEntry | None = None


class ProviderEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who serves: the address, the credential's place, the time allowed.

    `api_key_ref` is `env:NAME`, `file:PATH`, `vault:PATH#FIELD`, or `sealed:NAME`; then `sealed` holds the
    secret, sealed, or nothing when none was set.
    """

    name: str
    base_url: str
    dialect: ProviderDialectName = "openai"
    api_key_ref: str | None = None
    allow_private: bool = False
    connect_timeout_s: float = 5.0
    total_timeout_s: float = 600.0
    region: str = ""
    api_version: str = ""
    headers: dict[str, str] = {}
    sealed: str = ""
    secret_cache_s: int = 300
    trains_on_data: bool | None = None
    keeps_data_days: int | None = None


class GuardModelEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A model that is asked, through the gateway itself, whether a request may pass."""

    model: str
    instruction: str
    flagged_when: str
    chars_max: int = 8_000


class FilterEntry(msgspec.Struct, frozen=True, omit_defaults=True, cache_hash=False):
    """What a filter looks for: built-in recognisers by family or name, own patterns, topics, models."""

    name: str
    recognisers: tuple[str, ...] = ()
    patterns: dict[str, str] = {}
    topics: dict[str, tuple[str, ...]] = {}
    classifier: float | None = None
    guard_model: GuardModelEntry | None = None
    on_error: str = ""

    def __hash__(self) -> int:
        return hash((self.name, self.recognisers, *self.patterns.items(), *self.topics.items()))


class FilterUse(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a policy wants done about one filter's findings; nothing on a side that is not read."""

    filter: str
    input: str = ""
    output: str = ""
    on_error: str = ""
    tiers: frozenset[str] = frozenset()


class FilterPolicyEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which filters read which calls. An empty set of units, use cases or tiers means all of them."""

    name: str
    uses: tuple[FilterUse, ...] = ()
    units: frozenset[str] = frozenset()
    use_cases: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    of_organization: bool = False


class Stop(msgspec.Struct, frozen=True, omit_defaults=True):
    """A kill switch that is thrown: for what (`kind/name`), why, by whom, since when, to when."""

    of: str
    reason: str
    by: str
    at: float
    until: float | None = None
    who_can_revive: tuple[str, ...] = ()


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
    stops: dict[str, Stop] = {}
    """Kill switches that are thrown, by `kind/name`."""
    filters: dict[str, FilterEntry] = {}
    filter_policies: dict[str, FilterPolicyEntry] = {}
    approved_content: dict[str, float] = {}
    """What a person let pass although a filter holds it: digest of the content -> until when."""
    quality: dict[str, dict[str, float]] = {}
    """Model -> task -> score of its latest evaluation, 0 to 1; the task `` is for all that were not named."""
    limits: dict[str, LimitEntry] = {}
    budgets: dict[str, BudgetEntry] = {}
    units: dict[str, str] = {}
    """Unit -> the unit it is part of; nothing for one directly under the organization."""
    access_policies: dict[str, PolicyEntry] = {}


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

    __slots__ = ("grants", "keys", "keys_of", "revision", "rules", "snapshot", "targets")

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
        self.rules = Rules(snapshot.access_policies.values())
        self.targets = {
            name: Target(model, snapshot.providers[model.provider])
            for name, model in snapshot.models.items()
            if model.provider in snapshot.providers
        }
