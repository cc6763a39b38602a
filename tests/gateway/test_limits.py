"""B6.4: each limit of input is exactly where it is said to be: at it is taken, one beyond is not."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from roadworthy.gateway.dialects.dialect import BrokenStreamError
from roadworthy.gateway.dialects.events import EVENT_BYTES_MAX, EventCutter
from roadworthy.gateway.edge.strangers import Strangers
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.gateway_process import RunningGateway
from tests.gateway.quota.test_calls import ask, running
from tests.gateway.test_edge import exchange, post, statuses

BEGIN, END = b'{"model":"ok","messages":', b"}"


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 400)])
def test_items_end_at_100000(gateway: RunningGateway, over: int, status: int) -> None:
    """The body itself, the list, and the rest within it."""
    body = BEGIN + b"[" + b",".join([b"{}"] * (100_000 - 2 + over)) + b"]" + END
    assert statuses(exchange(gateway, post(body), wait_s=10)) == [status]


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 400)])
def test_numbers_end_at_4300_digits(gateway: RunningGateway, over: int, status: int) -> None:
    """What Python would refuse to read is refused before anybody reads it."""
    body = BEGIN + b'[],"note":' + b"9" * (4300 + over) + END
    assert statuses(exchange(gateway, post(body), wait_s=10)) == [status]


@pytest.mark.parametrize("cut", [1 << 20, 4096, 65_537])
def test_an_event_of_a_stream_ends_at_1_mib(cut: int) -> None:
    """Exactly 1 MiB is an event, a byte more breaks the stream, however it comes."""

    def read(over: int) -> list[int]:
        event = b"data: " + b"x" * (EVENT_BYTES_MAX - 8 + over) + b"\n\n"
        cutter = EventCutter()
        pieces = [event[at : at + cut] for at in range(0, len(event), cut)]
        return [len(data) for piece in pieces for _, data in cutter.feed(piece)]

    assert read(0) == [EVENT_BYTES_MAX - 8]
    with pytest.raises(BrokenStreamError):
        read(1)


def test_a_key_has_100_calls_under_way(tmp_path: Path, provider: FakeProvider) -> None:
    """The hundred-and-first is told so; when one ends, another has room."""
    body = json.dumps({"model": "endless", "messages": [], "stream": True, "max_tokens": 5}).encode()
    with running(tmp_path, provider) as (gateway, _):
        under_way = []
        try:
            for _ in range(100):
                connection = socket.create_connection(("127.0.0.1", gateway.port), timeout=10)
                connection.sendall(post(body, last=False))
                under_way.append(connection)
            for connection in under_way:
                assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
            refused = ask(gateway, max_tokens=5)
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_at_once")
            under_way.pop().close()
            for _ in range(100):
                if (answer := ask(gateway, max_tokens=5)).status_code == 200:
                    break
            assert answer.status_code == 200
        finally:
            for connection in under_way:
                connection.close()


def test_an_address_hears_unknown_key_twenty_times_a_second() -> None:
    """Twenty at once, then one for every twentieth of a second; another address has its own."""
    strangers = Strangers(20.0)
    assert [strangers.may_answer("a", now=1.0) for _ in range(21)] == [True] * 20 + [False]
    assert strangers.may_answer("b", now=1.0)
    assert not strangers.may_answer("a", now=1.049)
    assert strangers.may_answer("a", now=1.06)
    assert not strangers.may_answer("a", now=1.06)
