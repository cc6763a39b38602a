"""Approvals: who may give them, what they are bound to, what ends them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import InvalidError, NotFoundError, RoadworthyError, StaleError
from roadworthy.governance import operations, queries
from roadworthy.governance.operations import MayNotApproveError, NothingToApproveError
from roadworthy.registry.actor import Actor
from tests.governance.company import NOW, SETUP, Company, document, use_case, with_facts

LATER = NOW + timedelta(days=1)
CUSTOMERS = {"audience": ["consumers"], "interaction": ["conversational"]}


def give(company: Company, who: str, *, now: datetime = NOW, **options: Any) -> Recorded[Any]:
    """Approve as a person."""
    with company.database.write() as tx:
        actor = Actor(f"person/{who}", "cli")
        return operations.give_approval(tx, use_case="policy-search", actor=actor, now=now, **options)


def refuse(company: Company, who: str, comment: str, *, now: datetime = NOW) -> Recorded[Any]:
    """Refuse as a person."""
    with company.database.write() as tx:
        actor = Actor(f"person/{who}", "cli")
        return operations.refuse_approval(tx, use_case="policy-search", comment=comment, actor=actor, now=now)


def withdraw(company: Company, who: str, *, approval: str = "", now: datetime = NOW) -> Recorded[Any]:
    """Withdraw as a person."""
    with company.database.write() as tx:
        actor = Actor(f"person/{who}", "cli")
        return operations.withdraw_approval(
            tx, use_case="policy-search", approval=approval, actor=actor, now=now
        )


def states(company: Company, *, now: datetime = NOW) -> list[str]:
    """Return the state of each approval, oldest first."""
    return [one.state for one in company.standing(now=now).said.approvals]


def test_the_right_people_approve_and_it_becomes_a_grant(company: Company) -> None:
    """A minimal use case needs one business approval; the grant ends when that ends."""
    company.declare(use_case())
    before = company.standing()
    assert before.tier.tier == "minimal"
    assert before.block is not None
    assert [reason.code for reason in before.block.reasons] == ["needs-business-approver"]
    assert before.needs[0].can_give == ("person/ben", "person/gus")

    given = give(company, "ben", comment="Reads well.")
    grant = company.standing().grant
    assert grant is not None
    assert grant.expires_at == given.fact.expires_at == NOW + timedelta(days=365)
    assert grant.models == ("small",)
    assert any(given.id in part for part in grant.made_of)
    assert company.standing().said.approvals[0].comment == "Reads well."


def test_limited_needs_two_roles(company: Company) -> None:
    """Each role asked for is named until it is held, and one role does not stand for another."""
    company.declare(use_case(intake=with_facts(**CUSTOMERS)))
    give(company, "ben")
    give(company, "gus", now=LATER)
    block = company.standing(now=LATER).block
    assert block is not None
    assert [reason.code for reason in block.reasons] == ["needs-security-approver"]
    assert block.reasons[0].who_can_change == ("person/cleo",)
    give(company, "cleo", now=LATER)
    assert company.standing(now=LATER).grant is not None


def test_the_author_cannot_approve(company: Company) -> None:
    """Who wrote the declaration does not approve it, whatever roles they hold."""
    binding = {"subject": "person/ada", "role": "business-approver", "unit": "claims"}
    company.declare(document("RoleBinding", "ada-approves", binding), actor=SETUP)
    company.declare(use_case(), actor="person/ada")
    with pytest.raises(MayNotApproveError) as refused:
        give(company, "ada")
    assert "wrote the declaration" in refused.value.why
    assert "person/ben" in refused.value.fix
    assert ("person/ada", "wrote the declaration") in company.standing().needs[0].cannot


def test_a_small_change_by_another_does_not_free_the_author(company: Company) -> None:
    """Ben touches one field; Ada still wrote the rest, and now neither may approve."""
    company.declare(use_case(), actor="person/ada")
    binding = {"subject": "person/ben", "role": "contributor", "unit": "claims"}
    company.declare(document("RoleBinding", "ben-declares", binding), actor=SETUP)
    company.declare(use_case(retention_days=30), actor="person/ben")
    assert set(company.standing().authors) >= {"person/ada", "person/ben"}
    assert company.standing().needs[0].can_give == ("person/gus",)


def test_a_correction_of_the_title_makes_nobody_an_author(company: Company) -> None:
    """What is not material can be corrected by an approver without taking them out."""
    company.declare(use_case(), actor="person/ada")
    binding = {"subject": "person/ben", "role": "contributor", "unit": "claims"}
    company.declare(document("RoleBinding", "ben-declares", binding), actor=SETUP)
    company.declare(use_case(title="Policy search, corrected"), actor="person/ben")
    assert "person/ben" in company.standing().needs[0].can_give


def test_who_asks_cannot_approve(company: Company) -> None:
    """The product owner asks for the approval, and the owner of a program answers for what it wrote."""
    binding = {"subject": "person/fay", "role": "business-approver", "unit": "claims"}
    company.declare(document("RoleBinding", "fay-approves", binding), actor=SETUP)
    account = {"type": "service", "owner": "gus", "purpose": "Applies files.", "expires_on": "2027-06-30"}
    company.declare(document("ServiceAccount", "ci", account), actor=SETUP)
    ci = {"subject": "service-account/ci", "role": "contributor", "unit": "claims"}
    company.declare(document("RoleBinding", "ci-declares", ci), actor=SETUP)
    company.declare(use_case(), actor="service-account/ci")
    excluded = dict(company.standing().needs[0].cannot)
    assert set(excluded) == {"person/fay", "person/gus"}
    assert "service-account/ci" in excluded["person/gus"]


def test_a_program_cannot_approve(company: Company) -> None:
    """An approval is a person's word."""
    company.declare(use_case())
    actor = Actor("service-account/ci", "api")
    with company.database.write() as tx, pytest.raises(MayNotApproveError):
        operations.give_approval(tx, use_case="policy-search", actor=actor, now=NOW)


def test_one_person_fills_one_role(company: Company) -> None:
    """Ben holds both roles and gives one approval; the other has to come from somebody else."""
    binding = {"subject": "person/ben", "role": "security-approver", "unit": "claims"}
    company.declare(document("RoleBinding", "ben-secures", binding), actor=SETUP)
    company.declare(use_case(intake=with_facts(**CUSTOMERS)))
    give(company, "ben", role="business-approver")
    with pytest.raises(MayNotApproveError) as refused:
        give(company, "ben", role="security-approver", now=LATER)
    assert "one person fills one role" in refused.value.why


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": "other-outcome"},
        {"data_sources": ["policies"]},
        {"integrations": ["crm"]},
        {"autonomy": "supervise"},
        {"logging": "full"},
        {"retention_days": 400},
        {"models": [], "routes": ["any"]},
        {"intake": with_facts(sector=["insurance"])},
        {"summary": "Decides for the unit alone which claims are refused at once and writes letters."},
        {"metrics": [{"metric": "hours"}, {"metric": "overrides"}]},
    ],
)
def test_a_material_change_voids_it(company: Company, change: dict[str, Any]) -> None:
    """What was approved is not what is declared any more, so it does not count."""
    outcome = next(one for one in _base() if one["kind"] == "Outcome")
    other = document("Outcome", "other-outcome", outcome["spec"])
    route = document("Route", "any", {"title": "Any", "targets": ["small"]})
    company.declare(other, route, actor=SETUP)
    company.declare(use_case())
    give(company, "ben")
    said = company.declare(use_case(**change), now=LATER)
    assert states(company, now=LATER) in (["void-change"], ["void-change"])
    assert company.standing(now=LATER).grant is None
    assert any("voids 1 approval of use-case/policy-search" in text for text in said)
    assert any("the grant of use-case/policy-search ends" in text for text in said)


@pytest.mark.parametrize(
    "change",
    [
        {"title": "Search in policies"},
        {"stage": "pilot"},
        {"business_case": "Less searching."},
        {"expected_users": 40},
        {"summary": None},
        {"metrics": [{"metric": "latency"}, {"metric": "hours", "target": 25}, {"metric": "overrides"}]},
        {"timeline": [{"date": "2026-12-01", "event": "pilot"}]},
    ],
)
def test_an_immaterial_change_keeps_it(company: Company, change: dict[str, Any]) -> None:
    """Typing errors, dates and order are no reason to ask again."""
    if "summary" in change:
        change = {"summary": use_case()["spec"]["summary"].replace(";", " -").upper()}
    company.declare(use_case())
    give(company, "ben")
    said = company.declare(use_case(**change), now=LATER)
    assert states(company, now=LATER) == ["valid"]
    assert company.standing(now=LATER).grant is not None
    assert not [text for text in said if "voids" in text]


def test_going_back_makes_it_count_again(company: Company) -> None:
    """An approval is bound to content, so content that returns is still approved."""
    company.declare(use_case())
    give(company, "ben")
    company.declare(use_case(retention_days=400), now=LATER)
    company.declare(use_case(), now=LATER)
    assert states(company, now=LATER) == ["valid"]


def test_a_stricter_tier_asks_again(company: Company) -> None:
    """The same words about a riskier use are not the same approval."""
    company.declare(use_case())
    given = give(company, "ben")
    assert given.fact.tier == "minimal"
    said = company.declare(use_case(intake=with_facts(**CUSTOMERS)), now=LATER)
    assert any("rises from minimal to limited" in text for text in said)


def test_it_expires(company: Company) -> None:
    """On the instant it ends it no longer counts, and the grant says the same instant."""
    company.declare(use_case())
    ends = NOW + timedelta(days=10)
    give(company, "ben", expires_at=ends)
    just_before = company.standing(now=ends - timedelta(microseconds=1)).grant
    assert just_before is not None
    assert just_before.expires_at == ends
    assert company.standing(now=ends).grant is None
    assert states(company, now=ends) == ["expired"]


@pytest.mark.parametrize("days", [-1, 0, 366])
def test_its_end_is_bounded(company: Company, days: int) -> None:
    """An approval ends in the future and not after the role's approvals may last."""
    company.declare(use_case())
    with pytest.raises(InvalidError):
        give(company, "ben", expires_at=NOW + timedelta(days=days))


def test_it_is_renewed_by_giving_it_again(company: Company) -> None:
    """The newer word counts; the older is kept as history."""
    company.declare(use_case())
    give(company, "ben", expires_at=NOW + timedelta(days=10))
    give(company, "ben", now=LATER)
    assert states(company, now=LATER) == ["superseded", "valid"]


def test_a_refusal_ends_the_grant_until_it_is_answered(company: Company) -> None:
    """One no with a reason blocks; the same person's yes lifts it."""
    company.declare(use_case())
    give(company, "gus")
    refuse(company, "ben", "Names no deputy.", now=LATER)
    block = company.standing(now=LATER).block
    assert block is not None
    assert [reason.code for reason in block.reasons] == ["refused"]
    assert "Names no deputy." in block.reasons[0].message
    give(company, "ben", now=LATER + timedelta(hours=1))
    assert company.standing(now=LATER + timedelta(hours=1)).grant is not None


def test_a_refusal_says_why(company: Company) -> None:
    """Without a comment nobody knows what to change."""
    company.declare(use_case())
    with pytest.raises(InvalidError):
        refuse(company, "ben", "  ")


def test_a_changed_declaration_answers_a_refusal(company: Company) -> None:
    """What was refused is not what is declared any more."""
    company.declare(use_case())
    refuse(company, "ben", "Keep it shorter.")
    company.declare(use_case(retention_days=30), now=LATER)
    give(company, "gus", now=LATER)
    assert company.standing(now=LATER).grant is not None


def test_withdrawn_by_the_person_or_a_peer(company: Company) -> None:
    """The one who gave it takes it back, or another holder of the role does; nobody else."""
    company.declare(use_case())
    given = give(company, "ben")
    with pytest.raises(MayNotApproveError):
        withdraw(company, "cleo", approval=given.id)
    withdraw(company, "gus", approval=given.id, now=LATER)
    assert states(company, now=LATER) == ["withdrawn"]
    assert company.standing(now=LATER).grant is None
    with pytest.raises(NotFoundError):
        withdraw(company, "ben", now=LATER)


@pytest.mark.parametrize(
    ("intake", "said"),
    [
        (with_facts(practices=["social_scoring"]), "prohibited"),
        (with_facts(practices=None), "not settled"),
    ],
)
def test_what_cannot_be_approved(company: Company, intake: dict[str, Any], said: str) -> None:
    """A prohibited use and one whose tier is open take no approval, and say why."""
    company.declare(use_case(intake=intake))
    with pytest.raises(NothingToApproveError) as refused:
        give(company, "ben")
    assert said in refused.value.why


def test_approving_what_one_did_not_see_is_refused(company: Company) -> None:
    """The digest of what was looked at has to be the one that stands."""
    company.declare(use_case())
    seen = company.standing().digest
    company.declare(use_case(retention_days=400), now=LATER)
    with pytest.raises(StaleError):
        give(company, "ben", digest=seen, now=LATER)


@pytest.mark.parametrize("role", ["risk-approver", "contributor"])
def test_a_role_that_is_not_asked_for(company: Company, role: str) -> None:
    """The error lists the roles that are."""
    company.declare(use_case())
    with pytest.raises(InvalidError) as refused:
        give(company, "dan", role=role)
    assert "business-approver" in refused.value.why


def test_a_role_elsewhere_does_not_count(company: Company) -> None:
    """A role bound to another unit covers nothing here."""
    company.declare(
        document("Unit", "sales", {"title": "Sales"}),
        document(
            "RoleBinding",
            "eve-sells",
            {"subject": "person/eve", "role": "business-approver", "unit": "sales"},
        ),
        actor=SETUP,
    )
    company.declare(use_case())
    with pytest.raises(RoadworthyError):
        give(company, "eve")
    assert "person/eve" not in company.standing().needs[0].can_give


def test_the_past_verdict_is_computed_again(company: Company) -> None:
    """As of yesterday it had a grant, although it was changed and withdrawn since."""
    company.declare(use_case())
    give(company, "ben")
    moment = NOW + timedelta(hours=1)
    company.declare(use_case(retention_days=400), now=LATER)
    now = LATER + timedelta(days=1)
    assert company.standing(now=now).grant is None
    past = company.standing(now=now, as_of=moment).grant
    assert past is not None
    assert past.retention_days == 90
    with pytest.raises(NotFoundError):
        company.standing(now=now, as_of=NOW - timedelta(days=1))


def test_what_waits_for_whom(company: Company) -> None:
    """Approvers see what they can approve, owners their gaps, and who approved sees what soon ends."""
    owners = {**use_case()["spec"]["owners"], "operations": {"owner": "fay"}}
    company.declare(use_case(owners=owners))

    def tasks(who: str, now: datetime = NOW) -> list[str]:
        with company.database.read() as tx:
            return [one.kind for one in queries.needs_you(tx, principal=f"person/{who}", now=now)]

    assert tasks("ben") == ["approve"]
    assert tasks("ada") == ["close-gap"]
    assert tasks("cleo") == []
    give(company, "ben", expires_at=NOW + timedelta(days=40))
    assert tasks("ben") == []
    assert tasks("ben", NOW + timedelta(days=20)) == ["renew"]


def _base() -> list[dict[str, Any]]:
    from tests.governance.company import base_documents

    return base_documents()


def test_another_version_of_the_model_is_approved_anew(company: Company) -> None:
    """People approved the use of one model, not of whatever its name may lead to later."""
    company.declare(use_case())
    give(company, "ben", role="business-approver")
    assert company.standing().grant is not None

    spec = {"title": "Small", "provider": "local", "context_tokens": 2048, "max_output_tokens": 512}
    company.declare(document("Model", "small", {**spec, "upstream_model": "s-2"}), actor=SETUP, now=LATER)
    standing = company.standing(now=LATER)
    assert standing.grant is None
    assert states(company, now=LATER) == ["void-change"]
    assert "a model behind it" in standing.said.approvals[0].why

    give(company, "ben", role="business-approver", now=LATER)
    assert company.standing(now=LATER).grant is not None
