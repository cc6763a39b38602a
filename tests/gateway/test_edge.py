"""What a hostile or clumsy caller may send to the listener, byte for byte."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import Any

import pytest

from roadworthy.testing.fake_provider import CHUNKS, FakeProvider
from roadworthy.testing.gateway_process import RunningGateway
from tests.gateway import world

BODY = json.dumps({"model": "ok", "messages": [{"role": "user", "content": "Hi"}]}).encode()
AUTH = f"authorization: Bearer {world.KEY}\r\n".encode()


def exchange(gateway: RunningGateway, data: bytes, *, wait_s: float = 3.0) -> bytes:
    """Send bytes, and return all that comes back until the gateway closes or is silent."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=wait_s) as connection:
        connection.sendall(data)
        received = b""
        try:
            while more := connection.recv(65536):
                received += more
        except TimeoutError:
            received += b"<open>"
        except ConnectionResetError:
            received += b"<reset>"
        return received


def statuses(received: bytes) -> list[int]:
    """Return the status of every answer."""
    return [int(found) for found in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def post(body: bytes = BODY, *, head: bytes = b"", last: bool = True) -> bytes:
    """Return a chat completions request."""
    end = b"connection: close\r\n" if last else b""
    length = b"content-length: %d\r\n" % len(body)
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n" + AUTH + head + end + length + b"\r\n" + body


CHUNKED = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n" + AUTH + b"transfer-encoding: chunked\r\n"
NEXT = b"GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
P = b"POST /v1/chat/completions HTTP/1.1\r\n"
H = b"host: a\r\n"

SMUGGLING = {
    "two lengths, the same": P + H + b"content-length: 1\r\ncontent-length: 1\r\n\r\nx",
    "two lengths, different": P + H + b"content-length: 0\r\ncontent-length: 40\r\n\r\n" + NEXT,
    "length then chunked": P + H + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT,
    "chunked then length": P + H + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n" + NEXT,
    "other coding": P + H + b"transfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunked not last": P + H + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "compressed transfer": P + H + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": P + H + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked in 1.0": b"POST /v1/models HTTP/1.0\r\n" + H + b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    "bare line feeds": b"POST / HTTP/1.1\nhost: a\ncontent-length: 1\n\nx",
    "one bare line feed": P + b"host: a\ncontent-length: 1\r\n\r\nx",
    "folded header": P + H + b"x: a\r\n b\r\ncontent-length: 0\r\n\r\n",
    "signed length": P + H + b"content-length: +1\r\n\r\nx",
    "negative length": P + H + b"content-length: -1\r\n\r\nx",
    "list of lengths": P + H + b"content-length: 1, 1\r\n\r\nx",
    "endless length": P + H + b"content-length: 99999999999999999999999\r\n\r\nx",
    "hexadecimal length": P + H + b"content-length: 0x1\r\n\r\nx",
    "space before colon": P + H + b"content-length : 1\r\n\r\nx",
    "empty length": P + H + b"content-length:\r\n\r\nx",
    "chunk size with prefix": P + H + b"transfer-encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n",
    "chunk with line feeds": P + H + b"transfer-encoding: chunked\r\n\r\n1\nx\n0\n\n",
    "endless chunk size": P + H + b"transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nx\r\n0\r\n\r\n",
    "negative chunk size": P + H + b"transfer-encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n",
    "trailers": P + H + b"transfer-encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nauthorization: z\r\n\r\n",
    "absolute target": b"GET http://evil/healthz HTTP/1.1\r\nhost: a\r\n\r\n",
    "asterisk": b"GET * HTTP/1.1\r\nhost: a\r\n\r\n",
    "connect": b"CONNECT a:1 HTTP/1.1\r\nhost: a\r\n\r\n",
    "nul in a header": P + H + b"x: a\x00b\r\ncontent-length: 0\r\n\r\n",
    "carriage return in a header": P + H + b"x: a\rb\r\ncontent-length: 0\r\n\r\n",
    "space in a name": P + H + b"x y: a\r\ncontent-length: 0\r\n\r\n",
    "no host": P + b"content-length: 0\r\n\r\n",
    "two hosts": P + H + b"host: b\r\ncontent-length: 0\r\n\r\n",
    "host with a path": P + b"host: a/../b\r\ncontent-length: 0\r\n\r\n",
    "host with a query": P + b"host: a?b\r\ncontent-length: 0\r\n\r\n",
    "host with a fragment": P + b"host: a#b\r\ncontent-length: 0\r\n\r\n",
    "host with a user": P + b"host: u@a\r\ncontent-length: 0\r\n\r\n",
    "two keys": P + H + AUTH + AUTH + b"content-length: 0\r\n\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\nhost: a\r\n\r\n",
    "bytes in the target": b"GET /\xff HTTP/1.1\r\nhost: a\r\n\r\n",
    "lower-case method": b"post / HTTP/1.1\r\nhost: a\r\n\r\n",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory, provider: FakeProvider) -> Any:
    """One gateway for all that must not leave a trace on it."""
    from roadworthy.gateway.edge.limits import Limits
    from roadworthy.gateway.process import GatewaySettings
    from roadworthy.testing.gateway_process import SnapshotSource

    settings = GatewaySettings(port=0, drain_s=5, limits=Limits(header_s=1.0, body_grace_s=1.0))
    source = SnapshotSource(world.snapshot(provider.url))
    with RunningGateway(tmp_path_factory.mktemp("steady"), source, settings=settings) as running:
        yield running


@pytest.mark.parametrize("name", SMUGGLING)
def test_ambiguous_requests_get_one_400_and_a_closed_connection(steady: RunningGateway, name: str) -> None:
    """Nothing after a request whose end is in doubt is ever read as another request."""
    received = exchange(steady, SMUGGLING[name] + NEXT)
    assert statuses(received) == [400], received
    assert not received.endswith(b"<open>")


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/0.9"])
def test_other_versions_are_refused(steady: RunningGateway, version: bytes) -> None:
    """What is not HTTP/1.x is not guessed at."""
    assert statuses(exchange(steady, b"GET /healthz " + version + b"\r\nhost: a\r\n\r\n")) == [505]


def test_what_is_not_http_is_told_why(steady: RunningGateway) -> None:
    """An engineer finds the line at fault."""
    received = exchange(steady, b"POST / HTTP/1.1\r\nhost : x\r\n\r\n")
    assert b"not valid HTTP/1.1: Invalid header token." in received


@pytest.mark.parametrize(
    "path", [b"//v1/models", b"/v1//models", b"/v1/%6dodels", b"/v1/models;x", b"/v1/./models"]
)
def test_other_spellings_of_a_path_are_other_paths(steady: RunningGateway, path: bytes) -> None:
    """One spelling, one meaning: nothing in front can be talked into another."""
    received = exchange(steady, b"GET " + path + b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    assert statuses(received) == [404]


def test_unknown_path_and_wrong_method_are_refused_in_the_dialect(steady: RunningGateway) -> None:
    """Clients read these like any other error."""
    received = exchange(
        steady, b"POST /v1/completions HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    )
    assert json.loads(received.partition(b"\r\n\r\n")[2])["error"]["code"] == "path_unknown"
    received = exchange(
        steady,
        b"POST /v1/messages/batches HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    )
    said = json.loads(received.partition(b"\r\n\r\n")[2])
    assert (said["type"], said["error"]["type"]) == ("error", "not_found_error")
    received = exchange(steady, b"GET /v1/chat/completions HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    assert statuses(received) == [405]
    assert b"allow: POST" in received


# ---------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(("over", "status"), [(0, 404), (1, 414)])
def test_request_line_ends_at_8_kib(steady: RunningGateway, over: int, status: int) -> None:
    """Exactly 8 KiB is taken, a byte more is not."""
    path = b"/" + b"a" * (8192 - 14 - 1 + over)
    assert statuses(
        exchange(steady, b"GET " + path + b" HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    ) == [status]


@pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 431)])
def test_headers_end_at_32_kib(steady: RunningGateway, over: int, status: int) -> None:
    """Exactly 32 KiB are taken, a byte more is not."""
    fixed = len(b"host: a\r\nconnection: close\r\nx: \r\n")
    pad = b"y" * (32768 - fixed + over)
    request = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\nx: " + pad + b"\r\n\r\n"
    assert statuses(exchange(steady, request)) == [status]


@pytest.mark.parametrize(("fields", "status"), [(98, 200), (99, 431)])
def test_headers_end_at_100_fields(steady: RunningGateway, fields: int, status: int) -> None:
    """Exactly 100 fields are taken, one more is not."""
    many = b"".join(b"x-%d: y\r\n" % number for number in range(fields))
    request = b"GET /healthz HTTP/1.1\r\nhost: a\r\nconnection: close\r\n" + many + b"\r\n"
    assert statuses(exchange(steady, request)) == [status]


def test_header_that_never_ends_is_cut_off(steady: RunningGateway) -> None:
    """Megabytes of an unfinished header are not collected."""
    received = exchange(steady, b"GET /healthz HTTP/1.1\r\nhost: a\r\nx: " + b"y" * 2_000_000)
    assert statuses(received) in ([431], [])  # the answer may be lost under what was still being sent
    assert not received.endswith(b"<open>")


@pytest.mark.parametrize(("over", "status"), [(0, 400), (1, 413)])
def test_body_ends_at_10_mib(steady: RunningGateway, over: int, status: int) -> None:
    """Exactly 10 MiB are read (and found not to be JSON), a byte more is refused unread."""
    assert statuses(exchange(steady, post(b"x" * (10 * 1024 * 1024 + over)), wait_s=10))[:1] == [status]


def test_chunked_body_ends_at_10_mib(steady: RunningGateway) -> None:
    """Not announcing the length does not help."""
    piece = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
    received = exchange(steady, CHUNKED + b"\r\n" + piece * 10 + b"1\r\nx\r\n0\r\n\r\n", wait_s=10)
    assert statuses(received)[:1] == [413]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", []),
        (b"GET /healthz HTTP/1.1\r\nhost:", [408]),
        (P + H + b"content-length: 100\r\n\r\nslow", [408]),
    ],
)
def test_slow_callers_are_let_go(steady: RunningGateway, sent: bytes, status: list[int]) -> None:
    """Headers and bodies have their time; a connection that says nothing is closed."""
    started = time.monotonic()
    received = exchange(steady, sent, wait_s=5)
    assert statuses(received) == status
    assert not received.endswith(b"<open>")
    assert time.monotonic() - started < 4


def test_compressed_request_is_refused(steady: RunningGateway) -> None:
    """A small body must not become a large one here."""
    assert statuses(exchange(steady, post(head=b"content-encoding: gzip\r\n"))) == [415]


def test_100_continue_is_said_before_the_body(steady: RunningGateway) -> None:
    """A caller that waits for it gets it; one that asks for a body too large gets its refusal instead."""
    with socket.create_connection(("127.0.0.1", steady.port), timeout=3) as connection:
        whole = post(head=b"expect: 100-continue\r\n")
        head, _, body = whole.partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    too_large = P + H + b"expect: 100-continue\r\ncontent-length: 99999999\r\n\r\n"
    assert statuses(exchange(steady, too_large)) == [413]


HOSTILE_JSON = {
    "empty": b"",
    "text": b'"hello"',
    "list": b"[]",
    "not a number": b'{"model":"ok","messages":[],"temperature":NaN}',
    "infinity": b'{"model":"ok","messages":[],"temperature":Infinity}',
    "bad UTF-8": b'{"model":"ok","messages":["\xff\xfe"]}',
    "surrogate bytes": b'{"model":"ok","messages":["\xed\xa0\x80"]}',
    "65 levels": b'{"model":"ok","messages":' + b"[" * 64 + b"]" * 64 + b"}",
    "100,000 levels": b'{"model":"ok","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "unclosed levels": b'{"model":"ok","messages":' + b"[" * 100_000,
    "a million items": b'{"model":"ok","messages":[' + b"{}," * 300_000 + b"{}]}",
    "endless number": b'{"model":"ok","messages":[],"seed":' + b"9" * 5000 + b"}",
    "endless limit": b'{"model":"ok","messages":[],"max_tokens":' + b"9" * 400 + b"}",
    "model is a number": b'{"model":1,"messages":[]}',
    "model is empty": b'{"model":"","messages":[]}',
    "no model": b'{"messages":[]}',
    "no messages": b'{"model":"ok"}',
    "stream is text": b'{"model":"ok","messages":[],"stream":"true"}',
    "options are a list": b'{"model":"ok","messages":[],"stream":true,"stream_options":[]}',
    "negative limit": b'{"model":"ok","messages":[],"max_tokens":-1}',
    "trailing": b'{"model":"ok","messages":[]} {}',
    "control character": b'{"model":"o\x01k","messages":[]}',
}


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_hostile_json_is_a_clear_400(steady: RunningGateway, provider: FakeProvider, name: str) -> None:
    """Never a 500, never passed on, always with a reason."""
    seen = len(provider.seen)
    received = exchange(steady, post(HOSTILE_JSON[name]))
    assert statuses(received) == [400]
    error = json.loads(received.partition(b"\r\n\r\n")[2])["error"]
    assert error["code"] == "malformed_request"
    assert error["message"]
    assert len(provider.seen) == seen


def test_64_levels_are_taken(steady: RunningGateway) -> None:
    """The limit itself is within the limit."""
    assert statuses(exchange(steady, post(b'{"model":"ok","messages":' + b"[" * 63 + b"]" * 63 + b"}"))) == [
        200
    ]


def test_a_name_given_twice_means_one_thing(steady: RunningGateway, provider: FakeProvider) -> None:
    """The model that was checked is the model that is asked."""
    body = b'{"model":"ungranted","messages":[],"model":"ok"}'
    assert statuses(exchange(steady, post(body))) == [200]
    assert provider.seen[-1]["model"] == "ok"
    assert statuses(exchange(steady, post(b'{"model":"ok","messages":[],"mod\\u0065l":"ungranted"}'))) == [
        403
    ]


@pytest.mark.parametrize(
    "key",
    [
        b"",
        b"Basic x",
        b"Bearer",
        b"Bearer ",
        b"Bearer ' OR '1'='1",
        b"Bearer \xff\xfe",
        b"Bearer " + b"k" * 20_000,
    ],
)
def test_hostile_keys_are_unknown_keys(steady: RunningGateway, key: bytes) -> None:
    """Whatever stands in the header, it is looked up, not interpreted."""
    request = (
        b"GET /v1/models HTTP/1.1\r\nhost: a\r\nauthorization: " + key + b"\r\nconnection: close\r\n\r\n"
    )
    assert statuses(exchange(steady, request)) == [401]


# ---------------------------------------------------------------------------------------- connections


def test_pipelined_requests_are_answered_in_order(gateway: RunningGateway) -> None:
    """Slow, refused and quick ones in one packet: each gets its own answer, in its turn."""
    slow = BODY.replace(b'"ok"', b'"slow"')
    refused = BODY.replace(b'"ok"', b'"nowhere"')
    data = b"".join(
        [post(slow, last=False), post(refused, last=False), post(last=False)] * 5 + [post(refused, last=True)]
    )
    assert statuses(exchange(gateway, data, wait_s=15)) == [200, 404, 200] * 5 + [404]
    assert len(gateway.records(at_least=16)) == 16


def test_error_after_pipelined_requests_comes_after_their_answers(gateway: RunningGateway) -> None:
    """Order holds even for what could not be read."""
    assert statuses(exchange(gateway, post(last=False) + b"nonsense\r\n\r\n")) == [200, 400]


def test_upgrade_is_refused_with_a_reason(gateway: RunningGateway) -> None:
    """What would follow an upgrade could not be told from a next request."""
    head = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AA\r\n"
    received = exchange(gateway, post(head=head, last=False) + NEXT)
    assert statuses(received) == [400]
    assert b"upgrade_refused" in received


def test_reader_that_stalls_slows_the_provider_down(gateway: RunningGateway, provider: FakeProvider) -> None:
    """The gateway holds a bounded part of a long stream, and lets a dead reader go."""
    left = provider.left_early
    body = json.dumps({"model": "flood", "messages": [], "stream": True}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(post(body))
        connection.recv(100)
        time.sleep(3)
        assert provider.left_early == left + 1  # stalled_reader_s is one second here
    (record,) = gateway.records()
    assert record.error == "client_disconnected"


def test_stop_lets_answers_be_finished(gateway: RunningGateway) -> None:
    """SIGTERM costs nobody an answer."""
    body = json.dumps({"model": "slow", "messages": []}).encode()
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=5) as connection:
        connection.sendall(post(body, last=False))
        time.sleep(0.2)
        gateway.gateway.stop()
        received = b""
        while more := connection.recv(65536):
            received += more
    assert statuses(received) == [200]
    assert "".join(CHUNKS).encode() in received
    assert b"connection: close" in received
    gateway.stop()
    assert gateway.code == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", gateway.port), timeout=1)
