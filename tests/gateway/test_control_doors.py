"""The API and the pages of calls: what happened and who may call, for those who may see it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from roadworthy.registry import audit
from roadworthy.usage import operations
from roadworthy.usage.record import AttemptRecord, CallRecord, LoggedText, ReasonRecord
from tests.gateway.control import BOT, Estate
from tests.governance.company import NOW

AT = int(NOW.timestamp() * 1000)
SERVED = CallRecord(
    id="call_served",
    at=AT - 5_000,
    decision="allowed",
    principal=BOT,
    key_id="k1",
    use_case="policy-search",
    namespace="claims",
    grant_id="grant_1",
    revision=3,
    requested_model="small",
    model="small",
    provider="local",
    upstream_model="s",
    attempts=(AttemptRecord("small", 200, "", 80.5),),
    status=200,
    stream=True,
    input_tokens=1_204,
    output_tokens=55,
    cost_nano=1_500_000,
    currency="EUR",
    price_source="declared, as of 2026",
    latency_ms=320.5,
    first_byte_ms=41.25,
    retention_days=30,
    text=LoggedText("<b>May I?</b>", "You may."),
)
REFUSED = CallRecord(
    id="call_refused",
    at=AT - 4_000,
    decision="refused",
    principal=BOT,
    key_id="k1",
    use_case="policy-search",
    reason="no_grant",
    reasons=(ReasonRecord("no_grant", "No grant.", "use-case/policy-search", ("person/ben",), "Ask Ben."),),
    requested_model="small",
    status=403,
    latency_ms=0.4,
)
UNPRICED = CallRecord(
    id="call_unpriced",
    at=AT - 3_000,
    decision="allowed",
    use_case="policy-search",
    model="small",
    status=200,
    faults=("price_unknown",),
    input_tokens=1,
    output_tokens=1,
    latency_ms=12.0,
)


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a company that made three calls."""
    made = Estate(tmp_path)
    with made.database.write() as tx:
        operations.ingest(tx, [SERVED, REFUSED, UNPRICED], source="gateway-1", now=NOW)
    yield made
    made.database.close()


def test_who_can_and_what_can_answer_over_the_api(estate: Estate) -> None:
    """Before the grant the key is named with its reason, after it with its grant; in both directions."""
    client = estate.client()
    issued = estate.key()
    before = client.get("/v1/access/who-can", params={"model": "model/small"}).json()
    estate.approve()
    who = client.get("/v1/access/who-can", params={"model": "small"}).json()
    what = client.get("/v1/access/what-can", params={"principal": BOT}).json()

    assert before["allowed"] == []
    assert [one["code"] for one in before["refused"]] == ["no_grant"]
    assert "person/ben" in before["refused"][0]["who_can_change"]
    assert [one["principal"] for one in who["allowed"]] == [BOT]
    assert who["allowed"][0]["key_id"] == issued.credential.id
    assert who["revision"] > before["revision"]
    assert what["allowed"] == who["allowed"]
    assert client.get("/v1/access/who-can", params={"model": "nope"}).status_code == 404


def test_traces_over_the_api(estate: Estate) -> None:
    """The list narrows and pages; one call shows all; a bad cursor or time says what is wrong with it."""
    client = estate.client()

    first = client.get("/v1/traces", params={"limit": 2}).json()
    rest = client.get("/v1/traces", params={"limit": 2, "before": first["next_cursor"]}).json()
    assert [one["id"] for one in first["items"]] == ["call_unpriced", "call_refused"]
    assert [one["id"] for one in rest["items"]] == ["call_served"]
    assert rest["next_cursor"] == ""
    refused = client.get("/v1/traces", params={"decision": "refused", "use_case": "use-case/policy-search"})
    assert [one["reason_code"] for one in refused.json()["items"]] == ["no_grant"]

    trace = client.get("/v1/traces/call_served").json()
    assert "prompt" not in trace
    assert trace["text_kept"] is True
    assert client.get("/v1/traces/call_served/content").json()["prompt"] == "<b>May I?</b>"
    assert trace["attempts"] == [{"model": "small", "status": 200, "error": "", "ms": 80.5}]
    assert client.get("/v1/traces/call_none").status_code == 404
    assert client.get("/v1/traces", params={"before": "x"}).status_code == 422
    assert client.get("/v1/traces", params={"since": "2026-11-01T00:00:00"}).status_code == 422
    assert client.get("/v1/traces", params={"principal": "a\0b"}).status_code == 422


def test_search_over_the_api_and_who_may_look_into_content(estate: Estate) -> None:
    """Anything narrows the list; words that were said need a permission of their own, and leave an entry."""
    client = estate.client()

    def found(path: str = "/v1/traces", **params: str | float) -> list[str]:
        answer = client.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return [one["id"] for one in answer.json()["items"]]

    assert found(id_prefix="call_s") == ["call_served"]
    assert found(status=403) == ["call_refused"]
    assert "call_served" not in found(latency_over_ms=1e6)
    assert found(cost_over_nano=10**15) == []
    assert found(tag="replay") == []
    assert client.get("/v1/traces", params={"tag": "nonsense"}).status_code == 422
    assert found("/v1/contents", text="May I") == ["call_served"]
    assert found("/v1/contents", text="never said") == []
    with estate.database.read() as tx:
        newest = [one["action"] for one in audit.entries(tx, limit=2)]
    assert newest == ["usage.content-searched", "usage.content-searched"]
    page = client.get("/traces", params={"trace": "call_s", "cost": "", "latency": "1"})
    assert "call_served" in page.text
    assert "call_refused" not in page.text
    assert client.get("/traces", params={"cost": "much"}).status_code == 422
    words = client.get("/traces/contents", params={"text": "May I"})
    assert "call_served" in words.text
    viewer = estate.client("hal")
    assert viewer.get("/v1/contents", params={"text": "May I"}).status_code == 403
    assert viewer.get("/v1/traces/call_served/content").status_code == 403
    assert "Search what was said" not in viewer.get("/traces").text


def test_usage_and_status_over_the_api(estate: Estate) -> None:
    """Weeks of one use case, a line for each of several, and what is known of the gateways."""
    estate.clock = NOW + timedelta(seconds=1)
    client = estate.client()

    weekly = client.get("/v1/usage", params={"use_case": "policy-search", "weeks": 2}).json()
    overall = client.get("/v1/usage").json()
    status = client.get("/v1/gateway/status").json()

    assert [one["calls"] for one in weekly["items"]] == [0, 3]
    assert weekly["items"][1]["unknown_cost_calls"] == 1
    assert weekly["items"][1]["costs"] == [{"currency": "EUR", "nano": 1_500_000}]
    assert weekly["items"][0]["error_rate"] is None
    assert [(one["of"], one["calls"]) for one in overall["items"]] == [("policy-search", 3)]
    assert [(one["source"], one["records"], one["revision"]) for one in status["gateways"]] == [
        ("gateway-1", 3, 3)
    ]
    assert status["gateways"][0]["current"] is False
    assert [one["model"] for one in status["price_faults"]] == ["small"]


def test_a_viewer_of_another_unit_sees_none_of_it(estate: Estate) -> None:
    """Rights end at the unit: no trace, no usage, no line of access of a use case elsewhere."""
    estate.key()
    estate.approve()
    client = estate.client("hal")

    assert client.get("/v1/traces").json()["items"] == []
    assert client.get("/v1/traces/call_served").status_code == 404
    assert client.get("/v1/usage", params={"use_case": "policy-search"}).json()["items"] == []
    assert client.get("/v1/usage").json()["items"] == []
    who = client.get("/v1/access/who-can", params={"model": "small"}).json()
    assert (who["allowed"], who["refused"]) == ([], [])
    assert client.get("/access/models.json").json()["rows"] == []
    assert client.get("/traces.json", params={"use_case": "policy-search"}).json()["rows"] == []


def test_the_list_of_traces_and_its_twins_agree(estate: Estate) -> None:
    """The page, its JSON and its CSV show the same rows, and an unknown price is seen, not zero."""
    client = estate.client()

    page = client.get("/traces")
    rows = client.get("/traces.json").json()["rows"]
    lines = list(csv.DictReader(io.StringIO(client.get("/traces.csv").text)))

    assert page.status_code == 200
    assert [row["call"] for row in rows] == ["call_unpriced", "call_refused", "call_served"]
    assert [line["call"] for line in lines] == [row["call"] for row in rows]
    assert all(f"/traces/{row['call']}" in page.text for row in rows)
    assert [row["cost"] for row in rows] == ["Price unknown", None, "0.0015"]
    assert "Refused" in page.text
    narrowed = client.get("/traces", params={"decision": "refused", "period": "day"})
    assert "/traces/call_refused" in narrowed.text
    assert "/traces/call_served" not in narrowed.text
    assert "No call matches" in client.get("/traces", params={"model": "nothing"}).text


def test_the_list_goes_on_to_the_next_page(estate: Estate) -> None:
    """The pager's link leads to the calls below, with the filters kept."""
    with estate.database.write() as tx:
        many = [
            CallRecord(id=f"call_{number:03d}", at=AT - 60_000, decision="refused", use_case="policy-search")
            for number in range(60)
        ]
        operations.ingest(tx, many, source="gateway-1", now=NOW)
    client = estate.client()

    first = client.get("/traces.json", params={"decision": "refused"}).json()
    second = client.get("/traces.json", params={"decision": "refused", "cursor": first["next_cursor"]}).json()

    assert "Next rows" in client.get("/traces", params={"decision": "refused"}).text
    assert (len(first["rows"]), len(second["rows"]), second["next_cursor"]) == (50, 11, None)
    assert not {row["call"] for row in first["rows"]} & {row["call"] for row in second["rows"]}


def test_one_call_with_everything_behind_it(estate: Estate) -> None:
    """Who, for what, the reasons, the model, cost with its price source, latency, text, and the proof."""
    client = estate.client()

    served, refused = client.get("/traces/call_served").text, client.get("/traces/call_refused").text

    for said in ("policy-search", BOT, "grant_1", "declared, as of 2026", "320", "41", "/audit/"):
        assert said in served
    assert "May I?" not in served
    assert "/traces/call_served/content" in served
    assert "&lt;b&gt;May I?&lt;/b&gt;" in client.get("/traces/call_served/content").text
    assert "<b>May I?" not in served
    assert "Ask Ben." in refused
    assert "person/ben" in refused
    assert "not logged" in refused
    assert "Price unknown" in client.get("/traces/call_unpriced").text
    assert client.get("/traces/call_none").status_code == 404
    twin = client.get("/traces/call_served.json").json()
    assert twin["rows"][0]["latency_ms"] == 80.5


def test_who_may_call_which_model_is_a_page(estate: Estate) -> None:
    """Each way in is a row; before there is one the page says what it takes."""
    client = estate.client()
    assert "it takes a grant" in client.get("/access/models").text
    estate.key()
    estate.approve()

    rows = client.get("/access/models.json").json()["rows"]
    assert [(row["model"], row["principal"], row["owner"]) for row in rows] == [("small", BOT, "person/fay")]
    assert BOT in client.get("/access/models", params={"model": "model/small"}).text
    assert "Nobody may call" in client.get("/access/models", params={"model": "other"}).text
