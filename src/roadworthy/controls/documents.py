"""Pure: how controls read in JSON, in the same words at every door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from roadworthy.controls.control import STATES, Control, ControlState, document
from roadworthy.rules.conditions import All, Comparison, Condition, Either, Not


def control_document(control: Control) -> dict[str, Any]:
    """Return a control of the catalogue."""
    return {
        "id": control.id,
        "area": control.area,
        "title": control.title,
        "question": control.question,
        "holds_when": written(control.condition),
        "fresh_days": None if control.fresh is None else control.fresh.days,
        "after_change": control.after_change,
        "self_attested_not_enough_for": sorted(control.own_word_not_enough),
        "answered_by": control.answered_by,
        "owner": control.owner,
        "signals": [
            {
                "name": one.name,
                "question": one.question,
                "kind": one.kind,
                "unit": one.unit,
                "collector": one.collector or None,
                "evidence": list(one.evidence),
            }
            for one in control.definitions.values()
        ],
        "references": {name: list(numbers) for name, numbers in control.references.items()},
    }


def written(condition: Condition) -> dict[str, Any]:
    """Return a condition as the catalogue writes it."""
    if isinstance(condition, Comparison):
        value = list(condition.value) if isinstance(condition.value, tuple) else condition.value
        return {condition.fact: {condition.operator: value}}
    if isinstance(condition, Not):
        return {"not": written(condition.part)}
    word = "all" if isinstance(condition, All) else "any"
    assert isinstance(condition, All | Either)
    return {word: [written(one) for one in condition.parts]}


def states_document(
    use_case: str, states: Mapping[str, ControlState], controls: Mapping[str, Control]
) -> dict[str, Any]:
    """Return how the controls of one use case stand, the most pressing first."""
    ordered = sorted(states.values(), key=lambda one: (STATES.index(one.state), one.control))
    return {
        "use_case": use_case,
        "counts": {state: sum(one.state == state for one in ordered) for state in STATES},
        "items": [
            {
                **document(one),
                "title": controls[one.control].title,
                "area": controls[one.control].area,
                "owner": controls[one.control].owner,
            }
            for one in ordered
        ],
    }
