"""Whether a limit or budget may be declared: within its unit, never looser than the central standard."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from roadworthy.foundation.errors import Issue
from roadworthy.quota.kinds import CONCURRENCY, Budget, Limit, Scope
from roadworthy.registry.kinds import ROOT_NAMESPACE
from roadworthy.registry.slice import Proposal, World

if TYPE_CHECKING:
    from roadworthy.foundation.storage.database import Tx

_FIGURES = ("requests", "input_tokens", "output_tokens")


def check_quota(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse what reaches beyond its unit, and what seems to allow more than the organization does."""
    if proposal.after is None or not isinstance(proposal.after.spec, Limit | Budget):
        return
    spec, space = proposal.after.spec, proposal.after.namespace
    if space == ROOT_NAMESPACE:
        return
    yield from _beyond(spec.scope, space, proposal.world)
    if isinstance(spec, Limit):
        yield from _looser(spec, proposal.after.name, proposal.world)


def _inside(unit: str, space: str, world: World) -> bool:
    seen: set[str] = set()
    while unit and unit not in seen:
        if unit == space:
            return True
        seen.add(unit)
        found = world.get("Unit", unit)
        unit = (found.spec.parent or "") if found is not None else ""
    return False


def _beyond(scope: Scope, space: str, world: World) -> Iterator[Issue]:
    held = [scope.unit] if scope.unit else []
    for kind, name in (("UseCase", scope.use_case), ("ServiceAccount", scope.service_account)):
        found = world.get(kind, name) if name else None
        if found is not None:
            held.append(found.namespace)
    if any(_inside(unit, space, world) for unit in held):
        return
    yield Issue(
        f"It is declared in unit/{space}, and counts calls of others too.",
        f"Name in its scope what belongs to the unit, as in `scope: {{unit: {space}}}`, or have it declared "
        f"in the namespace {ROOT_NAMESPACE}.",
        "spec.scope",
    )


def _central(world: World) -> Iterator[tuple[str, Limit]]:
    """Yield the limits that hold for everybody."""
    for one in world.all("Limit"):
        spec: Any = one.spec
        scope = spec.scope
        if one.namespace == ROOT_NAMESPACE and not (
            scope.unit or scope.use_case or scope.service_account or scope.person or scope.key
        ):
            yield one.name, spec


def _looser(spec: Limit, name: str, world: World) -> Iterator[Issue]:
    concurrency = []
    for central, standard in _central(world):
        if standard.scope.model not in {None, spec.scope.model} or standard.scope.provider not in {
            None,
            spec.scope.provider,
        }:
            continue
        if standard.concurrency is not None:
            concurrency.append((central, standard.concurrency))
        if standard.each != spec.each and standard.each is not None:
            continue
        for figure in _FIGURES:
            wanted, allowed = getattr(spec, figure), getattr(standard, figure)
            if wanted is None or allowed is None:
                continue
            if wanted > allowed and spec.per == standard.per:
                what = figure.replace("_", " ")
                yield Issue(
                    f"limit/{central} allows everybody {allowed:,} {what} per {spec.per}; limit/{name} would "
                    f"seem to allow {wanted:,}, and cannot.",
                    f"Give at most {allowed:,}, or have limit/{central} changed.",
                    f"spec.{figure}",
                )
    bound = min((figure for _, figure in concurrency), default=CONCURRENCY)
    if spec.concurrency is not None and spec.concurrency > bound:
        where = f"limit/{concurrency[0][0]}" if concurrency else "the default"
        yield Issue(
            f"{where} allows {bound} calls at once for each key; a unit may lower that, not raise it.",
            f"Give at most {bound}, or declare more for the whole organization.",
            "spec.concurrency",
        )
