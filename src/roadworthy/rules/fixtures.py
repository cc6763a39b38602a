"""Pure: worked facts that pin every condition of every rule; a pack whose rules are not pinned is refused.

A fixture names a rule, facts, and whether the rule fires on them. A condition is pinned when taking it away
changes what some fixture says: a slip of the pen in a rule then fails a test, not a use case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from roadworthy.rules.conditions import (
    All,
    Comparison,
    Condition,
    Either,
    Not,
    Vocabulary,
    describe,
    evaluate,
)
from roadworthy.rules.rule import Duty, Pack, Rule

Expected = Literal["fires", "silent"]


@dataclass(frozen=True, slots=True)
class Fixture:
    """Facts, and what one rule says of them."""

    rule: str
    expect: Expected
    facts: Mapping[str, Any]
    duties: tuple[str, ...] | None = None
    """The duties it asks for, where some are conditional."""


def said(rule: Rule, facts: Mapping[str, Any], vocabulary: Vocabulary) -> tuple[str, tuple[str, ...]]:
    """Return what a rule's condition says of facts, and the duties whose own conditions hold."""
    truth = evaluate(rule.when, facts, vocabulary).truth
    duties = tuple(duty.id for duty in rule.duties if _asked(duty, facts, vocabulary))
    return truth, duties if truth == "fires" else ()


def _asked(duty: Duty, facts: Mapping[str, Any], vocabulary: Vocabulary) -> bool:
    return duty.condition is None or evaluate(duty.condition, facts, vocabulary).truth == "fires"


def holds(fixture: Fixture, rule: Rule, vocabulary: Vocabulary) -> bool:
    """Say whether a rule says of a fixture's facts what the fixture expects."""
    truth, duties = said(rule, fixture.facts, vocabulary)
    return truth == fixture.expect and fixture.duties in {None, duties}


def problems(pack: Pack, fixtures: Sequence[Fixture], vocabulary: Vocabulary) -> Iterator[str]:
    """Say what a pack's fixtures leave open: wrong ones, rules without, conditions that none pins."""
    by_rule: dict[str, list[Fixture]] = {rule.id: [] for rule in pack.rules}
    for one in fixtures:
        if one.rule not in by_rule:
            yield f"a fixture is of rule {one.rule}, which the pack does not have"
            continue
        by_rule[one.rule].append(one)
        for name, value in one.facts.items():
            if name not in vocabulary.facts or vocabulary.problem_with(name, value):
                yield f"rule {one.rule}: a fixture states {name}: {value}, which is no answer"
    for rule in pack.rules:
        yield from _rule_problems(rule, by_rule[rule.id], vocabulary)


def _rule_problems(rule: Rule, own: Sequence[Fixture], vocabulary: Vocabulary) -> Iterator[str]:
    wrong = [one for one in own if not holds(one, rule, vocabulary)]
    for one in wrong:
        truth, _ = said(rule, one.facts, vocabulary)
        yield f"rule {rule.id}: {dict(one.facts)} should be {one.expect}, and the rule says {truth}"
    expected = {one.expect for one in own}
    if rule.when != Either(()) and "fires" not in expected:
        yield f"rule {rule.id} has no fixture on which it fires"
    if rule.when != All(()) and "silent" not in expected:
        yield f"rule {rule.id} has no fixture on which it is silent"
    if not wrong:
        for what, mutant in mutants(rule):
            if all(holds(one, mutant, vocabulary) for one in own):
                yield f"rule {rule.id}: no fixture notices when `{what}` is taken away"


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Yield the rule with each of its conditions taken away, one at a time."""
    for what, condition in without_one(rule.when):
        yield what, replace(rule, when=condition)
    for place, duty in enumerate(rule.duties):
        if duty.condition is not None:
            for what, condition in without_one(duty.condition):
                changed = replace(duty, condition=condition)
                others = (*rule.duties[:place], changed, *rule.duties[place + 1 :])
                yield f"{duty.id}: {what}", replace(rule, duties=others)


def without_one(condition: Condition) -> Iterator[tuple[str, Condition]]:
    """Yield a condition with each part of it taken away, one at a time."""
    if isinstance(condition, Comparison | Not):
        yield describe(condition), All(())
    yield from _without_one(condition)


def _without_one(condition: Condition) -> Iterator[tuple[str, Condition]]:
    if isinstance(condition, Not):
        yield from ((what, Not(left)) for what, left in _without_one(condition.part))
    if isinstance(condition, All | Either):
        for place, part in enumerate(condition.parts):
            before, after = condition.parts[:place], condition.parts[place + 1 :]
            yield describe(part), _like(condition, (*before, *after))
            for what, left in _without_one(part):
                yield what, _like(condition, (*before, left, *after))


def _like(condition: All | Either, parts: Iterable[Condition]) -> Condition:
    return All(tuple(parts)) if isinstance(condition, All) else Either(tuple(parts))
