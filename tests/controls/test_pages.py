"""The console's pages of controls: what they say, their twins, the form, and how they look to axe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import uvicorn
from playwright.sync_api import Page

from roadworthy.controls import shown
from roadworthy.controls.catalogue import catalogue
from tests.controls.estate import CASE, Controlled
from tests.governance.company import HIGH, use_case, with_facts


def test_matrix_shows_use_cases_by_area_and_narrows(estate: Controlled) -> None:
    """Every use case; of one area its controls; by state and unit; rows agree with the twin."""
    estate.declare(use_case("hiring", title="Hiring", intake=with_facts(**HIGH)))
    client = estate.client("hal")
    page = client.get("/controls")
    assert page.status_code == 200, page.text
    assert "Policy search" in page.text
    rows = {row["use_case"]: row for row in client.get("/controls.json").json()["rows"]}
    assert rows["Hiring"]["tier"] == "high"
    assert rows["Policy search"].get("third_party") is None, "no rule asks it for a review"
    assert rows["Hiring"]["access"] is not None
    one = client.get("/controls.json", params={"area": "Release"}).json()
    assert [column["key"] for column in one["columns"]] == [
        "use_case",
        "tier",
        "c16",
        "c17",
        "c18",
        "c19",
        "c20",
    ]
    failing = client.get("/controls.json", params={"area": "Access", "state": "unknown"}).json()
    assert [row["use_case"] for row in failing["rows"]] == ["Hiring"]
    assert client.get("/controls.json", params={"unit": "finance"}).json()["rows"] == []
    assert client.get("/controls.csv").text.startswith("use_case,tier,inventory")


def test_use_case_page_says_why_and_files_evidence(estate: Controlled) -> None:
    """What does not hold with its next step; a form that files; a viewer sees no form."""
    estate.change(intake=with_facts(**HIGH))
    client = estate.client()
    page = client.get(f"/use-cases/{CASE}/controls")
    assert "What does not hold, and what to do" in page.text
    assert "File evidence of kind" in page.text
    done = client.post(
        f"/use-cases/{CASE}/evidence",
        data={"kind": "eval-run", "threshold": "0.9", "values": ""},
        files={"file": ("log.json", b'{"score": 0.95}', "application/json")},
        follow_redirects=False,
    )
    assert done.status_code == 303, done.text
    rows = client.get(f"/use-cases/{CASE}/controls.json").json()["rows"]
    assert next(row for row in rows if row["control"] == "C16")["state"] == "holds"
    assert "log.json" in client.get(f"/use-cases/{CASE}/controls").text
    assert "File it" not in estate.client("hal").get(f"/use-cases/{CASE}/controls").text
    assert f"/use-cases/{CASE}/controls" in client.get(f"/use-cases/{CASE}").text


def test_catalogue_by_control_and_by_framework(estate: Controlled) -> None:
    """44 controls; each reference of a framework with the controls that answer it, in natural order."""
    client = estate.client("hal")
    assert len(client.get("/controls/catalogue.json").json()["rows"]) == 44
    rows = client.get("/controls/catalogue.json", params={"framework": "eu"}).json()["rows"]
    by_reference = {row["reference"]: row["controls"] for row in rows}
    assert by_reference["Art 12"] == "C37, C39"
    numbers = [row["reference"] for row in rows]
    assert numbers.index("Art 9") < numbers.index("Art 10")
    assert "stop_drill" in client.get("/controls/catalogue/C20").text
    assert client.get("/controls/catalogue/C99").status_code == 404


def test_a_state_is_summed_up_by_its_worst(estate: Controlled) -> None:
    """One failing among holding ones is what the chip says."""
    states = estate.states()
    assert shown.summed([]) is None
    worst = shown.summed(states.values())
    assert worst is not None
    assert (worst.state, worst.word.endswith("fail")) == ("bad", True)
    assert shown.summed([states["C01"]]) == shown.summed([states["C18"]])
    for one in states.values():
        if one.state != "holds":
            assert shown.next_step(one, catalogue().controls[one.control])


@pytest.fixture
def console(estate: Controlled) -> Iterator[tuple[str, str]]:
    """Serve the pages; give their address and a token."""
    estate.declare(use_case("hiring", title="Hiring", intake=with_facts(**HIGH)))
    estate.change(logging="full")
    estate.drill(f"use-case/{CASE}")
    estate.file("eval-run", b'{"passed": true, "score": 0.93}')
    estate.file("impact-assessment", b"x", observed_at=estate.clock - timedelta(days=300))
    client = estate.client()
    server = uvicorn.Server(uvicorn.Config(client.app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        pass
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}", client.headers["authorization"]
    server.should_exit = True
    thread.join(10)


@pytest.mark.parametrize("path", ["/controls", f"/use-cases/{CASE}/controls", "/controls/catalogue/C20"])
def test_nobody_is_kept_out_of_a_page(
    console: tuple[str, str], page: Page, axe: Callable[[Any], list[str]], path: str
) -> None:
    """What axe finds is nothing."""
    address, token = console
    page.set_extra_http_headers({"authorization": token})
    page.goto(f"{address}{path}")
    assert axe(page) == []
