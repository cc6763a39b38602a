"""Pure: which questions of the intake can still matter, and what the answers so far lead to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from roadworthy.foundation.web.parts import Check, Status
from roadworthy.governance.intake_form import (
    FACT_PREFIX,
    NONE_FIELD,
    FactField,
    Outlook,
    QuestionGroup,
    Sent,
    fact_fields,
)
from roadworthy.rules.conditions import FactDefinition
from roadworthy.rules.decide import Decision
from roadworthy.rules.rulebook import Rulebook
from roadworthy.rules.stated import Autonomy
from roadworthy.rules.tier import verdict

_NAMED = 3


def groups(
    asked: Sequence[FactDefinition], sent: Sent, problems: Mapping[str, str], decision: Decision
) -> list[QuestionGroup]:
    """Return the questions that can still matter, and those answered, so that they can be changed."""
    book = decision.rulebook
    wanted = {name for missing in decision.missing.values() for name in missing}
    none = set(sent.get(NONE_FIELD, ()))
    fields = {one.name: one for one in fact_fields(asked, sent, problems)}
    found = []
    for question in book.vocabulary.questions.values():
        shown = [
            field
            for name in question.facts
            if (field := fields.get(f"{FACT_PREFIX}{name}")) is not None
            and (name in wanted or _answered(field) or (field.problem and name not in none))
        ]
        if shown or question.id in none:
            found.append(
                QuestionGroup(
                    id=question.id,
                    ask=question.ask,
                    touches=_touches(question.facts, decision, book),
                    facts=shown,
                    may_be_none=any(book.vocabulary.facts[name].none is not None for name in question.facts),
                    none=question.id in none,
                )
            )
    return found


def _answered(field: FactField) -> bool:
    return any(value.strip() for value in field.chosen)


def _touches(facts: Sequence[str], decision: Decision, book: Rulebook) -> str:
    """Say which open rules an answer decides; where none is open, how many ask for it."""
    open_rules = [
        book.by_id[rule].title for rule, missing in decision.missing.items() if set(facts) & set(missing)
    ]
    if open_rules:
        more = len(open_rules) - _NAMED
        return "Decides: " + "; ".join(open_rules[:_NAMED]) + (f"; and {more} more." if more > 0 else ".")
    count = len({rule for name in facts for rule in book.touches.get(name, ())})
    return f"{count} rules ask for it; none is open any more."


def outlook(decision: Decision) -> Outlook:
    """Say what the answers so far lead to: tier, rules that fire, obligations, and what is unknown."""
    tier = verdict(decision)
    state = Status("none", f"at least {tier.tier}") if tier.provisional else Status("info", tier.tier)
    vocabulary = decision.rulebook.vocabulary
    missing = {name for names in decision.missing.values() for name in names}
    open_questions = [one.id for one in vocabulary.questions.values() if missing & set(one.facts)]
    return Outlook(
        status=state,
        sentence=tier.sentence(),
        fires=[
            Check(
                status=Status("warn", rule.tier_effect),
                what=rule.title,
                why="" if rule.id in decision.fires_now else f"Its duties begin on {rule.applies_from}.",
            )
            for rule in (*decision.now, *decision.later)
        ],
        obligations=[
            (one.name, one.kind if one.state == "now" else f"{one.kind}, from {one.applies_from}")
            for one in decision.obligations
        ],
        unknown=f"Still unknown: {', '.join(open_questions)}." if open_questions else "Nothing is unknown.",
    )


def read_facts(document: Mapping[str, Any], book: Rulebook) -> dict[str, Any]:
    """Return the answers of a form that are answers; what is none stays open until it is corrected."""
    facts = document.get("spec", {}).get("intake", {}).get("facts", {})
    vocabulary = book.vocabulary
    return {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in facts.items()
        if name in vocabulary.facts and not vocabulary.problem_with(name, value)
    }


def autonomy(sent: Sent) -> Autonomy:
    """Return the autonomy chosen so far; the least where none is."""
    levels: dict[str, Autonomy] = {"supervise": "supervise", "automate": "automate"}
    return levels.get((sent.get("autonomy") or ("",))[0], "assist")
