"""The way to providers: HTTP/1.1 over kept-alive connections, each address checked before it is used."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from typing import cast

import httptools

from roadworthy.gateway.edge.origin import Origin, OriginError, may_call
from roadworthy.gateway.edge.timers import Wheel
from roadworthy.gateway.exchange import Listener
from roadworthy.gateway.routing import Failure
from roadworthy.gateway.snapshot import ProviderEntry, Target

HEAD_BYTES_MAX = 64 << 10
IDLE_STREAM_S = 60.0
KEEP_ALIVE_S = 50.0
KEEP_MAX = 512
ORIGIN_AGE_TICKS = 600  # a credential in a file is read anew after a minute


class Attempt:
    """One request on its way: it outlives the connection it is on, since a stale one is replaced."""

    __slots__ = (
        "cancelled",
        "connection",
        "first_byte_s",
        "listener",
        "paused",
        "request",
        "task",
        "total_s",
    )

    def __init__(self, request: bytes, listener: Listener, *, first_byte_s: float, total_s: float) -> None:
        self.request = request
        self.listener = listener
        self.first_byte_s = first_byte_s
        self.total_s = total_s
        self.connection: Connection | None = None
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

    def fail(self, code: str, message: str) -> None:
        """Tell the listener, unless it has stopped listening."""
        if not self.cancelled:
            self.cancelled = True
            self.listener.on_fail(Failure(code, message))


class Connection(asyncio.Protocol):
    """One connection to a provider; at any time it carries one attempt or waits for the next."""

    __slots__ = (
        "_content_type",
        "_encoded",
        "_framed",
        "_head_bytes",
        "_heard",
        "_interim",
        "_parser",
        "_pool",
        "_retry_after",
        "_reused",
        "_total_tick",
        "armed",
        "attempt",
        "deadline",
        "transport",
    )

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.transport: asyncio.Transport | None = None
        self.attempt: Attempt | None = None
        self.deadline = 0
        self.armed = 0
        self._reused = False
        self._reset()

    def _reset(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._content_type = b""
        self._retry_after = b""
        self._encoded = False
        self._framed = False
        self._interim = False
        self._heard = False
        self._head_bytes = 0
        self._total_tick = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's are asyncio's in all but ancestry

    def carry(self, attempt: Attempt) -> None:
        """Send the attempt's request."""
        assert self.transport is not None
        self.attempt = attempt
        attempt.connection = self
        wheel = self._pool.wheel
        wheel.set(self, min(attempt.first_byte_s, attempt.total_s))
        self._total_tick = wheel.now + int(attempt.total_s / 0.1) + 1
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
        if self.attempt is None:  # nobody asked: whatever it is, the next answer must not begin with it
            self.give_up()
            return
        self._heard = True
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            raise
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail("protocol_error", f"The provider does not speak HTTP/1.1 as it should: {error}.")

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
        elif self._heard and not self._framed and exc is None and self._head_bytes < 0:
            attempt.cancelled = True
            attempt.listener.on_end()  # an answer without length ends with the connection
        else:
            attempt.fail("closed_early", "The provider closed the connection before its answer was whole.")

    def on_deadline(self) -> None:
        if self.attempt is None:
            self.give_up()
        elif self._pool.wheel.now >= self._total_tick:
            self._fail("total_timeout", "The provider did not finish in the time it is given.")
        elif self._head_bytes >= 0:
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

    def on_header(self, name: bytes, value: bytes) -> None:
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
        if attempt is None:
            return
        status = self._parser.get_status_code()
        self._interim = 100 <= status < 200
        if self._interim:
            return
        self._head_bytes = -1 << 40  # the head is over
        if self._encoded:
            self._fail("answer_encoded", "The provider compressed its answer although it was not asked to.")
            return
        attempt.listener.on_head(status, self._content_type, self._retry_after)

    def on_body(self, data: bytes) -> None:
        attempt = self.attempt
        if attempt is None:
            return
        if not attempt.paused:
            wheel = self._pool.wheel
            # `total_tick` bounds the whole; the idle limit bounds each pause within it.
            wheel.set(self, min(IDLE_STREAM_S, (self._total_tick - wheel.now) * 0.1))
        attempt.listener.on_body(data)

    def on_message_complete(self) -> None:
        if self._interim:
            self._interim = False
            self._content_type = b""
            return
        attempt, self.attempt = self.attempt, None
        if attempt is None:
            return
        keep = self._parser.should_keep_alive() and self.transport is not None
        attempt.connection = None
        attempt.cancelled = True
        if keep and not self._pool.closed:
            if attempt.paused:
                assert self.transport is not None
                self.transport.resume_reading()
            self._reset()
            self._reused = True
            self._pool.keep(self)
        elif self.transport is not None:
            self.transport.close()
        attempt.listener.on_end()


class Pool:
    """The kept connections to one provider."""

    __slots__ = ("_idle", "_loop", "_open", "closed", "origin", "wheel")

    def __init__(self, origin: Origin, wheel: Wheel, loop: asyncio.AbstractEventLoop) -> None:
        self.origin = origin
        self.wheel = wheel
        self.closed = False
        self._loop = loop
        self._idle: deque[Connection] = deque()
        self._open: set[Connection] = set()

    def take(self, attempt: Attempt) -> None:
        """Send the attempt over a kept connection, or over a new one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.transport is not None and not connection.transport.is_closing():
                connection.carry(attempt)
                return
        self.dial(attempt)

    def keep(self, connection: Connection) -> None:
        """Keep a connection for the next attempt."""
        if len(self._idle) >= KEEP_MAX:
            connection.give_up()
            return
        self.wheel.set(connection, KEEP_ALIVE_S)
        self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """The connection is gone."""
        self._open.discard(connection)
        self.wheel.clear(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def dial(self, attempt: Attempt) -> None:
        """Open a connection for the attempt."""
        attempt.task = self._loop.create_task(self._dial(attempt))

    async def _dial(self, attempt: Attempt) -> None:
        provider = self.origin.provider
        name = f"provider/{provider.name}"
        try:
            async with asyncio.timeout(provider.connect_timeout_s):
                connection = await self._connect()
        except OriginError as error:
            attempt.fail(error.code, error.message)
        except TimeoutError:
            attempt.fail("connect_timeout", f"{name} did not accept a connection in time.")
        except socket.gaierror:
            attempt.fail("name_not_found", f"The name of {name}, {self.origin.host}, is not known.")
        except ssl.SSLError as error:
            attempt.fail("tls_failed", f"{name} offers no connection that can be trusted: {error.reason}.")
        except OSError as error:
            attempt.fail("connect_failed", f"{name} cannot be reached: {error.strerror or error}.")
        else:
            attempt.task = None
            self._open.add(connection)
            if attempt.cancelled:
                connection.give_up()
            else:
                connection.carry(attempt)

    async def _connect(self) -> Connection:
        """Connect to an address that was checked, by that address: a name may point elsewhere next time."""
        origin = self.origin
        found = await self._loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
        allowed = [
            address
            for *_, address in found
            if may_call(str(address[0]), allow_private=origin.provider.allow_private)
        ]
        if not allowed:
            raise OriginError(
                "private_address",
                f"provider/{origin.provider.name} points to a private address, which its declaration does not"
                " allow (allow_private).",
            )
        failed: OSError | None = None
        for address in allowed:
            try:
                _, connection = await self._loop.create_connection(
                    lambda: Connection(self),
                    str(address[0]),
                    origin.port,
                    ssl=origin.ssl_context,
                    server_hostname=origin.host if origin.ssl_context is not None else None,
                )
            except OSError as error:
                failed = error
            else:
                return connection
        assert failed is not None
        raise failed

    def close(self) -> None:
        """Close what is idle; what is under way may finish."""
        self.closed = True
        for connection in tuple(self._idle):
            connection.give_up()

    def abort(self) -> None:
        """Close everything."""
        self.close()
        for connection in tuple(self._open):
            connection.give_up()


class Providers:
    """Every provider's pool, made when first called and made anew when its declaration changes."""

    def __init__(self, wheel: Wheel, loop: asyncio.AbstractEventLoop) -> None:
        self._wheel = wheel
        self._loop = loop
        self._ssl = ssl.create_default_context()
        self._ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        self._pools: dict[str, tuple[ProviderEntry, int, Pool]] = {}

    def send(
        self, target: Target, body: bytes, listener: Listener, *, first_byte_timeout_s: float
    ) -> Attempt:
        """Send a chat completions request; the listener is never called before this returns."""
        provider = target.provider
        attempt = Attempt(b"", listener, first_byte_s=first_byte_timeout_s, total_s=provider.total_timeout_s)
        try:
            pool = self._pool(provider)
        except OriginError as error:
            self._loop.call_soon(attempt.fail, error.code, error.message)
            return attempt
        attempt.request = pool.origin.request(body)
        pool.take(attempt)
        return attempt

    def _pool(self, provider: ProviderEntry) -> Pool:
        known = self._pools.get(provider.name)
        fresh = known is not None and self._wheel.now - known[1] < ORIGIN_AGE_TICKS
        if known is not None and fresh and (known[0] is provider or known[0] == provider):
            return known[2]
        origin = Origin(provider, self._ssl)
        if known is not None and known[0] == provider:
            pool = known[2]
            pool.origin = origin
        else:
            if known is not None:
                known[2].close()
            pool = Pool(origin, self._wheel, self._loop)
        self._pools[provider.name] = (provider, self._wheel.now, pool)
        return pool

    def close(self) -> None:
        """Close everything."""
        for _, _, pool in self._pools.values():
            pool.abort()
