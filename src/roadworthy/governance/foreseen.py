"""Where use cases would stand if a plan were applied, beside where they stand: assessed once for a plan."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries
from roadworthy.governance.estate import Declared, Estate, arrange
from roadworthy.governance.standing import Standing
from roadworthy.registry.actor import Actor
from roadworthy.registry.resource import Resource
from roadworthy.registry.slice import World
from roadworthy.rules.rulebook import Rulebook

Sides = tuple[Mapping[str, Standing], Mapping[str, Standing]]
"""Where use cases stand, and where they would stand, by name."""


@dataclass(slots=True)
class _Foreseen:
    """What was worked out for a plan, as far as somebody asked."""

    world: World
    """Held because its id names it: an id is unique only as long as what it names lives."""
    around: Estate
    """What verdicts rest on after the plan, beside the use cases."""
    before: dict[str, Standing] = field(default_factory=dict)
    after: dict[str, Standing] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)


def sides(
    tx: Tx,
    world: World,
    names: Collection[str],
    *,
    actor: Actor,
    now: datetime,
    rulebook: Rulebook | None = None,
) -> Sides:
    """Assess some use cases before and after the whole plan, each once for the plan.

    With other rules after it, if any are given. What is returned knows these use cases, and may know more.
    """
    held: dict[tuple[int, int], _Foreseen] = tx.memo.setdefault("governance.foreseen", {})
    one = held.get((id(world), id(rulebook)))
    if one is None:
        one = held[id(world), id(rulebook)] = _Foreseen(world, _around(tx, world, rulebook))
    new = set(names) - one.asked
    if new:
        known = queries.estate_of(tx, new)
        laid = _laid_over(tx, one.around, known, world, new, actor=actor, now=now)
        one.before |= queries.assessed(tx, known, known.use_cases, now=now)
        one.after |= queries.assessed(tx, laid, laid.use_cases, now=now)
        one.asked |= new
    return one.before, one.after


def planned_of(world: World, kind: str) -> dict[str, Resource[Any] | None]:
    """Return what a plan makes different of a kind, by name; None for what it takes away."""
    return {name: after for (one, name), after in world.planned().items() if one == kind}


def _around(tx: Tx, world: World, rulebook: Rulebook | None) -> Estate:
    made = queries.around(tx)
    if {kind for kind, _ in world.planned()} & {kind.name for kind in queries.AROUND}:
        by_kind = {kind.name: declared_in(world, kind.name) for kind in queries.AROUND}
        made = arrange({**by_kind, "ServiceAccount": ()}, declared={}, said={})
    return made if rulebook is None else replace(made, rulebook=rulebook)


def _laid_over(
    tx: Tx,
    around: Estate,
    known: Estate,
    world: World,
    names: Collection[str],
    *,
    actor: Actor,
    now: datetime,
) -> Estate:
    planned = planned_of(world, "UseCase")
    declared: dict[str, Declared] = {}
    for name in names:
        old = known.use_cases.get(name)
        resource = planned.get(name, old.resource if old else None)
        if resource is None:
            continue
        if old is not None and old.resource == resource:
            declared[name] = old
            continue
        said = (actor.principal, resource.document())
        versions = old.versions if old else ()
        declared[name] = Declared(resource, len(versions) + 1, "", "", (*versions, said), now)
    owners = {**known.account_owners, **queries.account_owners(tx, [actor.principal])}
    for name, account in planned_of(world, "ServiceAccount").items():
        owners.pop(f"service-account/{name}", None)
        if account is not None:
            owners[f"service-account/{name}"] = f"person/{account.spec.owner}"
    return replace(around, use_cases=declared, said=known.said, account_owners=owners)


def declared_in(world: World, kind: str) -> list[Any]:
    """Return what a plan leaves declared of a kind; nothing where no slice declares that kind."""
    try:
        return list(world.all(kind))
    except NotFoundError:
        return []
