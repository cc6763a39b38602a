"""From what is declared, issued and granted to the snapshot calls are decided on; asks nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from roadworthy.gateway.filter_entry import filter_entry, policy_entry
from roadworthy.gateway.kinds import Filter, FilterPolicy
from roadworthy.gateway.route_entry import route_entry
from roadworthy.gateway.snapshot import (
    Block,
    GrantEntry,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderDialectName,
    ProviderEntry,
    Reason,
    Snapshot,
    Stop,
)
from roadworthy.governance import grant as verdicts
from roadworthy.identity.principal import Key, Principal
from roadworthy.models.kinds import ApiKeyPlace, Model, Provider
from roadworthy.models.pricing import rates
from roadworthy.models.route import Route
from roadworthy.policy.entry import policy_entry as access_policy_entry
from roadworthy.policy.kinds import AccessPolicy
from roadworthy.policy.reach import below
from roadworthy.quota.entry import budget_entries, limit_entries
from roadworthy.quota.kinds import Budget, Limit
from roadworthy.switches.switch import Thrown
from roadworthy.use_cases.kinds import Unit


def snapshot_of(
    *,
    revision: int,
    keys: Iterable[Key],
    principals: Iterable[Principal],
    standings: Iterable[verdicts.Grant | verdicts.Block],
    providers: Mapping[str, Provider],
    sealed: Mapping[str, str] = MappingProxyType({}),
    models: Mapping[str, Model],
    routes: Mapping[str, Route],
    stops: Mapping[str, Stop] = MappingProxyType({}),
    quality: Mapping[str, Mapping[str, float]] = MappingProxyType({}),
    limits: Mapping[str, Limit] = MappingProxyType({}),
    limit_changers: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    budgets: Mapping[str, Budget] = MappingProxyType({}),
    units: Mapping[str, Unit] = MappingProxyType({}),
    filters: Mapping[str, Filter] = MappingProxyType({}),
    filter_policies: Mapping[str, FilterPolicy] = MappingProxyType({}),
    approved_content: Mapping[str, float] = MappingProxyType({}),
    access_policies: Mapping[str, AccessPolicy] = MappingProxyType({}),
    now: datetime,
) -> Snapshot:
    """Put a snapshot together; it carries the ends of what time alone ends, so it holds later too."""
    standings = tuple(standings)
    parents = {name: spec.parent for name, spec in units.items()}
    return Snapshot(
        revision=revision,
        compiled_at=now.isoformat(),
        keys={key.hash: _key(key) for key in keys},
        principals={one.name: _principal(one) for one in principals},
        grants=tuple(_grant(one) for one in standings if isinstance(one, verdicts.Grant)),
        blocks={one.use_case: _block(one) for one in standings if isinstance(one, verdicts.Block)},
        models={name: _model(name, spec, now) for name, spec in models.items()},
        routes={name: route_entry(name, spec) for name, spec in routes.items()},
        providers={name: _provider(name, spec, sealed) for name, spec in providers.items()},
        stops=dict(stops),
        quality={name: dict(scores) for name, scores in quality.items()},
        limits=limit_entries(limits, limit_changers),
        budgets=budget_entries(budgets),
        units={name: spec.parent or "" for name, spec in units.items()},
        filters={name: filter_entry(name, spec) for name, spec in filters.items()},
        filter_policies={name: policy_entry(name, spec, units) for name, spec in filter_policies.items()},
        approved_content=dict(approved_content),
        access_policies={
            name: access_policy_entry(name, spec, units=below(set(spec.units), parents))
            for name, spec in access_policies.items()
        },
    )


def stop_entry(one: Thrown, revivers: tuple[str, ...]) -> Stop:
    """Return what the snapshot carries of a kill switch."""
    return Stop(one.of, one.reason, one.by, one.at.timestamp(), _seconds(one.until), revivers)


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _key(key: Key) -> KeyEntry:
    return KeyEntry(
        id=key.id,
        principal=key.principal,
        use_case=key.use_case,
        expires_at=_seconds(key.expires_at),
        revoked_at=_seconds(key.revoked_at),
    )


def _principal(one: Principal) -> PrincipalEntry:
    return PrincipalEntry(
        name=one.name,
        kind=one.kind,
        type=one.type,
        owner=one.owner,
        namespace=one.namespace,
        expires_at=_seconds(one.expires_at),
        disabled_at=_seconds(one.disabled_at),
        source=one.source,
    )


def _grant(one: verdicts.Grant) -> GrantEntry:
    logging: Literal["full", "metadata"] = "full" if one.logging == "full" else "metadata"
    return GrantEntry(
        id=one.id,
        use_case=one.use_case,
        namespace=one.namespace,
        tier=one.tier,
        models=one.models,
        routes=one.routes,
        not_before=_seconds(one.not_before),
        expires_at=_seconds(one.expires_at),
        logging=logging,
        retention_days=one.retention_days,
        made_of=one.made_of,
        declared_at=one.declared_at,
        changers=one.changers,
        data_class=one.data_class,
        ends_with=one.ends_with,
        autonomy=one.allowed.level,
        draft=one.allowed.draft,
        review_share=one.allowed.review_share,
        basis=one.allowed.basis,
        verdict=one.digest,
    )


def _block(one: verdicts.Block) -> Block:
    return Block(
        tuple(
            Reason(reason.code, reason.message, reason.declaration, reason.who_can_change, reason.next_step)
            for reason in one.reasons
        )
    )


def _model(name: str, spec: Model, now: datetime) -> ModelEntry:
    price = rates(spec.price, as_of=now)
    return ModelEntry(
        name=name,
        provider=spec.provider,
        upstream_model=spec.upstream_model,
        max_output_tokens=spec.max_output_tokens,
        context_tokens=spec.context_tokens,
        input_price_nano=price.input_nano,
        output_price_nano=price.output_nano,
        cached_input_price_nano=price.cached_input_nano,
        price_source=price.source,
        currency=price.currency,
        data_classes=spec.data_classes,
        tiers=spec.tiers,
    )


def _provider(name: str, spec: Provider, sealed: Mapping[str, str]) -> ProviderEntry:
    place, terms = spec.api_key, spec.data_terms
    return ProviderEntry(
        name=name,
        base_url=spec.base_url,
        dialect=_speech(spec),
        api_key_ref=_key_place(place),
        allow_private=spec.allow_private,
        connect_timeout_s=spec.connect_timeout_s,
        total_timeout_s=spec.total_timeout_s,
        region=spec.region or "",
        api_version=spec.api_version or "",
        headers=dict(spec.headers),
        sealed=sealed.get(name, ""),
        secret_cache_s=place.vault.cache_s if place is not None and place.vault is not None else 300,
        trains_on_data=terms.trains_on_data if terms is not None else None,
        keeps_data_days=terms.keeps_days if terms is not None else None,
    )


def _speech(spec: Provider) -> ProviderDialectName:
    if spec.has_responses:
        return spec.dialect
    return "azure-openai-chat" if spec.dialect == "azure-openai" else "openai-chat"


def _key_place(place: ApiKeyPlace | None) -> str | None:
    if place is None:
        return None
    if place.env is not None:
        return f"env:{place.env}"
    if place.file is not None:
        return f"file:{place.file}"
    if place.vault is not None:
        return f"vault:{place.vault.path}#{place.vault.field}"
    return f"sealed:{place.sealed}"
