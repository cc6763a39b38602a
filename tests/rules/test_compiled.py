"""Compiled rules say what the conditions say, read one by one."""

from __future__ import annotations

from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.rules.conditions import FactDefinition, evaluate
from roadworthy.rules.decide import decide
from roadworthy.rules.packs import shipped

BOOK = shipped()
DAY = date(2026, 11, 23)


def _answers(fact: FactDefinition) -> st.SearchStrategy[Any]:
    if fact.kind == "bool":
        return st.booleans()
    if fact.kind == "ord":
        return st.sampled_from(fact.values)
    if fact.kind == "set":
        return st.lists(st.sampled_from(fact.values), max_size=3)
    return st.sampled_from([0, 14, 15, 25, 30, 1_000_001])


FACTS = st.fixed_dictionaries(
    {}, optional={name: _answers(one) for name, one in BOOK.vocabulary.facts.items()}
)


@settings(max_examples=200, deadline=None)
@given(FACTS)
def test_compiled_and_read_agree(facts: dict[str, Any]) -> None:
    """On any facts, stated or not, each rule says the same either way."""
    decision = decide(facts, rulebook=BOOK, as_of=DAY)
    words = dict.fromkeys((*decision.fires_now, *decision.fires_later), "fires")
    words |= dict.fromkeys(decision.needs_info, "needs-information")
    for rule in BOOK.rules:
        read = evaluate(rule.when, facts, BOOK.vocabulary).truth if rule.can_fire else "silent"
        assert words.get(rule.id, "silent") == read, rule.id


@settings(max_examples=100, deadline=None)
@given(FACTS, st.data())
def test_an_answer_never_unsettles(facts: dict[str, Any], data: st.DataObject) -> None:
    """What fires or is silent stays so when more is answered: only open rules change."""
    if not facts:
        return
    hidden = data.draw(st.sampled_from(sorted(facts)))
    before = decide({k: v for k, v in facts.items() if k != hidden}, rulebook=BOOK, as_of=DAY)
    after = decide(facts, rulebook=BOOK, as_of=DAY)
    settled = {*before.fires_now, *before.fires_later}
    assert settled <= {*after.fires_now, *after.fires_later}
    assert set(after.needs_info) <= set(before.needs_info)
