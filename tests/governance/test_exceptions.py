"""Exceptions: asked for, granted by somebody else, counted, and over at their date at every door."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient

from roadworthy.foundation.errors import InvalidError, RoadworthyError
from roadworthy.gateway.access import Refused, decide_for, identify
from roadworthy.gateway.snapshot import Index
from roadworthy.gateway.source import compile_snapshot
from roadworthy.governance import exception_operations, gate_queries, queries
from roadworthy.governance.exceptions import trend
from roadworthy.governance.operations import give_approval
from roadworthy.identity import operations as identity
from roadworthy.registry.actor import Actor
from tests.gateway.control import ACCOUNT, PEPPER, hashed
from tests.governance.company import HIGH, NOW, PEOPLE, SETUP, Company, document, use_case, with_facts
from tests.governance.doors import who

DAY = timedelta(days=1)
WHY = "The drill is planned for the first week of December."
DRILL = {
    "title": "Ours",
    "stages": ["pilot", "live"],
    "items": [{"id": "drill", "check": "control", "of": ["C20"]}],
}


@pytest.fixture
def blocked(company: Company) -> Company:
    """Give a company whose approved use case lacks one control."""
    company.declare(document("Gate", "ours", DRILL), actor=SETUP)
    company.declare(use_case())
    approve(company)
    assert company.standing().grant is None
    return company


def approve(company: Company, *, now: datetime = NOW) -> None:
    """Have it approved by whom its tier asks."""
    with company.database.write() as tx:
        give_approval(tx, use_case="policy-search", actor=Actor("person/ben", "cli"), now=now)


def ask(company: Company, *, person: str = "ada", now: datetime = NOW, **given: Any) -> str:
    """Ask for an exception; return its id."""
    asked: dict[str, Any] = {
        "control": "C20",
        "justification": WHY,
        "owner": "fay",
        "expires_at": now + 7 * DAY,
        **given,
    }
    with company.database.write() as tx:
        return exception_operations.request_exception(
            tx, use_case="policy-search", actor=Actor(f"person/{person}", "cli"), now=now, **asked
        ).id


def grant(company: Company, request: str, *, person: str = "dan", now: datetime = NOW, **given: Any) -> str:
    """Grant it; return the exception's id."""
    with company.database.write() as tx:
        return exception_operations.grant_exception(
            tx,
            use_case="policy-search",
            request=request,
            actor=Actor(f"person/{person}", "cli"),
            now=now,
            **given,
        ).id


def test_an_exception_opens_the_gate_until_its_date(blocked: Company) -> None:
    """Asking changes nothing; granting lets it call; the grant names the exception and ends with it."""
    later = NOW + timedelta(hours=1)
    request = ask(blocked, now=later, expires_at=NOW + 7 * DAY)
    assert blocked.standing(now=later).grant is None
    exception = grant(blocked, request, now=later)
    standing = blocked.standing(now=later)
    assert standing.grant is not None
    assert standing.grant.expires_at == NOW + 7 * DAY
    assert any(exception in one and "person/dan" in one for one in standing.grant.made_of)
    assert standing.gate.said == f"waived(person/dan, {NOW + 7 * DAY:%Y-%m-%d %H:%M} UTC)"
    assert blocked.standing(now=NOW + 7 * DAY).grant is None
    # As of any earlier moment it gives the verdict of that moment.
    assert blocked.standing(now=NOW + 9 * DAY, as_of=NOW + timedelta(minutes=30)).gate.word == "inconclusive"


def test_no_call_outlives_an_exception(blocked: Company) -> None:
    """The gateway's own clock ends it, with the snapshot that was compiled while it was in force."""
    grant(blocked, ask(blocked))
    blocked.declare(document("ServiceAccount", "bot", ACCOUNT, namespace="claims"), actor=SETUP)
    with blocked.database.write() as tx:
        key = identity.issue_key(
            tx, account="bot", use_case="policy-search", actor=SETUP, pepper=PEPPER, now=NOW
        )
    with blocked.database.read() as tx:
        index = Index(compile_snapshot(tx, now=NOW))

    def call(at: datetime) -> Any:
        caller = identify(index, key_hash=hashed(key), now=at.timestamp())
        assert not isinstance(caller, Refused)
        return decide_for(index, caller, use_case_header=None, model="small", now=at.timestamp())

    assert not isinstance(call(NOW + 7 * DAY - timedelta(milliseconds=1)), Refused)
    late = call(NOW + 7 * DAY)
    assert isinstance(late, Refused)
    assert (late.status, late.code) == (403, "grant_expired")
    assert "The exception to C20 by person/dan is over" in late.next_step
    assert "exception request use-case/policy-search C20" in late.next_step


def test_the_gateway_says_what_has_not_passed(blocked: Company) -> None:
    """A call before the gate has passed gets 403 with the item, its evidence and the next step."""
    blocked.declare(document("ServiceAccount", "bot", ACCOUNT, namespace="claims"), actor=SETUP)
    with blocked.database.write() as tx:
        key = identity.issue_key(
            tx, account="bot", use_case="policy-search", actor=SETUP, pepper=PEPPER, now=NOW
        )
    with blocked.database.read() as tx:
        index = Index(compile_snapshot(tx, now=NOW))
    caller = identify(index, key_hash=hashed(key), now=NOW.timestamp())
    assert not isinstance(caller, Refused)
    refused = decide_for(index, caller, use_case_header=None, model="small", now=NOW.timestamp())
    assert isinstance(refused, Refused)
    assert (refused.status, [one.code for one in refused.reasons]) == (403, ["gate-failed"])
    assert "The gate ours asks for C20" in refused.message
    assert "exception request use-case/policy-search C20" in refused.next_step


def test_a_request_waits_for_those_who_may_answer_it(blocked: Company) -> None:
    """It is in "Needs you" of each who could grant it, and of nobody else; once answered, of nobody."""

    def asked(person: str) -> list[str]:
        with blocked.database.read() as tx:
            found = queries.needs_you(tx, principal=f"person/{person}", now=NOW)
        return [one.command for one in found if one.kind == "except"]

    request = ask(blocked, owner="cleo")
    command = f"roadworthy exception grant use-case/policy-search {request}"
    told = {person: asked(person) for person in PEOPLE}
    assert {person: tasks for person, tasks in told.items() if tasks} == {"dan": [command], "eve": [command]}
    grant(blocked, request)
    assert asked("dan") == asked("eve") == []


@pytest.mark.parametrize(
    ("person", "why"),
    [("ada", "does not hold"), ("ben", "does not hold"), ("fay", "does not hold"), ("gus", "does not hold")],
)
def test_only_some_roles_grant(blocked: Company, person: str, why: str) -> None:
    """Contributors and business approvers do not; the refusal names who can."""
    with pytest.raises(RoadworthyError) as refused:
        grant(blocked, ask(blocked), person=person)
    assert why in refused.value.why
    assert "person/cleo" in refused.value.fix


def test_nobody_grants_for_themselves(blocked: Company) -> None:
    """Who asked, who answers for the risk and who wrote the declaration may not grant."""
    for request in (ask(blocked, person="dan"), ask(blocked, owner="dan")):
        with pytest.raises(RoadworthyError) as refused:
            grant(blocked, request)
        assert refused.value.code == "may-not-grant"
    writes = {"subject": "person/dan", "role": "contributor", "unit": "claims"}
    blocked.declare(document("RoleBinding", "dan-writes", writes), actor=SETUP)
    blocked.declare(use_case(data_sources=["policies"]), actor="person/dan")
    with pytest.raises(RoadworthyError) as refused:
        grant(blocked, ask(blocked))
    assert "wrote the declaration" in refused.value.why
    grant(blocked, ask(blocked), person="cleo")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"expires_at": NOW}, "past"),
        ({"expires_at": NOW + 181 * DAY}, "180 days"),
        ({"justification": "Because."}, "too little"),
        ({"owner": "nobody"}, "no such person"),
        ({"control": "approvals/business-approver"}, "cannot be waived"),
        ({"control": "owners-business"}, "cannot be waived"),
    ],
)
def test_what_may_be_asked(blocked: Company, given: dict[str, Any], said: str) -> None:
    """An end within what the tier allows, a reason, somebody who answers, and an item that can be waived."""
    with pytest.raises(RoadworthyError) as refused:
        ask(blocked, **given)
    assert said in refused.value.why


def test_it_is_answered_once(blocked: Company) -> None:
    """A request that was granted or declined is not answered again, and not for longer than was asked."""
    request = ask(blocked)
    with pytest.raises(InvalidError):
        grant(blocked, request, expires_at=NOW + 8 * DAY)
    exception = grant(blocked, request, expires_at=NOW + 3 * DAY)
    with pytest.raises(RoadworthyError) as refused:
        grant(blocked, request, person="cleo")
    assert refused.value.code == "exception-answered"
    with blocked.database.write() as tx:
        exception_operations.revoke_exception(
            tx, use_case="policy-search", exception=exception, actor=Actor("person/fay", "cli"), now=NOW
        )
    assert blocked.standing().grant is None
    with blocked.database.write() as tx, pytest.raises(RoadworthyError):
        exception_operations.revoke_exception(
            tx, use_case="policy-search", exception=exception, actor=Actor("person/fay", "cli"), now=NOW
        )


def test_a_stricter_tier_cuts_an_exception_short(blocked: Company) -> None:
    """Granted for half a year at minimal, it lasts thirty days from its grant once the tier is high."""
    grant(blocked, ask(blocked, expires_at=NOW + 180 * DAY))
    blocked.declare(use_case(intake=with_facts(**HIGH)))
    words = {}
    for days in (29, 31):
        standing = blocked.standing(now=NOW + days * DAY)
        words[days] = next(one for one in standing.gate.items if one.check.subject == "C20").word
    assert words == {29: "waived", 31: "error"}


def test_a_point_of_the_pilot_test_can_be_excepted(company: Company) -> None:
    """The grant's own words for it go away with the exception, and only those."""
    company.declare(use_case(metrics=[{"metric": "hours"}, {"metric": "latency"}]))
    approve(company)
    before = company.standing().block
    assert before is not None
    assert [one.code for one in before.reasons] == ["pilot-three-metrics", "pilot-trust-metric"]
    grant(company, ask(company, control="pilot-trust-metric"))
    after = company.standing().block
    assert after is not None
    assert [one.code for one in after.reasons] == ["pilot-three-metrics"]


def test_exceptions_are_counted_and_trended(blocked: Company) -> None:
    """Each month says what was asked, granted and ended, and how many were in force at its end."""
    grant(blocked, ask(blocked))
    ask(blocked, now=NOW + 20 * DAY)
    with blocked.database.read() as tx:
        found = gate_queries.exemptions(tx, now=NOW + 20 * DAY)
    assert [one.state(NOW + 20 * DAY) for one in found] == ["requested", "expired"]
    months = {one.month: one for one in trend(found, now=NOW + 20 * DAY)}
    assert len(months) == 12
    november, december = months["2026-11"], months["2026-12"]
    assert (november.requested, november.granted, november.ended, november.in_force) == (1, 1, 1, 0)
    assert (december.requested, december.granted, december.in_force) == (1, 0, 0)


# ------------------------------------------------------------------ the doors


def test_the_api_says_each_step(blocked: Company, client: TestClient) -> None:
    """Request, grant, list, gate and revoke over the API; who may not is told why."""
    url = "/v1/use-cases/policy-search/exceptions"
    body = {
        "control": "c20",
        "justification": WHY,
        "owner": "fay",
        "compensating_controls": ["On-call watches"],
        "expires_at": (NOW + 7 * DAY).isoformat(),
    }
    assert client.post(url, json=body, headers=who("ben")).status_code == 403
    asked = client.post(url, json=body, headers=who("ada"))
    assert asked.status_code == 201, asked.text
    request = asked.json()["id"]
    assert (asked.json()["state"], asked.json()["control"]) == ("requested", "C20")
    assert client.post(f"{url}/{request}/grant", json={}, headers=who("ben")).status_code == 403
    granted = client.post(f"{url}/{request}/grant", json={}, headers=who("dan")).json()
    assert (granted["state"], granted["granted_by"]) == ("in force", "person/dan")

    found = client.get("/v1/use-cases/policy-search/gates", headers=who("ada")).json()
    assert (found["gate"], found["verdict"], found["passed"]) == ("pilot", "waived", True)
    (item,) = [one for one in found["items"] if one["subject"] == "C20"]
    assert (item["exception"], item["beneath"]) == (granted["id"], "inconclusive")
    listed = client.get("/v1/exceptions", headers=who("ada")).json()
    assert listed["counts"]["in force"] == 1
    assert listed["trend"][-1]["in_force"] == 1

    assert client.post(f"{url}/{granted['id']}/revoke", json={}, headers=who("gus")).status_code == 403
    revoked = client.post(f"{url}/{granted['id']}/revoke", json={"reason": "Done."}, headers=who("cleo"))
    assert revoked.json()["state"] == "revoked"
    again = client.get("/v1/use-cases/policy-search/gates?gate=live", headers=who("ada")).json()
    assert (again["gate"], again["passed"]) == ("live", False)
    assert client.get("/v1/use-cases/policy-search/gates?gate=no", headers=who("ada")).status_code == 404


def test_the_gates_in_force_are_listed(blocked: Company, client: TestClient) -> None:
    """The shipped ones and the declared one, each with its items."""
    found = client.get("/v1/gates", headers=who("ada")).json()["items"]
    assert {"entry", "live-high", "ours"} <= {one["name"] for one in found}
    assert [one["unit"] for one in found if one["name"] == "ours"] == ["organization"]


def test_the_console_asks_and_grants(blocked: Company, client: TestClient) -> None:
    """The form asks, the page shows the request to who may grant it, and says to others why they may not."""
    url = "/use-cases/policy-search"
    sent = {
        "csrf": "csrf-of-the-session",
        "control": "C20",
        "justification": WHY,
        "owner": "person/fay",
        "compensating": "On-call watches\nA person reads each answer",
        "expires_on": "2026-11-30",
    }
    asked = client.post(f"{url}/exceptions", data=sent, headers=who("ada"))
    assert asked.status_code == 303, asked.text
    seen = {name: client.get(f"{url}/gate", headers=who(name)).text for name in ("ada", "dan", "ben")}
    assert "You may not decide about it" in seen["ada"]
    assert "You may not decide about it" in seen["ben"]
    assert 'value="grant"' in seen["dan"]
    assert "Ask for the exception" in seen["ada"]
    assert "Ask for the exception" not in seen["ben"]
    listed = client.get("/v1/exceptions", headers=who("ada")).json()["items"]
    assert listed[0]["compensating_controls"] == ["On-call watches", "A person reads each answer"]
    answer = {"csrf": "csrf-of-the-session", "exception": listed[0]["id"], "decision": "grant"}
    assert client.post(f"{url}/exceptions/answer", data=answer, headers=who("dan")).status_code == 303
    page = client.get(f"{url}/gate", headers=who("dan")).text
    assert "Pilot: waived" in page
    twin = client.get(f"{url}/gate.json", headers=who("ada")).json()
    assert "waived" in str(twin)
    assert "C20" in client.get("/exceptions", headers=who("ada")).text
    assert client.get("/exceptions.csv", headers=who("ada")).text.count("\n") == 2
