"""What people keep for themselves: no autonomy beyond it has a grant, and gaps in ownership are listed."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from roadworthy.governance import operations
from roadworthy.registry.actor import Actor
from tests.governance.company import NOW, SETUP, Company, document, use_case


def exclusion(namespace: str = "claims", **changes: Any) -> dict[str, Any]:
    """Return the declaration that keeps what informs people from running by itself."""
    spec = {"title": "Advice to colleagues", "facts": {"decision_effect": "informs"}, "reason": "House rule."}
    return document("Exclusion", "advice", {**spec, **changes}, namespace=namespace)


def codes(company: Company, **changes: Any) -> list[str]:
    """Declare the approved use case so, and return what stands in its way."""
    company.declare(use_case(**changes))
    if company.standing().needs[0].missing:
        with company.database.write() as tx:
            actor = Actor("person/ben", "cli")
            operations.give_approval(tx, use_case="policy-search", actor=actor, now=NOW)
    block = company.standing().block
    return [one.code for one in block.reasons] if block else []


@pytest.mark.parametrize(
    ("autonomy", "changes", "expected"),
    [
        ("assist", {}, []),
        ("supervise", {}, ["excluded"]),
        ("supervise", {"at_most": "supervise"}, []),
        ("supervise", {"facts": {"decision_effect": "solely_automated"}}, []),
        ("supervise", {"facts": {"audience": ["internal_employees", "minors"]}}, ["excluded"]),
        ("supervise", {"buckets": ["regulated-decision-support"]}, []),
    ],
)
def test_what_is_kept_for_people_has_no_grant(
    company: Company, autonomy: str, changes: dict[str, Any], expected: list[str]
) -> None:
    """Only uses that are meant, and only beyond the level that is left."""
    company.declare(exclusion(**changes), actor=SETUP)
    assert codes(company, autonomy=autonomy) == expected


def test_another_units_exclusion_does_not_reach_here(company: Company) -> None:
    """A unit keeps what is its own; the organization keeps what is everybody's."""
    company.declare(document("Unit", "finance", {"title": "Finance"}), exclusion("finance"), actor=SETUP)
    assert codes(company, autonomy="supervise") == []
    company.declare(exclusion("organization"), actor=SETUP)
    assert codes(company, autonomy="supervise") == ["excluded"]


def test_gaps_are_listed_what_blocks_first(company: Company, client: TestClient) -> None:
    """A side without an owner comes before a side without a deputy, with what to do."""
    sides: dict[str, Any] = {
        side: {"owner": "fay"} for side in ("business", "platform", "security_legal", "operations")
    }
    company.declare(use_case(owners=sides))
    found = client.get("/v1/owners/gaps", headers={"x-test-person": "ben"}).json()["items"]
    assert (found[0]["side"], found[0]["code"], found[0]["blocks"]) == ("product", "no-owner", True)
    assert len(found) == 6
    page = client.get("/owners", headers={"x-test-person": "ben"})
    assert page.status_code == 200
    assert "Nobody owns the product side." in page.text
