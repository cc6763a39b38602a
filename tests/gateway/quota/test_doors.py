"""Limits and budgets through API and pages, an invoice beside the ledger, and what may be declared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from roadworthy.foundation.errors import RoadworthyError
from roadworthy.main import SLICES
from roadworthy.quota import operations
from roadworthy.quota.port import Ask, Batch, Place
from roadworthy.registry.assembly import assemble
from roadworthy.usage import operations as usage
from roadworthy.usage.record import CallRecord
from tests.governance.company import NOW, SETUP, document
from tests.switches.test_doors import Doors

NANO = 1_000_000_000
BUDGET = {
    "title": "Claims", "owner": "fay", "amount": 100, "currency": "EUR", "period": "total",
    "scope": {"unit": "claims"},
}  # fmt: skip
LIMIT = {"title": "Everybody", "each": "key", "per": "minute", "requests": 60, "concurrency": 50}
COSTS = """start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,project_id
1795392000,1795478400,2026-11-23T00:00:00+00:00,2026-11-24T00:00:00+00:00,1.5,usd,"m-2026-08-06, input",p
1795392000,1795478400,2026-11-23T00:00:00+00:00,2026-11-24T00:00:00+00:00,2.5,usd,"m-2026-08-06, output",p
1795392000,1795478400,2026-11-23T00:00:00+00:00,2026-11-24T00:00:00+00:00,7,usd,"other, output",p
"""


@pytest.fixture
def estate(tmp_path: Path) -> Doors:
    """Return a company with a limit and a budget, some of which is spent and some leased."""
    made = Doors(tmp_path)
    made.company.assembly = assemble(SLICES)
    made.company.declare(
        document("Provider", "eu", {"title": "EU", "base_url": "https://eu.example.com/v1"}),
        document("Model", "mini", {"title": "Mini", "provider": "eu", "upstream_model": "m",
                                   "context_tokens": 9000, "max_output_tokens": 900}),
        document("Budget", "claims", BUDGET, namespace="claims"),
        document("Limit", "everybody", LIMIT),
        actor=SETUP,
    )  # fmt: skip
    with made.database.write() as tx:
        operations.begin(tx, "g1", Place())
        asked = Ask("budget/claims", "total", 100 * NANO, want=9 * NANO)
        lease = operations.exchange(tx, Batch("g1", 1, (asked,))).grants[0].lease
        record = CallRecord(
            id="tr_1", at=int(NOW.timestamp() * 1000), decision="allowed", status=200, model="mini",
            provider="eu", cost_nano=4 * NANO, currency="USD", input_tokens=10, output_tokens=20,
            leases=(f"{lease}:{4 * NANO}",),
        )  # fmt: skip
        for _ in range(2):
            usage.ingest(tx, [record], source="g", now=NOW, hooks=(operations.count_records,))
    return made


def test_budgets_over_the_api_and_the_page(estate: Doors) -> None:
    """Used is what records say, once; reserved is what is leased; both doors name who may change it."""
    client = estate.client()
    found = client.get("/v1/budgets", params={"name": "budget/claims"}).json()["items"]

    assert [(one["used"], one["reserved"], one["left"]) for one in found] == [(4 * NANO, 5 * NANO, 91 * NANO)]
    assert found[0]["owner"] == "person/fay"
    assert found[0]["of"] == "unit/claims"
    assert found[0]["state"] == "fine"
    assert client.get("/v1/budgets", params={"name": "nope"}).status_code == 404
    assert {one["declaration"] for one in client.get("/v1/budgets").json()["items"]} == {
        "budget/claims",
        "limit/everybody",
    }
    page = client.get("/operations/budgets", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "unit/claims" in page.text
    assert "€91.00" in page.text
    assert "person/fay" in page.text


def test_another_unit_sees_the_standards_alone(estate: Doors) -> None:
    """A budget of a unit is shown to who may see the unit's calls."""
    found = estate.client("hal").get("/v1/budgets").json()["items"]

    assert {one["declaration"] for one in found} == {"limit/everybody"}


def test_reconcile_names_why_ledger_and_invoice_differ(estate: Doors) -> None:
    """A model that agrees, and one that nobody called here: beyond, with its reason and a next step."""
    client = estate.client()
    found = client.post("/v1/reconciliations", json={"provider": "eu", "text": COSTS}).json()

    assert [(one["model"], one["why"], one["within"]) for one in found["items"]] == [
        ("m", "agrees", True),
        ("other", "missing calls", False),
    ]
    assert found["within"] is False
    assert found["totals"]["USD"] == {"ours_nano": 4 * NANO, "theirs_nano": 11 * NANO}
    assert client.post("/v1/reconciliations", json={"provider": "none", "text": COSTS}).status_code == 404
    strange = client.post("/v1/reconciliations", json={"provider": "eu", "text": "a,b\n1,2\n"})
    assert strange.status_code == 422
    assert "mapping" in strange.json()["fix"]


def _refused(estate: Doors, name: str, spec: dict[str, Any], kind: str = "Limit") -> str:
    with pytest.raises(RoadworthyError) as caught:
        estate.company.declare(document(kind, name, spec, namespace="claims"), actor=SETUP)
    return " ".join(issue.message for issue in caught.value.issues)


def test_a_unit_may_tighten_a_standard_and_never_loosen_it(estate: Doors) -> None:
    """More requests, more at once, or others' calls are refused; fewer of its own are fine."""
    own = {"unit": "claims"}
    tighter = {"title": "Ours", "scope": own, "each": "key", "requests": 10, "concurrency": 5}

    assert "limit/everybody allows everybody 60 requests" in _refused(
        estate, "loose", {**tighter, "requests": 600}
    )
    assert "a unit may lower that" in _refused(estate, "wide", {**tighter, "concurrency": 51})
    assert "counts calls of others too" in _refused(estate, "far", {**tighter, "scope": {}})
    assert "counts calls of others too" in _refused(estate, "far", {**BUDGET, "scope": {}}, "Budget")
    estate.company.declare(document("Limit", "ours", tighter, namespace="claims"), actor=SETUP)
