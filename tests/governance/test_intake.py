"""The intake form: it asks what can still matter, says what answers lead to, and declares the same record."""

from __future__ import annotations

import html
from typing import Any

from fastapi.testclient import TestClient

from roadworthy.registry import queries as registry
from roadworthy.use_cases.kinds import USE_CASE
from tests.governance.company import SETUP, Company, document
from tests.governance.doors import who


def preview(client: TestClient, **sent: Any) -> str:
    """Return the form as it is after some answers; nothing is declared."""
    form = {"csrf": "csrf-of-the-session", "step": "preview", "namespace": "claims", **sent}
    answer = client.post("/use-cases/new", data=form, headers=who("ada"))
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_only_what_can_still_matter_is_asked(company: Company, client: TestClient) -> None:
    """People in Germany alone: nothing of California is asked any more, and what was said stays."""
    before = html.unescape(client.get("/use-cases/new", headers=who("ada")).text)
    assert 'id="question-O3"' in before
    assert "Still unknown" in before
    after = preview(client, fact_jurisdictions="DE", title="Kept")
    assert 'id="question-O3"' not in after
    assert 'id="question-Q22"' in after
    assert 'value="DE" checked' in after
    assert 'value="Kept"' in after
    with company.database.read() as tx:
        assert registry.every(tx, USE_CASE) == []


def test_it_says_what_the_answers_lead_to(client: TestClient) -> None:
    """Rules that fire, obligations with their dates, and which rules an open answer decides."""
    answers = {
        "fact_jurisdictions": "DE",
        "fact_roles": "deployer",
        "fact_decision_domain": "employment",
        "fact_decision_task": "promotion",
        "fact_art6_3_condition": "no",
    }
    text = preview(client, **answers)
    assert "Duties of those who use a high-risk system (EU)" in text
    assert "Its duties begin on 2027-12-02." in text
    assert "oversight, from 2027-12-02" in text
    assert "Decides: Uses the EU AI Act forbids" in text


def test_none_of_this_answers_a_question(client: TestClient) -> None:
    """It closes the question for the rules, and stays ticked so that it can be taken back."""
    text = preview(client, fact_jurisdictions="DE", none_of=["Q22", "Q21"])
    assert 'name="none_of" value="Q22" checked' in text
    assert "fact_practices" not in text
    assert "Q22" not in text.split("Still unknown: ")[1].split(".")[0].split(", ")


def test_what_the_unit_says_is_not_asked(company: Company, client: TestClient) -> None:
    """The answers of a unit hold for its use cases, so the form leaves them out."""
    assert "fact_employer_size" in preview(client, fact_jurisdictions="US-IL")
    profile = {"employer_size": 40, "sector": ["insurance"], "ccpa_business": False}
    company.declare(document("Unit", "claims", {"title": "Claims", "profile": profile}), actor=SETUP)
    assert "fact_employer_size" not in preview(client, fact_jurisdictions="US-IL")


def test_it_can_be_declared_half_way(company: Company, client: TestClient) -> None:
    """With questions open the record stands, provisional, and says what is unknown; "none" is kept."""
    form = {
        "csrf": "csrf-of-the-session",
        "name": "half",
        "title": "Half",
        "namespace": "claims",
        "summary": "Answers questions of colleagues about policies, who read the passage and decide alone.",
        "outcome": "faster-answers",
        "stage": "idea",
        "fact_jurisdictions": "DE",
        "none_of": ["Q20", "Q21"],
    }
    answer = client.post("/use-cases/new", data=form, headers=who("ada"))
    assert answer.status_code == 303, html.unescape(answer.text)
    with company.database.read() as tx:
        spec = registry.get(tx, USE_CASE, "half").spec
    assert spec.intake.none == ("Q20", "Q21")
    assert spec.intake.facts == {"jurisdictions": ("DE",)}
    tier = company.standing("half").tier
    assert tier.provisional
    assert "biometric_use" not in {one.fact for one in tier.questions}
