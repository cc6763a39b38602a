"""A stream under way ends when a kill switch is thrown for what it rests on, and says so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from roadworthy.gateway.process import GatewaySettings
from roadworthy.gateway.snapshot import Stop
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource
from tests.gateway import world


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[tuple[RunningGateway, str]]:
    """A gateway in front of a provider that never stops talking."""
    with FakeProvider() as provider:
        source = SnapshotSource(world.snapshot(provider.url))
        settings = GatewaySettings(port=0, drain_s=1)
        with RunningGateway(tmp_path, source, settings=settings) as running:
            yield running, provider.url


@pytest.mark.parametrize(
    ("of", "ends"),
    [
        ("model/endless", True),
        ("provider/fake", True),
        ("use-case/claims", True),
        ("service-account/claims-bot", True),
        ("api-key/aaaaaaaa", True),
        ("model/ok", False),
    ],
)
def test_stream_is_cut_off_within_two_seconds(
    gateway: tuple[RunningGateway, str],
    of: str,
    ends: bool,  # noqa: FBT001  a parameter of the test
) -> None:
    """The last event is an error that names the switch; a switch of something else changes nothing."""
    running, url = gateway
    body = {"model": "endless", "stream": True, "messages": [{"role": "user", "content": "Talk"}]}
    headers = {"authorization": f"Bearer {world.KEY}"}
    last, thrown_s, took_s = "", 0.0, 0.0
    with (
        httpx2.Client(timeout=10) as client,
        client.stream("POST", f"{running.url}/chat/completions", json=body, headers=headers) as answer,
    ):
        for line in answer.iter_lines():
            if not line.startswith("data: "):
                continue
            if not thrown_s:
                stop = Stop(of, "It talks too much.", "person/olga", time.time())
                thrown_s = time.monotonic()
                running.publish(world.snapshot(url, revision=2, stops={of: stop}))
            last = line
            took_s = time.monotonic() - thrown_s
            if took_s > 2.5:
                break
    assert (took_s <= 2.0) == ends
    if ends:
        said = json.loads(last.removeprefix("data: "))["error"]
        assert said["code"] == "killed"
        assert of in said["message"]
        assert "person/olga" in said["message"]
        (record,) = running.records()
        assert (record.error, record.reason) == ("killed", "killed")
        assert record.attempts[-1].error == "killed"
