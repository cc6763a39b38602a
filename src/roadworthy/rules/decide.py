"""Pure: which rules fire on these facts, now or later, and the tier, duties and open questions that follow.

The tier follows enactment: a rule that is enacted raises it today. Duties follow dates: they are owed from
the day their rule applies. A question that nobody answered never reads as "does not apply".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from roadworthy.rules.compiled import FIRES
from roadworthy.rules.conditions import Answer, conjuncts, describe, evaluate
from roadworthy.rules.rule import TIERS, Duty, Obligation, Rule, Tier, rank
from roadworthy.rules.rulebook import Rulebook


@dataclass(frozen=True, slots=True)
class Silence:
    """Why a rule is silent: a condition of it that does not hold, and the answers it rests on."""

    condition: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Decision:
    """What the rules say of some facts on a day; explanations are worked out when they are asked for."""

    facts: Mapping[str, Any]
    rulebook: Rulebook
    as_of: date
    tier: Tier
    """The strictest tier of all rules that fire, whether their duties have begun or not."""
    provisional: bool
    """Whether a rule that needs information could still raise the tier."""
    could_be: Tier
    """The strictest tier that open rules could still lead to."""
    now: tuple[Rule, ...]
    later: tuple[Rule, ...]
    open: tuple[Rule, ...]

    @property
    def fires_now(self) -> tuple[str, ...]:
        """Return the ids of the rules whose duties are owed."""
        return tuple(rule.id for rule in self.now)

    @property
    def fires_later(self) -> tuple[str, ...]:
        """Return the ids of the rules whose duties begin after the day."""
        return tuple(rule.id for rule in self.later)

    @property
    def needs_info(self) -> tuple[str, ...]:
        """Return the ids of the rules that unanswered questions leave open."""
        return tuple(rule.id for rule in self.open)

    @cached_property
    def missing(self) -> dict[str, tuple[str, ...]]:
        """Return for each open rule the facts that decide it."""
        return {rule.id: self.answer(rule).missing for rule in self.open}

    @cached_property
    def silences(self) -> dict[str, tuple[Silence, ...]]:
        """Return for each silent rule the conditions that do not hold."""
        heard = {*self.fires_now, *self.fires_later, *self.needs_info}
        return {rule.id: self._silences(rule) for rule in self.rulebook.rules if rule.id not in heard}

    @property
    def silenced_by(self) -> dict[str, tuple[str, ...]]:
        """Return for each silent rule the facts that silence it; `legal_status` where it never fires."""
        return {
            rule: tuple(dict.fromkeys(name for one in found for name in one.facts))
            for rule, found in self.silences.items()
        }

    @cached_property
    def obligations(self) -> tuple[Obligation, ...]:
        """Return what the rules that fire ask for, each with the day from which."""
        return tuple(
            found
            for rule in (*self.now, *self.later)
            for duty in rule.duties
            if (found := self._obligation(rule, duty)) is not None
        )

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Say what has to be known beside the decision: packs nobody reviewed, rules nobody verified."""
        overdue = [
            f"Pack {pack.name} {pack.version} was to be reviewed by {pack.review_by}."
            for pack in self.rulebook.packs
            if pack.overdue(self.as_of)
        ]
        unsure = [rule.id for rule in (*self.now, *self.later) if not rule.verified]
        return (
            *overdue,
            *([f"Not read in a source, so it warns only: {', '.join(unsure)}."] if unsure else ()),
        )

    def answer(self, rule: Rule) -> Answer:
        """Say how a rule's condition stands and on which answers that rests."""
        return evaluate(rule.when, self.facts, self.rulebook.vocabulary)

    def _silences(self, rule: Rule) -> tuple[Silence, ...]:
        if not rule.can_fire:
            return (Silence(f"its legal status is {rule.legal_status}", ("legal_status",)),)
        found = []
        for part in conjuncts(rule.when):
            said = evaluate(part, self.facts, self.rulebook.vocabulary)
            if said.truth == "silent":
                found.append(Silence(describe(part), said.rests_on))
        return tuple(found)

    def _obligation(self, rule: Rule, duty: Duty) -> Obligation | None:
        said = (
            None if duty.condition is None else evaluate(duty.condition, self.facts, self.rulebook.vocabulary)
        )
        if said is not None and said.truth == "silent":
            return None
        begins = max(rule.applies_from, duty.applies_from or rule.applies_from)
        unsure = said is not None and said.truth == "needs-information"
        return Obligation(
            id=f"{rule.id}/{duty.id}",
            rule=rule.id,
            kind=duty.kind,
            name=duty.name,
            state="needs-information" if unsure else "now" if begins <= self.as_of else "later",
            applies_from=begins,
            controls=duty.controls,
            evidence=duty.evidence,
            due=duty.due,
            cadence=duty.cadence,
            retention_min=duty.retention_min,
            retention_max=duty.retention_max,
            blocks=rule.blocks,
            missing=said.missing if said is not None and unsure else (),
        )


def decide(
    facts: Mapping[str, Any], *, rulebook: Rulebook, as_of: date, assume_neg: bool = False
) -> Decision:
    """Hold every rule against the facts; with `assume_neg` an unstated fact counts as the vocabulary says."""
    if assume_neg:
        facts = with_neg(facts, rulebook)
    now, later, unsure = [], [], []
    for rule, said in rulebook.compiled.answers(facts):
        if said != FIRES:
            unsure.append(rule)
        elif rule.applies_from <= as_of:
            now.append(rule)
        else:
            later.append(rule)
    sure = max((rank(rule.tier_effect) for rule in (*now, *later)), default=0)
    could = max((rank(rule.tier_effect) for rule in unsure), default=0)
    return Decision(
        facts=facts,
        rulebook=rulebook,
        as_of=as_of,
        tier=TIERS[max(sure, 0)],
        provisional=could > sure,
        could_be=TIERS[max(sure, could, 0)],
        now=tuple(now),
        later=tuple(later),
        open=tuple(unsure),
    )


def with_neg(facts: Mapping[str, Any], rulebook: Rulebook) -> dict[str, Any]:
    """Return the facts with what is not stated taken for what the vocabulary calls its negative."""
    stated = {name: value for name, value in facts.items() if value is not None}
    return {name: one.neg for name, one in rulebook.vocabulary.facts.items()} | stated
