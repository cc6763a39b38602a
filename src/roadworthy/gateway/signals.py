"""Signals of filters: whether what is sensitive is read on both sides of every call, and answers at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from roadworthy.controls.collecting import Asked, declared
from roadworthy.controls.signal import Signal
from roadworthy.foundation.storage.database import Tx
from roadworthy.gateway.filter_entry import filter_entry, policy_entry
from roadworthy.gateway.filter_rules import STRICTNESS, PolicyBook, Rule, rules_for
from roadworthy.gateway.kinds import FILTER, FILTER_POLICY
from roadworthy.gateway.snapshot import GrantEntry
from roadworthy.switches import queries as switches
from roadworthy.use_cases.kinds import UNIT

SENSITIVE = frozenset({"secrets", "cards", "bank-accounts", "national-ids"})
"""Families of recognisers whose findings have to be masked, held or blocked on both sides."""
_FROM = STRICTNESS["mask_reversibly"]


def collect(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say of each use case which filters read its calls, by the rules that the gateway itself goes by."""
    units = {one.name: one.spec for one in declared(tx, UNIT, asked)}
    filters = {one.name: filter_entry(one.name, one.spec) for one in declared(tx, FILTER, asked)}
    policies = {
        one.name: policy_entry(one.name, one.spec, units) for one in declared(tx, FILTER_POLICY, asked)
    }
    book = PolicyBook(policies)
    stopped = {
        one.of.partition("/")[2]
        for one in switches.every_thrown(tx, as_of=asked.as_of).values()
        if one.of.startswith("filter/") and one.holds(asked.now)
    }
    found = {}
    for name, resource in asked.use_cases.items():
        grant = GrantEntry(id="", use_case=name, namespace=resource.namespace, tier=asked.tier(name))
        rules, _ = rules_for(grant, filters, book.about(grant), stopped)
        unread = sorted(SENSITIVE - _read(rules))
        source = f"nothing masks or blocks {', '.join(unread)}" if unread else "the filter policies"
        found[name] = [
            asked.live("sensitive_filters_bound", not unread, source),
            asked.live("output_filters_bound", any(one.output for one in rules), "the filter policies"),
        ]
    return found


def _read(rules: Iterable[Rule]) -> set[str]:
    """Return the families whose findings do not pass, on either side."""
    return {
        family
        for one in rules
        if STRICTNESS[one.input] >= _FROM and STRICTNESS[one.output] >= _FROM
        for family in one.entry.recognisers
    }
