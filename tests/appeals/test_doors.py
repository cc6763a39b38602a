"""What a blocked or held caller, and who decides about them, can do through the API and the console."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import msgspec
import pytest

from roadworthy.appeals import operations as appeals
from roadworthy.appeals import queries
from roadworthy.appeals.facts import FilterPassedOver
from roadworthy.evidence import queries as evidence
from roadworthy.gateway import filter_view
from roadworthy.gateway.filters.measured import measured
from roadworthy.gateway.filters.reading import BUILT_IN
from roadworthy.gateway.snapshot import FilterEntry
from roadworthy.usage import operations
from roadworthy.usage.record import CallRecord, FindingRecord, ReasonRecord
from roadworthy.usage.telemetry.prometheus import CallCounters
from tests.gateway.control import BOT, Estate
from tests.governance.company import NOW, SETUP, document

AT = int(NOW.timestamp() * 1000)


def _call(name: str, *, reason: str = "", status: int = 403, **more: object) -> CallRecord:
    made = CallRecord(
        id=name, at=AT - 5_000, decision="refused" if status == 403 else "allowed", principal=BOT,
        key_id="k1", use_case="policy-search", namespace="claims", reason=reason, status=status,
    )  # fmt: skip
    return msgspec.structs.replace(made, **more)


def _held(name: str, content: str) -> CallRecord:
    reason = (
        ReasonRecord("content_hash", content, "filter/payment") if content else ReasonRecord("held", "", "")
    )
    found = FindingRecord("payment", "card", "input", "hold")
    return _call(name, reason="held_for_approval", reasons=(reason,), findings=(found,))


KEY = FindingRecord("secrets", "openai-key", "input", "block")
CALLS = [
    *(_call(f"blocked_{number}", reason="filter_blocked", findings=(KEY,)) for number in range(4)),
    _held("held", "c" * 40),
    _held("held_before_it_could_be_approved", ""),
    _call("passed", status=200, faults=("filter_error_allowed:contact",)),
    _call("passed_too", status=200, faults=("filter_error_allowed:contact", "filter_stopped:payment")),
]


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a company with blocked, held and passed-over calls, and a reviewer of the unit they are of."""
    made = Estate(tmp_path)
    made.company.declare(
        document("Person", "rita", {"display_name": "Rita"}),
        document(
            "RoleBinding", "rita", {"subject": "person/rita", "role": "security-approver", "unit": "claims"}
        ),
        actor=SETUP,
    )
    hooks = (appeals.count_findings, partial(appeals.note_passes, now=NOW))
    with made.database.write() as tx:
        for _ in range(2):  # sent twice, counted once
            operations.ingest(tx, CALLS, source="gateway-1", now=NOW, hooks=hooks)
    yield made
    made.database.close()


def test_appeals_move_the_measured_rate(estate: Estate) -> None:
    """Made once, by who may see the call; decided once, by somebody else; the rate follows."""
    root, rita, hal = estate.client(), estate.client("rita"), estate.client("hal")
    assert hal.post("/v1/appeals", json={"call": "blocked_0", "because": "x"}).status_code == 404
    for number in range(3):
        made = root.post("/v1/appeals", json={"call": f"blocked_{number}", "because": "A part number."})
        assert (made.status_code, made.json()["filters"]) == (201, ["secrets"])
    again = root.post("/v1/appeals", json={"call": "blocked_0", "because": "Again."})
    assert again.status_code == 409
    assert root.post("/v1/appeals", json={"call": "passed", "because": "x"}).json()["code"] == "not-blocked"
    shown = root.get("/v1/filters/secrets").json()
    assert (shown["appealed"], shown["open_appeals"], shown["false_positive_rate"]) == (3, 3, None)

    verdict = {"verdict": "overturned", "reason": "It is a part number."}
    assert root.post("/v1/appeals/blocked_0/decide", json=verdict).json()["code"] == "own-appeal"
    assert hal.post("/v1/appeals/blocked_0/decide", json=verdict).status_code == 403
    assert rita.post("/v1/appeals/blocked_0/decide", json=verdict).status_code == 200
    assert rita.post("/v1/appeals/blocked_0/decide", json=verdict).json()["code"] == "appeal-decided"
    upheld = {"verdict": "upheld", "reason": "It is a key."}
    assert rita.post("/v1/appeals/blocked_1/decide", json=upheld).status_code == 200
    shown = root.get("/v1/filters/secrets").json()
    assert (shown["overturned"], shown["upheld"], shown["false_positive_rate"]) == (1, 1, 0.5)
    assert 0 < shown["false_positive_low"] < 0.5 < shown["false_positive_high"] < 1
    assert [one["verdict"] for one in root.get("/v1/appeals").json()["items"]] == ["", "upheld", "overturned"]


def test_a_held_call_is_approved_for_a_while_by_somebody_else(estate: Estate) -> None:
    """Its content, not its caller, passes; until the approval ends or is taken back by a later word."""
    root, rita = estate.client(), estate.client("rita")
    assert [one["call"] for one in root.get("/v1/holds").json()["items"]] == ["held"]
    before = estate.index().snapshot
    body = {"verdict": "approved", "reason": "A test card.", "hours": 8}
    decided = rita.post("/v1/holds/held/decide", json=body)
    assert (decided.status_code, decided.json()["decided_by"]) == (200, "person/rita")
    after = estate.index().snapshot
    assert after.revision > before.revision, "gateways are told at once"
    assert after.approved_content == {"c" * 40: NOW.timestamp() + 8 * 3600}
    assert rita.post("/v1/holds/blocked_0/decide", json=body).status_code == 404
    assert rita.post("/v1/holds/held/decide", json={**body, "hours": 10_000}).status_code == 422
    refused = rita.post("/v1/holds/held/decide", json={"verdict": "refused", "reason": "A real one."})
    assert refused.json()["verdict"] == "refused"
    assert estate.index().snapshot.approved_content == {}


def test_what_went_on_without_a_filter_is_counted_and_in_the_log(estate: Estate) -> None:
    """Once each, by filter and reason: on the filter's page, in the audit log and for Prometheus."""
    with estate.database.read() as tx:
        facts = [(one.subject, one.fact) for one in evidence.of(tx, FilterPassedOver)]
        assert (
            sum(one["calls"] for one in queries.findings(tx, now=NOW) if one["action"] == "passed over") == 3
        )
    assert [(subject, one.because, one.calls, one.first_call) for subject, one in facts] == [
        ("filter/contact", "failed", 2, "passed"),
        ("filter/payment", "stopped", 1, "passed_too"),
    ]
    shown = estate.client().get("/v1/filters/contact").json()
    assert (shown["passed_over"], shown["calls"]) == (2, 0)
    counters = CallCounters()
    counters.count(CALLS)
    lines = counters.render({}).splitlines()
    assert 'roadworthy_failure_mode_allowed_total{filter="contact",because="failed"} 2' in lines
    assert 'roadworthy_failure_mode_allowed_total{filter="payment",because="stopped"} 1' in lines


def test_every_filter_says_what_was_measured_of_it(estate: Estate) -> None:
    """Recall, false alarms and microseconds, by API and page; the report knows every recogniser."""
    assert set(measured().recognisers) == {one.name for one in BUILT_IN}, "run scripts/measure_filters.py"
    client = estate.client()
    found = client.get("/v1/filters").json()
    assert found["measured"]["texts"] > 10_000
    assert {one["name"] for one in found["measured"]["sets"]} == {
        "inventory",
        "s-labs",
        "neuralchemy",
        "yanismiraoui",
    }
    for one in found["items"]:
        assert 0 <= one["recall"] <= 1, one["name"]
        assert one["recall_of"] >= 300, one["name"]
        assert one["negatives"] > 3000
        assert 0 < one["us_per_kb"] < 1000
    overview = client.get("/operations/filters").text
    assert "False alarms" in overview
    page = client.get("/operations/filters/national-ids").text
    assert "de-steuer-id" in page
    assert "python-stdnum" in page
    injections = client.get("/operations/filters/injection").text
    assert "yanismiraoui" in injections
    assert "harmless" in injections


def test_a_classifier_shows_what_its_threshold_lets_through() -> None:
    """The higher the bar, the less is found and the less is wrong; of what is own, nothing is measured."""
    bars = (0.5, 0.6, 0.7, 0.95)
    found = [filter_view.measure_of(FilterEntry("x", classifier=bar), measured()) for bar in bars]
    recalls = [one.recall or 0 for one in found if one is not None]
    wrong = [one.false_positives for one in found if one is not None]
    assert recalls[0] == recalls[1] > recalls[2] > recalls[3] > 0
    assert wrong[0] == wrong[1] > wrong[2] > wrong[3] > 0
    assert filter_view.measure_of(FilterEntry("x", patterns={"p": "plum"}), measured()) is None
    both = FilterEntry("x", recognisers=("cards",), classifier=0.8)
    assert filter_view.measure_of(both, measured()) is None


def test_a_text_on_trial_is_read_and_not_kept(estate: Estate) -> None:
    """What would be masked is masked; nothing of it is in the database."""
    said = {"text": "Write to ada.lovelace@example.org, card 4111 1111 1111 1111."}
    found = estate.client().post("/v1/filters/try", json=said).json()
    assert found["text"] == "Write to [EMAIL], card [CARD]."
    assert {one["filter"] for one in found["found"]} == {"contact", "payment"}
    assert (
        estate.client().post("/v1/filters/try", json={**said, "use_case": "policy-search"}).status_code == 404
    )
    estate.approve()
    allowed = estate.client().post("/v1/filters/try", json={**said, "use_case": "policy-search"}).json()
    assert "[CARD]" in allowed["text"]
    for file in estate.folder.iterdir():
        assert not file.is_file() or b"ada.lovelace" not in file.read_bytes()


def test_the_pages_of_appeals_and_held_calls(estate: Estate) -> None:
    """Each offers the form that fits who looks and how it stands."""
    root, rita = estate.client(), estate.client("rita")
    overview = root.get("/operations/filters").text
    assert "/holds/held" in overview
    assert "Why the filter was wrong" in root.get("/appeals/blocked_0").text
    root.post("/v1/appeals", json={"call": "blocked_0", "because": "A part number."})
    assert "Overturn" not in root.get("/appeals/blocked_0").text, "nobody decides about their own"
    assert "Overturn" in rita.get("/appeals/blocked_0").text
    assert "nothing to appeal" in root.get("/appeals/passed").text
    assert "How long the same content may pass" in rita.get("/holds/held").text
    assert estate.client("hal").get("/holds/held").status_code == 404
