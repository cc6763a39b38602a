"""The three answers of a condition: an unanswered question never reads as "does not apply"."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.rules.conditions import (
    FactDefinition,
    Vocabulary,
    evaluate,
    facts_of,
    parse,
)

LEVELS = ("none", "some", "much")
PLACES = ("EU", "DE", "US", "US-NY", "US-NYC")
VOCABULARY = Vocabulary(
    facts={
        "talks": FactDefinition("talks", "bool", "Does it talk?"),
        "people": FactDefinition("people", "int", "How many people?"),
        "share": FactDefinition("share", "num", "Which share?"),
        "effect": FactDefinition("effect", "ord", "How much?", LEVELS),
        "where": FactDefinition("where", "set", "Where?", PLACES),
    },
    hierarchy={"DE": ("EU",), "US-NYC": ("US-NY", "US"), "US-NY": ("US",)},
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "talks": st.booleans(),
    "people": st.integers(0, 3),
    "share": st.sampled_from([0.0, 0.5, 1.0]),
    "effect": st.sampled_from(LEVELS),
    "where": st.lists(st.sampled_from(PLACES), max_size=2, unique=True),
}
COMPLETE = st.fixed_dictionaries(VALUES)
PARTIAL = st.fixed_dictionaries({}, optional=VALUES)
LEAVES = st.one_of(
    st.booleans().map(lambda v: {"talks": {"eq": v}}),
    st.tuples(st.sampled_from(["eq", "gte", "lte"]), st.integers(0, 3)).map(
        lambda t: {"people": {t[0]: t[1]}}
    ),
    st.sampled_from([0.0, 0.5, 1.0]).map(lambda v: {"share": {"gte": v}}),
    st.tuples(st.sampled_from(["eq", "gte", "lte"]), st.sampled_from(LEVELS)).map(
        lambda t: {"effect": {t[0]: t[1]}}
    ),
    st.tuples(
        st.sampled_from(["any_of", "none_of"]), st.lists(st.sampled_from(PLACES), min_size=1, max_size=2)
    ).map(lambda t: {"where": {t[0]: t[1]}}),
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=8,
)


def truth(document: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Say what a condition means when every question is answered: the plain reading, written anew."""
    ((word, inner),) = document.items()
    if word == "all":
        return all(truth(part, facts) for part in inner)
    if word == "any":
        return any(truth(part, facts) for part in inner)
    if word == "not":
        return not truth(inner, facts)
    ((operator, wanted),) = inner.items()
    value = facts[word]
    if word == "where":
        inside = {"EU": {"EU", "DE"}, "US": {"US", "US-NY", "US-NYC"}, "US-NY": {"US-NY", "US-NYC"}}
        hit = any(set(value) & inside.get(one, {one}) for one in wanted)
        return hit if operator == "any_of" else not hit
    if word == "effect":
        value, wanted = LEVELS.index(value), LEVELS.index(wanted)
    return bool({"eq": value == wanted, "gte": value >= wanted, "lte": value <= wanted}[operator])


@given(CONDITIONS, COMPLETE)
def test_with_every_answer_it_is_plain_logic(document: dict[str, Any], facts: dict[str, Any]) -> None:
    """Nothing is left open, and the answer is the one a person would read off."""
    answer = evaluate(parse(document, VOCABULARY), facts, VOCABULARY)
    assert answer.truth == ("fires" if truth(document, facts) else "silent")
    assert answer.missing == ()


@given(CONDITIONS, PARTIAL, COMPLETE)
def test_a_settled_answer_stays(
    document: dict[str, Any], partial: dict[str, Any], rest: dict[str, Any]
) -> None:
    """What fires or is silent with some questions open stays so however they are answered."""
    answer = evaluate(parse(document, VOCABULARY), partial, VOCABULARY)
    if answer.truth != "needs-information":
        assert (answer.truth == "fires") == truth(document, {**rest, **partial})
    else:
        assert answer.missing
        assert not set(answer.missing) & set(partial)


@given(CONDITIONS, PARTIAL, COMPLETE)
def test_answering_what_is_missing_settles_it(
    document: dict[str, Any], partial: dict[str, Any], rest: dict[str, Any]
) -> None:
    """The facts named as missing are enough to ask for, round by round."""
    condition = parse(document, VOCABULARY)
    facts = dict(partial)
    for _ in range(len(VALUES) + 1):
        answer = evaluate(condition, facts, VOCABULARY)
        facts.update({name: rest[name] for name in answer.missing})
    assert answer.truth != "needs-information"
    assert set(facts) <= set(partial) | set(facts_of(condition))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"where": ["DE"]}, "fires"),
        ({"where": ["US-NYC"]}, "silent"),
        ({"where": []}, "silent"),
        ({}, "needs-information"),
        ({"where": "EU"}, "needs-information"),
        ({"where": ["Atlantis"]}, "needs-information"),
    ],
)
def test_a_place_lies_inside_others(facts: dict[str, Any], expected: str) -> None:
    """A rule of the EU reaches Germany; an answer that is none leaves the question open."""
    condition = parse({"where": {"any_of": ["EU"]}}, VOCABULARY)
    assert evaluate(condition, facts, VOCABULARY).truth == expected


@pytest.mark.parametrize(
    ("document", "named"),
    [
        ({}, "a condition is one of"),
        ({"talks": {"eq": True}, "people": {"eq": 1}}, "a condition is one of"),
        ({"colour": {"eq": "red"}}, "no fact"),
        ({"talks": True}, "one comparison"),
        ({"talks": {"is": True}}, "compared with `is`"),
        ({"talks": {"gte": True}}, "has no `gte`"),
        ({"effect": {"gte": "lots"}}, "one of none, some, much"),
        ({"where": {"any_of": ["Atlantis"]}}, "does not know Atlantis"),
        ({"where": {"any_of": "EU"}}, "takes a list"),
        ({"people": {"eq": 1.5}}, "whole number"),
        ({"people": {"eq": True}}, "whole number"),
        ({"all": {"talks": {"eq": True}}}, "list of conditions"),
    ],
)
def test_a_condition_that_cannot_be_meant(document: Any, named: str) -> None:
    """A typing error in a pack is found when it is read, not when it fails to fire."""
    with pytest.raises(ValueError, match=named):
        parse(document, VOCABULARY)
