"""Whether a policy may be declared: its Cedar is valid, its examples hold, and a unit only tightens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from roadworthy.foundation.errors import Issue
from roadworthy.policy.entry import policy_entry
from roadworthy.policy.examples import try_all
from roadworthy.policy.kinds import AccessPolicy
from roadworthy.policy.language import read
from roadworthy.policy.reach import below
from roadworthy.registry.kinds import ROOT_NAMESPACE
from roadworthy.registry.slice import Proposal

if TYPE_CHECKING:
    from roadworthy.foundation.storage.database import Tx


def check(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a policy that says what it must not, or that its own examples contradict."""
    after = proposal.after
    if after is None or not isinstance(after.spec, AccessPolicy) or proposal.change.action == "unchanged":
        return
    units = {one.name: one.spec.parent for one in proposal.world.all("Unit")}
    yield from issues(after.name, after.spec, units=units)
    if after.namespace == ROOT_NAMESPACE:
        return
    own = below({after.namespace}, units)
    foreign = [name for name in after.spec.units if name not in own]
    if foreign or not after.spec.units:
        said = f"It names unit/{foreign[0]}" if foreign else "It names no unit, and so reaches all of them"
        yield Issue(
            f"{said}, but the policy belongs to unit/{after.namespace}.",
            f"Name `{after.namespace}` or a unit below it in `units`; the organization's policies reach all.",
            "spec.units",
        )


def issues(name: str, spec: AccessPolicy, *, units: Mapping[str, Any]) -> Iterator[Issue]:
    """Yield what is wrong with a policy, each with its place: `spec.cedar:7` is line 7 of the text."""
    found = read(spec.cedar)
    for problem in found.problems:
        yield Issue(
            f"Line {problem.line} of the policy: {problem.message}",
            "`roadworthy policy schema` shows what a policy can ask; correct the line.",
            f"spec.cedar:{problem.line}",
        )
    if found.problems:
        return
    if spec.units:
        for one in found.statements:
            if one.effect == "permit":
                yield Issue(
                    f"Line {one.line} of the policy: for units it may only forbid, and `{one.name}` permits.",
                    "Take the `permit` out: what the organization permits, a unit need not permit again.",
                    f"spec.cedar:{one.line}",
                )
                return
    entry = policy_entry(name, spec, units=below(set(spec.units), units))
    for tried in try_all(entry, spec.tests):
        if not tried.holds:
            yield Issue(
                f"The example {tried.name!r} does not hold. {tried.said}",
                "Correct the policy or the example; `roadworthy policy test -f` tries them without a server.",
                f"spec.tests[{tried.place}]",
            )
