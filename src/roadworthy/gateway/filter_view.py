"""Pure: how filters stand: what each looks for, who asks for it, what it found, how often it errs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from roadworthy.appeals.appeal import PASSED_OVER, Appeal, mistakes
from roadworthy.gateway.filter_rules import HOUSE_FILTERS, HOUSE_POLICY
from roadworthy.gateway.filters.measured import Measured, Summary, measured
from roadworthy.gateway.filters.reading import BUILT_IN
from roadworthy.gateway.filters.recogniser import Recogniser
from roadworthy.gateway.snapshot import FilterEntry, FilterPolicyEntry, Snapshot

PURPOSE: Mapping[str, str] = {
    "secrets": "Keys, tokens and passwords, by the formats their makers publish.",
    "payment": "Card numbers (issuer, length, Luhn) and bank accounts (country, length, modulo 97).",
    "national-ids": "National ids of 23 countries, with their check digits.",
    "contact": "E-mail addresses and telephone numbers.",
    "birth-dates": "Dates of birth, after words that name them.",
    "addresses": "Postal addresses, where a number stands beside a word for a street.",
    "network": "IP addresses. No policy asks for it unless you write one.",
    "injection": "Phrases that try to turn a model against its instructions. A first line, not a defence.",
}


def policies_in_force(snapshot: Snapshot) -> list[FilterPolicyEntry]:
    """Return the policies that count: the one that ships is replaced by the organization's own."""
    declared = list(snapshot.filter_policies.values())
    return declared if any(one.of_organization for one in declared) else [HOUSE_POLICY, *declared]


def recognisers_of(entry: FilterEntry) -> list[Recogniser]:
    """Return the built-in recognisers of a filter."""
    return [one for one in BUILT_IN if one.family in entry.recognisers or one.name in entry.recognisers]


def every(
    snapshot: Snapshot, found: Sequence[Mapping[str, Any]], appeals: Sequence[Appeal]
) -> list[dict[str, Any]]:
    """Return every filter as it stands."""
    entries = {**HOUSE_FILTERS, **snapshot.filters}
    measures = measured()
    return [
        _standing(entry, snapshot, found, appeals, measures, declared=name in snapshot.filters)
        for name, entry in sorted(entries.items())
    ]


def _standing(
    entry: FilterEntry,
    snapshot: Snapshot,
    found: Sequence[Mapping[str, Any]],
    appeals: Sequence[Appeal],
    measures: Measured,
    *,
    declared: bool,
) -> dict[str, Any]:
    own = [one for one in found if one["filter"] == entry.name and one["action"] != PASSED_OVER]
    without = [one for one in found if one["filter"] == entry.name and one["action"] == PASSED_OVER]
    wrong = mistakes(entry.name, appeals)
    names = [one.name for one in recognisers_of(entry)]
    measure = measure_of(entry, measures)
    return {
        "name": entry.name,
        "declared": declared,
        "stopped": f"filter/{entry.name}" in snapshot.stops,
        "purpose": PURPOSE.get(entry.name, "") if not declared else "",
        "recognisers": names,
        "patterns": sorted(entry.patterns),
        "topics": sorted(entry.topics),
        "classifier": entry.classifier,
        "guard_model": entry.guard_model.model if entry.guard_model else None,
        "uses": uses_of(entry.name, snapshot),
        "calls": sum(one["calls"] for one in own),
        "findings": sum(one["findings"] for one in own),
        "blocked": sum(one["calls"] for one in own if one["action"] in {"block", "hold"}),
        "passed_over": sum(one["calls"] for one in without),
        "appealed": wrong.appealed,
        "open_appeals": wrong.open,
        "overturned": wrong.overturned,
        "upheld": wrong.upheld,
        "false_positive_rate": wrong.rate,
        "false_positive_low": wrong.low,
        "false_positive_high": wrong.high,
        "recall": measure.recall if measure else None,
        "recall_of": measure.positives if measure else None,
        "false_positives": measure.false_positives if measure else None,
        "negatives": measure.negatives if measure else None,
        "us_per_kb": measure.us_per_kb if measure else None,
    }


def measure_of(entry: FilterEntry, measures: Measured) -> Summary | None:
    """Return what was measured of a filter; None where it looks for something of the organization's own."""
    own = recognisers_of(entry)
    if entry.patterns or entry.topics or entry.guard_model is not None:
        return None
    if entry.classifier is not None:
        return None if own else measures.of_classifier(entry.classifier)
    if own and all(one.family == "injection" for one in own):
        return measures.of_phrases()
    return measures.of([one.name for one in own])


def report() -> dict[str, Any]:
    """Return how all of it was measured: on what, with what, how fast."""
    found = measured()
    return {
        "version": found.version,
        "engine": found.engine,
        "texts": found.texts,
        "us_per_kb_clean": found.us_per_kb_clean,
        "us_per_kb_dirty": found.us_per_kb_dirty,
        "us_per_kb_classifier": found.us_per_kb_classifier,
        "sets": [{"name": one.name, "texts": one.texts, "injections": one.injections} for one in found.sets],
        "sources": dict(found.sources),
    }


def uses_of(name: str, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return where policies ask for a filter, and for what."""
    return [
        {
            "policy": policy.name,
            "input": use.input or None,
            "output": use.output or None,
            "tiers": sorted(use.tiers | policy.tiers),
            "units": sorted(policy.units),
            "use_cases": sorted(policy.use_cases),
        }
        for policy in policies_in_force(snapshot)
        for use in policy.uses
        if use.filter == name
    ]


def by_sort(found: Iterable[Mapping[str, Any]], name: str) -> list[dict[str, Any]]:
    """Return what one filter found, by sort, side and action."""
    return [dict(one) for one in found if one["filter"] == name]
