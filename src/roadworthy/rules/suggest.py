"""Pure: facts that pin each condition of a rule, found by search; what none can pin has no effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from roadworthy.rules.conditions import (
    All,
    Comparison,
    Condition,
    Either,
    FactDefinition,
    Not,
    Vocabulary,
    describe,
    evaluate,
    facts_of,
)
from roadworthy.rules.fixtures import Fixture, said
from roadworthy.rules.rule import Rule

_EXACT = 1e15  # beyond it, one more or one less is the same floating-point number
Wish: TypeAlias = tuple[Condition, bool]
"""A condition, and whether it is to hold."""


def suggest(rule: Rule, vocabulary: Vocabulary) -> tuple[list[Fixture], list[str]]:
    """Return fixtures that pin every condition of a rule, and the conditions that nothing can pin."""
    found: list[Fixture] = []
    idle: list[str] = []
    names = list(facts_of(rule.when))
    conditional = [duty.condition for duty in rule.duties if duty.condition is not None]
    names += [name for one in conditional for name in facts_of(one) if name not in names]
    aims: list[tuple[str, list[Wish]]] = [("", [(rule.when, True)]), ("", [(rule.when, False)])]
    aims += [(what, wishes) for what, wishes in _telling(rule.when)]
    for one in conditional:
        aims += [(describe(one), [(rule.when, True), (one, True)]), ("", [(rule.when, True), (one, False)])]
        aims += [(what, [(rule.when, True), *wishes]) for what, wishes in _telling(one)]
    for what, wishes in aims:
        facts = solve(wishes, names, vocabulary)
        if facts is None:
            if what:
                idle.append(what)
            continue
        truth, duties = said(rule, facts, vocabulary)
        made = Fixture(
            rule.id,
            "fires" if truth == "fires" else "silent",
            facts,
            duties if conditional and truth == "fires" else None,
        )
        if made not in found:
            found.append(made)
    return found, idle


def _telling(condition: Condition) -> Iterator[tuple[str, list[Wish]]]:
    """Yield for each part what has to hold for its absence to tell: itself, and all beside it, neutral."""
    if isinstance(condition, Not):
        yield from _telling(condition.part)
    if isinstance(condition, All | Either):
        neutral = isinstance(condition, All)
        for part in condition.parts:
            beside: list[Wish] = [(one, neutral) for one in condition.parts if one is not part]
            yield describe(part), [(part, not neutral), *beside]
            for what, wishes in _telling(part):
                yield what, [*wishes, *beside]


def solve(wishes: Sequence[Wish], names: Sequence[str], vocabulary: Vocabulary) -> dict[str, Any] | None:
    """Return facts under which every wish comes true, or None if there are none among telling answers."""
    tests = [test for condition, _ in wishes for test in _comparisons(condition)]
    first = list(dict.fromkeys(test.fact for test in tests))
    order = [*first, *(name for name in names if name not in first)]
    answers = {name: _answers(vocabulary.facts[name], tests, vocabulary) for name in order}
    facts: dict[str, Any] = {}

    def search(place: int) -> bool:
        for condition, wanted in wishes:
            truth = evaluate(condition, facts, vocabulary).truth
            if truth == ("silent" if wanted else "fires"):
                return False
        if place == len(order):
            return True
        for value in answers[order[place]]:
            facts[order[place]] = value
            if search(place + 1):
                return True
        del facts[order[place]]
        return False

    return {name: facts[name] for name in names if name in facts} if search(0) else None


def _comparisons(condition: Condition) -> Iterator[Comparison]:
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Not):
        yield from _comparisons(condition.part)
    else:
        for part in condition.parts:
            yield from _comparisons(part)


def _answers(fact: FactDefinition, tests: Sequence[Comparison], vocabulary: Vocabulary) -> list[Any]:
    """Return the answers that tell comparisons apart: each side of a limit, in and out of a list."""
    own = [test for test in tests if test.fact == fact.name]
    if fact.kind == "bool":
        return [True, False]
    if fact.kind == "ord":
        return list(fact.values)
    if fact.kind in {"int", "num"}:
        limits = sorted({test.value for test in own} or {0})
        below = [limit - 1 if limit < _EXACT else limit / 2 for limit in limits if limit >= 1]
        return [*limits, *below, *(limit + 1 for limit in limits if limit < _EXACT)]
    named = list(dict.fromkeys(value for test in own for value in test.value))
    inside = vocabulary.held(named)
    outside = [one for one in fact.values if one != "none" and not vocabulary.held([one]) & inside]
    nothing = ["none"] if "none" in fact.values else []
    found = [[one] for one in [*(test.value[0] for test in own), *named[:6], *outside[:1], *nothing]]
    return [one for place, one in enumerate(found) if one not in found[:place]] or [[]]
