"""Pure: the entities of a call, as policies see them: who calls, what for, and which model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from roadworthy.policy.compiled import Thing
from roadworthy.policy.vocabulary import ORGANIZATION


def unit_of(name: str, parents: Mapping[str, str]) -> Thing:
    """Return a unit with all the units it is part of; the organization is above all."""
    above = {("Unit", ORGANIZATION)}
    at = parents.get(name, "")
    while at and ("Unit", at) not in above:
        above.add(("Unit", at))
        at = parents.get(at, "")
    return Thing("Unit", name or ORGANIZATION, None, frozenset(above))


def principal(*, kind: str, name: str, unit: Thing, type_: str = "", owner: str = "") -> Thing:
    """Return a service account or a person."""
    attrs = {"name": name, "unit": unit, "type": type_, "owner": owner}
    return Thing("Person" if kind == "person" else "ServiceAccount", name, attrs, unit.line)


def use_case(*, name: str, unit: Thing, tier: str, data_classes: Iterable[str], keeps_texts: bool) -> Thing:
    """Return a use case."""
    attrs = {
        "name": name,
        "unit": unit,
        "tier": tier,
        "data_classes": frozenset(data_classes),
        "keeps_texts": keeps_texts,
    }
    return Thing("UseCase", name, attrs, unit.line)


def model(
    *,
    name: str,
    provider: str,
    route: str = "",
    region: str = "",
    upstream_model: str = "",
    tiers: Iterable[str] = (),
    data_classes: Iterable[str] = (),
    currency: str = "",
    **known: bool | int | None,
) -> Thing:
    """Return a model as a call reaches it: it is in its provider, and in the route the call came by."""
    attrs: dict[str, Any] = {
        "name": name,
        "provider": Thing("Provider", provider),
        "region": region,
        "upstream_model": upstream_model,
        "tiers": frozenset(tiers),
        "data_classes": frozenset(data_classes),
        "currency": currency,
        **{key: value for key, value in known.items() if value is not None},
    }
    above = {("Provider", provider)} | ({("Route", route)} if route else set())
    return Thing("Model", name, attrs, frozenset(above))


def fixed_context(used_for: Thing, route: str) -> dict[str, Any]:
    """Return what is the same for every call of a caller by one name."""
    return {"use_case": used_for, **({"route": Thing("Route", route)} if route else {})}
