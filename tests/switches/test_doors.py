"""The doors of kill switches and of a route's explanation: who may, what is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from roadworthy.entrypoints import console
from roadworthy.foundation.web.context import Parts
from roadworthy.foundation.web.mount import mount
from roadworthy.foundation.web.templating import build_environment
from roadworthy.identity.identify import PEPPER_SOCKET, Doorkeeper
from roadworthy.main import SLICES
from roadworthy.registry.assembly import SOCKET, assemble
from tests.gateway.control import PEPPER, Estate
from tests.governance.company import SETUP, document


class Doors(Estate):
    """The company with every slice's doors."""

    def _app(self) -> FastAPI:
        assembly = assemble(SLICES)
        templates = [(one.name, one.templates) for one in SLICES if one.templates is not None]
        parts = Parts(
            database=self.database,
            clock=lambda: self.clock,
            identify=Doorkeeper(pepper=PEPPER).identify,
            frame=console.Frame(needs=lambda *_: 0, sample=lambda _: False, version="0.0.0"),
            render=console.renderer(build_environment(templates)),
            data_dir=self.folder,
            sockets={SOCKET: assembly, PEPPER_SOCKET: PEPPER},
        )
        app = FastAPI()
        routes = [route for one in SLICES for router in one.routers for route in router.routes]
        mount(app, routes, parts)
        console.add_errors(app, parts)
        return app


@pytest.fixture
def estate(tmp_path: Path) -> Doors:
    """Return a company with a route and somebody who may kill."""
    made = Doors(tmp_path)
    made.company.declare(
        document("Person", "olga", {"display_name": "Olga"}),
        document("RoleBinding", "olga", {"subject": "person/olga", "role": "operator", "unit": "finance"}),
        document("Provider", "eu", {"title": "EU", "base_url": "https://eu.example.com/v1", "region": "eu"}),
        document("Model", "mini", _model(1, 4)),
        document("Model", "maxi", _model(3, 12)),
        document(
            "Route",
            "desk",
            {
                "title": "Desk",
                "targets": ["maxi", "mini"],
                "prefer": "cost",
                "tasks": {"code": {"prefer": "quality"}},
            },
        ),
        actor=SETUP,
    )
    return made


def _model(price_in: float, price_out: float) -> dict[str, Any]:
    price = {
        "input_per_million": price_in,
        "output_per_million": price_out,
        "currency": "EUR",
        "as_of": "2026-01-01",
    }
    return {
        "title": "A model", "provider": "eu", "upstream_model": "m", "context_tokens": 9000,
        "max_output_tokens": 900, "price": price,
    }  # fmt: skip


def test_kill_and_revive_through_the_api(estate: Doors) -> None:
    """Stopped, listed, refused twice the right way, revived."""
    client = estate.client()
    made = client.post("/v1/switches/kill", json={"of": "model/mini", "reason": "It leaks."})
    assert made.status_code == 201, made.text
    assert made.json()["by"] == "person/root"
    assert made.json()["who_can_revive"] == ["person/root"]
    listed = client.get("/v1/switches").json()["items"]
    assert [one["of"] for one in listed] == ["model/mini"]
    assert client.post("/v1/switches/kill", json={"of": "model/none", "reason": "x"}).status_code == 404
    assert client.post("/v1/switches/kill", json={"of": "unit/claims", "reason": "x"}).status_code == 422
    assert client.post("/v1/switches/revive", json={"of": "model/mini"}).status_code == 200
    again = client.post("/v1/switches/revive", json={"of": "model/mini"})
    assert (again.status_code, again.json()["code"]) == (409, "not-killed")
    assert client.get("/v1/switches").json()["items"] == []


def test_a_filter_that_nobody_declared_can_be_stopped(estate: Doors) -> None:
    """Those that ship belong to the organization: its operators stop and revive them, a unit's do not."""
    client = estate.client()
    body = {"of": "filter/secrets", "reason": "It blocks every order."}
    assert estate.client("olga").post("/v1/switches/kill", json=body).status_code == 403
    made = client.post("/v1/switches/kill", json=body)
    assert (made.status_code, made.json()["unit"]) == (201, "organization"), made.text
    assert client.post("/v1/switches/revive", json={"of": "filter/secrets"}).status_code == 200
    assert client.post("/v1/switches/kill", json={**body, "of": "filter/none"}).status_code == 404


def test_operator_of_a_unit_stops_what_is_theirs_alone(estate: Doors) -> None:
    """A viewer stops nothing; an operator of finance nothing of claims."""
    body = {"of": "use-case/policy-search", "reason": "x"}
    assert estate.client("hal").post("/v1/switches/kill", json=body).status_code == 403
    refused = estate.client("olga").post("/v1/switches/kill", json=body)
    assert refused.status_code == 403
    assert "unit/claims" in refused.text
    assert estate.client("hal").get("/v1/switches").status_code == 200


def test_pages_show_what_is_stopped_and_what_stopping_does(estate: Doors) -> None:
    """The list, the confirmation, the section and the button on the resource's own page."""
    client = estate.client()
    assert "Nothing is stopped" in client.get("/operations/switches").text
    asked = client.get("/operations/switches/stop?of=model/mini")
    assert asked.status_code == 200, asked.text
    assert "No route asks it" in asked.text
    for page, ref in (
        ("/declared/model/mini", "model/mini"),
        ("/use-cases/policy-search", "use-case/policy-search"),
        ("/access/service-accounts/bot", "service-account/bot"),
    ):
        assert f"/operations/switches/stop?of={ref}" in client.get(page).text
        assert "/operations/switches/stop" not in estate.client("hal").get(page).text
    client.post("/v1/switches/kill", json={"of": "model/mini", "reason": "It leaks."})
    listed = client.get("/operations/switches.json").json()
    assert [row["of"] for row in listed["rows"]] == ["model/mini"]
    assert "It is stopped" in client.get("/declared/model/mini").text
    assert client.get("/operations/switches/stop?of=unit/claims").status_code == 422


def test_route_explains_itself(estate: Doors) -> None:
    """The cheapest for chat, the best for code, the reason for what is stopped; then and now."""
    client = estate.client()
    found = client.get("/v1/routes/desk/explain").json()
    assert (found["chosen"], found["prefer"]) == ("mini", "cost")
    assert [(one["model"], one["place"]) for one in found["candidates"]] == [("mini", 1), ("maxi", 2)]
    assert found["candidates"][1]["cost"] == pytest.approx(1 / 3)
    score = {"task": "code", "score": 0.9, "suite": "house v1", "cases": 100}
    assert client.post("/v1/models/maxi/evaluations", json=score).status_code == 201
    assert client.post("/v1/models/none/evaluations", json=score).status_code == 404
    assert client.get("/v1/models/maxi/evaluations").json()["items"][0]["score"] == 0.9
    code = client.get("/v1/routes/desk/explain", params={"task": "code"}).json()
    assert (code["chosen"], code["prefer"]) == ("maxi", "quality")
    before = estate.clock.isoformat()
    from datetime import timedelta

    estate.clock += timedelta(minutes=5)
    client.post("/v1/switches/kill", json={"of": "model/mini", "reason": "It leaks."})
    now = client.get("/v1/routes/desk/explain").json()
    assert now["chosen"] == "maxi"
    stopped = next(one for one in now["candidates"] if one["model"] == "mini")
    assert "kill switch" in stopped["said"]
    then = client.get("/v1/routes/desk/explain", params={"as_of": before}).json()
    assert then["chosen"] == "mini"
    nobody = client.get("/v1/routes/desk/explain", params={"use_case": "policy-search"})
    assert (nobody.status_code, nobody.json()["code"]) == (403, "blocked")
    assert client.get("/v1/routes/none/explain").status_code == 404


def test_route_page_carries_the_explanation(estate: Doors) -> None:
    """What decides, each model, and the command that says the same."""
    page = estate.client().get("/declared/route/desk").text
    assert "Which model it asks now" in page
    assert "What decides: the expected cost." in page
    assert "roadworthy explain route/desk" in page
