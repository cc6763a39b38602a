"""Blueprints: what is proven is a pattern, and a use case made from it says what it still has to show."""

from __future__ import annotations

import pytest

from roadworthy.foundation.errors import ConflictError
from roadworthy.governance import blueprint as patterns
from roadworthy.governance import blueprint_operations as blueprints
from roadworthy.governance.blueprint import BLUEPRINT, Blueprint, Wanted
from roadworthy.governance.blueprint_operations import NotProvenError
from roadworthy.registry import queries as registry
from roadworthy.registry.actor import Actor
from tests.governance.company import NOW, SETUP, Company, document, use_case, with_facts

ADA = Actor("person/ada", "cli")
WANTED = Wanted(name="invoice-search", unit="claims", owner="fay")


@pytest.fixture
def pattern(company: Company) -> Blueprint:
    """Give a blueprint of the policy search, in a company that asks nobody about minimal risk."""
    company.declare(document("Unit", "claims", {"title": "Claims"}), actor=SETUP)
    company.declare(use_case())
    with company.database.write() as tx:
        name = blueprints.publish(tx, company.assembly, use_case="policy-search", actor=ADA, now=NOW)
    assert name == "policy-search"
    with company.database.read() as tx:
        spec: Blueprint = registry.get(tx, BLUEPRINT, name).spec
    return spec


def test_what_may_not_call_is_no_pattern(company: Company) -> None:
    """A use case that waits for an approval is not proven."""
    company.declare(use_case())
    with company.database.write() as tx, pytest.raises(NotProvenError) as refused:
        blueprints.publish(tx, company.assembly, use_case="policy-search", actor=ADA, now=NOW)
    assert "business-approver" in refused.value.why


def test_a_low_risk_use_starts_at_once(company: Company, pattern: Blueprint) -> None:
    """It takes over models, answers, metrics and the standing sides, and may call at once."""
    with company.database.write() as tx:
        made = blueprints.start(
            tx, company.assembly, blueprint="policy-search", wanted=WANTED, actor=ADA, now=NOW
        )
    assert made.grant is not None
    assert made.grant.models == pattern.pattern.models == ("small",)
    assert made.tier.tier == pattern.tier == "minimal"
    proven = [one.obligation for one in patterns.reused(pattern, made)]
    assert proven == ["eu.aia.art4/train", "house.baseline/run"]
    again = [one.what for one in patterns.differences(pattern, made)]
    assert again
    assert all(one.startswith("To be proven again") for one in again)


def test_what_differs_from_the_pattern_is_said(company: Company, pattern: Blueprint) -> None:
    """Another audience lifts the tier: the difference and what stands in the way are named."""
    company.declare(use_case("other", intake=with_facts(audience=["consumers"])))
    standing = company.standing("other")
    found = patterns.differences(pattern, standing)
    assert found[0].blocks
    assert any(one.what == "Its tier is limited, that of the blueprint was minimal." for one in found)


def test_a_blueprint_changes_nothing_that_is_there(company: Company, pattern: Blueprint) -> None:
    """A name that is taken is refused."""
    assert pattern.use_case == "policy-search"
    wanted = Wanted(name="policy-search", unit="claims", owner="fay")
    with company.database.write() as tx, pytest.raises(ConflictError):
        blueprints.start(tx, company.assembly, blueprint="policy-search", wanted=wanted, actor=ADA, now=NOW)


def test_legal_positions_are_signed_anew(company: Company, pattern: Blueprint) -> None:
    """The answers are taken over, who signed for a position is not."""
    made = patterns.made_from(pattern, "policy-search", WANTED)
    assert made["spec"]["intake"]["facts"]["minors"] == "none"
    assert "positions" not in made["spec"]["intake"]
    assert made["spec"]["owners"]["product"] == {"owner": "fay"}
    assert company.standing().stage == "idea"
