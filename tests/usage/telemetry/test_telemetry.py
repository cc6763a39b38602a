"""Calls reach a declared collector once, as the conventions have it; figures are shown to whom they may."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Database
from roadworthy.usage import operations
from roadworthy.usage.record import AttemptRecord, CallRecord
from roadworthy.usage.telemetry import mapper
from roadworthy.usage.telemetry.export import Exporter
from roadworthy.usage.telemetry.metrics_door import MetricsDoor
from roadworthy.usage.telemetry.prometheus import CallCounters
from tests.usage.conftest import NOW

CALL = CallRecord(
    id="tr_" + "0a" * 16, at=1_700_000_000_000, decision="allowed", use_case="claims", model="small",
    provider="local", requested_model="fast", upstream_model="smollm", status=200, input_tokens=10,
    output_tokens=5, latency_ms=250.0, attempts=(AttemptRecord("small", 200, "", 240.0),),
)  # fmt: skip


class Collector:
    """Takes what is sent, or refuses it."""

    def __init__(self) -> None:
        self.got: list[tuple[str, Any]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if outer.status == 200:
                    outer.got.append((self.path, json.loads(body)))
                self.send_response(outer.status)
                self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_address[1]}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    """Give a collector and close it."""
    one = Collector()
    yield one
    one.server.shutdown()
    one.server.server_close()


def test_a_call_is_a_span_with_one_below_for_each_attempt() -> None:
    """The trace's id is the call's own; tokens, model and provider carry the conventions' names."""
    payload = mapper.traces([CALL], service="x", version="1")
    (scope,) = payload["resourceSpans"][0]["scopeSpans"]
    root, attempt = scope["spans"]
    named = {one["key"]: one["value"] for one in root["attributes"]}
    assert scope["schemaUrl"].endswith(mapper.CONVENTIONS)
    assert root["traceId"] == "0a" * 16
    assert attempt["parentSpanId"] == root["spanId"]
    assert named["gen_ai.usage.input_tokens"] == {"intValue": "10"}
    assert named["gen_ai.provider.name"] == {"stringValue": "local"}
    assert int(root["endTimeUnixNano"]) - int(root["startTimeUnixNano"]) == 250_000_000


def test_every_call_is_sent_once_and_waits_for_a_collector_that_is_away(
    database: Database, collector: Collector, tmp_path: Path
) -> None:
    """From when it was declared on; a refusal or a redirect moves nothing, and nothing is sent elsewhere."""

    def exporter() -> Exporter:
        return Exporter(database, endpoint=collector.url, cursor=tmp_path / "cursor", version="1")

    def ingest(name: str) -> None:
        with database.write() as tx:
            operations.ingest(tx, [CallRecord(id=name, at=1, decision="allowed")], source="gw", now=NOW)

    ingest("before")
    assert exporter().once()
    ingest("after")
    for status in (503, 307):
        collector.status = status
        refused = exporter()
        assert not refused.once()
        assert refused.error
    collector.status = 200
    assert exporter().once()
    assert exporter().once()
    ids = [json.dumps(body) for path, body in collector.got if path == "/v1/traces"]
    assert len(ids) == 1
    assert '"after"' in ids[0]


def test_what_piles_up_beyond_the_bound_is_dropped_and_counted(
    database: Database, collector: Collector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest go first."""
    monkeypatch.setattr("roadworthy.usage.telemetry.export.QUEUE_BATCHES", 2)
    one = Exporter(database, endpoint=collector.url, cursor=tmp_path / "cursor", version="1")
    one.once()
    for number in range(5):
        with database.write() as tx:
            record = CallRecord(id=f"c{number}", at=1, decision="allowed")
            operations.ingest(tx, [record], source="gw", now=NOW)
    assert one.once()
    assert (one.sent, one.dropped) == (2, 3)


@pytest.mark.parametrize("token", ["", "secret"])
def test_figures_are_shown_to_whom_they_may(token: str) -> None:
    """Without a token this machine alone; with one, who sends it; never an open door by accident."""
    counters = CallCounters()
    counters.count([CALL])
    door = MetricsDoor("127.0.0.1", 0, counters=counters, gauges=dict, token=token)
    door.start()

    def get(path: str, **headers: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", door.port, timeout=5)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    assert get("/metrics")[0] == (401 if token else 200)
    assert get("/metrics", Authorization="Bearer wrong")[0] == (401 if token else 200)
    status, page = get("/metrics", Authorization="Bearer secret")
    assert status == 200
    assert 'roadworthy_tokens_total{use_case="claims",model="small"' in page
    assert get("/other")[0] == 404
    door.stop()
    with pytest.raises(InvalidError, match="open to everybody"):
        MetricsDoor("0.0.0.0", 0, counters=counters, gauges=dict, token="")  # noqa: S104
