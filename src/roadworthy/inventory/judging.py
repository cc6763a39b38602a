"""Pure: what the rules say of entries; entries that state the same facts are decided once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from roadworthy.rules.decide import decide
from roadworthy.rules.rule import Obligation
from roadworthy.rules.rulebook import Rulebook
from roadworthy.rules.tier import TIERS, Fired, Open, OpenQuestion, Tier, verdict

__all__ = ["TIERS", "Judge", "Judged", "Tier"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What follows from an entry's facts."""

    tier: Tier
    """What is certain already."""
    counts_as: Tier
    """What it is treated as: while questions are open, limited at least."""
    provisional: bool
    could_be: Tier
    reasons: tuple[Fired, ...]
    open: tuple[Open, ...]
    questions: tuple[OpenQuestion, ...]
    obligations: tuple[Obligation, ...]

    @property
    def owed(self) -> tuple[Obligation, ...]:
        """Return what is owed today."""
        return tuple(one for one in self.obligations if one.state == "now")

    @property
    def coming(self) -> tuple[Obligation, ...]:
        """Return what will be owed from a day on."""
        return tuple(one for one in self.obligations if one.state == "later")


class Judge:
    """Decides by one rulebook on one day, and remembers what it decided."""

    def __init__(self, rulebook: Rulebook, *, as_of: date) -> None:
        self.rulebook = rulebook
        self.as_of = as_of
        self._known: dict[tuple[tuple[str, type, Any], ...], Judged] = {}

    def of(self, facts: Mapping[str, Any]) -> Judged:
        """Decide these facts."""
        key = tuple((name, type(facts[name]), facts[name]) for name in sorted(facts))
        if key not in self._known:
            self._known[key] = self._decided(facts)
        return self._known[key]

    def asked_once(self, fact: str) -> bool:
        """Say whether a fact is about the organization, so that one answer serves all that it does."""
        vocabulary = self.rulebook.vocabulary
        question = vocabulary.questions.get(vocabulary.facts[fact].asked_by)
        return question is not None and question.scope == "organization"

    @property
    def decided(self) -> int:
        """Return how many different sets of facts were decided."""
        return len(self._known)

    def problem(self, fact: str, value: Any) -> str:
        """Say why a value is no answer to a fact's question; empty where it is one."""
        vocabulary = self.rulebook.vocabulary
        if fact not in vocabulary.facts:
            return "no rule asks for it"
        return vocabulary.problem_with(fact, value)

    def _decided(self, facts: Mapping[str, Any]) -> Judged:
        usable = {name: value for name, value in facts.items() if not self.problem(name, value)}
        decision = decide(usable, rulebook=self.rulebook, as_of=self.as_of)
        said = verdict(decision)
        return Judged(
            tier=decision.tier,
            counts_as=said.tier,
            provisional=decision.provisional,
            could_be=decision.could_be,
            reasons=said.fired,
            open=said.open,
            questions=said.questions,
            obligations=decision.obligations,
        )
