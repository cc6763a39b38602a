"""The short ways through HTTP against the parser alone: same requests, same answers, same fate."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from roadworthy.gateway.edge import carrier, server
from roadworthy.gateway.edge.heads import Heads, RequestHead
from roadworthy.gateway.edge.limits import Limits
from roadworthy.gateway.edge.timers import Wheel
from roadworthy.gateway.exchange import Reply
from roadworthy.gateway.routing import Failure

LIMITS = Limits(header_bytes=2048, request_line_bytes=512, header_fields=20, body_bytes=4096)


class Pipe(asyncio.Transport):
    """What a connection writes to."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.closed = ""

    def write(self, data: Any) -> None:
        """Keep it."""
        self.written.append(bytes(data))

    def is_closing(self) -> bool:
        return bool(self.closed)

    def close(self) -> None:
        self.closed = self.closed or "closed"

    def abort(self) -> None:
        self.closed = "aborted"

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.written.append(b"<eof>")

    def pause_reading(self) -> None:
        """There is nothing to pause."""

    def resume_reading(self) -> None:
        """There is nothing to resume."""

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return default


class Still:
    """A loop whose timers never fire, and whose next turn comes when asked for."""

    def __init__(self) -> None:
        self.soon: list[tuple[Callable[..., object], tuple[object, ...]]] = []

    def call_later(self, *_: object) -> None:
        """Time stands still."""

    def call_soon(self, callback: Callable[..., object], *arguments: object) -> None:
        """Remember it for the next turn."""
        self.soon.append((callback, arguments))


class Never(Heads):
    """Knows no short way."""

    def whole(self, data: bytes) -> tuple[RequestHead, bytes] | None:
        return None


STILL = Still()
WHEEL = Wheel(STILL)  # type: ignore[arg-type]
PLAIN = Never(LIMITS)
QUICK = Heads(LIMITS)


class _Loops:
    """Stands for asyncio inside the server: its loop is ours."""

    Protocol = asyncio.Protocol
    Transport = asyncio.Transport

    @staticmethod
    def get_running_loop() -> Still:
        """Return the loop."""
        return STILL


def asked(packets: list[bytes], heads: Heads) -> list[object]:
    """Return what a listening connection understands of packets, and what becomes of it."""
    seen: list[object] = []

    def app(request: server.Request, reply: Reply) -> None:
        headers = {name: value for name, value in request.headers.items() if name != b"content-length"}
        seen.append((request.method, request.path, headers, request.body, request.keep_alive))
        reply.answer(200, b"text/plain", b"ok")

    settings = server.Settings(app=app, limits=LIMITS, wheel=WHEEL)
    settings.heads = heads
    connection = server.Connection(settings)
    pipe = Pipe()
    connection.connection_made(pipe)
    for packet in packets:
        if packet and not pipe.closed:
            connection.data_received(packet)
            while STILL.soon:
                callback, arguments = STILL.soon.pop(0)
                callback(*arguments)
    seen.append((b"".join(pipe.written), pipe.closed))
    connection.connection_lost(None)
    return seen


def cut(data: bytes) -> list[bytes]:
    """Cut an input into packets: `|` in the corpus is where one ends."""
    return re.split(rb"\|", data)


def requests(data: bytes) -> None:
    """Both ways understand the same requests, and answer and close alike."""
    packets = cut(data)
    server.asyncio = _Loops  # type: ignore[assignment,attr-defined]
    try:
        quick, plain = asked(packets, QUICK), asked(packets, PLAIN)
    finally:
        server.asyncio = asyncio  # type: ignore[attr-defined]
        WHEEL._slots.clear()  # a wheel that never turns would keep every connection
    assert quick == plain, (packets, quick, plain)


class Ear:
    """Hears an attempt."""

    def __init__(self) -> None:
        self.head: tuple[int, bytes, bytes] | None = None
        self.body = b""
        self.end = ""

    def on_head(self, status: int, content_type: bytes, retry_after: bytes) -> None:
        """The head."""
        assert self.head is None
        self.head = (status, content_type, retry_after)

    def on_body(self, data: bytes) -> None:
        """A piece."""
        assert self.head is not None
        assert not self.end
        self.body += data

    def on_end(self) -> None:
        """The end."""
        assert not self.end
        self.end = "whole"

    def on_fail(self, failure: Failure) -> None:
        """The end, a bad one."""
        assert not self.end
        self.end = failure.code


class Home:
    """The pool of one connection."""

    def __init__(self) -> None:
        self.wheel = WHEEL
        self.closed = False
        self.kept = 0

    def keep(self, connection: carrier.Connection) -> None:
        """It may carry another attempt."""
        self.kept += 1

    def forget(self, connection: carrier.Connection) -> None:
        """It is gone."""

    def dial(self, attempt: carrier.Attempt) -> None:
        """A stale one would be replaced here."""
        attempt.fail("dialled", "")


class ByParser(carrier.Connection):
    """Knows no short way."""

    __slots__ = ()

    def _usual(self, attempt: carrier.Attempt, data: bytes) -> bool:
        return False


def heard(packets: list[bytes], kind: type[carrier.Connection]) -> list[tuple[object, ...]]:
    """Return what comes of packets that answer two attempts, one after the other."""
    home, pipe = Home(), Pipe()
    connection = kind(home)
    connection.connection_made(pipe)
    found: list[tuple[object, ...]] = []
    ear = Ear()
    connection.carry(carrier.Attempt(b"", ear, first_byte_s=9, total_s=9))
    for packet in packets:
        if not packet:
            continue
        if ear.end and home.kept and not pipe.closed:
            found.append((ear.head, ear.body, ear.end, home.kept))
            ear = Ear()
            connection.carry(carrier.Attempt(b"", ear, first_byte_s=9, total_s=9))
        if pipe.closed:
            break
        connection.data_received(packet)
    connection.connection_lost(None)
    # Of a body that breaks off, how much was passed on may differ: the caller sees it broken.
    body = ear.body if ear.end == "whole" else b""
    found.append((ear.head, body, ear.end, home.kept, pipe.closed))
    return found


def answers(data: bytes) -> None:
    """Both ways hear the same answers, and keep or close the connection alike."""
    packets = cut(data)
    quick, plain = heard(packets, carrier.Connection), heard(packets, ByParser)
    WHEEL._slots.clear()
    if quick and quick[-1][2:] == ("whole", len(quick) - 1, "closed"):
        # The short way closes after any byte too many; the parser lets empty lines pass.
        assert quick[-1][:3] == plain[len(quick) - 1][:3], (packets, quick, plain)
        assert quick[:-1] == plain[: len(quick) - 1], (packets, quick, plain)
        return
    assert quick == plain, (packets, quick, plain)


H = b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n"
REQUESTS = (
    H + b"content-length: 5\r\n\r\nhello",
    H + b"content-length: 5\r\n\r\nhello|" + H + b"content-length: 7\r\n\r\ngoodbye",
    H + b"Content-Length: 0\r\nconnection: keep-alive\r\n\r\n",
    H + b"content-length: 5\r\nauthorization: Bearer rwk_x\r\naccept: */*\r\n\r\nhello" * 2,
    H + b"content-length: 5\r\n\r\nhel|lo" + H + b"content-length: 1\r\n\r\nx",
    H + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n|" + H + b"content-length: 1\r\n\r\nx",
    H + b"expect: 100-continue\r\ncontent-length: 1\r\n\r\n|x",
    b"GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n|" + H + b"content-length: 1\r\n\r\nx",
    H + b"x: " + b"y" * 1980 + b"\r\ncontent-length: 1\r\n\r\nx",
    H + b"".join(b"x-%d: y\r\n" % number for number in range(18)) + b"content-length: 1\r\n\r\nx",
    H + b"\r\n|" + H + b"content-length: 1\r\n\r\nx",
    b"\r\n|" + H + b"content-length: 4096\r\n\r\n" + b"z" * 4096,
)
A = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
ANSWERS = (
    A + b"content-length: 5\r\n\r\nhello",
    A
    + b"content-length: 5\r\n\r\nhello|"
    + A
    + b"Content-Length: 3\r\nset-cookie: a\r\nset-cookie: b\r\n\r\nbye",
    A + b"content-length: 5\r\n\r\nhe|llo" + A + b"content-length: 0\r\n\r\n",
    A + b"content-length: 9\r\n\r\nhello|",
    A + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n|0\r\n\r\n|" + A + b"content-length: 1\r\n\r\nx",
    A + b"connection: close\r\n\r\nuntil the end",
    b"HTTP/1.1 100 Continue\r\n\r\n|" + A + b"content-length: 1\r\n\r\nx",
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}",
    b"HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\n|{}",
    b"HTTP/1.1 304 Not Modified\r\ncontent-length: 2\r\n\r\n{}",
    A + b"content-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
    A + b"x: " + b"y" * 9000 + b"\r\ncontent-length: 1\r\n\r\nx",
)
