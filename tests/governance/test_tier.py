"""The shipped rules: which tier plain cases come to, and that open questions never lower it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.governance.packs import read_pack, rulebook
from roadworthy.governance.tier import decide, known_facts, rank

BOOK = rulebook()
NOTHING: dict[str, Any] = {
    "audience": ["internal_employees"],
    "autonomy": "assistive",
    "data_classes": ["internal"],
    "decision_domain": ["none"],
    "decision_effect": "none",
    "emotion_context": ["none"],
    "emotion_inference": False,
    "emotion_medical_or_safety": False,
    "interaction": ["output_only"],
    "legal_or_similar_effect": False,
    "minors": "none",
    "personal_data": False,
    "practices": ["none"],
}


def tier_of(**facts: Any) -> str:
    """Return the tier of a case that is harmless but for these answers."""
    return decide({**NOTHING, **facts}, rules=BOOK.rules, vocabulary=BOOK.vocabulary).tier


@pytest.mark.parametrize(
    ("facts", "tier"),
    [
        ({}, "minimal"),
        ({"decision_effect": "informs", "interaction": ["conversational"]}, "minimal"),
        ({"personal_data": True, "data_classes": ["pii"]}, "minimal"),
        ({"audience": ["consumers"], "interaction": ["conversational"]}, "limited"),
        ({"audience": ["consumers"], "personal_data": True}, "limited"),
        ({"data_classes": ["special_category"]}, "limited"),
        ({"decision_domain": ["employment"], "decision_effect": "informs"}, "limited"),
        ({"autonomy": "approve_exceptions"}, "limited"),
        ({"decision_domain": ["fraud"], "decision_effect": "substantially_replaces"}, "limited"),
        ({"decision_domain": ["employment"], "decision_effect": "materially_influences"}, "high"),
        ({"decision_domain": ["credit"], "decision_effect": "fully_automated"}, "high"),
        ({"decision_domain": ["insurance"], "decision_effect": "materially_influences"}, "high"),
        ({"decision_domain": ["healthcare"], "decision_effect": "materially_influences"}, "high"),
        ({"decision_domain": ["education"], "decision_effect": "materially_influences"}, "high"),
        ({"minors": "known"}, "high"),
        ({"legal_or_similar_effect": True, "autonomy": "autonomous"}, "high"),
        ({"practices": ["social_scoring"]}, "prohibited"),
        ({"emotion_inference": True, "emotion_context": ["workplace"]}, "prohibited"),
        (
            {"emotion_inference": True, "emotion_context": ["workplace"], "emotion_medical_or_safety": True},
            "minimal",
        ),
    ],
)
def test_plain_cases(facts: dict[str, Any], tier: str) -> None:
    """Each rule fires on its case, and search in one's own knowledge stays minimal."""
    assert tier_of(**facts) == tier


def test_no_answers_is_not_minimal() -> None:
    """With everything open it counts as limited at least, and every question is listed."""
    verdict = decide({}, rules=BOOK.rules, vocabulary=BOOK.vocabulary)
    assert (verdict.tier, verdict.provisional) == ("limited", True)
    assert {"practices", "decision_domain", "minors"} <= {one.fact for one in verdict.questions}
    assert "provisionally" in verdict.sentence()
    assert all(one.text.endswith("?") for one in verdict.questions)


def test_the_reasons_name_the_answers() -> None:
    """A tier says which rule fired on which answer."""
    verdict = decide({**NOTHING, "minors": "known"}, rules=BOOK.rules, vocabulary=BOOK.vocabulary)
    assert [(one.rule, one.answers) for one in verdict.reasons] == [
        ("house.children", (("minors", "known"),))
    ]
    assert verdict.sentence() == "High: used by children."


def test_what_is_open_but_cannot_raise_it_is_not_asked() -> None:
    """Once it is prohibited no answer matters any more."""
    verdict = decide({"practices": ["face_scraping"]}, rules=BOOK.rules, vocabulary=BOOK.vocabulary)
    assert (verdict.tier, verdict.provisional, verdict.questions) == ("prohibited", False, ())


@given(st.sets(st.sampled_from(sorted(NOTHING))), st.sampled_from(["none", "known"]))
def test_leaving_questions_open_never_hides_a_tier(left_open: set[str], minors: str) -> None:
    """An open question makes it provisional, or makes no difference; it never makes the tier look settled."""
    full = {**NOTHING, "minors": minors}
    partial = {name: value for name, value in full.items() if name not in left_open}
    settled = decide(full, rules=BOOK.rules, vocabulary=BOOK.vocabulary)
    verdict = decide(partial, rules=BOOK.rules, vocabulary=BOOK.vocabulary)
    if not verdict.provisional:
        assert verdict.tier == settled.tier
    assert verdict.provisional or rank(verdict.tier) >= rank(settled.tier)


@pytest.mark.parametrize(
    ("stated", "declared", "expected"),
    [
        (None, "assist", "assistive"),
        (None, "automate", "autonomous"),
        ("approve_each", "assist", "approve_each"),
        ("assistive", "automate", "autonomous"),
    ],
)
def test_autonomy_is_not_asked_twice(stated: str | None, declared: str, expected: str) -> None:
    """What the declaration says counts as the answer; of two answers the stricter holds."""
    facts = {} if stated is None else {"autonomy": stated}
    assert known_facts(facts, autonomy=declared, vocabulary=BOOK.vocabulary)["autonomy"] == expected


def test_every_rule_explains_itself() -> None:
    """A rule without a reason, or with a fact nobody is asked for, cannot be argued with."""
    assert all(rule.because and rule.title for rule in BOOK.rules)
    assert len(BOOK.rules) >= 12
    assert set(BOOK.needs) == {"minimal", "limited", "high", "prohibited"}
    assert BOOK.needs["prohibited"].approvals == ()


def test_a_broken_rule_is_named() -> None:
    """A pack with a rule that cannot be meant is refused as a whole, with the rule's id."""
    text = (
        "{name: p, title: P, version: '1', review_by: 2027-01-01, rules: "
        "[{id: p.one, title: One, tier: high, when: {colour: {eq: red}}}]}"
    )
    with pytest.raises(ValueError, match=r"pack p, rule p\.one"):
        read_pack(text, BOOK.vocabulary)
