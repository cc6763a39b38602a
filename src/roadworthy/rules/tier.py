"""Pure: the tier a decision leads to, said with its reasons and the questions that could raise it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from roadworthy.rules.conditions import Vocabulary
from roadworthy.rules.decide import Decision
from roadworthy.rules.rule import TIERS, Rule, Tier, TierEffect, rank

__all__ = ["TIERS", "Fired", "Open", "OpenQuestion", "Tier", "TierVerdict", "rank", "strictest", "verdict"]


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that fires, with the answers it rests on."""

    rule: str
    title: str
    tier: TierEffect
    because: str
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Open:
    """A rule that could raise the tier, with the facts that decide it."""

    rule: str
    title: str
    tier: TierEffect
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A fact that is not stated yet and could still matter."""

    fact: str
    text: str
    kind: str
    values: tuple[str, ...]
    asked_by: str = ""
    """The question of the intake that gets it."""


@dataclass(frozen=True, slots=True)
class TierVerdict:
    """The tier, the rules that led to it, and what could still raise it."""

    tier: Tier
    provisional: bool
    fired: tuple[Fired, ...]
    open: tuple[Open, ...]
    questions: tuple[OpenQuestion, ...]
    decision: Decision
    """All that the rules say, duties included."""

    @property
    def reasons(self) -> tuple[Fired, ...]:
        """Return the rules that fire at the tier itself: the ones to name first."""
        return tuple(one for one in self.fired if one.tier == self.tier)

    def sentence(self) -> str:
        """Say the tier and what it comes from in one sentence."""
        named = "; ".join(_inside(one.title) for one in self.reasons)
        if self.provisional:
            count = len(self.questions)
            asked = f"{count} question{'s' if count != 1 else ''} {'are' if count != 1 else 'is'} open"
            return f"At least {self.tier}, provisionally: {asked}" + (f" ({named})." if named else ".")
        return f"{self.tier.capitalize()}: {named}." if named else f"{self.tier.capitalize()}."


def strictest(tiers: Iterable[Tier]) -> Tier:
    """Return the strictest of several tiers; minimal for none."""
    return max(tiers, key=rank, default="minimal")


def verdict(decision: Decision) -> TierVerdict:
    """Lay a decision out as a tier; while an open rule could raise it, it counts as limited at least."""
    vocabulary = decision.rulebook.vocabulary
    fired = [_fired(rule, decision) for rule in (*decision.now, *decision.later)]
    raising = [rule for rule in decision.open if rank(rule.tier_effect) > rank(decision.tier)]
    unsure = [Open(one.id, one.title, one.tier_effect, decision.answer(one).missing) for one in raising]
    asked = dict.fromkeys(name for one in unsure for name in one.missing)
    return TierVerdict(
        tier=strictest([decision.tier, "limited"]) if decision.provisional else decision.tier,
        provisional=decision.provisional,
        fired=tuple(sorted(fired, key=lambda one: (-rank(one.tier), one.rule))),
        open=tuple(sorted(unsure, key=lambda one: (-rank(one.tier), one.rule))),
        questions=tuple(open_question(name, vocabulary) for name in vocabulary.facts if name in asked),
        decision=decision,
    )


def open_question(name: str, vocabulary: Vocabulary) -> OpenQuestion:
    """Return the question that a missing fact answers."""
    known = vocabulary.facts[name]
    return OpenQuestion(name, known.question, known.kind, known.values, known.asked_by)


def _fired(rule: Rule, decision: Decision) -> Fired:
    names = decision.answer(rule).rests_on
    answers = tuple((name, said(decision.facts.get(name))) for name in names)
    return Fired(rule.id, rule.title, rule.tier_effect, rule.applies, answers)


def said(value: Any) -> str:
    """Say an answer in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value) or "none"
    return str(value)


def _inside(title: str) -> str:
    """Return a title as part of a sentence; an abbreviation keeps its capitals."""
    return title[:1].lower() + title[1:] if title[1:2].islower() or title[1:2] == " " else title
