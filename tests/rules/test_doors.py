"""The doors of rules: pages with their twins, the API, and packs declared like everything else."""

from __future__ import annotations

import html
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from roadworthy.entrypoints import console
from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Parts
from roadworthy.foundation.web.mount import mount
from roadworthy.foundation.web.templating import build_environment
from roadworthy.governance.wiring import SLICE as GOVERNANCE
from roadworthy.identity import queries as identity
from roadworthy.registry.assembly import SOCKET
from roadworthy.rules.wiring import SLICE
from tests.governance.company import HIGH, NOW, SETUP, Company, document, use_case, with_facts
from tests.governance.conftest import company, founded  # noqa: F401  # fixtures
from tests.governance.doors import Known
from tests.governance.test_conflicts import KEEP, PURGE, decide
from tests.governance.test_conflicts import pack as torn_pack
from tests.rules.packs import RULE, changed, pack


def _identify(tx: Tx, request: Request, now: datetime) -> Known:
    principal = f"person/{request.headers['x-test-person']}"
    csrf = "" if request.url.path.startswith("/v1/") else "csrf-of-the-session"
    return Known(principal, identity.rights_of(tx, principal=principal, now=now), csrf)


@pytest.fixture
def client(company: Company) -> Iterator[TestClient]:  # noqa: F811  # the fixture
    """Give a browser of somebody who may see everything of the claims unit."""
    assert SLICE.templates is not None
    assert GOVERNANCE.templates is not None
    env = build_environment([("rules", SLICE.templates), ("governance", GOVERNANCE.templates)])
    parts = Parts(
        database=company.database,
        clock=lambda: NOW,
        identify=_identify,
        frame=console.Frame(needs=lambda *_: 0, sample=lambda _tx: False, version="0"),
        render=console.renderer(env),
        data_dir=Path(),
        sockets={SOCKET: company.assembly, "gateway.url": "http://127.0.0.1:8081"},
    )
    app = FastAPI()
    mount(app, [route for router in SLICE.routers for route in router.routes], parts)
    console.add_errors(app, parts)
    with TestClient(app, base_url="http://testserver", headers={"x-test-person": "ada"}) as made:
        yield made


@pytest.fixture
def cases(company: Company) -> Company:  # noqa: F811  # the fixture
    """Give a company with one harmless, one high-risk and one half-answered use case."""
    company.declare(
        use_case(bucket="knowledge-retrieval"),
        use_case("hiring", title="Hiring", intake=with_facts(**HIGH)),
        use_case("unclear", title="Unclear", intake=with_facts(practices=None)),
    )
    return company


def page(client: TestClient, path: str) -> str:
    """Return a page's text."""
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


@pytest.mark.usefixtures("cases")
def test_a_use_case_explains_every_rule(client: TestClient) -> None:
    """It fires, comes with its date, is silent by a named condition, or needs an answer."""
    text = page(client, "/use-cases/hiring/rules")
    assert "Duties of those who use a high-risk system (EU)" in text
    assert "from 2027-12-02" in text
    rows = {one["rule"]: one for one in client.get("/use-cases/hiring/rules.json").json()["rows"]}
    assert len(rows) == 68
    assert rows["eu.aia.annex3.deployer"]["state"] == "comes"
    assert rows["eu.aia.art4"]["because"] == "jurisdictions: DE; roles: provider, deployer"
    assert rows["us.hipaa"]["because"].startswith("jurisdictions has any of US")
    found = client.get("/v1/use-cases/unclear/rules").json()
    assert found["missing"]["eu.aia.art5_2026"] == ["practices"]
    assert (found["provisional"], found["could_be"]) == (True, "prohibited")
    assert client.get("/v1/use-cases/nobody/rules").status_code == 404


@pytest.mark.usefixtures("cases")
def test_the_list_counts_what_fires(client: TestClient) -> None:
    """Each rule says for how many use cases it fires, and filters narrow the list and its twins."""
    assert "68 of 68 rules in 6 packs" in page(client, "/rules")
    rows = {one["rule"]: one for one in client.get("/rules.json?jurisdiction=EU").json()["rows"]}
    assert rows["eu.aia.art4"]["fires_for"] == 3
    assert rows["eu.aia.annex3.provider"]["fires_for"] == 1
    assert rows["eu.aia.art5"]["open_for"] == 1
    assert "us.hipaa" not in rows
    assert "eu.gdpr.art22" in client.get("/rules.csv?pack=eu").text


@pytest.mark.usefixtures("cases")
def test_a_rule_has_its_page(client: TestClient) -> None:
    """Its condition, its obligations, its sources, and where it fires here."""
    text = page(client, "/rules/eu.aia.annex3.deployer")
    assert "Named overseers with competence" in text
    assert "read in a source" in text
    assert 'href="/use-cases/hiring/rules"' in text
    twin = client.get("/rules/eu.aia.annex3.deployer.json").json()["rows"]
    assert {one["controls"] for one in twin} >= {"C37, C38"}
    assert client.get("/v1/rules/us_nyc.ll144").json()["obligations"][0]["controls"] == ["C09"]
    assert client.get("/rules/us.hippa").status_code == 404
    assert client.get("/v1/rules/us.hippa").status_code == 404


@pytest.mark.usefixtures("cases")
def test_the_matrix_counts_by_sort_of_use_case(client: TestClient) -> None:
    """Owed now and to come, by kind; a place counts only its own rules."""
    rows = {one["bucket"]: one for one in client.get("/v1/rules/matrix").json()["items"]}
    assert rows["knowledge-retrieval"] == {
        "bucket": "knowledge-retrieval",
        "use_cases": 1,
        "with_open_questions": 0,
        "now": {"document": 1, "monitoring": 1, "training": 1},
        "later": {},
    }
    assert rows[""]["later"]["notice"] == 2
    only_eu = client.get("/v1/rules/matrix?jurisdiction=EU").json()["items"]
    assert {one["bucket"]: one["now"] for one in only_eu}["knowledge-retrieval"] == {"training": 1}
    assert client.get("/v1/rules/matrix?jurisdiction=GB").json()["items"] == []
    text = page(client, "/rules/matrix?jurisdiction=EU")
    assert "knowledge-retrieval" in text


@pytest.mark.usefixtures("cases")
def test_the_calendar_names_who_is_concerned(client: TestClient) -> None:
    """What comes is listed by day with the use cases it changes something for."""
    found = client.get("/v1/rules/calendar").json()["items"]
    assert [one["on"] for one in found] == sorted(one["on"] for one in found)
    (coming,) = [one for one in found if one["rule"] == "eu.aia.annex3.deployer"]
    assert (coming["on"], coming["use_cases"]) == ("2027-12-02", ["hiring"])
    assert any(one["on"] == "2027-10-01" and one["rule"] == "us_ct.sb5.employment" for one in found)
    text = page(client, "/rules/calendar")
    assert "Next, on 2027-12-02" in text
    assert "us_ct.sb5.employment" not in text
    assert "us_ct.sb5.employment" in page(client, "/rules/calendar?all_rules=yes")


def test_a_pack_is_declared_and_decides(cases: Company, client: TestClient) -> None:
    """The plan says which use cases fall under it; it shows, decides, and can be tried beforehand."""
    everyone = changed(when={"roles": {"any_of": ["deployer"]}}, tier="high", fixtures=[
        {"expect": "fires", "facts": {"roles": ["deployer"]}},
        {"expect": "silent", "facts": {"roles": ["provider"]}},
    ])  # fmt: skip
    tried = client.post("/v1/rules/upgrade", json={"name": "contracts", "pack": pack(everyone)})
    items = {one["use_case"]: one for one in tried.json()["items"]}
    assert set(items) == {"policy-search", "hiring", "unclear"}
    assert (items["policy-search"]["tier_before"], items["policy-search"]["tier_after"]) == (
        "minimal",
        "high",
    )
    assert items["hiring"]["asked"] == ["contract.acme.no_npi/consent"]
    said = cases.declare(document("PolicyPack", "contracts", pack(everyone)), actor=SETUP)
    assert any("use-case/policy-search rises from minimal to high" in one for one in said), said
    assert any("use-case/hiring now falls under contract.acme.no_npi" in one for one in said), said
    standing = cases.standing()
    assert standing.tier.tier == "high"
    assert "contracts 1.0.0" in standing.rules
    assert "No customers" in page(client, "/rules?pack=contracts")
    again = client.post("/v1/rules/upgrade", json={"name": "contracts", "pack": pack(everyone)})
    assert again.json()["items"] == []
    gone = client.post("/v1/rules/upgrade", json={"name": "contracts", "pack": pack()})
    assert {one["use_case"]: one["tier_after"] for one in gone.json()["items"]}["policy-search"] == "minimal"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (pack(changed(fixtures=RULE["fixtures"][:1])), "no fixture on which it is silent"),
        (pack(tighten=[{"rule": "eu.aia.art5", "tier": "limited"}]), "not lower it"),
    ],
)
def test_a_pack_that_may_not_be_installed_is_refused(
    company: Company,  # noqa: F811  # the fixture
    client: TestClient,
    spec: dict[str, Any],
    said: str,
) -> None:
    """The declaration is refused, and so is its trial, with the reason."""
    with pytest.raises(InvalidError) as refused:
        company.declare(document("PolicyPack", "contracts", spec), actor=SETUP)
    assert any(said in one.message for one in refused.value.issues)
    answer = client.post("/v1/rules/upgrade", json={"name": "contracts", "pack": spec})
    assert answer.status_code == 422
    assert said in answer.text


def test_an_upgrade_of_a_shipped_pack_is_tried(cases: Company, client: TestClient) -> None:
    """A version of a shipped pack without a rule names the use cases that lose it."""
    assert cases.standing("hiring").tier.tier == "high"
    shipped = client.get("/v1/rules?pack=house").json()["items"]
    assert [one["id"] for one in shipped] == ["house.baseline", "house.agentic"]
    empty = {"name": "house", "title": "House", "version": "1.1.0", "review_by": "2027-06-01", "rules": []}
    items = client.post("/v1/rules/upgrade", json={"pack": empty}).json()["items"]
    assert {tuple(one["stops"]) for one in items} == {("house.baseline",)}
    assert client.post("/v1/rules/upgrade", json={"pack": {"name": "x"}}).status_code == 422


def test_a_conflict_between_rules_is_shown_with_who_decided(cases: Company, client: TestClient) -> None:
    """The page offers the decision to who may take it, and then shows it in place of the banner."""
    cases.declare(torn_pack(KEEP, PURGE), actor=SETUP)
    path = "/use-cases/policy-search/rules"
    assert "Somebody has to decide how long records are kept" in page(client, path)
    assert "Decide which rule prevails" not in page(client, path)  # a contributor does not
    client.headers["x-test-person"] = "dan"
    assert "Decide which rule prevails" in page(client, path)
    made = decide(cases)
    text = page(client, path)
    assert "Somebody has to decide" not in text
    assert "Counsel, memo 12" in text
    assert "Take a decision back" in text
    found = client.get("/v1/use-cases/policy-search/rules").json()
    assert found["retention"]["overruled"] == [
        {"obligation": "house.privacy/keep", "side": "ceiling", "decision": made}
    ]
    overruled = {one["id"]: one["overruled_by"] for one in found["obligations"] if one["overruled_by"]}
    assert overruled == {"house.privacy/keep": made}
