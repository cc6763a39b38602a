"""Pure: which filters read a grant's calls and what each does; of all policies the strictest counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Literal

import msgspec

from roadworthy.gateway.snapshot import FilterEntry, FilterPolicyEntry, FilterUse, GrantEntry

Action = Literal["allow", "mask_reversibly", "mask", "hold", "block"]
OnError = Literal["deny", "allow"]
STRICTNESS: Mapping[str, int] = {"": -1, "allow": 0, "mask_reversibly": 1, "mask": 2, "hold": 3, "block": 4}
"""What may tighten what: a later one is stricter."""


class Rule(msgspec.Struct, frozen=True):
    """What one filter does on both sides, and when it errs; nothing on a side it does not read."""

    filter: str
    entry: FilterEntry
    input: str = ""
    output: str = ""
    on_error: OnError = "deny"


def house() -> tuple[dict[str, FilterEntry], FilterPolicyEntry]:
    """Return the filters and the policy that hold where the organization has declared none of its own."""
    return HOUSE_FILTERS, HOUSE_POLICY


def _built_in(name: str, *families: str) -> FilterEntry:
    return FilterEntry(name=name, recognisers=families)


HOUSE_FILTERS: dict[str, FilterEntry] = {
    one.name: one
    for one in (
        _built_in("secrets", "secrets"),
        _built_in("payment", "cards", "bank-accounts"),
        _built_in("national-ids", "national-ids"),
        _built_in("contact", "e-mail", "phones"),
        _built_in("birth-dates", "dates-of-birth"),
        _built_in("addresses", "addresses"),
        _built_in("network", "network"),
        _built_in("injection", "injection"),
    )
}
"""The filters that come with the product; a declared filter of the same name takes its place."""

HOUSE_POLICY = FilterPolicyEntry(
    name="house",
    uses=(
        FilterUse("secrets", input="block", output="mask"),
        FilterUse("payment", input="mask", output="mask"),
        FilterUse("national-ids", input="mask", output="mask"),
        FilterUse("contact", input="allow", output="allow"),
        FilterUse("contact", input="mask", output="mask", tiers=frozenset({"high"})),
        FilterUse("birth-dates", input="allow", output="allow"),
        FilterUse("birth-dates", input="mask", output="mask", tiers=frozenset({"high"})),
        FilterUse("injection", input="allow"),
        FilterUse("injection", input="block", tiers=frozenset({"high"})),
    ),
)


class PolicyBook:
    """All policies of a snapshot, found by what they name, so that the others are not looked at."""

    __slots__ = ("_places", "policies")

    def __init__(self, policies: Mapping[str, FilterPolicyEntry]) -> None:
        self.policies = policies
        self._places: dict[tuple[str, str], list[tuple[int, FilterPolicyEntry]]] = {}
        for position, policy in enumerate(policies.values()):
            for place in _places_of(policy):
                self._places.setdefault(place, []).append((position, policy))
        if any(policy.of_organization for policy in policies.values()):
            said = FilterPolicyEntry("", of_organization=True)  # the house's own policy does not apply
            self._places.setdefault(("", ""), []).append((-1, said))

    def about(self, grant: GrantEntry) -> tuple[FilterPolicyEntry, ...]:
        """Return, in their order, all policies that can apply to a grant's calls."""
        places = (("", ""), ("use-case", grant.use_case), ("unit", grant.namespace))
        found = {position: policy for place in places for position, policy in self._places.get(place, ())}
        return tuple(found[position] for position in sorted(found))


def _places_of(policy: FilterPolicyEntry) -> tuple[tuple[str, str], ...]:
    if policy.use_cases:
        return tuple(("use-case", name) for name in policy.use_cases)
    return tuple(("unit", name) for name in policy.units) or (("", ""),)


def rules_for(
    grant: GrantEntry,
    filters: Mapping[str, FilterEntry],
    policies: Iterable[FilterPolicyEntry],
    stopped: Collection[str] = (),
) -> tuple[tuple[Rule, ...], tuple[str, ...]]:
    """Return what reads a grant's calls, and the faults of what should but cannot.

    All policies that apply are laid over each other and the strictest action counts, so that a unit can
    tighten what the organization asks and never loosen it.
    """
    policies = tuple(policies)
    if not any(one.of_organization for one in policies):
        policies = (HOUSE_POLICY, *policies)
    found: dict[str, Rule] = {}
    faults: list[str] = []
    for policy in policies:
        if not _applies(policy, grant):
            continue
        for use in policy.uses:
            if use.tiers and grant.tier not in use.tiers:
                continue
            entry = filters.get(use.filter) or HOUSE_FILTERS.get(use.filter)
            if entry is None or use.filter in stopped:
                reason = "stopped" if entry is not None else "unknown"
                faults.append(f"filter_{reason}:{use.filter}")
                continue
            found[use.filter] = _stricter(found.get(use.filter), _rule(use, entry, grant))
    return tuple(found[name] for name in sorted(found)), tuple(sorted(set(faults)))


def missed(
    grant: GrantEntry,
    filters: Mapping[str, FilterEntry],
    policies: Iterable[FilterPolicyEntry],
    stopped: Collection[str],
) -> str:
    """Return a stopped filter that a grant's calls may not do without, or nothing.

    It is as if the filter failed at every call: where its policy says nothing, only a use case of the minimal
    tier goes on without it.
    """
    if not stopped:
        return ""
    rules, _ = rules_for(grant, filters, policies)
    return next((one.filter for one in rules if one.filter in stopped and one.on_error == "deny"), "")


def _applies(policy: FilterPolicyEntry, grant: GrantEntry) -> bool:
    if policy.units and grant.namespace not in policy.units:
        return False
    if policy.use_cases and grant.use_case not in policy.use_cases:
        return False
    return not policy.tiers or grant.tier in policy.tiers


def _rule(use: FilterUse, entry: FilterEntry, grant: GrantEntry) -> Rule:
    said = use.on_error or entry.on_error
    # Where nothing is said: whoever may come to harm is protected, and only there a fault stops calls.
    standard: OnError = "allow" if grant.tier == "minimal" else "deny"
    on_error: OnError = "allow" if said == "allow" else "deny" if said == "deny" else standard
    return Rule(use.filter, entry, use.input, use.output, on_error)


def _stricter(held: Rule | None, new: Rule) -> Rule:
    if held is None:
        return new
    return Rule(
        new.filter,
        new.entry,
        max(held.input, new.input, key=STRICTNESS.__getitem__),
        max(held.output, new.output, key=STRICTNESS.__getitem__),
        "deny" if "deny" in {held.on_error, new.on_error} else "allow",
    )
