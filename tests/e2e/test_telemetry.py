"""Calls of the installed program reach a collector and a scraper as they read them, without their words."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.e2e.installation import Installation, free_port
from tests.e2e.test_replay import Line, Provider

pytestmark = [pytest.mark.slow, pytest.mark.e2e, pytest.mark.timeout(300)]
_VALUES: dict[str, type | tuple[type, ...]] = {
    "stringValue": str,
    "boolValue": bool,
    "intValue": str,
    "doubleValue": (int, float),
}
_SPAN = {
    "traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano",
    "attributes", "status",
}  # fmt: skip
_POINT = {
    "attributes", "startTimeUnixNano", "timeUnixNano", "count", "sum", "min", "max", "bucketCounts",
    "explicitBounds",
}  # fmt: skip


def attributes(listed: list[dict[str, Any]]) -> dict[str, Any]:
    """Read attributes as OTLP's JSON has them: one value each, 64-bit integers as text."""
    found: dict[str, Any] = {}
    for one in listed:
        assert set(one) == {"key", "value"}
        ((kind, value),) = one["value"].items()
        assert isinstance(value, _VALUES[kind]), one
        found[one["key"]] = int(str(value)) if kind == "intValue" else value
    return found


class Collector:
    """Reads what it is sent by the rules of OTLP over HTTP with JSON; refuses while it is `away`."""

    def __init__(self) -> None:
        self.spans: list[tuple[dict[str, Any], dict[str, Any]]] = []
        self.points: dict[str, list[dict[str, Any]]] = {}
        self.raw = b""
        self.faults: list[str] = []
        self.away = False
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if not outer.away:
                    outer.take(self.path, self.headers["Content-Type"], body)
                self.send_response(503 if outer.away else 200)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, path: str, kind: str, body: bytes) -> None:
        """Read a request; what is against the rules is kept for the test to see."""
        self.raw += body
        try:
            assert kind == "application/json"
            (self._traces if path == "/v1/traces" else self._metrics)(json.loads(body))
        except (AssertionError, KeyError, ValueError, TypeError) as error:
            self.faults.append(f"{path}: {type(error).__name__} {error}")

    def _traces(self, said: dict[str, Any]) -> None:
        for resource in said["resourceSpans"]:
            assert attributes(resource["resource"]["attributes"])["service.name"] == "roadworthy"
            for span in (one for scope in resource["scopeSpans"] for one in scope["spans"]):
                assert set(span) <= _SPAN, set(span)
                assert re.fullmatch("[0-9a-f]{32}", span["traceId"])
                assert re.fullmatch("[0-9a-f]{16}", span["spanId"])
                assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"])
                self.spans.append((span, attributes(span["attributes"])))

    def _metrics(self, said: dict[str, Any]) -> None:
        for resource in said["resourceMetrics"]:
            for metric in (one for scope in resource["scopeMetrics"] for one in scope["metrics"]):
                assert metric["histogram"]["aggregationTemporality"] == 1
                for point in metric["histogram"]["dataPoints"]:
                    assert set(point) <= _POINT, set(point)
                    counts = [int(one) for one in point["bucketCounts"]]
                    assert sum(counts) == int(point["count"])
                    assert len(counts) == len(point["explicitBounds"]) + 1
                    self.points.setdefault(metric["name"], []).append(point)


def read(url: str) -> str:
    """Return a page."""
    with urllib.request.urlopen(url, timeout=10) as answer:
        return str(answer.read().decode())


def until(holds: Any, *, seconds: float = 30) -> None:
    """Wait for something."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Line, Collector, int, int]]:
    """Start it, told of a collector, with both pages of figures."""
    provider, collector, gateway_page, control_page = Provider(), Collector(), free_port(), free_port()
    settings = {
        "ROADWORTHY_OTLP_ENDPOINT": collector.url,
        "ROADWORTHY_METRICS_PORT": str(gateway_page),
        "ROADWORTHY_CONTROL_METRICS_PORT": str(control_page),
    }
    folder = tmp_path_factory.mktemp("told")
    with Installation(folder, settings=settings) as installation:
        installation.start("control", "gateway")
        yield Line(installation, provider), collector, gateway_page, control_page
    for server in (provider.server, collector.server):
        server.shutdown()
        server.server_close()


def test_a_call_reaches_the_collector_once_and_waits_while_it_is_away(
    told: tuple[Line, Collector, int, int],
) -> None:
    """With the conventions' names; nothing that was said; health says how it goes."""
    line, collector, _, page = told
    health = f"{line.installation.url}/readyz"
    collector.away = True
    name = line.call("rebooking")
    until(lambda: json.loads(read(health))["export"]["failing"])
    assert "roadworthy_export_failed 1" in read(f"http://127.0.0.1:{page}/metrics")
    collector.away = False
    until(
        lambda: any(
            of["gen_ai.response.id"] == name for span, of in collector.spans if "parentSpanId" not in span
        )
    )
    until(lambda: not json.loads(read(health))["export"]["failing"])
    assert collector.faults == []
    (root, said), (attempt, _) = [
        one for one in collector.spans if one[0]["traceId"] == name.removeprefix("tr_")
    ]
    assert attempt["parentSpanId"] == root["spanId"]
    assert (said["gen_ai.usage.input_tokens"], said["gen_ai.usage.output_tokens"]) == (9, 4)
    assert (said["gen_ai.request.model"], said["gen_ai.response.model"]) == ("default", "s-1")
    assert said["roadworthy.use_case"] == "rebooking"
    assert {"gen_ai.client.operation.duration", "gen_ai.client.token.usage"} <= set(collector.points)
    assert b"crossing" not in collector.raw
    figures = read(f"http://127.0.0.1:{page}/metrics")
    assert "roadworthy_export_dropped_calls_total 0" in figures
    assert json.loads(read(health))["export"]["dropped"] == 0
    sent = re.search(r"^roadworthy_exported_calls_total (\d+)$", figures, re.MULTILINE)
    assert sent is not None
    assert int(sent.group(1)) >= 1


_SAMPLE = re.compile(r'^[a-z_]+(\{([a-z_]+="(\\.|[^"\\])*",?)*\})? [-+0-9.e]+$')


def test_the_figures_can_be_scraped_and_add_up(told: tuple[Line, Collector, int, int]) -> None:
    """Every line is one that Prometheus reads; buckets only grow; counters follow the calls."""
    line, _, page, _ = told

    def counted() -> float:
        pattern = r'^roadworthy_calls_total\{use_case="rebooking".*kind="production".* (\d+)$'
        return sum(
            int(one) for one in re.findall(pattern, read(f"http://127.0.0.1:{page}/metrics"), re.MULTILINE)
        )

    before = counted()
    line.call("rebooking")
    until(lambda: counted() == before + 1)
    text = read(f"http://127.0.0.1:{page}/metrics")
    lines = text.splitlines()
    assert [one for one in lines if not one.startswith("#") and not _SAMPLE.match(one)] == []
    declared = {one.split()[2] for one in lines if one.startswith("# TYPE")}
    names = {re.sub(r"_(bucket|sum|count)$", "", re.split("[{ ]", one)[0]) for one in lines if one[0] != "#"}
    assert names <= declared
    buckets = re.findall(
        r'^roadworthy_call_duration_seconds_bucket\{use_case="rebooking".*le="[^"]+"\} (\d+)$',
        text,
        re.MULTILINE,
    )
    counts = list(map(int, buckets))
    assert counts == sorted(counts)
    assert counts[-1] >= before + 1
    assert "crossing" not in text
