"""One connection to a provider, and the attempt it carries: a request out, an answer back."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import httptools

from roadworthy.gateway.edge.heads import read_answer
from roadworthy.gateway.edge.origin import Origin
from roadworthy.gateway.edge.outbox import Mouth
from roadworthy.gateway.edge.timers import Wheel, ticks
from roadworthy.gateway.exchange import Listener
from roadworthy.gateway.routing import Failure

HEAD_BYTES_MAX = 64 << 10
IDLE_STREAM_S = 60.0
IDLE_TICKS = ticks(IDLE_STREAM_S)


class Home(Protocol):
    """Where a connection belongs: the pool of its provider."""

    wheel: Wheel
    closed: bool

    def keep(self, connection: Connection) -> None:
        """Keep it for the next attempt."""

    def forget(self, connection: Connection) -> None:
        """It is gone."""

    def dial(self, attempt: Attempt) -> None:
        """Open another one for the attempt."""


class Attempt:
    """One request on its way: it outlives the connection it is on, since a stale one is replaced."""

    __slots__ = (
        "cancelled",
        "connection",
        "first_byte_ticks",
        "listener",
        "origin",
        "paused",
        "request",
        "task",
        "total_ticks",
    )

    def __init__(self, request: bytes, listener: Listener, *, first_byte_s: float, total_s: float) -> None:
        self.request = request
        self.listener = listener
        self.total_ticks = ticks(total_s)
        self.first_byte_ticks = min(ticks(first_byte_s), self.total_ticks)
        self.connection: Connection | None = None
        self.origin: Origin | None = None
        self.task: asyncio.Task[None] | None = None
        self.cancelled = False
        self.paused = False

    def cancel(self) -> None:
        self.cancelled = True
        if self.connection is not None:
            self.connection.give_up()
        elif self.task is not None:
            self.task.cancel()

    def pause(self) -> None:
        self.paused = True
        if self.connection is not None:
            self.connection.pause()

    def resume(self) -> None:
        self.paused = False
        if self.connection is not None:
            self.connection.resume()

    def scrub(self, said: bytes) -> bytes:
        """Take the credential out of what the provider said."""
        return said if self.origin is None else self.origin.scrub(said)

    def fail(self, code: str, message: str) -> None:
        """Tell the listener, unless it has stopped listening."""
        if not self.cancelled:
            self.cancelled = True
            self.listener.on_fail(Failure(code, message))


class Connection(asyncio.Protocol):
    """One connection to a provider; at any time it carries one attempt or waits for the next."""

    __slots__ = (
        *("_begun", "_complete", "_content_type", "_encoded", "_excess", "_framed", "_head_bytes", "_heard"),
        *("_interim", "_left", "_parser", "_pool", "_retry_after", "_reused", "_tick", "_total_tick"),
        *("armed", "attempt", "deadline", "transport"),
    )

    def __init__(self, pool: Home) -> None:
        self._pool = pool
        self.transport: Mouth | None = None
        self.attempt: Attempt | None = None
        self.deadline = 0
        self.armed = 0
        self._reused = False
        self._parser: httptools.HttpResponseParser | None = None
        self._total_tick = 0
        self._reset()

    def _reset(self) -> None:
        self._content_type = b""
        self._retry_after = b""
        self._encoded = False
        self._framed = False  # the answer says itself where it ends
        self._interim = False
        self._heard = False  # anything came back
        self._begun = False  # the head is over
        self._complete = False
        self._excess = False  # more came than was asked for
        self._left = 0  # what is still to come of a body read without the parser
        self._head_bytes = 0
        self._tick = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's in all but ancestry.
        self.transport = Mouth(cast("asyncio.Transport", transport), self._pool.wheel.outbox)

    def carry(self, attempt: Attempt) -> None:
        """Send the attempt's request."""
        assert self.transport is not None
        self.attempt = attempt
        attempt.connection = self
        wheel = self._pool.wheel
        now = wheel.now
        self._total_tick = now + attempt.total_ticks
        deadline = self.deadline = now + attempt.first_byte_ticks
        if not self.armed or deadline < self.armed:
            wheel.put(self, deadline)
        self.transport.write(attempt.request)
        if attempt.paused:
            self.pause()

    def pause(self) -> None:
        """Read no more; the caller's own deadline watches over it meanwhile."""
        if self.transport is not None and not self.transport.is_closing():
            self._pool.wheel.clear(self)
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self.transport is not None and not self.transport.is_closing():
            self._pool.wheel.set(self, IDLE_STREAM_S)
            self.transport.resume_reading()

    def give_up(self) -> None:
        """Drop the attempt and the connection: half an answer may still be under way on it."""
        self.attempt = None
        if self.transport is not None:
            self.transport.abort()

    # ------------------------------------------------------------------ what the transport says

    def data_received(self, data: bytes) -> None:
        attempt = self.attempt
        if attempt is None:  # nobody asked: whatever it is, the next answer must not begin with it
            self.give_up()
        elif self._left:
            self._more(attempt, data)
        elif self._heard or not self._usual(attempt, data):
            self._heard = True
            self._parse(data)

    def _usual(self, attempt: Attempt, data: bytes) -> bool:
        """Read an answer that begins with a whole head in the usual form; what is not is the parser's."""
        found = read_answer(data)
        if found is None:
            return False
        status, headers, length, begin = found
        self._heard = self._framed = self._begun = True
        retry_after = headers.get(b"retry-after", b"")
        attempt.listener.on_head(status, headers.get(b"content-type", b""), retry_after)
        if self.attempt is not attempt:
            return True
        self._left = length
        if length:
            self._more(attempt, data[begin:])
        else:
            self._complete = True
            self._excess = len(data) > begin
            self._ended()
        return True

    def _more(self, attempt: Attempt, data: bytes) -> None:
        """Take a part of a body whose length is known."""
        left = self._left - len(data)
        if left < 0:
            data = data[: self._left]
            self._excess = True
            left = 0
        self._left = left
        if data:
            if left:
                self._stay(attempt)
            attempt.listener.on_body(data)
            if not left and self.attempt is attempt:
                self._complete = True
                self._ended()

    def _stay(self, attempt: Attempt) -> None:
        """It still speaks: the whole is bounded by the total, each pause in it by the idle limit."""
        wheel = self._pool.wheel
        now = wheel.now
        if now != self._tick and not attempt.paused:
            self._tick = now
            wheel.put(self, min(now + IDLE_TICKS, self._total_tick))

    def _parse(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            parser = self._parser = httptools.HttpResponseParser(self)
        try:
            parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._parser = None
            if not self._complete:
                self._fail("protocol_error", f"The provider does not speak HTTP/1.1 as it should: {error}.")
                return
            self._excess = True
        if self._complete and self.attempt is not None:
            self._ended()

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._pool.forget(self)
        attempt = self.attempt
        if attempt is None:
            return
        self.attempt = None
        if attempt.cancelled:
            return
        if self._reused and not self._heard:
            # The provider closed a kept connection just as we used it. Nothing of an answer came back.
            attempt.connection = None
            self._pool.dial(attempt)
        elif self._begun and not self._framed and exc is None:
            attempt.cancelled = True
            attempt.listener.on_end()  # an answer without length ends with the connection
        else:
            attempt.fail("closed_early", "The provider closed the connection before its answer was whole.")

    def on_deadline(self) -> None:
        if self.attempt is None:
            self.give_up()
        elif self._pool.wheel.now >= self._total_tick:
            self._fail("total_timeout", "The provider did not finish in the time it is given.")
        elif not self._begun:
            self._fail("first_byte_timeout", "The provider did not begin to answer in time.")
        else:
            self._fail("idle_timeout", "The provider stopped in the middle of its answer.")

    def _fail(self, code: str, message: str) -> None:
        attempt, self.attempt = self.attempt, None
        if self.transport is not None:
            self.transport.abort()
        if attempt is not None:
            attempt.fail(code, message)

    # ------------------------------------------------------------------ what the parser says

    def on_message_begin(self) -> None:
        if self._complete:
            self._excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._complete:
            return
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > HEAD_BYTES_MAX:
            self._fail("protocol_error", "The provider's headers are larger than 64 KiB.")
            return
        length = len(name)
        if length == 12 and name.lower() == b"content-type":
            self._content_type = value
        elif length in {14, 17} and name.lower() in {b"content-length", b"transfer-encoding"}:
            self._framed = True
        elif length == 11 and name.lower() == b"retry-after":
            self._retry_after = value
        elif length == 16 and name.lower() == b"content-encoding":
            self._encoded = value.strip().lower() not in {b"", b"identity"}

    def on_headers_complete(self) -> None:
        attempt = self.attempt
        if attempt is None or self._complete:
            return
        assert self._parser is not None
        status = self._parser.get_status_code()
        self._interim = 100 <= status < 200
        if self._interim:
            return
        self._begun = True
        if self._encoded:
            self._fail("answer_encoded", "The provider compressed its answer although it was not asked to.")
            return
        attempt.listener.on_head(status, self._content_type, self._retry_after)

    def on_body(self, data: bytes) -> None:
        attempt = self.attempt
        if attempt is None or self._complete:
            return
        if not self._begun:
            self._fail("protocol_error", "The provider sends an interim answer with a body.")
            return
        self._stay(attempt)
        attempt.listener.on_body(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self._content_type = self._retry_after = b""
            self._encoded = self._framed = False
        elif not self._complete:
            assert self._parser is not None
            self._complete = True
            self._excess = not self._parser.should_keep_alive()

    def _ended(self) -> None:
        """The answer is whole: keep the connection, unless it says or brings more than it should."""
        attempt, self.attempt = self.attempt, None
        transport, pool = self.transport, self._pool
        if attempt is None:
            return
        attempt.connection = None
        attempt.cancelled = True
        if transport is not None:
            if self._excess or pool.closed:
                transport.close()
            else:
                if attempt.paused:
                    transport.resume_reading()
                self._reset()
                self._reused = True
                pool.keep(self)
        attempt.listener.on_end()
