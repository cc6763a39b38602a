"""Tiers: what decides them, that open questions never lower them, and how they are said."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.rules.decide import decide
from roadworthy.rules.packs import read_pack, shipped
from roadworthy.rules.stated import answered_none, known_facts, stated_facts
from roadworthy.rules.tier import TierVerdict, rank, verdict
from roadworthy.use_cases.kinds import FactValue, Intake, Position

BOOK = shipped()
DAY = date(2026, 11, 23)
SEARCH: dict[str, Any] = {
    "jurisdictions": ["DE"],
    "roles": ["deployer"],
    "audience": ["internal_employees"],
    "autonomy": "assistive",
    "biometric_use": ["none"],
    "content_use": ["internal"],
    "data_classes": ["internal", "pii"],
    "decision_domain": ["none"],
    "decision_effect": "none",
    "emotion_inference": False,
    "eu_annex1_product": False,
    "generates": ["text"],
    "interaction": ["conversational"],
    "legal_or_similar_effect": False,
    "minors": "none",
    "personal_data": True,
    "practices": ["none"],
}


def tier_of(**facts: Any) -> TierVerdict:
    """Return the tier of search in one's own knowledge with answers changed; None takes one away."""
    stated = {name: value for name, value in {**SEARCH, **facts}.items() if value is not None}
    return verdict(decide(stated, rulebook=BOOK, as_of=DAY))


def test_knowledge_search_is_minimal() -> None:
    """More control than the risk asks for is a failure too."""
    found = tier_of()
    assert (found.tier, found.provisional, found.questions) == ("minimal", False, ())


def test_no_answers_is_not_minimal() -> None:
    """With everything open it counts as limited at least, and every question is listed."""
    found = verdict(decide({}, rulebook=BOOK, as_of=DAY))
    assert (found.tier, found.provisional) == ("limited", True)
    assert {"practices", "decision_domain", "minors"} <= {one.fact for one in found.questions}
    assert "provisionally" in found.sentence()
    assert all(one.text.endswith("?") for one in found.questions)


def test_the_reasons_name_the_answers() -> None:
    """A tier says which rule fired on which answers."""
    found = tier_of(practices=["social_scoring"])
    (reason,) = found.reasons
    assert reason.rule == "eu.aia.art5"
    assert ("practices", "social_scoring") in reason.answers
    assert found.sentence() == "Prohibited: uses the EU AI Act forbids."


def test_a_title_keeps_its_capitals_inside_a_sentence() -> None:
    """`AI in ...` does not become `aI in ...`."""
    found = tier_of(
        jurisdictions=["US-IL"],
        decision_domain=["employment"],
        decision_effect="informs",
        employer_size=3,
        therapy_service=False,
    )
    assert found.sentence() == "High: AI in employment (Illinois)."


def test_what_is_open_but_cannot_raise_it_is_not_asked() -> None:
    """Once it is prohibited no answer matters any more."""
    found = verdict(
        decide({"jurisdictions": ["EU"], "practices": ["face_scraping"]}, rulebook=BOOK, as_of=DAY)
    )
    assert (found.tier, found.provisional, found.questions) == ("prohibited", False, ())


@given(st.sets(st.sampled_from(sorted(SEARCH))), st.sampled_from(["none", "known"]))
def test_leaving_questions_open_never_hides_a_tier(left_open: set[str], minors: str) -> None:
    """An open question makes it provisional, or makes no difference; it never makes the tier look settled."""
    settled = tier_of(minors=minors)
    found = tier_of(**({"minors": minors} | dict.fromkeys(left_open)))
    if not found.provisional:
        assert found.tier == settled.tier
    assert found.provisional or rank(found.tier) >= rank(settled.tier)


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


def test_what_a_unit_says_holds_for_its_use_cases() -> None:
    """The profile is inherited, "none of this" stands over it, and the use case's own answer over both."""
    intake = Intake(facts={"practices": ("none",), "minors": "known"}, none=("Q18", "Q13", "O3"))
    profile = {"sector": ["banking"], "ccpa_business": True, "minors": "possible"}
    facts = stated_facts(intake, autonomy="assist", profile=profile, vocabulary=BOOK.vocabulary)
    assert facts["sector"] == ["banking"]
    assert facts["ccpa_business"] is False
    assert facts["minors"] == "known"
    assert facts["synthetic_performer"] is False


def test_what_has_to_be_stated_is_not_answered_with_none() -> None:
    """Where people are, and what data are seen, cannot be "none of this"."""
    found = answered_none(("Q2", "Q3", "Q10", "Q12"), BOOK.vocabulary)
    assert not {"jurisdictions", "roles", "data_classes", "audience", "model_type"} & set(found)
    assert found["personal_data"] is False


def test_an_empty_list_is_no_answer() -> None:
    """It would say of every place, role and class of data at once that a rule does not ask for it."""
    intake = Intake(facts={"jurisdictions": (), "practices": ("none",)})
    profile = {"jurisdictions": ["EU"], "sector": []}
    facts = stated_facts(intake, autonomy="assist", profile=profile, vocabulary=BOOK.vocabulary)
    assert not {"jurisdictions", "sector"} & set(facts)
    assert facts["practices"] == ("none",)


def test_a_legal_position_counts_only_when_signed() -> None:
    """Without a signer and a memo the exit from the high-risk list stays an open question."""
    facts: dict[str, FactValue] = {"art6_3_condition": True}
    unsigned = stated_facts(Intake(facts=facts), autonomy="assist", profile={}, vocabulary=BOOK.vocabulary)
    assert "art6_3_condition" not in unsigned
    position = Position(signed_by="ada", memo="memo 7", signed_on=DAY)
    signed = stated_facts(
        Intake(facts=facts, positions={"art6_3_condition": position}),
        autonomy="assist",
        profile={},
        vocabulary=BOOK.vocabulary,
    )
    assert signed["art6_3_condition"] is True


def test_a_broken_rule_is_named() -> None:
    """A pack with a rule that cannot be meant is refused as a whole, with the rule's id."""
    text = (
        "{name: p, title: P, version: 1.0.0, review_by: 2027-01-01, rules: "
        "[{id: p.one, title: One, applies: A, asks: B, tier_effect: high, legal_status: house_policy, "
        "enforcement_status: internal, applies_from: 2026-01-01, confidence: house, "
        "when: {colour: {eq: red}}}]}"
    )
    with pytest.raises(ValueError, match=r"pack p, rule p\.one"):
        read_pack(text, BOOK.vocabulary)
