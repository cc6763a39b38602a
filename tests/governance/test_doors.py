"""The API and the pages of governance, through the real doors with people who hold their real rights."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from roadworthy.registry import queries as registry
from roadworthy.registry.actor import Actor
from roadworthy.registry.manifest import parse
from roadworthy.registry.operations import plan, save
from roadworthy.rules.queries import rulebook
from roadworthy.use_cases.kinds import USE_CASE
from tests.governance.company import HIGH, NOW, Company, use_case, with_facts
from tests.governance.doors import who

OWNERS = use_case()["spec"]["owners"]


def page(client: TestClient, path: str, name: str) -> str:
    """Return a page's text."""
    answer = client.get(path, headers=who(name))
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_explain_says_everything(company: Company, client: TestClient) -> None:
    """One question lists tier, pilot test, owners, approvals and the reasons in the way."""
    company.declare(use_case(metrics=[{"metric": "hours"}, {"metric": "overrides"}]))
    found = client.get("/v1/use-cases/policy-search/standing", headers=who("ada")).json()
    assert found["tier"]["tier"] == "minimal"
    assert found["pilot_test"]["passed"] is False
    assert found["approvals"]["needed"][0]["can_give"] == ["person/ben", "person/gus"]
    assert [one["code"] for one in found["block"]] == ["pilot-three-metrics", "needs-business-approver"]
    assert all(one["who_can_change"] and one["next_step"] for one in found["block"])
    assert found["grant"] is None


def test_approving_over_the_api(company: Company, client: TestClient) -> None:
    """A person with the role approves; the author gets 403 with the reason; a viewer gets none."""
    company.declare(use_case())
    url = "/v1/use-cases/policy-search/approvals"
    assert client.post(url, json={}, headers=who("ada")).status_code == 403
    assert client.post(url, json={}).status_code == 401
    given = client.post(url, json={"comment": "Fine."}, headers=who("ben"))
    assert given.status_code == 201
    assert given.json()["role"] == "business-approver"
    found = client.get("/v1/use-cases/policy-search/standing", headers=who("ada")).json()
    assert found["grant"]["models"] == ["small"]
    assert found["approvals"]["given"][0]["comment"] == "Fine."

    taken = client.post(f"{url}/withdraw", json={}, headers=who("ben"))
    assert taken.status_code == 201
    assert client.get("/v1/standings", headers=who("ada")).json()["items"][0]["grant"] is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"decision": "maybe"}, 422),
        ({"role": "risk-approver"}, 422),
        ({"decision": "refuse"}, 422),
        ({"digest": "0" * 64}, 409),
        ({"expires_at": "2026-11-23T09:00:00Z"}, 422),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, 422),
        ({"expires_at": "2026-12-01T00:00:00"}, 422),
        ({"more": 1}, 422),
    ],
)
def test_an_approval_that_cannot_be_given(
    company: Company, client: TestClient, body: dict[str, Any], status: int
) -> None:
    """Each wrong body is refused and records nothing."""
    company.declare(use_case())
    answer = client.post("/v1/use-cases/policy-search/approvals", json=body, headers=who("ben"))
    assert answer.status_code == status
    assert company.standing().said.approvals == ()


def test_a_question_about_a_date(company: Company, client: TestClient) -> None:
    """As of a date before it was declared there is no such use case; now there is."""
    company.declare(use_case())
    url = "/v1/use-cases/policy-search/standing"
    for as_of, status in ((NOW.isoformat(), 200), ("2020-01-01T00:00:00Z", 404), ("yesterday", 422)):
        assert client.get(url, params={"as_of": as_of}, headers=who("ada")).status_code == status
    assert client.get("/v1/use-cases/nothing/standing", headers=who("ada")).status_code == 404


def test_trying_the_rules(client: TestClient) -> None:
    """Answers can be tried without declaring anything."""
    facts = with_facts(audience=["consumers"])["facts"]
    found = client.post("/v1/rules/decide", json={"facts": facts}, headers=who("ada")).json()
    assert found["tier"] == "limited"
    assert found["fired"][0]["rule"] == "eu.aia.art50_1"


def test_needs_you_in_three_formats(company: Company, client: TestClient) -> None:
    """The page, its JSON and its CSV show the same task; who has nothing to do is told so."""
    company.declare(use_case())
    text = page(client, "/", "ben")
    assert "Approve Policy search as business-approver" in text
    assert 'href="/use-cases/policy-search#approvals"' in text
    assert client.get("/needs-you.json", headers=who("ben")).json()["rows"][0]["kind"] == "approve"
    csv = client.get("/needs-you.csv", headers=who("ben")).text
    assert "roadworthy approve use-case/policy-search --as business-approver" in csv
    assert "Nothing waits for you" in page(client, "/", "dan")
    items = client.get("/v1/needs-you", headers=who("ben")).json()["items"]
    assert [one["kind"] for one in items] == ["approve"]


def test_the_portfolio_is_filtered_by_its_address(company: Company, client: TestClient) -> None:
    """Each filter narrows the list, and its twins follow."""
    company.declare(use_case(), use_case("chat", title="Chat", intake=with_facts(**HIGH), stage="pilot"))
    assert "2 of 2 use cases; 0 may call now." in page(client, "/portfolio", "ada")
    for query, names in (
        ("tier=high", ["Chat"]),
        ("stage=idea", ["Policy search"]),
        ("unit=claims", ["Chat", "Policy search"]),
        ("unit=sales", []),
    ):
        rows = client.get(f"/portfolio.json?{query}", headers=who("ada")).json()["rows"]
        assert [row["title"] for row in rows] == names


def test_the_page_of_a_use_case(company: Company, client: TestClient) -> None:
    """It says what is missing, offers the form only to who may decide, and shows how to call."""
    company.declare(use_case())
    for_ben, for_ada = (page(client, "/use-cases/policy-search", name) for name in ("ben", "ada"))
    assert "1 thing is between it and its next call" in for_ben
    assert "Approve as business-approver" in for_ben
    assert "roadworthy approve use-case/policy-search --as business-approver" in for_ben
    assert 'name="decision"' not in for_ada
    assert "curl http://127.0.0.1:8081/v1/chat/completions" in for_ada
    assert "Managed by a file" in for_ada
    assert "person/ada cannot" not in for_ben
    twin = client.get("/use-cases/policy-search.json", headers=who("ada")).json()
    assert {"what": "Approval as business-approver", "status": "missing"}.items() <= twin["rows"][0].items()


def test_a_person_approves_refuses_and_withdraws_in_the_console(company: Company, client: TestClient) -> None:
    """The form carries what was seen; the page afterwards shows the grant, then its end."""
    company.declare(use_case())
    text = page(client, "/use-cases/policy-search", "ben")
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', text)
    assert found is not None
    form = {"csrf": "csrf-of-the-session", "role": "business-approver", "digest": found.group(1)}
    url = "/use-cases/policy-search/approvals"
    forged = client.post(url, data={**form, "csrf": "x", "decision": "approve"}, headers=who("ben"))
    assert forged.status_code == 403
    sent = client.post(
        url, data={**form, "decision": "approve", "expires_on": "2027-01-31"}, headers=who("ben")
    )
    assert (sent.status_code, sent.headers["location"]) == (303, "/use-cases/policy-search")
    grant = company.standing().grant
    assert grant is not None
    assert grant.expires_at.date().isoformat() == "2027-01-31"
    after = page(client, "/use-cases/policy-search", "ben")
    assert "It may call" in after
    approval = re.search(r'name="approval" value="(ev_[0-9a-z]+)"', after)
    assert approval is not None
    gone = {"csrf": "csrf-of-the-session", "approval": approval.group(1)}
    assert client.post(f"{url}/withdraw", data=gone, headers=who("ben")).status_code == 303
    assert company.standing().grant is None
    refused = {**form, "decision": "refuse", "comment": "Names no deputy."}
    assert client.post(url, data=refused, headers=who("ben")).status_code == 303
    assert "Names no deputy." in page(client, "/use-cases/policy-search", "ada")


def _form() -> dict[str, Any]:
    spec = use_case()["spec"]
    sent: dict[str, Any] = {
        "csrf": "csrf-of-the-session",
        "name": "by-form",
        "namespace": "claims",
        **{name: spec[name] for name in ("title", "summary", "outcome", "security_path")},
        "stage": "idea",
        "data_sources": "policies\r\nclaims\r\n",
        "expected_users": "40",
        "models": "small",
    }
    for row, one in enumerate(spec["metrics"], 1):
        sent[f"metric_{row}"] = one["metric"]
    sent["target_1"] = "25"
    for side, named in OWNERS.items():
        sent[f"{side}_owner"], sent[f"{side}_deputy"] = named["owner"], named["deputy"]
    for name, value in spec["intake"]["facts"].items():
        sent[f"fact_{name}"] = {True: "yes", False: "no"}[value] if isinstance(value, bool) else value
    return sent


def test_three_doors_one_record(company: Company, client: TestClient) -> None:
    """Form, YAML file and API document make the same spec, checked by the same validation."""
    answer = client.post("/use-cases/new", data=_form(), headers=who("ada"))
    assert answer.status_code == 303, html.unescape(answer.text)
    assert answer.headers["location"] == "/use-cases/by-form"
    document = use_case(
        data_sources=["policies", "claims"],
        expected_users=40,
        metrics=[{"metric": "hours", "target": 25}, {"metric": "overrides"}, {"metric": "latency"}],
    )
    document["metadata"]["name"] = "by-api"
    company.declare(document)
    document["metadata"]["name"] = "by-file"
    with company.database.write() as tx:
        actor, text = Actor("person/ada", "cli"), yaml.safe_dump(document)
        manifests = parse(text, file="uc.yaml")
        planned = plan(tx, company.assembly, manifests=manifests, managed_by="file", actor=actor, now=NOW)
        save(tx, company.assembly, planned, actor=actor, now=NOW)
    with company.database.read() as tx:
        form, api, file = (registry.get(tx, USE_CASE, f"by-{door}") for door in ("form", "api", "file"))
    assert form.spec == api.spec == file.spec
    assert (form.managed_by, file.managed_by) == ("console", "file")
    assert form.namespace == api.namespace == file.namespace
    digests = {company.standing(f"by-{door}").digest for door in ("form", "api", "file")}
    assert len(digests) == 1


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"outcome": ""}, "outcome", "Declare the outcome it serves first"),
        ({"name": "No Good"}, "name", "pattern"),
        ({"expected_users": "many"}, "expected_users", "integer"),
        ({"metric_2": "nothing"}, "metric_2", "no Metric called"),
        ({"target_1": "x"}, "target_1", "number"),
        ({"business_owner": "nobody"}, "business_owner", "no Person called"),
        ({"fact_minors": "some"}, "fact_minors", "one of none, possible"),
        ({"title": ""}, "title", "required"),
    ],
)
def test_the_form_lays_each_problem_beside_its_field(
    company: Company, client: TestClient, change: dict[str, str], field: str, said: str
) -> None:
    """What was typed is kept, nothing is declared, and the field carries the one validation's words."""
    answer = client.post("/use-cases/new", data={**_form(), **change}, headers=who("ada"))
    assert answer.status_code == 422
    text = html.unescape(answer.text)
    problem = re.search(rf'id="field-{field}-problem">.*?<span>(.*?)</span>', text, re.DOTALL)
    assert problem is not None
    assert said in problem.group(1)
    assert "by-form" in text or field == "name"
    with company.database.read() as tx:
        assert registry.every(tx, USE_CASE) == []


def test_the_form_writes_over_nothing(company: Company, client: TestClient) -> None:
    """A name that is taken is said beside the field; the declaration stays as it was."""
    company.declare(use_case("by-form", title="First"))
    answer = client.post("/use-cases/new", data=_form(), headers=who("ada"))
    assert answer.status_code == 422
    assert company.standing("by-form").title == "First"


def test_every_question_of_the_rules_is_in_the_form(client: TestClient) -> None:
    """What a rule asks for can be answered in the console."""
    text = page(client, "/use-cases/new", "ada")
    asked = {known.name for known in rulebook().asked}
    assert {"practices", "minors", "audience"} <= asked
    for known in rulebook().asked:
        assert known.question in text or known.name == "autonomy"
    assert "Autonomy" in text
