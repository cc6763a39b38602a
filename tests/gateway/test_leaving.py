"""R-08: a caller who leaves, after whichever piece; the provider is told, and what was sent is paid for."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource
from roadworthy.usage.record import CallRecord
from tests.gateway import world

PIECES = 12
ASKED: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": [{"role": "user", "content": "Hi"}]},
    "/v1/messages": {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 100},
    "/v1/responses": {"input": "Hi"},
}


@pytest.fixture
def gateway(tmp_path: Path, provider: FakeProvider) -> Iterator[RunningGateway]:
    """One whose provider speaks chat completions only, so that the others are translated."""
    made = world.snapshot(provider.url)
    fake = msgspec.structs.replace(made.providers["fake"], dialect="openai-chat")
    source = SnapshotSource(msgspec.structs.replace(made, providers={**made.providers, "fake": fake}))
    with RunningGateway(tmp_path, source) as running:
        yield running


def _begin(gateway: RunningGateway, path: str, *, model: str, stream: bool) -> socket.socket:
    body = json.dumps({"model": model, "stream": stream, **ASKED[path]}).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {world.KEY}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=5)
    connection.sendall(head.encode() + body)
    return connection


def _told(provider: FakeProvider, left: int) -> float:
    """Return how long it takes until the provider notices that it is left."""
    started = time.monotonic()
    while provider.left_early == left and time.monotonic() - started < 3:
        time.sleep(0.005)
    return time.monotonic() - started


def _record(gateway: RunningGateway) -> CallRecord:
    # A stream leaves a mark when it begins; what counts is what came of it.
    found = [one for one in gateway.records() if not one.open] or gateway.records()
    (record,) = (one for one in found if not one.open)
    return record


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("after", range(PIECES + 1))
def test_r08_left_after_a_piece(
    gateway: RunningGateway, provider: FakeProvider, path: str, after: int
) -> None:
    """The provider is left within a second; one record says so, with tokens and a cost for what was sent."""
    left = provider.left_early
    with _begin(gateway, path, model="endless", stream=True) as connection:
        received = b""
        while received.count(b"data: ") < after:
            received += connection.recv(4096)
        if after == 0:
            time.sleep(0.05)
    if after:
        assert received.startswith(b"HTTP/1.1 200 ")
    assert _told(provider, left) < 1
    record = _record(gateway)
    assert (record.status, record.error) == (499, "client_disconnected")
    if after > 3:  # by then words have come in every dialect
        assert record.output_tokens
        assert record.cost_nano
        assert record.estimated


def test_r08_left_before_a_whole_answer(gateway: RunningGateway, provider: FakeProvider) -> None:
    """Nobody waits for an answer that nobody reads."""
    with _begin(gateway, "/v1/chat/completions", model="silent", stream=False):
        time.sleep(0.1)
    record = _record(gateway)
    assert (record.status, record.error) == (499, "client_disconnected")
    assert record.latency_ms < 1500


def test_r08_left_in_the_middle_of_the_request(gateway: RunningGateway, provider: FakeProvider) -> None:
    """What did not come whole is no call: nobody is asked, and the next caller is served."""
    seen = len(provider.seen)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {world.KEY}\r\n"
    for sent in (head.encode()[:40], head.encode(), head.encode() + b"content-length: 100\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
            connection.sendall(sent)
    with _begin(gateway, "/v1/chat/completions", model="ok", stream=False) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
    assert len(provider.seen) == seen + 1
