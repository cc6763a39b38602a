"""Fixtures pin every condition of every shipped rule; a pack that is not pinned says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.rules.conditions import Condition, Vocabulary, evaluate, parse
from roadworthy.rules.fixtures import Fixture, holds, mutants, problems, without_one
from roadworthy.rules.packs import read_pack, shipped, shipped_fixtures
from roadworthy.rules.rule import Pack, Rule
from roadworthy.rules.suggest import suggest

BOOK = shipped()
FIXTURES = shipped_fixtures()
VOCABULARY = BOOK.vocabulary


@pytest.mark.parametrize("pack", BOOK.packs, ids=lambda pack: pack.name)
def test_the_shipped_packs_are_pinned(pack: Pack) -> None:
    """Each rule fires on one fixture at least, is silent on another, and each condition is noticed."""
    assert list(problems(pack, FIXTURES[pack.name], VOCABULARY)) == []


def test_taking_any_condition_of_any_rule_away_fails_a_fixture() -> None:
    """Counted here by itself: every mutant of every rule, of duties' own conditions too, is caught."""
    tried = 0
    for pack in BOOK.packs:
        for rule in pack.rules:
            own = [one for one in FIXTURES[pack.name] if one.rule == rule.id]
            for what, mutant in mutants(rule):
                tried += 1
                assert any(not holds(one, mutant, VOCABULARY) for one in own), f"{rule.id}: {what}"
    assert tried > 350


def _pack(when: str, fixtures: list[Fixture]) -> list[str]:
    text = (
        "{name: p, title: P, version: 1.0.0, review_by: 2027-01-01, rules: "
        "[{id: p.one, title: One, applies: A, asks: B, tier_effect: high, legal_status: house_policy, "
        f"enforcement_status: internal, applies_from: 2026-01-01, confidence: house, when: {when}}}]}}"
    )
    return list(problems(read_pack(text, VOCABULARY), fixtures, VOCABULARY))


TWO = "{all: [{personal_data: {eq: true}}, {minors: {gte: known}}]}"


def one(expect: Any, **facts: Any) -> Fixture:
    """Return a fixture of the one rule."""
    return Fixture("p.one", expect, facts)


@pytest.mark.parametrize(
    ("fixtures", "said"),
    [
        ([], "no fixture on which it fires"),
        ([one("fires", personal_data=True, minors="known")], "no fixture on which it is silent"),
        ([one("fires", personal_data=False, minors="known")], "should be fires, and the rule says silent"),
        ([one("fires", personal_data=True)], "the rule says needs-information"),
        ([one("fires", personal_data="yes", minors="known")], "which is no answer"),
        ([Fixture("p.two", "fires", {})], "which the pack does not have"),
        (
            [
                one("fires", personal_data=True, minors="known"),
                one("silent", personal_data=True, minors="none"),
            ],
            "no fixture notices when `personal_data is true` is taken away",
        ),
    ],
)
def test_what_is_not_pinned_is_named(fixtures: list[Fixture], said: str) -> None:
    """What a pack leaves open is said with the rule and the condition."""
    assert any(said in problem for problem in _pack(TWO, fixtures))


def test_a_pinned_pack_has_no_problems() -> None:
    """Three fixtures pin two conditions."""
    fixtures = [
        one("fires", personal_data=True, minors="known"),
        one("silent", personal_data=True, minors="none"),
        one("silent", personal_data=False, minors="known"),
    ]
    assert _pack(TWO, fixtures) == []


@pytest.mark.parametrize(
    ("when", "idle"),
    [
        ("{all: [{minors: {gte: known}}, {minors: {gte: possible}}]}", ["minors is at least possible"]),
        (
            "{any: [{jurisdictions: {any_of: [DE]}}, {jurisdictions: {any_of: [EU]}}]}",
            ["jurisdictions has any of DE"],
        ),
        (TWO, []),
    ],
)
def test_a_condition_without_effect_is_found(when: str, idle: list[str]) -> None:
    """What another condition already says can never matter: no facts tell it is there."""
    rule = _rule(parse(_yaml(when), VOCABULARY))
    assert suggest(rule, VOCABULARY)[1] == idle


def _yaml(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)


def _rule(when: Condition) -> Rule:
    return replace(BOOK.by_id["house.baseline"], when=when, duties=())


FACTS = ("personal_data", "profiling", "minors", "jurisdictions")
LEAVES = st.one_of(
    st.sampled_from(["personal_data", "profiling"]).flatmap(
        lambda name: st.booleans().map(lambda value: {name: {"eq": value}})
    ),
    st.sampled_from(["possible", "known"]).map(lambda level: {"minors": {"gte": level}}),
    st.sampled_from(["EU", "US-CA", "US"]).map(lambda place: {"jurisdictions": {"any_of": [place]}}),
)
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
        inner.map(lambda part: {"not": part}),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_what_is_suggested_is_true_and_what_is_idle_is_idle(tree: dict[str, Any]) -> None:
    """Suggested fixtures hold; a mutant they miss differs from the rule on no complete answer at all."""
    rule = _rule(parse(tree, VOCABULARY))
    fixtures, _ = suggest(rule, VOCABULARY)
    assert all(holds(each, rule, VOCABULARY) for each in fixtures)
    for _what, mutant in without_one(rule.when):
        if all(holds(each, replace(rule, when=mutant), VOCABULARY) for each in fixtures):
            assert not _differ(rule.when, mutant, VOCABULARY)


def _differ(left: Condition, right: Condition, vocabulary: Vocabulary) -> bool:
    for personal in (True, False):
        for profiling in (True, False):
            for minors in ("none", "possible", "known"):
                for place in ("EU", "US-CA", "US", "GB"):
                    facts = {
                        "personal_data": personal,
                        "profiling": profiling,
                        "minors": minors,
                        "jurisdictions": [place],
                    }
                    if evaluate(left, facts, vocabulary).truth != evaluate(right, facts, vocabulary).truth:
                        return True
    return False
