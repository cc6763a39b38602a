"""Pure: rules as programs: each comparison is made once for a set of facts, however many rules make it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from roadworthy.rules.conditions import All, Comparison, Condition, Not, Vocabulary
from roadworthy.rules.rule import Rule

SILENT, OPEN, FIRES = 0, 1, 2
"""The three answers, so that `all` is the least and `any` the greatest of its parts."""

Ready: TypeAlias = Mapping[str, Any]
"""Facts made ready to compare: sets with what they lie in, scales by rank, unusable answers left out."""
Program: TypeAlias = Callable[[Ready, dict[int, int]], int]


class Compiled:
    """The conditions of all rules, compiled against one vocabulary."""

    def __init__(self, rules: Sequence[Rule], vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._numbers: dict[Comparison, int] = {}
        self._programs: tuple[tuple[Rule, Program], ...] = tuple(
            (rule, self._program(rule.when)) for rule in rules if rule.can_fire
        )

    def ready(self, facts: Mapping[str, Any]) -> Ready:
        """Make facts ready; an answer that fits its question nowhere counts as none."""
        known = self._vocabulary.facts
        found: dict[str, Any] = {}
        for name, value in facts.items():
            fact = known.get(name)
            if fact is None or value is None or self._vocabulary.problem_with(name, value):
                continue
            if fact.kind == "set":
                found[name] = self._vocabulary.held(value)
            elif fact.kind == "ord":
                found[name] = fact.values.index(value)
            else:
                found[name] = value
        return found

    def answers(self, facts: Mapping[str, Any]) -> list[tuple[Rule, int]]:
        """Return what each rule that can fire says of these facts, silent ones left out."""
        ready, seen = self.ready(facts), dict[int, int]()
        return [(rule, said) for rule, program in self._programs if (said := program(ready, seen))]

    def _program(self, condition: Condition) -> Program:
        if isinstance(condition, Comparison):
            return self._comparison(condition)
        if isinstance(condition, Not):
            inner = self._program(condition.part)
            return lambda ready, seen: FIRES - inner(ready, seen)
        parts = tuple(self._program(part) for part in condition.parts)
        return _least(parts) if isinstance(condition, All) else _greatest(parts)

    def _comparison(self, test: Comparison) -> Program:
        number = self._numbers.setdefault(test, len(self._numbers))
        name, holds = test.fact, _test(test, self._vocabulary)

        def said(ready: Ready, seen: dict[int, int]) -> int:
            answer = seen.get(number)
            if answer is None:
                value = ready.get(name)
                answer = seen[number] = OPEN if value is None else FIRES if holds(value) else SILENT
            return answer

        return said


def _least(parts: tuple[Program, ...]) -> Program:
    def said(ready: Ready, seen: dict[int, int]) -> int:
        least = FIRES
        for part in parts:
            answer = part(ready, seen)
            if answer < least:
                if answer == SILENT:
                    return SILENT
                least = answer
        return least

    return said


def _greatest(parts: tuple[Program, ...]) -> Program:
    def said(ready: Ready, seen: dict[int, int]) -> int:
        greatest = SILENT
        for part in parts:
            answer = part(ready, seen)
            if answer > greatest:
                if answer == FIRES:
                    return FIRES
                greatest = answer
        return greatest

    return said


def _test(test: Comparison, vocabulary: Vocabulary) -> Callable[[Any], bool]:
    fact, wanted = vocabulary.facts[test.fact], test.value
    if fact.kind == "set":
        values = frozenset(wanted)
        return (lambda held: not values.isdisjoint(held)) if test.operator == "any_of" else values.isdisjoint
    if fact.kind == "ord":
        wanted = (
            frozenset(fact.values.index(one) for one in wanted)
            if isinstance(wanted, tuple)
            else fact.values.index(wanted)
        )
    tests: dict[str, Callable[[Any], bool]] = {
        "eq": lambda value: bool(value == wanted),
        "any_of": lambda value: value in wanted,
        "none_of": lambda value: value not in wanted,
        "gte": lambda value: bool(value >= wanted),
        "lte": lambda value: bool(value <= wanted),
    }
    return tests[test.operator]
