"""Where use cases would stand if a plan were applied, beside where they stand: assessed once for a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries
from roadworthy.governance.estate import Declared, Estate, arrange
from roadworthy.governance.standing import Standing
from roadworthy.registry.actor import Actor
from roadworthy.registry.slice import World
from roadworthy.rules.rulebook import Rulebook

Sides = tuple[Mapping[str, Standing], Mapping[str, Standing]]
"""Where every use case stands, and where it would stand, by name."""


def sides(tx: Tx, world: World, *, actor: Actor, now: datetime, rulebook: Rulebook | None = None) -> Sides:
    """Assess every use case before and after the whole plan; with these rules after it, if any are given."""
    key = f"governance.effects.{id(world)}"
    if key not in tx.memo:
        known = queries.estate(tx)
        laid = _laid_over(known, world, actor=actor, now=now)
        if rulebook is not None:
            laid = replace(laid, rulebook=rulebook)
        # The world is held beside the result: an id is unique only as long as what it names lives.
        tx.memo[key] = (
            world,
            queries.assessed(tx, known, known.use_cases, now=now),
            queries.assessed(tx, laid, laid.use_cases, now=now),
        )
    _, before, after = tx.memo[key]
    return before, after


def _laid_over(known: Estate, world: World, *, actor: Actor, now: datetime) -> Estate:
    by_kind = {kind.name: declared_in(world, kind.name) for kind in queries.KINDS}
    declared: dict[str, Declared] = {}
    for resource in by_kind["UseCase"]:
        old = known.use_cases.get(resource.name)
        if old is not None and old.resource == resource:
            declared[resource.name] = old
            continue
        said = (actor.principal, resource.document())
        versions = old.versions if old else ()
        declared[resource.name] = Declared(resource, len(versions) + 1, "", "", (*versions, said), now)
    return arrange(by_kind, declared=declared, said=known.said)


def declared_in(world: World, kind: str) -> list[Any]:
    """Return what a plan leaves declared of a kind; nothing where no slice declares that kind."""
    try:
        return list(world.all(kind))
    except NotFoundError:
        return []
