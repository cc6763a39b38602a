"""Pure: from declared filters and policies to what a snapshot carries of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roadworthy.gateway.kinds import Filter, FilterPolicy
from roadworthy.gateway.snapshot import FilterEntry, FilterPolicyEntry, FilterUse, GuardModelEntry


def filter_entry(name: str, spec: Filter) -> FilterEntry:
    """Return a filter as gateways know it."""
    asked = spec.guard_model
    return FilterEntry(
        name=name,
        recognisers=spec.recognisers,
        patterns=dict(spec.patterns),
        topics=dict(spec.topics),
        classifier=spec.classifier,
        guard_model=GuardModelEntry(asked.model, asked.instruction, asked.flagged_when, asked.chars_max)
        if asked is not None
        else None,
        on_error=spec.on_error or "",
    )


def policy_entry(name: str, spec: FilterPolicy, units: Mapping[str, Any]) -> FilterPolicyEntry:
    """Return a policy as gateways know it: named units reach the units below them too."""
    return FilterPolicyEntry(
        name=name,
        uses=tuple(
            FilterUse(use.filter, use.input or "", use.output or "", use.on_error or "", frozenset(use.tiers))
            for use in spec.uses
        ),
        units=below(set(spec.units), units),
        use_cases=frozenset(spec.use_cases),
        tiers=frozenset(spec.tiers),
        of_organization=not (spec.units or spec.use_cases or spec.tiers),
    )


def below(names: set[str], units: Mapping[str, Any]) -> frozenset[str]:
    """Return units and all units below them."""
    found = set(names)
    grew = True
    while grew:
        more = {name for name, unit in units.items() if unit.parent in found} - found
        found |= more
        grew = bool(more)
    return frozenset(found)
