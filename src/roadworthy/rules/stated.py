"""Pure: the facts of a use case, put together from its intake and the units it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from roadworthy.rules.conditions import Vocabulary
from roadworthy.use_cases.kinds import Intake

Autonomy = Literal["assist", "supervise", "automate"]
_AUTONOMY = {"assist": "assistive", "supervise": "approve_exceptions", "automate": "autonomous"}


def stated_facts(
    intake: Intake, *, autonomy: Autonomy, profile: Mapping[str, Any], vocabulary: Vocabulary
) -> dict[str, Any]:
    """Return what is stated: the unit's profile, "none of this" over it, own answers over both.

    A legal position counts as true only where somebody has signed for it.
    """
    facts = {**profile, **answered_none(intake.none, vocabulary), **intake.facts}
    for name, value in list(facts.items()):
        known = vocabulary.facts.get(name)
        if known is not None and known.legal_position and value is True and name not in intake.positions:
            del facts[name]
    return known_facts(facts, autonomy=autonomy, vocabulary=vocabulary)


def is_empty(value: Any) -> bool:
    """Say whether a value is a list with nothing in it."""
    return isinstance(value, list | tuple) and not value


def answered_none(questions: tuple[str, ...], vocabulary: Vocabulary) -> dict[str, Any]:
    """Return what facts count as whose questions were answered with "none of this"."""
    return {
        name: vocabulary.facts[name].none
        for question in questions
        if question in vocabulary.questions
        for name in vocabulary.questions[question].facts
        if vocabulary.facts[name].none is not None
    }


def known_facts(stated: Mapping[str, Any], *, autonomy: str, vocabulary: Vocabulary) -> dict[str, Any]:
    """Add what the declaration itself says, so that nobody answers it twice; the stricter of two holds.

    An empty list answers nothing: it would keep every rule silent that asks for something in it.
    """
    facts = {name: value for name, value in stated.items() if not is_empty(value)}
    scale = vocabulary.facts.get("autonomy")
    if scale is not None:
        levels = [one for one in (facts.get("autonomy"), _AUTONOMY[autonomy]) if one in scale.values]
        facts["autonomy"] = max(levels, key=scale.values.index)
    return facts
