"""The doors of controls: the catalogue and the answers, for who may see them."""

from __future__ import annotations

from tests.controls.estate import Controlled


def test_catalogue_through_the_api(estate: Controlled) -> None:
    """Listed whole, shown one by one, 404 for what is none."""
    client = estate.client("hal")
    listed = client.get("/v1/controls").json()
    assert len(listed["items"]) == 44
    one = client.get("/v1/controls/c20").json()
    assert (one["id"], one["fresh_days"], one["answered_by"]) == ("C20", 180, "both")
    assert one["references"]["eu"] == ["Art 14(4)(e)", "Art 26(5)"]
    assert one["holds_when"] == {"any": [{"stop_drill": {"eq": True}}, {"rollback_drill": {"eq": True}}]}
    missing = client.get("/v1/controls/C99")
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")


def test_controls_of_a_use_case_now_and_then(estate: Controlled) -> None:
    """Counts, reasons and evidence; a past moment answers as it did."""
    client = estate.client("hal")
    before = estate.clock.isoformat()
    found = client.get("/v1/use-cases/policy-search/controls", params={"only": "all"}).json()
    assert sum(found["counts"].values()) == 44
    assert found["items"][0]["state"] == "fails", "the most pressing first"
    only = client.get("/v1/use-cases/policy-search/controls", params={"only": "C20,C01"}).json()
    assert {one["control"]: one["state"] for one in only["items"]} == {"C01": "holds", "C20": "unknown"}
    from datetime import timedelta

    estate.clock += timedelta(hours=1)
    estate.drill("use-case/policy-search")
    asked = {"only": "C20"}
    assert _state(client.get("/v1/use-cases/policy-search/controls", params=asked).json()) == "holds"
    then = client.get("/v1/use-cases/policy-search/controls", params={**asked, "as_of": before}).json()
    assert _state(then) == "unknown"
    assert client.get("/v1/use-cases/none/controls").status_code == 404
    assert client.get("/v1/use-cases/policy-search/controls?only=X1").status_code == 422


def _state(document: dict[str, list[dict[str, str]]]) -> str:
    return document["items"][0]["state"]
