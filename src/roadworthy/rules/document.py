"""Pure: how decisions and rules read in JSON, in the same words at every door."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from roadworthy.rules.conditions import describe, facts_of
from roadworthy.rules.decide import Decision
from roadworthy.rules.merge import Retention
from roadworthy.rules.rule import Duty, Obligation, Rule
from roadworthy.rules.ruling import Ruling, State


def decision_document(decision: Decision) -> dict[str, Any]:
    """Return a decision with all that explains it."""
    rules = decision.rulebook.by_id
    return {
        "as_of": decision.as_of.isoformat(),
        "rules": decision.rulebook.version,
        "tier": decision.tier,
        "provisional": decision.provisional,
        "could_be": decision.could_be,
        "fires_now": list(decision.fires_now),
        "fires_later": list(decision.fires_later),
        "applies_from": {one: rules[one].applies_from.isoformat() for one in decision.fires_later},
        "needs_info": list(decision.needs_info),
        "missing": {rule: list(facts) for rule, facts in decision.missing.items()},
        "silenced_by": {rule: list(facts) for rule, facts in decision.silenced_by.items()},
        "silent_because": {
            rule: [one.condition for one in found] for rule, found in decision.silences.items()
        },
        "obligations": [obligation_document(one) for one in decision.obligations],
        "warnings": list(decision.warnings),
    }


def retention_document(kept: Retention, rulings: Sequence[tuple[Ruling, State]]) -> dict[str, Any]:
    """Return how long records are kept by the rules, and who decided what where two of these conflict."""
    return {
        "floor": kept.floor,
        "floor_of": kept.floor_of,
        "ceiling": kept.ceiling,
        "ceiling_of": kept.ceiling_of,
        "conflict": kept.conflict,
        "key": kept.key,
        "overruled": [
            {"obligation": one.obligation, "side": one.side, "decision": one.ruling.id}
            for one in kept.overruled
        ],
        "decisions": [
            {
                "id": ruling.id,
                "state": state,
                "by": ruling.by,
                "at": ruling.at.isoformat(),
                "conflict": ruling.conflict,
                "prevails": ruling.prevails,
                "days": ruling.days,
                "justification": ruling.justification,
                "review_on": ruling.review_on.isoformat(),
                "rules": ruling.rules,
            }
            for ruling, state in rulings
        ],
    }


def obligation_document(one: Obligation) -> dict[str, Any]:
    """Return an obligation."""
    return {
        "id": one.id,
        "rule": one.rule,
        "kind": one.kind,
        "name": one.name,
        "state": one.state,
        "applies_from": one.applies_from.isoformat(),
        "due": one.due,
        "cadence": one.cadence,
        "retention_min": one.retention_min,
        "retention_max": one.retention_max,
        "controls": list(one.controls),
        "evidence": list(one.evidence),
        "blocks": one.blocks,
        "missing": list(one.missing),
    }


def rule_document(rule: Rule) -> dict[str, Any]:
    """Return a rule with its authority, dates, condition and duties."""
    return {
        "id": rule.id,
        "title": rule.title,
        "pack": rule.pack,
        "applies": rule.applies,
        "asks": rule.asks,
        "authority": rule.authority,
        "citation": rule.citation,
        "jurisdictions": list(rule.jurisdictions),
        "sectors": list(rule.sectors),
        "legal_status": rule.legal_status,
        "enforcement_status": rule.enforcement_status,
        "applies_from": rule.applies_from.isoformat(),
        "staged": [{"from": one.from_.isoformat(), "what": one.what} for one in rule.staged],
        "tier_effect": rule.tier_effect,
        "when": describe(rule.when),
        "facts": list(facts_of(rule.when)),
        "obligations": [_duty(one) for one in rule.duties],
        "confidence": rule.confidence,
        "blocks": rule.blocks,
        "note": rule.note,
        "sources": [{"url": one.url, "read": one.read} for one in rule.sources],
    }


def _duty(one: Duty) -> dict[str, Any]:
    return {
        "id": one.id,
        "kind": one.kind,
        "name": one.name,
        "if": "" if one.condition is None else describe(one.condition),
        "due": one.due,
        "cadence": one.cadence,
        "applies_from": one.applies_from.isoformat() if one.applies_from else None,
        "retention_min": one.retention_min,
        "retention_max": one.retention_max,
        "controls": list(one.controls),
        "evidence": list(one.evidence),
    }
