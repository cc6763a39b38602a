"""What governance says to a plan: answers that are none, and what a change does."""

from __future__ import annotations

from typing import Any

import pytest

from roadworthy.foundation.errors import InvalidError
from roadworthy.governance import operations
from roadworthy.registry import operations as registry_operations
from roadworthy.registry.actor import Actor
from tests.governance.company import (
    HIGH,
    NOW,
    PEOPLE,
    SETUP,
    Company,
    base_documents,
    document,
    use_case,
    with_facts,
)


def approve(company: Company, who: str = "ben") -> None:
    """Approve the use case."""
    with company.database.write() as tx:
        operations.give_approval(tx, use_case="policy-search", actor=Actor(f"person/{who}", "cli"), now=NOW)


def changed(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    """Return one of the company's declarations with fields changed."""
    found = next(one for one in base_documents() if (one["kind"], one["metadata"]["name"]) == (kind, name))
    return document(kind, name, {**found["spec"], **spec})


@pytest.mark.parametrize(
    ("facts", "field", "said", "advice"),
    [
        ({"minor": "none"}, "minor", "No rule asks for `minor`", "Did you mean `minors`?"),
        ({"zzzz": True}, "zzzz", "No rule asks for `zzzz`", "Known: "),
        ({"minors": "few"}, "minors", "one of none, possible", "under 18"),
        ({"personal_data": "yes"}, "personal_data", "true or false", "about people"),
        ({"audience": "everybody"}, "audience", "takes a list", "Who talks"),
        ({"audience": ["everybody"]}, "audience", "does not know everybody", "Who talks"),
        ({"jurisdictions": []}, "jurisdictions", "its list is empty", "it cannot be none"),
        ({"practices": []}, "practices", "its list is empty", "write `practices: [none]`"),
    ],
)
def test_an_answer_to_no_question_is_refused(
    company: Company, facts: dict[str, Any], field: str, said: str, advice: str
) -> None:
    """A typing error would leave a question open for ever, so it is named at once."""
    with pytest.raises(InvalidError) as refused:
        company.declare(use_case(intake=with_facts(**facts)))
    (issue,) = refused.value.issues
    assert issue.field == f"spec.intake.facts.{field}"
    assert said in issue.message
    assert advice in issue.fix


def test_a_new_use_case_says_its_tier(company: Company) -> None:
    """The plan says where it starts, and from which rule."""
    said = company.declare(use_case(intake=with_facts(**HIGH)))
    (text,) = said
    assert text.startswith("use-case/policy-search starts at tier high: High: duties of those who use a")


def test_what_others_change_is_said_too(company: Company) -> None:
    """A person who leaves, a model that goes, a metric that changes: the use case they end is named."""
    company.declare(use_case())
    approve(company)
    for change in (
        changed("Person", "fay", disabled_on="2026-11-20"),
        changed("Metric", "overrides", trust=False),
    ):
        with company.database.read() as tx:
            planned = company.plan(tx, change, actor=SETUP)
        (effects,) = [one.effects for one in planned.changes]
        assert any(text.startswith("the grant of use-case/policy-search ends: ") for text in effects), effects


def test_an_end_that_moves_is_said(company: Company) -> None:
    """An owner's known leave shortens the grant."""
    company.declare(use_case())
    approve(company)
    with company.database.read() as tx:
        planned = company.plan(tx, changed("Person", "fay", disabled_on="2026-12-24"), actor=SETUP)
    assert "the grant of use-case/policy-search now ends on 2026-12-24" in planned.changes[0].effects


def test_deleting_it_ends_its_grant(company: Company) -> None:
    """The plan of a deletion says what stops working."""
    company.declare(use_case())
    approve(company)
    with company.database.read() as tx:
        kind = company.assembly.catalogue.get("UseCase")
        planned = registry_operations.plan(
            tx,
            company.assembly,
            removals=[(kind, "policy-search")],
            managed_by="file",
            actor=SETUP,
            now=NOW,
        )
    assert "the grant of use-case/policy-search ends" in planned.changes[0].effects


def test_what_concerns_no_use_case_says_nothing(company: Company) -> None:
    """A change that moves no verdict adds no noise to the plan."""
    company.declare(use_case())
    approve(company)
    said = company.declare(changed("Person", PEOPLE[3], display_name="Daniela"), actor=SETUP)
    assert said == ()


def test_a_target_against_its_metric_is_refused(company: Company) -> None:
    """An outcome that aims for more of what is better when it decreases names the field."""
    with pytest.raises(InvalidError) as refused:
        company.declare(changed("Outcome", "faster-answers", target={"delta": 6}), actor=SETUP)
    assert refused.value.issues[0].field == "spec.target.delta"
    with pytest.raises(InvalidError) as turned:
        company.declare(changed("Metric", "hours", direction="increase"), actor=SETUP)
    assert "outcome/faster-answers would go the wrong way" in turned.value.issues[0].message


def test_use_is_not_an_outcome(company: Company) -> None:
    """A metric that counts use cannot be what an outcome is measured by."""
    visits = {**changed("Metric", "hours")["spec"], "activity": True}
    outcome = changed("Outcome", "faster-answers", metric="visits")
    with pytest.raises(InvalidError) as refused:
        company.declare(document("Metric", "visits", visits), outcome, actor=SETUP)
    assert refused.value.issues[0].field == "spec.metric"
    with pytest.raises(InvalidError) as turned:
        company.declare(changed("Metric", "hours", activity=True), actor=SETUP)
    assert "outcome/faster-answers is measured by it" in turned.value.issues[0].message


def test_erasing_a_use_case_erases_what_was_said_about_it(company: Company) -> None:
    """The log's payloads and the evidence go together, so the two still agree."""
    company.declare(use_case())
    approve(company)
    company.delete("UseCase", "policy-search")
    kind = company.assembly.catalogue.get("UseCase")
    with company.database.write() as tx:
        registry_operations.erase(
            tx, kind=kind, name="policy-search", reason="asked to", actor=SETUP, now=NOW
        )
        assert [one for verify in company.assembly.verifiers for one in verify(tx)] != []
        assert sum(erase(tx, "use-case/policy-search") for erase in company.assembly.erasers) == 1
        assert [one for verify in company.assembly.verifiers for one in verify(tx)] == []
