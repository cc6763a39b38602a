"""Changes: a proven use case is published as a blueprint, and a new use case starts from one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from roadworthy.foundation.errors import BlockedError, ConflictError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import blueprint as patterns
from roadworthy.governance import queries
from roadworthy.governance.blueprint import BLUEPRINT, Blueprint, Wanted
from roadworthy.governance.standing import Standing
from roadworthy.registry import operations as registry_operations
from roadworthy.registry import queries as registry
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import Assembly
from roadworthy.registry.kinds import API_VERSION
from roadworthy.registry.manifest import Manifest
from roadworthy.usage import queries as usage
from roadworthy.use_cases.kinds import USE_CASE


class NotProvenError(BlockedError):
    """A use case that may not call is no pattern for others."""

    code = "not-proven"


def publish(tx: Tx, assembly: Assembly, *, use_case: str, name: str = "", actor: Actor, now: datetime) -> str:
    """Publish a use case that has a grant, under its own name or another; again, it becomes the newer one."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    missing = patterns.unproven(standing)
    if missing:
        raise NotProvenError(
            f"{standing.ref} cannot be published as a blueprint.",
            why=f"It has no grant: {missing[0]}",
            fix=f"`roadworthy explain {standing.ref}` says what is missing.",
        )
    stored = registry.get(tx, USE_CASE, use_case)
    calls = usage.totals(tx, use_case=use_case).allowed
    called = name or use_case
    document = {
        "apiVersion": API_VERSION,
        "kind": "Blueprint",
        "metadata": {"name": called, "namespace": stored.namespace},
        "spec": patterns.captured(stored.spec, standing, calls=calls),
    }
    _save(tx, assembly, document, actor=actor, now=now)
    return called


def draft(tx: Tx, *, blueprint: str, wanted: Wanted) -> dict[str, Any]:
    """Return the declaration that a new use case would begin with; nothing is saved."""
    found: Blueprint = registry.get(tx, BLUEPRINT, blueprint).spec
    return patterns.made_from(found, blueprint, wanted)


def start(
    tx: Tx, assembly: Assembly, *, blueprint: str, wanted: Wanted, actor: Actor, now: datetime
) -> Standing:
    """Declare a new use case from a blueprint, managed by the console; return where it stands."""
    if registry.find(tx, USE_CASE, wanted.name) is not None:
        raise ConflictError(
            f"There is a use-case/{wanted.name} already.",
            why="A blueprint starts a new use case; it changes none.",
            fix="Choose another name.",
        )
    document = draft(tx, blueprint=blueprint, wanted=wanted)
    _save(tx, assembly, document, actor=actor, now=now)
    return queries.standing(tx, use_case=wanted.name, now=now)


def _save(tx: Tx, assembly: Assembly, document: dict[str, Any], *, actor: Actor, now: datetime) -> None:
    manifests = [Manifest(document, "", 0, {})]
    planned = registry_operations.plan(
        tx, assembly, manifests=manifests, managed_by="console", actor=actor, now=now
    )
    registry_operations.save(tx, assembly, planned, actor=actor, now=now)
