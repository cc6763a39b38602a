"""Who speaks in a role: its holder, who stands in for them, and nobody once the role is gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import ForbiddenError, InvalidError
from roadworthy.governance import operations
from roadworthy.governance.operations import MayNotApproveError, NothingToApproveError
from roadworthy.registry.actor import Actor
from tests.governance.company import HIGH, NOW, SETUP, Company, document, use_case, with_facts

LATER = NOW + timedelta(days=1)
CUSTOMERS = {"audience": ["consumers"]}


def say(
    company: Company, who: str, *, role: str = "", word: str = "approve", now: datetime = NOW
) -> Recorded[Any]:
    """Approve, refuse or dissent as a person."""
    given: dict[str, Any] = {"use_case": "policy-search", "role": role, "comment": "because", "now": now}
    actor = Actor(f"person/{who}", "cli")
    with company.database.write() as tx:
        if word == "dissent":
            return operations.dissent(tx, actor=actor, **given)
        return operations.give_approval(tx, actor=actor, **given)


def delegation(**changes: Any) -> dict[str, Any]:
    """Return the declaration by which Cleo lets Gus stand in."""
    spec = {
        "delegator": "cleo",
        "delegate": "gus",
        "role": "security-approver",
        "from": "2026-11-20",
        "until": "2026-11-30",
        "reason": "Leave",
    }
    return document("Delegation", "cleo-away", {**spec, **changes}, namespace="claims")


def bind(company: Company, who: str, role: str, **more: Any) -> None:
    """Bind a role."""
    spec = {"subject": f"person/{who}", "role": role, "unit": "claims", **more}
    company.declare(document("RoleBinding", f"{who}-{role}", spec), actor=SETUP)


def test_an_approval_ends_with_its_givers_role(company: Company) -> None:
    """Without the role the approval counts no more; with it, it does again; a dated role ends the grant."""
    company.declare(use_case())
    say(company, "ben")
    assert company.standing().grant is not None
    company.delete("RoleBinding", "ben-business-approver")
    gone = company.standing()
    assert [one.state for one in gone.said.approvals] == ["void-role"]
    assert gone.block is not None
    assert "no longer holds the role" in gone.block.reasons[0].message
    bind(company, "ben", "business-approver", expires_on="2026-12-01")
    back = company.standing().grant
    assert back is not None
    assert back.expires_at == datetime(2026, 12, 1, tzinfo=NOW.tzinfo)


def test_an_approval_ends_when_its_giver_leaves(company: Company) -> None:
    """Who has left answers for nothing any more, and a known leave is in the grant."""
    company.declare(use_case())
    say(company, "ben")
    company.declare(
        document("Person", "ben", {"display_name": "Ben", "disabled_on": "2026-11-28"}), actor=SETUP
    )
    grant = company.standing().grant
    assert grant is not None
    assert f"{grant.expires_at:%Y-%m-%d}" == "2026-11-28"
    assert company.standing(now=NOW + timedelta(days=9)).grant is None


def test_a_stand_in_approves_in_anothers_name(company: Company) -> None:
    """Gus approves for Cleo, it is recorded so, and it stays when the leave is over."""
    company.declare(use_case(intake=with_facts(**CUSTOMERS)))
    with pytest.raises(MayNotApproveError):
        say(company, "gus", role="security-approver")
    company.declare(delegation(), actor="person/cleo")
    need = next(one for one in company.standing().needs if one.role == "security-approver")
    assert need.can_give == ("person/cleo", "person/gus")
    assert say(company, "gus", role="security-approver").fact.on_behalf_of == "person/cleo"
    say(company, "ben")
    later = company.standing(now=NOW + timedelta(days=20))
    assert later.grant is not None
    assert any("person/gus for person/cleo" in part for part in later.grant.made_of)
    company.delete("RoleBinding", "cleo-security-approver")
    assert company.standing().grant is None


def test_a_grant_ends_when_a_stand_in_leaves(company: Company) -> None:
    """The grant carries the day, so that the gateway needs no newer snapshot to refuse."""
    leaves = datetime(2026, 11, 26, tzinfo=UTC)
    company.declare(use_case(intake=with_facts(**CUSTOMERS)))
    company.declare(delegation(), actor="person/cleo")
    person = {"display_name": "Gus", "disabled_on": leaves.date().isoformat()}
    company.declare(document("Person", "gus", person), actor=SETUP)
    say(company, "ben")
    say(company, "gus", role="security-approver")
    grant = company.standing(now=LATER).grant
    assert grant is not None
    assert grant.expires_at == leaves
    assert company.standing(now=leaves).grant is None


def test_the_two_have_one_voice(company: Company) -> None:
    """Where two approvals are asked for, a person and who stands in for them are one."""
    unit = {"title": "Claims", "approvals": [{"role": "security-approver", "quorum": 2}]}
    company.declare(document("Unit", "claims", unit), actor=SETUP)
    company.declare(use_case(), actor="person/ada")
    company.declare(delegation(), actor="person/cleo")
    say(company, "cleo")
    with pytest.raises(MayNotApproveError) as refused:
        say(company, "gus", now=LATER)
    assert "same voice" in refused.value.why


def test_nobody_stands_in_for_an_author(company: Company) -> None:
    """What Cleo wrote is not approved in Cleo's name, whoever says it."""
    bind(company, "cleo", "contributor")
    company.declare(delegation(), actor="person/cleo")
    company.declare(use_case(intake=with_facts(**CUSTOMERS)), actor="person/cleo")
    with pytest.raises(MayNotApproveError) as refused:
        say(company, "gus", role="security-approver")
    assert "wrote the declaration" in refused.value.why


def test_only_who_is_away_delegates(company: Company) -> None:
    """Not an administrator, not a colleague, and never a role that one was only lent."""
    with pytest.raises(ForbiddenError):
        company.declare(delegation(), actor="person/dan")
    company.declare(delegation(), actor="person/cleo")
    onward = document(
        "Delegation",
        "gus-away",
        {**delegation()["spec"], "delegator": "gus", "delegate": "dan"},
        namespace="claims",
    )
    with pytest.raises(InvalidError) as refused:
        company.declare(onward, actor="person/gus")
    assert "does not chain" in refused.value.issues[0].fix


@pytest.mark.parametrize(
    "changes",
    [
        {"from": "2026-12-01", "until": "2026-12-10"},
        {"until": "2026-11-22"},
    ],
)
def test_a_delegation_keeps_to_its_days(company: Company, changes: dict[str, str]) -> None:
    """The day before and the day after, nobody stands in."""
    company.declare(use_case(intake=with_facts(**CUSTOMERS)))
    company.declare(delegation(**changes), actor="person/cleo")
    with pytest.raises(MayNotApproveError):
        say(company, "gus", role="security-approver")


def test_a_dissent_blocks_nothing_and_is_named(company: Company) -> None:
    """Gus is against it; Ben's approval carries it, and the grant says both."""
    company.declare(use_case())
    said = say(company, "gus", word="dissent")
    say(company, "ben")
    standing = company.standing()
    assert standing.grant is not None
    assert f"dissent as business-approver: person/gus ({said.id})" in standing.grant.made_of
    say(company, "gus", now=LATER)
    assert company.standing(now=LATER).said.dissents == ()


def test_a_dissent_is_no_approval(company: Company) -> None:
    """Who approved and then dissents has taken the approval back."""
    company.declare(use_case())
    say(company, "ben")
    say(company, "ben", word="dissent", now=LATER)
    assert company.standing(now=LATER).grant is None


def test_low_risk_approves_itself(company: Company) -> None:
    """Where no unit asks for more, minimal risk needs nobody; nothing is stored as somebody's approval."""
    company.declare(document("Unit", "claims", {"title": "Claims"}), actor=SETUP)
    company.declare(use_case())
    standing = company.standing()
    assert standing.grant is not None
    assert any(part.startswith("by itself") for part in standing.grant.made_of)
    assert standing.said.approvals == ()
    assert NOW < standing.grant.expires_at <= NOW + timedelta(days=30)
    with pytest.raises(NothingToApproveError):
        say(company, "ben")


@pytest.mark.parametrize(
    "broken", [{"summary": "Too short."}, {"owners": None}, {"intake": with_facts(practices=None)}]
)
def test_what_is_incomplete_does_not_approve_itself(company: Company, broken: dict[str, Any]) -> None:
    """Without its pilot test, its owners or its answers it waits like any other."""
    company.declare(document("Unit", "claims", {"title": "Claims"}), actor=SETUP)
    company.declare(use_case(**broken))
    assert company.standing().grant is None


def test_a_duty_asks_for_a_role(company: Company) -> None:
    """Human oversight that is owed asks for the risk approver, from the day it is owed."""
    company.declare(use_case(intake=with_facts(**HIGH)))
    today, after = company.standing(), company.standing(now=datetime(2028, 8, 1, tzinfo=NOW.tzinfo))
    because = {one.role: one.because for one in after.asked.approvals}
    assert any("eu.aia.annex3.deployer/oversight" in why for why in because["risk-approver"])
    before = {one.role: one.because for one in today.asked.approvals}
    assert before["risk-approver"] == ("its tier is high",)
