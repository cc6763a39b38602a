"""The listening side: HTTP/1.1 as the data plane needs it, with limits on everything a caller controls."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools
import msgspec

from roadworthy.gateway.dialects import errors
from roadworthy.gateway.dialects.dialect import Problem
from roadworthy.gateway.edge.heads import Heads, RequestHead
from roadworthy.gateway.edge.limits import BadRequestError, Head, Limits
from roadworthy.gateway.edge.outbox import Mouth
from roadworthy.gateway.edge.strangers import Strangers
from roadworthy.gateway.edge.timers import Wheel, ticks
from roadworthy.gateway.exchange import JSON, Course, Reply

_PHRASES = {
    200: b"OK", 400: b"Bad Request", 401: b"Unauthorized", 403: b"Forbidden", 404: b"Not Found",
    405: b"Method Not Allowed", 408: b"Request Timeout", 413: b"Content Too Large", 414: b"URI Too Long",
    415: b"Unsupported Media Type", 417: b"Expectation Failed", 422: b"Unprocessable Content",
    429: b"Too Many Requests", 431: b"Request Header Fields Too Large", 500: b"Internal Server Error",
    502: b"Bad Gateway", 503: b"Service Unavailable", 504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
}  # fmt: skip
_HEADS = {status: b"HTTP/1.1 %d %b\r\ncontent-type: " % (status, said) for status, said in _PHRASES.items()}
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LINGER_S = 2.0
_HEAD_READ_AHEAD = 256 * 1024


_STRANGER = errors.openai_body(
    Problem(
        429,
        "too_many_unknown_keys",
        "Too many calls with unknown keys come from this address.",
        next_step="Use a key that is known here; try again in a second.",
    )
)


class Request(msgspec.Struct, gc=False):
    """A whole request, as the doors get it. Requests may share `headers`: nobody changes them."""

    method: bytes
    path: bytes
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool
    head: RequestHead | None = None
    """What these headers were read from, where other requests may have the same."""


App = Callable[[Request, Reply], Course | None]


class Settings:
    """What all connections of a server share."""

    __slots__ = (
        *("app", "arriving", "connections", "draining", "heads", "keep_ticks", "limits", "monotonic"),
        *("on_idle", "strangers", "wheel"),
    )

    def __init__(
        self, *, app: App, limits: Limits, wheel: Wheel, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.app = app
        self.limits = limits
        self.wheel = wheel
        self.monotonic = monotonic
        self.heads = Heads(limits)
        self.strangers = Strangers(limits.strangers_per_s)
        self.keep_ticks = ticks(limits.keep_alive_s)
        self.connections: set[Connection] = set()
        self.draining = False
        self.on_idle: Callable[[], None] | None = None
        self.arriving = 0
        """Bytes of bodies that are not whole yet."""


class Connection(asyncio.Protocol):
    """One caller's connection: requests are answered one after another, in the order they came."""

    __slots__ = (
        *("_body", "_body_bytes", "_broken", "_busy", "_closing", "_continue", "_course", "_head"),
        *("_head_done", "_held", "_limits", "_parser", "_quiet", "_raw_head", "_reading", "_reply"),
        *("_server", "_transport", "_waiting", "_waiting_bytes", "armed", "deadline"),
    )

    def __init__(self, server: Settings) -> None:
        self._server = server
        self._limits = server.limits
        self._transport: Mouth | None = None
        self._parser: httptools.HttpRequestParser | None = None
        self._head = Head(server.limits)
        self._head_done = False
        self._raw_head = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._quiet = True  # between two requests: nothing is owed, nothing is half read
        self._reading = False  # inside a request
        self._busy = False  # an answer is owed
        self._closing = False
        self._continue = False  # the caller waits to be told to go on
        self._held = False  # reading is paused until the queue is shorter
        self._broken: BadRequestError | None = None
        self._waiting: deque[Request] = deque()
        self._waiting_bytes = 0
        self._reply: Answer | None = None
        self._course: Course | None = None
        self.deadline = 0
        self.armed = 0

    # ------------------------------------------------------------------ what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        server = self._server
        # uvloop's transports are asyncio's in all but ancestry.
        mouth = self._transport = Mouth(cast("asyncio.Transport", transport), server.wheel.outbox)
        if len(server.connections) >= self._limits.connections:
            mouth.abort()
            return
        server.connections.add(self)
        # Whoever connects and says nothing, or says it drop by drop, is let go after the header time.
        server.wheel.set(self, self._limits.header_s)

    def data_received(self, data: bytes) -> None:
        if self._quiet:
            found = self._server.heads.whole(data)
            if found is not None:  # one whole request in one packet, in the usual form
                head, body = found
                self.deadline = 0
                self._serve(Request(head.method, head.path, head.headers, body, True, head))
                return
        if self._closing:
            return  # lingering: the caller is still sending what nobody will read
        self._quiet = False
        self._parse(data)
        self._quiet = self._is_between()

    def _is_between(self) -> bool:
        return not (self._reading or self._busy or self._closing or self._raw_head)

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpRequestParser(self)
        if not self._head_done:
            self._raw_head += len(data)
        try:
            parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(
                BadRequestError(400, "malformed_http", "The request is not one that is served here.")
            )
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, BadRequestError):
                raise
            self._refuse(error.__context__)
        except httptools.HttpParserError as error:
            if not self._closing:
                message = f"The request is not valid HTTP/1.1: {error}."
                self._refuse(BadRequestError(400, "malformed_http", message))
        else:
            if not self._head_done and self._raw_head > self._limits.header_bytes + _HEAD_READ_AHEAD:
                self._refuse(BadRequestError(431, "headers_too_large", "The headers exceed 32 KiB."))

    def eof_received(self) -> bool:
        """A caller that closes has left: callers of models give up far more often than they half-close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        server = self._server
        server.wheel.clear(self)
        server.connections.discard(self)
        self._transport = None
        self._quiet = False
        self._waiting.clear()
        server.arriving -= self._body_bytes
        self._body_bytes = 0
        course, self._course = self._course, None
        if self._reply is not None:
            self._reply.detach()
            self._reply = None
        if course is not None:
            course.cancel()
        if server.on_idle is not None and not server.connections:
            server.on_idle()

    def pause_writing(self) -> None:
        self._server.wheel.set(self, self._limits.stalled_reader_s)
        if self._course is not None:
            self._course.pause()

    def resume_writing(self) -> None:
        if self._busy:
            self._server.wheel.clear(self)
        if self._course is not None:
            self._course.resume()

    def on_deadline(self) -> None:
        transport = self._transport
        if transport is None:
            return
        if self._busy or self._closing:
            transport.abort()
        elif not self._reading:
            self._closing = True
            transport.close()
            self._server.wheel.set(self, _LINGER_S)  # a caller that does not read cannot hold it open
        else:
            self._refuse(BadRequestError(408, "request_timeout", "The request did not arrive in time."))

    # ------------------------------------------------------------------ what the parser says

    def on_message_begin(self) -> None:
        self._head = Head(self._limits)
        self._head_done = False
        self._raw_head = 0
        self._reading = True
        if not self._busy:
            self._server.wheel.set(self, self._limits.header_s)

    def on_url(self, part: bytes) -> None:
        self._head.add_url(part)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:
            raise BadRequestError(400, "trailers_refused", "Fields after the body are not accepted.")
        self._head.add(name, value)

    def on_headers_complete(self) -> None:
        assert self._parser is not None
        length = self._head.check(self._parser.get_http_version())
        self._head_done = True
        if length:
            if not self._busy:
                allowed = max(length, 0) / self._limits.body_bytes_per_s
                self._server.wheel.set(self, self._limits.body_grace_s + allowed)
            if b"expect" in self._head.headers and self._transport is not None:
                if self._busy:
                    self._continue = True  # said when the answers before it are out
                else:
                    self._transport.write(_CONTINUE)

    def on_body(self, data: bytes) -> None:
        size = len(data)
        server, limits = self._server, self._limits
        self._body_bytes += size
        server.arriving += size
        if self._body_bytes > limits.body_bytes:
            raise BadRequestError(413, "body_too_large", "The body is larger than 10 MiB.")
        if server.arriving > limits.bodies_bytes:
            raise BadRequestError(503, "busy", "Too many large requests are arriving at once.")
        self._body.append(data)

    def on_message_complete(self) -> None:
        self._reading = self._continue = False
        server, parser, head = self._server, self._parser, self._head
        assert parser is not None
        server.wheel.clear(self)
        size = self._body_bytes
        server.arriving -= size
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = Request(parser.get_method(), head.url, head.headers, body, parser.should_keep_alive())
        self._body = []
        self._body_bytes = self._raw_head = 0
        self._head_done = True  # until the next begins, there is no head to wait for
        if not self._busy:
            self._serve(request)
            return
        self._waiting.append(request)
        self._waiting_bytes += size
        limits = self._limits
        full = len(self._waiting) >= limits.pipelined or self._waiting_bytes >= limits.pipelined_bytes
        if full and not self._held and self._transport is not None:
            self._held = True
            self._transport.pause_reading()

    # ------------------------------------------------------------------ answering

    def _serve(self, request: Request) -> None:
        assert self._transport is not None
        self._busy = True
        self._quiet = False
        reply = self._reply = Answer(self, self._transport, keep_alive=request.keep_alive)
        course = self._server.app(request, reply)
        if self._reply is reply:
            self._course = course

    def answered(self, *, keep_alive: bool) -> None:
        """The answer is out: close, or go on with the next request."""
        self._busy = False
        self._course = None
        self._reply = None
        transport, server = self._transport, self._server
        if transport is None:
            return
        if not keep_alive or self._broken is not None or self._closing or server.draining or self._waiting:
            self._go_on(transport, keep_alive=keep_alive)
        elif self._reading:
            if self._continue:
                self._continue = False
                transport.write(_CONTINUE)
            server.wheel.set(self, self._limits.header_s)
        else:
            deadline = self.deadline = server.wheel.now + server.keep_ticks
            if not self.armed or deadline < self.armed:
                server.wheel.put(self, deadline)
            self._quiet = not self._raw_head

    def _go_on(self, transport: Mouth, *, keep_alive: bool) -> None:
        if not keep_alive:
            transport.close()
        elif self._waiting:
            request = self._waiting.popleft()
            self._waiting_bytes -= len(request.body)
            limits = self._limits
            short = len(self._waiting) < limits.pipelined and self._waiting_bytes < limits.pipelined_bytes
            if self._held and short:
                self._held = False
                transport.resume_reading()
            self._server.wheel.clear(self)
            # Not at once: many small requests in one packet would make the stack as deep as their number.
            asyncio.get_running_loop().call_soon(self._serve_if_open, request)
            self._busy = True
        elif self._broken is not None:
            broken, self._broken = self._broken, None
            self._refuse(broken)
        else:
            transport.close()

    def _serve_if_open(self, request: Request) -> None:
        transport = self._transport
        if transport is None:
            return
        try:
            self._serve(request)
        except BaseException:
            transport.abort()  # a mistake of ours must not leave a caller waiting for ever
            raise

    def ends_after(self) -> bool:
        """Will the connection be closed after the answer under way?"""
        return (self._closing or self._server.draining) and not self._waiting and self._broken is None

    def is_strange(self) -> bool:
        """Has this caller's address had more answers "unknown key" than one gets in a second?"""
        if self._transport is None:
            return True
        peer = self._transport.get_extra_info("peername")
        address = str(peer[0]) if isinstance(peer, tuple) else ""
        return not self._server.strangers.may_answer(address, now=self._server.monotonic())

    def _refuse(self, error: BadRequestError) -> None:
        """Answer what cannot be accepted, then close: where the next request begins is anyone's guess."""
        if self._busy:
            self._broken = error  # answers keep their order
            self._closing = True
            return
        transport = self._transport
        if transport is None:
            return
        self._closing = True
        self._quiet = False
        problem = Problem(error.status, error.code, error.message, next_step="Correct the request.")
        body = errors.openai_body(problem)
        transport.write(whole(error.status, JSON, body, b"", keep_alive=False))
        # The rest of what the caller sends is read and thrown away for a moment: closing at once would
        # reset the connection, and the caller might never see the answer.
        if transport.can_write_eof():
            transport.write_eof()
        self._server.wheel.set(self, _LINGER_S)

    def drain(self) -> None:
        """Close now if no answer is owed, else after it."""
        if not self._busy and not self._reading and self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close now."""
        if self._transport is not None:
            self._transport.abort()


def whole(status: int, content_type: bytes, body: bytes, extra: bytes, *, keep_alive: bool) -> bytes:
    """Return a whole answer."""
    head = _HEADS.get(status) or b"HTTP/1.1 %d Unknown\r\ncontent-type: " % status
    end = b"" if keep_alive else b"connection: close\r\n"
    return b"%b%b\r\ncontent-length: %d\r\n%b%b\r\n%b" % (head, content_type, len(body), extra, end, body)


class Answer:
    """How the core answers one request on one connection."""

    __slots__ = ("_chunked", "_connection", "_keep_alive", "_transport")

    def __init__(self, connection: Connection, transport: Mouth, *, keep_alive: bool) -> None:
        self._connection: Connection | None = connection
        self._transport = transport
        self._keep_alive = keep_alive
        self._chunked = True

    def detach(self) -> None:
        """The caller has left: whatever is still said goes nowhere."""
        self._connection = None

    def answer(self, status: int, content_type: bytes, body: bytes, extra: bytes = b"") -> None:
        connection = self._connection
        if connection is None:
            return
        self._connection = None
        keep_alive = self._keep_alive and not connection.ends_after()
        if status == 401 and connection.is_strange():
            status, body, keep_alive = 429, _STRANGER, False
            extra = b"retry-after: 1\r\n"
        self._transport.write(whole(status, content_type, body, extra, keep_alive=keep_alive))
        connection.answered(keep_alive=keep_alive)

    def begin(self, status: int, content_type: bytes, extra: bytes = b"") -> None:
        connection = self._connection
        if connection is None:
            return
        self._keep_alive = self._keep_alive and not connection.ends_after()
        end = b"" if self._keep_alive else b"connection: close\r\n"
        self._transport.write(
            b"%b%b\r\ntransfer-encoding: chunked\r\n%b%b\r\n" % (_HEADS[status], content_type, extra, end)
        )

    def write(self, data: bytes) -> None:
        if self._connection is not None:
            self._transport.write(b"%x\r\n%b\r\n" % (len(data), data))

    def finish(self, data: bytes = b"") -> None:
        connection = self._connection
        if connection is None:
            return
        self._connection = None
        last = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
        self._transport.write(last)
        connection.answered(keep_alive=self._keep_alive)

    def abort(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.abort()
