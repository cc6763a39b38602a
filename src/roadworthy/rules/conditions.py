"""Pure: does a rule's condition hold? Three answers: it fires, it is silent, it needs information."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Literal, TypeAlias

Truth: TypeAlias = Literal["fires", "silent", "needs-information"]
Operator: TypeAlias = Literal["eq", "any_of", "none_of", "gte", "lte"]
FactKind: TypeAlias = Literal["set", "bool", "int", "num", "ord"]
_OPERATORS: tuple[Operator, ...] = ("eq", "any_of", "none_of", "gte", "lte")


@dataclass(frozen=True, slots=True)
class FactDefinition:
    """One fact rules may ask for: what sort of answer it takes, and the question that gets it."""

    name: str
    kind: FactKind
    question: str
    values: tuple[str, ...] = ()
    """The answers a set or a scale knows; a scale lists them from least to most."""
    open: bool = False
    """Whether a set takes other answers too: anything but one that looks like a known one misspelt."""
    pattern: str = ""
    """What every answer of an open set looks like, where that is known."""
    asked_by: str = ""
    """The question of the intake that gets it, such as `Q4`."""
    neg: Any = None
    """What it counts as where it is not stated and that is wanted (`--assume-neg`)."""
    none: Any = None
    """What it counts as once its question is answered with "none of this"; None: it has to be stated."""
    legal_position: bool = False
    """Whether `true` is a position that a named person has to sign for."""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the intake, which may get several facts."""

    id: str
    ask: str
    facts: tuple[str, ...]
    scope: Literal["organization", "use_case"]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every fact that rules may ask for, and which values lie inside others (DE inside EU)."""

    facts: Mapping[str, FactDefinition]
    hierarchy: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    version: str = ""

    def held(self, values: Any) -> frozenset[str]:
        """Return values and all they lie in; `US-FL` lies in `US` without being listed."""
        found = set(values)
        for one in values:
            outer = self.hierarchy.get(one)
            found.update(outer if outer is not None else [one[:2]] if _REGION.match(one) else ())
        return frozenset(found)

    def problem_with(self, name: str, value: Any) -> str:
        """Say why a value is no answer to this fact's question, or return an empty text."""
        known = self.facts[name]
        if known.kind == "bool":
            return "" if isinstance(value, bool) else "it takes true or false"
        if known.kind in {"int", "num"}:
            return _number_problem(known, value)
        if known.kind == "ord":
            fits = isinstance(value, str) and value in known.values
            return "" if fits else f"it takes one of {', '.join(known.values)}"
        if not isinstance(value, list | tuple):
            return "it takes a list, such as [" + ", ".join(known.values[:2]) + "]"
        strange = [one for one in value if known.values and one not in known.values]
        return next((said for one in strange if (said := _strange(known, one))), "")


_REGION = re.compile(r"[A-Z]{2}-[A-Z0-9]{1,3}$")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")
_TYPO = 0.84  # of likeness: beyond it a new word is taken for a known one misspelt


def _number_problem(known: FactDefinition, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value != value or value < 0:  # noqa: PLR0124  # the one value that differs from itself
            return "it takes a number from 0 up"
        return "" if known.kind == "num" or float(value).is_integer() else "it takes a whole number"
    text = f"it takes a {'whole ' if known.kind == 'int' else ''}number"
    if isinstance(value, str) and re.fullmatch(r"[0-9]+(\.[0-9]+)?[eE][0-9]+", value):
        mantissa, _, exponent = value.lower().partition("e")
        return f"{text}, and YAML reads {value} as a text: write {mantissa}e+{exponent}"
    return text


def _strange(known: FactDefinition, value: Any) -> str:
    """Say why a value that is not listed is no answer, or return an empty text where the set is open."""
    if not isinstance(value, str):
        return f"it takes texts, and YAML reads {value!r} otherwise: write it in quotes"
    listed = f"it does not know {value}; known: {', '.join(known.values)}"
    if not known.open or not _WORD.match(value):
        return listed
    if known.pattern:
        return "" if re.fullmatch(known.pattern, value) else f"{listed}, or another code of that form"
    near = get_close_matches(value.lower(), known.values, n=1, cutoff=_TYPO)
    return (
        f"it does not know {value}; did you mean {near[0]}? Known: {', '.join(known.values)}" if near else ""
    )


@dataclass(frozen=True, slots=True)
class Comparison:
    """One fact compared with a value."""

    fact: str
    operator: Operator
    value: Any


@dataclass(frozen=True, slots=True)
class All:
    """Holds when every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Holds when one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part is silent."""

    part: Condition


Condition: TypeAlias = Comparison | All | Either | Not


@dataclass(frozen=True, slots=True)
class Answer:
    """What a condition says of these facts: on which it rests, and which it lacks."""

    truth: Truth
    rests_on: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def parse(document: Any, vocabulary: Vocabulary) -> Condition:
    """Read a condition as packs write it; what cannot be meant is a ValueError."""
    if not isinstance(document, Mapping) or len(document) != 1:
        raise ValueError(f"a condition is one of all, any, not, or one fact: {document!r}")
    ((word, inner),) = document.items()
    if word in {"all", "any"}:
        if not isinstance(inner, list):
            raise ValueError(f"`{word}` takes a list of conditions")
        parts = tuple(parse(one, vocabulary) for one in inner)
        return All(parts) if word == "all" else Either(parts)
    if word == "not":
        return Not(parse(inner, vocabulary))
    if word not in vocabulary.facts:
        raise ValueError(f"`{word}` is no fact of the vocabulary")
    if not isinstance(inner, Mapping) or len(inner) != 1:
        raise ValueError(f"`{word}` takes one comparison, such as {{eq: true}}")
    ((operator, value),) = inner.items()
    if operator not in _OPERATORS:
        raise ValueError(f"`{word}` is compared with `{operator}`; known: {', '.join(_OPERATORS)}")
    return _checked(Comparison(word, operator, value), vocabulary)


def _checked(test: Comparison, vocabulary: Vocabulary) -> Comparison:
    kind = vocabulary.facts[test.fact].kind
    fits = {
        "set": {"any_of", "none_of"},
        "bool": {"eq"},
        "int": {"eq", "gte", "lte"},
        "num": {"eq", "gte", "lte"},
        "ord": {"eq", "gte", "lte", "any_of", "none_of"},
    }
    if test.operator not in fits[kind]:
        raise ValueError(f"`{test.fact}` is of kind {kind}, which has no `{test.operator}`")
    listed = test.operator in {"any_of", "none_of"}
    if listed and not isinstance(test.value, list):
        raise ValueError(f"`{test.fact}`: `{test.operator}` takes a list")
    for value in test.value if listed else [test.value]:
        given = [value] if kind == "set" else value
        if problem := vocabulary.problem_with(test.fact, given):
            raise ValueError(f"`{test.fact}`: {problem}")
    return Comparison(test.fact, test.operator, tuple(test.value) if listed else test.value)


def evaluate(condition: Condition, facts: Mapping[str, Any], vocabulary: Vocabulary) -> Answer:
    """Answer a condition; an unanswered question never reads as "does not apply"."""
    if isinstance(condition, Comparison):
        return _test(condition, facts, vocabulary)
    if isinstance(condition, Not):
        inner = evaluate(condition.part, facts, vocabulary)
        flipped: dict[Truth, Truth] = {"fires": "silent", "silent": "fires"}
        return Answer(flipped.get(inner.truth, inner.truth), inner.rests_on, inner.missing)
    answers = [evaluate(part, facts, vocabulary) for part in condition.parts]
    # `all` is decided by one silent part, `any` by one that fires; else an unknown part leaves it open.
    decisive: Truth = "silent" if isinstance(condition, All) else "fires"
    for truth in (decisive, "needs-information"):
        if chosen := [one for one in answers if one.truth == truth]:
            return _joined(truth, chosen)
    return _joined("fires" if decisive == "silent" else "silent", answers)


def _joined(truth: Truth, answers: list[Answer]) -> Answer:
    rests_on = dict.fromkeys(name for one in answers for name in one.rests_on)
    missing = dict.fromkeys(name for one in answers for name in one.missing)
    return Answer(truth, tuple(rests_on), tuple(missing))


def _test(test: Comparison, facts: Mapping[str, Any], vocabulary: Vocabulary) -> Answer:
    value = facts.get(test.fact)
    if value is None or vocabulary.problem_with(test.fact, value):
        return Answer("needs-information", missing=(test.fact,))
    known = vocabulary.facts[test.fact]
    if known.kind == "set":
        holds = bool(vocabulary.held(value) & set(test.value)) == (test.operator == "any_of")
    elif test.operator in {"any_of", "none_of"}:
        holds = (value in test.value) == (test.operator == "any_of")
    elif test.operator == "eq":
        holds = bool(value == test.value)
    else:
        left, right = value, test.value
        if known.kind == "ord":
            left, right = known.values.index(value), known.values.index(test.value)
        holds = bool(left >= right) if test.operator == "gte" else bool(left <= right)
    return Answer("fires" if holds else "silent", rests_on=(test.fact,))


def facts_of(condition: Condition) -> tuple[str, ...]:
    """Return every fact a condition asks for."""
    if isinstance(condition, Comparison):
        return (condition.fact,)
    parts = (condition.part,) if isinstance(condition, Not) else condition.parts
    return tuple(dict.fromkeys(name for part in parts for name in facts_of(part)))


def describe(condition: Condition) -> str:
    """Say a condition in words, as it would be read aloud."""
    if isinstance(condition, Comparison):
        words = {"eq": "is", "any_of": "has any of", "none_of": "has none of"}
        said = words.get(condition.operator, "is at least" if condition.operator == "gte" else "is at most")
        value = condition.value
        text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value).lower()
        return f"{condition.fact} {said} {text}"
    if isinstance(condition, Not):
        return f"not ({describe(condition.part)})"
    if not condition.parts:
        return "always" if isinstance(condition, All) else "never"
    return (" and " if isinstance(condition, All) else " or ").join(
        f"({describe(part)})" if isinstance(part, All | Either) and len(part.parts) > 1 else describe(part)
        for part in condition.parts
    )


def conjuncts(condition: Condition) -> tuple[Condition, ...]:
    """Return the parts that all have to hold."""
    return condition.parts if isinstance(condition, All) else (condition,)
