"""Whether filters and their policies may be declared as they are: what they name exists, and is theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from roadworthy.foundation.errors import Issue
from roadworthy.gateway.filter_entry import below
from roadworthy.gateway.filter_rules import HOUSE_FILTERS, HOUSE_POLICY
from roadworthy.gateway.kinds import FILTER_POLICY, Filter, FilterPolicy
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import ROOT_NAMESPACE
from roadworthy.registry.slice import Proposal

if TYPE_CHECKING:
    from roadworthy.foundation.storage.database import Tx


def check_policy(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a policy that names a filter nobody knows, or that a unit makes for others than its own."""
    after = proposal.after
    if after is None or not isinstance(after.spec, FilterPolicy):
        return
    for at, use in enumerate(after.spec.uses):
        if use.filter not in HOUSE_FILTERS and proposal.world.get("Filter", use.filter) is None:
            yield Issue(
                f"There is no filter `{use.filter}`.",
                f"Declare it, or use one that is built in: {', '.join(HOUSE_FILTERS)}.",
                f"spec.uses[{at}].filter",
            )
    if after.namespace == ROOT_NAMESPACE:
        return
    units = {one.name: one.spec for one in proposal.world.all("Unit")}
    own = below({after.namespace}, units)
    foreign = [name for name in after.spec.units if name not in own]
    if foreign or not after.spec.units:
        said = f"It names unit/{foreign[0]}" if foreign else "It names no unit, and so reaches all of them"
        yield Issue(
            f"{said}, but the policy belongs to unit/{after.namespace}.",
            f"Name `{after.namespace}` or a unit below it in `units`; the organization's policies reach all.",
            "spec.units",
        )


def check_filter(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse to take a filter away that a policy names, or to weaken a built-in one from within a unit."""
    before, after = proposal.before, proposal.after
    if after is not None and isinstance(after.spec, Filter):
        if after.name in HOUSE_FILTERS and after.namespace != ROOT_NAMESPACE:
            yield Issue(
                f"filter/{after.name} comes with the product: only the organization may replace it.",
                "Choose another name, or declare it in the namespace `organization`.",
                "metadata.namespace",
            )
        return
    if before is None or after is not None or not isinstance(before.spec, Filter):
        return
    if before.name in HOUSE_FILTERS:
        return
    for policy in proposal.world.all("FilterPolicy"):
        if any(use.filter == before.name for use in policy.spec.uses):
            yield Issue(
                f"filter/{before.name} is named by filter-policy/{policy.name}.",
                "Take it out of the policy first.",
            )


def effects(tx: Tx, proposal: Proposal) -> Iterator[str]:
    """Say what nothing looks for any more once an own policy takes the shipped one's place."""
    after = proposal.after
    if after is None or not isinstance(after.spec, FilterPolicy) or not _reaches_all(after.spec):
        return
    if any(_reaches_all(one.spec) for one in registry.every(tx, FILTER_POLICY)):
        return
    asked = {
        use.filter
        for policy in proposal.world.all("FilterPolicy")
        if _reaches_all(policy.spec)
        for use in policy.spec.uses
    }
    acts = (use.filter for use in HOUSE_POLICY.uses if not {use.input, use.output} <= {"", "allow"})
    lost = [name for name in dict.fromkeys(acts) if name not in asked]
    if lost:
        yield (
            f"the policy that ships no longer applies, and nothing reads every call for {', '.join(lost)} "
            "any more: name here what is to stay"
        )


def _reaches_all(spec: FilterPolicy) -> bool:
    return not (spec.units or spec.use_cases or spec.tiers)
