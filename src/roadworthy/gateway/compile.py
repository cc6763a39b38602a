"""From what is declared, issued and granted to the snapshot calls are decided on; asks nothing itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Literal

from roadworthy.gateway.snapshot import (
    Block,
    GrantEntry,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderEntry,
    Reason,
    RouteEntry,
    Snapshot,
)
from roadworthy.governance import grant as verdicts
from roadworthy.identity.principal import Key, Principal
from roadworthy.models.kinds import ApiKeyPlace, Model, Provider, Route
from roadworthy.models.pricing import rates


def snapshot_of(
    *,
    revision: int,
    keys: Iterable[Key],
    principals: Iterable[Principal],
    standings: Iterable[verdicts.Grant | verdicts.Block],
    providers: Mapping[str, Provider],
    models: Mapping[str, Model],
    routes: Mapping[str, Route],
    now: datetime,
) -> Snapshot:
    """Put a snapshot together; it carries the ends of what time alone ends, so it holds later too."""
    standings = tuple(standings)
    return Snapshot(
        revision=revision,
        compiled_at=now.isoformat(),
        keys={key.hash: _key(key) for key in keys},
        principals={one.name: _principal(one) for one in principals},
        grants=tuple(_grant(one) for one in standings if isinstance(one, verdicts.Grant)),
        blocks={one.use_case: _block(one) for one in standings if isinstance(one, verdicts.Block)},
        models={name: _model(name, spec, now) for name, spec in models.items()},
        routes={name: _route(name, spec) for name, spec in routes.items()},
        providers={name: _provider(name, spec) for name, spec in providers.items()},
    )


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
    )


def _route(name: str, spec: Route) -> RouteEntry:
    return RouteEntry(name=name, targets=spec.targets, retries=spec.retries, timeout_s=spec.timeout_s)


def _provider(name: str, spec: Provider) -> ProviderEntry:
    return ProviderEntry(
        name=name,
        base_url=spec.base_url,
        dialect=spec.dialect,
        api_key_ref=_key_place(spec.api_key),
        allow_private=spec.allow_private,
        connect_timeout_s=spec.connect_timeout_s,
        total_timeout_s=spec.total_timeout_s,
        region=spec.region or "",
    )


def _key_place(place: ApiKeyPlace | None) -> str | None:
    if place is None:
        return None
    return f"env:{place.env}" if place.env is not None else f"file:{place.file}"
