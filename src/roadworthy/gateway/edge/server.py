"""The listening side: HTTP/1.1 as the data plane needs it, with limits on everything a caller controls."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import cast

import httptools
import msgspec

from roadworthy.gateway.dialects import openai
from roadworthy.gateway.edge.limits import BadRequestError, Head, Limits
from roadworthy.gateway.edge.timers import Wheel
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
_LINGER_S = 2.0
_HEAD_READ_AHEAD = 256 * 1024


class Request(msgspec.Struct):
    """A whole request, as the doors get it."""

    method: bytes
    path: bytes
    headers: dict[bytes, bytes]
    body: bytes
    keep_alive: bool


App = Callable[[Request, Reply], Course | None]


class Settings:
    """What all connections of a server share."""

    __slots__ = ("app", "connections", "draining", "limits", "on_idle", "wheel")

    def __init__(self, *, app: App, limits: Limits, wheel: Wheel) -> None:
        self.app = app
        self.limits = limits
        self.wheel = wheel
        self.connections: set[Connection] = set()
        self.draining = False
        self.on_idle: Callable[[], None] | None = None


class Connection(asyncio.Protocol):
    """One caller's connection: requests are answered one after another, in the order they came."""

    __slots__ = (
        "_body",
        "_body_bytes",
        "_broken",
        "_busy",
        "_closing",
        "_course",
        "_head",
        "_head_done",
        "_held",
        "_limits",
        "_parser",
        "_raw_head",
        "_reading",
        "_reply",
        "_server",
        "_transport",
        "_waiting",
        "armed",
        "deadline",
    )

    def __init__(self, server: Settings) -> None:
        self._server = server
        self._limits = server.limits
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpRequestParser(self)
        self._head = Head(server.limits)
        self._head_done = False
        self._raw_head = 0
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._reading = False  # inside a request
        self._busy = False  # an answer is owed
        self._closing = False
        self._held = False  # reading is paused until the queue is shorter
        self._broken: BadRequestError | None = None
        self._waiting: deque[Request] = deque()
        self._reply: Answer | None = None
        self._course: Course | None = None
        self.deadline = 0
        self.armed = 0

    # ------------------------------------------------------------------ what the transport says

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but ancestry.
        transport = self._transport = cast("asyncio.Transport", transport)
        server = self._server
        if len(server.connections) >= self._limits.connections:
            transport.abort()
            return
        server.connections.add(self)
        # Whoever connects and says nothing, or says it drop by drop, is let go after the header time.
        server.wheel.set(self, self._limits.header_s)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return  # lingering: the caller is still sending what nobody will read
        if not self._head_done:
            self._raw_head += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(
                BadRequestError(400, "malformed_http", "The request is not one that is served here.")
            )
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, BadRequestError):
                raise
            self._refuse(error.__context__)
        except httptools.HttpParserError:
            if not self._closing:
                self._refuse(BadRequestError(400, "malformed_http", "The request is not valid HTTP/1.1."))
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
        self._waiting.clear()
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
        self._body = []
        self._body_bytes = 0
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
        length = self._head.check(self._parser.get_http_version())
        self._head_done = True
        if length:
            if not self._busy:
                allowed = max(length, 0) / self._limits.body_bytes_per_s
                self._server.wheel.set(self, self._limits.body_grace_s + allowed)
            if b"expect" in self._head.headers and self._transport is not None and not self._busy:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, data: bytes) -> None:
        self._body_bytes += len(data)
        if self._body_bytes > self._limits.body_bytes:
            raise BadRequestError(413, "body_too_large", "The body is larger than 10 MiB.")
        self._body.append(data)

    def on_message_complete(self) -> None:
        self._reading = False
        self._server.wheel.clear(self)
        parser = self._parser
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        keep_alive = parser.should_keep_alive()
        request = Request(parser.get_method(), self._head.url, self._head.headers, body, keep_alive)
        self._body = []
        self._head_done = True  # until the next begins, there is no head to wait for
        if self._busy:
            self._waiting.append(request)
            if len(self._waiting) >= self._limits.pipelined and self._transport is not None:
                self._held = True
                self._transport.pause_reading()
            return
        self._serve(request)

    # ------------------------------------------------------------------ answering

    def _serve(self, request: Request) -> None:
        assert self._transport is not None
        self._busy = True
        reply = self._reply = Answer(self, self._transport, keep_alive=request.keep_alive)
        course = self._server.app(request, reply)
        if self._busy and self._reply is reply:
            self._course = course

    def answered(self, *, keep_alive: bool) -> None:
        """The answer is out: close, or go on with the next request."""
        self._busy = False
        self._course = None
        self._reply = None
        transport = self._transport
        if transport is None:
            return
        if self._broken is not None:
            broken, self._broken = self._broken, None
            self._refuse(broken)
        elif not keep_alive or self.ends_after():
            transport.close()
        elif self._waiting:
            request = self._waiting.popleft()
            if self._held and len(self._waiting) < self._limits.pipelined:
                self._held = False
                transport.resume_reading()
            self._server.wheel.clear(self)
            # Not at once: many small requests in one packet would make the stack as deep as their number.
            asyncio.get_running_loop().call_soon(self._serve_if_open, request)
            self._busy = True
        else:
            limits = self._limits
            self._server.wheel.set(self, limits.header_s if self._reading else limits.keep_alive_s)

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
        return (self._closing or self._server.draining) and not self._waiting

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
        body = openai.error_body(
            status=error.status,
            code=error.code,
            message=error.message,
            trace_id="",
            revision=0,
            next_step="Correct the request.",
        )
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

    def __init__(self, connection: Connection, transport: asyncio.Transport, *, keep_alive: bool) -> None:
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
