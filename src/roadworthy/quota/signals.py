"""Signals of limits and budgets: whether one of them counts every call of a use case."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from roadworthy.controls.collecting import Asked, declared
from roadworthy.controls.signal import Signal
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity.rights import covering_units
from roadworthy.quota.kinds import BUDGET, LIMIT, Limit, Scope
from roadworthy.use_cases.kinds import UNIT


def collect(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say of each use case which limit or budget counts all its calls, or that none does."""
    bounds: dict[tuple[str, str], str] = {}
    for kind in (LIMIT, BUDGET):
        for one in declared(tx, kind, asked):
            if not isinstance(one.spec, Limit) or _counts(one.spec):
                for place in _covered(one.spec.scope):
                    bounds.setdefault(place, f"{kind.slug}/{one.name}")
    parents = {one.name: one.spec.parent for one in declared(tx, UNIT, asked)}
    found = {}
    for name, resource in asked.use_cases.items():
        units = tuple(covering_units(resource.namespace, parents))
        places = [("use-case", name), *(("unit", unit) for unit in units), ("", "")]
        held = next((bounds[place] for place in places if place in bounds), "")
        source = held or "no limit and no budget counts all its calls"
        found[name] = [asked.live("calls_limited", bool(held), source)]
    return found


def _counts(spec: Limit) -> bool:
    return any(one is not None for one in (spec.requests, spec.input_tokens, spec.output_tokens))


def _covered(scope: Scope) -> list[tuple[str, str]]:
    """Return the one place all of whose calls a scope counts; nothing where it counts some of them."""
    named = {key: value for key, value in scope.model_dump().items() if value is not None}
    if named.keys() - {"unit", "use_case"} or len(named) > 1:
        return []
    if scope.use_case is not None:
        return [("use-case", scope.use_case)]
    return [("unit", scope.unit)] if scope.unit is not None else [("", "")]
