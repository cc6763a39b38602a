"""Pure: what policies say of an admitted call: of all such calls once, of this one where they look at it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from roadworthy.gateway.snapshot import (
    GrantEntry,
    Index,
    KeyEntry,
    PrincipalEntry,
    RouteEntry,
    Target,
)
from roadworthy.policy import entities
from roadworthy.policy.decide import Standing
from roadworthy.policy.statement import Denial

_NONE: Mapping[str, Any] = MappingProxyType({})


class Policed(msgspec.Struct, frozen=True):
    """What policies say of a caller's calls by one name; a model they say nothing about is in neither."""

    forbidden: Mapping[str, Denial] = _NONE
    looking: Mapping[str, Standing] = _NONE
    """Models for which it depends on the call."""
    needs: frozenset[str] = frozenset()
    """What of a call has to be known."""

    def unless(self, models: Iterable[str]) -> tuple[str, ...]:
        """Name the policies that look at each call to all of these models."""
        asked = list(models)
        if any(name not in self.looking and name not in self.forbidden for name in asked):
            return ()
        named: set[str] = set()
        for said in (self.looking[name] for name in asked if name in self.looking):
            named.update(one.denial.declaration for one in said.forbids)
            if said.unpermitted is not None:
                named.add(said.unpermitted.declaration)
        return tuple(sorted(named))


NOTHING = Policed()


def police(
    index: Index,
    key: KeyEntry,
    holder: PrincipalEntry,
    grant: GrantEntry,
    *,
    route: RouteEntry | None,
    targets: Iterable[Target],
) -> Policed:
    """Ask the policies about every model that the route or the name could lead to."""
    names = {target.model.name for target in targets}
    if route is not None:
        names |= {one.model for one in (route.canary, route.shadow) if one is not None}
    forbidden: dict[str, Denial] = {}
    looking: dict[str, Standing] = {}
    for name in sorted(names & index.targets.keys()):
        said = standing(index, key, holder, grant, route=route.name if route is not None else "", model=name)
        if said.forbidden is not None:
            forbidden[name] = said.forbidden
        elif not said.certain:
            looking[name] = said
    if not forbidden and not looking:
        return NOTHING
    return Policed(forbidden, looking, frozenset(one for said in looking.values() for one in said.needs))


def standing(
    index: Index, key: KeyEntry, holder: PrincipalEntry, grant: GrantEntry, *, route: str, model: str
) -> Standing:
    """Return what policies say of a caller, a use case and a model."""
    parents = index.snapshot.units
    kind, _, name = key.principal.partition("/")
    caller = entities.principal(
        kind=kind,
        name=name,
        unit=entities.unit_of(holder.namespace, parents),
        type_=holder.type,
        owner=holder.owner,
    )
    used_for = entities.use_case(
        name=grant.use_case,
        unit=entities.unit_of(grant.namespace, parents),
        tier=grant.tier,
        data_classes=(one for one in grant.data_class.split(", ") if one),
        keeps_texts=grant.logging == "full",
    )
    target = index.targets[model]
    asked = entities.model(
        name=model,
        provider=target.provider.name,
        route=route,
        region=target.provider.region,
        upstream_model=target.model.upstream_model,
        tiers=target.model.tiers,
        data_classes=target.model.data_classes,
        currency=target.model.currency,
        trains_on_data=target.provider.trains_on_data,
        keeps_data_days=target.provider.keeps_data_days,
        context_tokens=target.model.context_tokens,
    )
    fixed = entities.fixed_context(used_for, route)
    return index.rules.standing(caller, asked, unit=grant.namespace, fixed=fixed)
