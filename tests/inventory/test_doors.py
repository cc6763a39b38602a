"""A list is registered, reported on, listed and promoted, through the API and the console."""

from __future__ import annotations

import base64
import csv
import io
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient

from tests.api.conftest import Control
from tests.inventory.lists import LIST, MAPPING, ROWS


def _import(client: TestClient, content: bytes = LIST, **more: Any) -> dict[str, Any]:
    body = {
        "content_base64": base64.b64encode(content).decode(),
        "mapping": MAPPING,
        "file": "list.csv",
        **more,
    }
    answer = client.post("/v1/inventory/import", json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _generations(client: TestClient) -> dict[str, int]:
    items = client.get("/v1/resources/inventory-entry?limit=200").json()["items"]
    return {one["metadata"]["name"]: one["status"]["generation"] for one in items}


def test_importing_again_changes_only_what_is_different(control: Control) -> None:
    """The same list leaves no trace; a changed row is a new version; a row that is gone is said and kept."""
    client = control.client()
    first = _import(client)
    assert first["registered"] == {"created": ROWS - 1, "updated": 0, "unchanged": 0, "gone": []}
    size = client.get("/v1/audit/entries").json()["items"][0]["seq"]
    again = _import(client)
    assert again["registered"] == {"created": 0, "updated": 0, "unchanged": ROWS - 1, "gone": []}
    assert client.get("/v1/audit/entries").json()["items"][0]["seq"] == size

    corrected = _import(client, LIST.replace(b"Answers ", b"Replies "))
    assert corrected["registered"] == {"created": 0, "updated": 1, "unchanged": ROWS - 2, "gone": []}
    assert [name for name, generation in _generations(client).items() if generation == 2] == ["tide-cafe-bot"]
    _import(client)

    changed = LIST.replace(b"Plans stalls", b"Plans stalls and rents").replace(
        b"Short,Office,Too little,,,Idea\r\n", b""
    )
    third = _import(client, changed)
    assert (third["registered"]["created"], third["registered"]["unchanged"]) == (1, ROWS - 3)
    fish = next(name for name in _generations(client) if name.startswith("berth-planner-"))
    assert third["registered"]["gone"] == [fish, "short"]
    kept = _generations(client)
    assert kept["short"] == kept["berth-planner"] == 1
    last = client.get("/v1/inventory/report").json()["imports"][0]
    assert last["gone"] == third["registered"]["gone"]


def test_a_dry_run_registers_nothing(small: Control) -> None:
    """It reads, judges and reports only."""
    client = small.client()
    found = _import(client, dry_run=True)
    assert found["registered"] is None
    assert (found["counts"]["rows"], len(found["rows"])) == (ROWS, ROWS)
    assert _generations(client) == {}


def test_what_an_import_says_of_each_row(small: Control) -> None:
    """Tier, reasons and gaps of every row; a blank row has none and is there."""
    rows = _import(small.client(), dry_run=True)["rows"]
    berths, blank = rows[0], rows[5]
    assert {"tier", "reasons", "gaps", "questions", "needs_info"} <= berths.keys()
    assert (berths["tier"], berths["provisional"], berths["declared_risk"]) == ("minimal", True, "high")
    assert berths["reasons"][0]["rule"] == "house.baseline"
    assert [gap["kind"] for gap in berths["gaps"]] == ["evidence", "evidence", "questions"]
    assert [gap["id"] for gap in rows[1]["gaps"]][:3] == ["owner", "measurement", "review"]
    assert (blank["status"], blank["tier"], blank["gaps"]) == ("blank", None, [])


def test_the_list_pages_in_the_order_of_weight_and_filters(small: Control) -> None:
    """Every entry is listed once over the pages, and a step of the report finds its entries."""
    client = small.client()
    _import(client)
    seen: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = client.get("/v1/inventory", params={"after": cursor, "limit": 4}).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert len({one["name"] for one in seen}) == len(seen) == ROWS - 1
    assert [one["score"] for one in seen] == sorted((one["score"] for one in seen), reverse=True)
    assert client.get("/v1/inventory", params={"after": "x:y"}).status_code == 404

    report = client.get("/v1/inventory/report").json()["report"]
    for step in report["next_steps"]:
        found = client.get("/v1/inventory", params={"gap": step["gap"], "limit": 200}).json()["items"]
        assert len([one for one in found if one["stage"] != "stopped"]) == step["entries"], step
    high = client.get("/v1/inventory", params={"tier": "high"}).json()["items"]
    assert {one["name"] for one in high} == {
        "berth-planner",
        *(n for n in _generations(client) if "crane" in n),
    }


def test_an_entry_becomes_a_use_case(small: Control) -> None:
    """What the list says is carried over, what is missing is named, and the entry then weighs nothing."""
    client = small.client()
    _import(client)
    made = client.get("/v1/inventory/entries/berth-planner/use-case").json()
    assert made["missing"][0].startswith("`outcome:`")
    document = yaml.safe_load(made["text"])
    assert document["spec"]["intake"]["facts"]["personal_data"] is True
    refused = client.post("/v1/validate", json={"manifests": [{"text": made["text"]}]}).json()
    assert [one["field"] for one in refused["errors"]] == ["spec.outcome"]

    setup = """
kind: Person\nmetadata: {name: ada}\nspec: {display_name: Ada}
---
kind: Metric\nmetadata: {name: hours}
spec: {title: Hours, layer: business, unit: hours, direction: decrease}
---
kind: Outcome\nmetadata: {name: faster}
spec:
  title: Faster
  owner: ada
  kind: speed
  metric: hours
  baseline: {value: 3, from: 2026-01-05, to: 2026-06-28}
  target: {delta: -1}
  horizon: 2027-06-30
"""
    text = "---".join(f"\napiVersion: roadworthy/v1{part}" for part in setup.split("---"))
    whole = text + "\n---\n" + made["text"].replace("spec:\n", "spec:\n  outcome: faster\n", 1)
    plan = client.post("/v1/plan", json={"manifests": [{"text": whole}]}).json()
    assert client.post("/v1/apply", json={"plan": plan["plan"]}).status_code == 200
    entry = client.get("/v1/inventory/entries/berth-planner").json()
    assert (entry["promoted_to"], entry["score"]) == ("berth-planner", 0.0)
    assert client.get("/v1/inventory/report").json()["report"]["promoted"] == 1


def test_a_wrong_mapping_or_file_is_refused_with_what_to_do(small: Control) -> None:
    """Nothing is registered, and each wrong field is named."""
    client = small.client()
    body = {"content_base64": base64.b64encode(LIST).decode(), "mapping": "list_name: x", "file": "l.csv"}
    refused = client.post("/v1/inventory/import", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "inventory-mapping")
    assert {one["field"] for one in refused.json()["errors"]} == {"title", "columns", "entry"}
    assert client.post("/v1/inventory/import", json={**body, "content_base64": "%"}).status_code == 422
    strange = MAPPING.replace("jurisdictions: [US]", "jurisdiction: [US]")
    said = client.post("/v1/inventory/import", json={**body, "mapping": strange}).json()
    assert "no rule asks for it" in said["errors"][0]["message"]
    assert _generations(client) == {}


def test_every_page_agrees_with_its_twins(small: Control) -> None:
    """The rows of page, JSON and CSV are the same, and no cell is a formula."""
    client = small.client()
    _import(client)
    for path in ("/inventory", "/inventory/report", "/inventory/platform", "/inventory/import"):
        page = client.get(path)
        assert page.status_code == 200, page.text
        rows = client.get(f"{path}.json").json()["rows"]
        table = list(csv.DictReader(io.StringIO(client.get(f"{path}.csv").text)))
        assert len(rows) == len(table)
    name = next(name for name in _generations(client) if name.startswith("cmd"))
    assert client.get(f"/inventory/entries/{name}").status_code == 200
    cells = client.get(f"/inventory/entries/{name}.csv").text
    assert "'=cmd" in cells
    assert client.get("/inventory/entries/nothing").status_code == 404


def test_the_form_takes_in_a_list(small: Control) -> None:
    """What is chosen in the console is registered as through the API."""
    client = small.client()
    files = {"file": ("list.csv", LIST, "text/csv"), "mapping": ("m.yaml", MAPPING.encode(), "text/yaml")}
    done = client.post("/inventory/import", files=files, follow_redirects=False)
    assert (done.status_code, done.headers["location"]) == (303, "/inventory/report?list_name=harbour")
    assert len(_generations(client)) == ROWS - 1
    assert client.get("/inventory/report?list_name=harbour").status_code == 200


@pytest.mark.parametrize("path", ["/v1/inventory", "/v1/inventory/report", "/inventory", "/inventory/report"])
def test_before_anything_is_taken_in(small: Control, path: str) -> None:
    """An empty inventory says how to begin."""
    assert small.client().get(path).status_code == 200
