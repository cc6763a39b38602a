"""Pure: which risk tier do the intake answers lead to, and why?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from roadworthy.governance.conditions import Condition, Vocabulary, evaluate

Tier: TypeAlias = Literal["minimal", "limited", "high", "prohibited"]
TIERS: tuple[Tier, ...] = ("minimal", "limited", "high", "prohibited")
_AUTONOMY = {"assist": "assistive", "supervise": "approve_exceptions", "automate": "autonomous"}


@dataclass(frozen=True, slots=True)
class Rule:
    """From answers to a tier; read from a pack."""

    id: str
    title: str
    tier: Tier
    when: Condition
    because: str = ""


@dataclass(frozen=True, slots=True)
class Fired:
    """A rule that holds, with the answers it rests on."""

    rule: str
    title: str
    tier: Tier
    because: str
    answers: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Open:
    """A rule that could raise the tier, with the questions that decide it."""

    rule: str
    title: str
    tier: Tier
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A question of the intake that has no answer yet."""

    fact: str
    text: str
    kind: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TierVerdict:
    """The tier, the rules that led to it, and what could still raise it."""

    tier: Tier
    provisional: bool
    fired: tuple[Fired, ...]
    open: tuple[Open, ...]
    questions: tuple[Question, ...]

    @property
    def reasons(self) -> tuple[Fired, ...]:
        """Return the rules that hold at the tier itself: the ones to name first."""
        return tuple(one for one in self.fired if one.tier == self.tier)

    def sentence(self) -> str:
        """Say the tier and what it comes from in one sentence."""
        named = "; ".join(one.title[:1].lower() + one.title[1:] for one in self.reasons)
        if self.provisional:
            count = len(self.questions)
            asked = f"{count} question{'s' if count != 1 else ''} {'are' if count != 1 else 'is'} open"
            return f"At least {self.tier}, provisionally: {asked}" + (f" ({named})." if named else ".")
        return f"{self.tier.capitalize()}: {named}."


def rank(tier: Tier) -> int:
    """Return the place of a tier, from least strict to strictest."""
    return TIERS.index(tier)


def strictest(tiers: Iterable[Tier]) -> Tier:
    """Return the strictest of several tiers; minimal for none."""
    return max(tiers, key=rank, default="minimal")


def known_facts(stated: Mapping[str, Any], *, autonomy: str, vocabulary: Vocabulary) -> dict[str, Any]:
    """Add what the declaration itself says, so that nobody answers it twice; the stricter of two holds."""
    facts = dict(stated)
    scale = vocabulary.facts.get("autonomy")
    if scale is not None:
        levels = [one for one in (facts.get("autonomy"), _AUTONOMY[autonomy]) if one in scale.values]
        facts["autonomy"] = max(levels, key=scale.values.index)
    return facts


def decide(facts: Mapping[str, Any], *, rules: Iterable[Rule], vocabulary: Vocabulary) -> TierVerdict:
    """Take the strictest rule that holds; while an open one could raise it, count as limited at least."""
    fired: list[Fired] = []
    unsure: list[Open] = []
    for rule in rules:
        answer = evaluate(rule.when, facts, vocabulary)
        if answer.truth == "fires":
            answers = tuple((name, _said(facts.get(name))) for name in answer.rests_on)
            fired.append(Fired(rule.id, rule.title, rule.tier, rule.because, answers))
        elif answer.truth == "needs-information":
            unsure.append(Open(rule.id, rule.title, rule.tier, answer.missing))
    sure = strictest(one.tier for one in fired)
    raising = tuple(one for one in unsure if rank(one.tier) > rank(sure))
    asked = dict.fromkeys(name for one in raising for name in one.missing)
    fired.sort(key=lambda one: (-rank(one.tier), one.rule))
    return TierVerdict(
        tier=strictest([sure, "limited"]) if raising else sure,
        provisional=bool(raising),
        fired=tuple(fired),
        open=tuple(sorted(raising, key=lambda one: (-rank(one.tier), one.rule))),
        questions=tuple(_question(name, vocabulary) for name in asked),
    )


def _question(name: str, vocabulary: Vocabulary) -> Question:
    known = vocabulary.facts[name]
    return Question(name, known.question, known.kind, known.values)


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value) or "none"
    return str(value)
