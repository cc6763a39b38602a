"""From declared policies to what a snapshot carries of them."""

from __future__ import annotations

from roadworthy.policy.kinds import AccessPolicy
from roadworthy.policy.language import read
from roadworthy.policy.statement import PolicyEntry


def policy_entry(name: str, spec: AccessPolicy, *, units: frozenset[str]) -> PolicyEntry:
    """Return a policy as gateways enforce it; `units` are those it names and all below them.

    One that was valid when it was applied and cannot be read any more refuses what it reaches.
    """
    found = read(spec.cedar)
    broken = ""
    if found.problems:
        first = found.problems[0]
        broken = f"It cannot be read any more, line {first.line}: {first.message}"[:300]
    return PolicyEntry(
        name=name,
        statements=found.statements,
        units=units,
        default_deny=spec.default == "deny",
        broken=broken,
    )
