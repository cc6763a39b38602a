"""The way to providers: HTTP/1.1 over kept-alive connections, each address checked before it is used."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import time
from collections import deque

from roadworthy.foundation import clock
from roadworthy.gateway.edge.carrier import Attempt, Connection
from roadworthy.gateway.edge.credentials import Credentials, NotReadYetError
from roadworthy.gateway.edge.origin import Origin, OriginError, may_call
from roadworthy.gateway.edge.timers import Wheel, ticks
from roadworthy.gateway.exchange import Listener
from roadworthy.gateway.snapshot import ProviderEntry, Target

KEEP_ALIVE_S = 50.0
KEEP_TICKS = ticks(KEEP_ALIVE_S)
KEEP_MAX = 512
ORIGIN_AGE_TICKS = 600  # a credential in a file is read anew after a minute


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
        wheel = self.wheel
        deadline = connection.deadline = wheel.now + KEEP_TICKS
        if not connection.armed or deadline < connection.armed:
            wheel.put(connection, deadline)
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

    def __init__(
        self, wheel: Wheel, loop: asyncio.AbstractEventLoop, credentials: Credentials | None = None
    ) -> None:
        self._wheel = wheel
        self._loop = loop
        self._credentials = credentials or Credentials()
        self._ssl = ssl.create_default_context()
        self._ssl.minimum_version = ssl.TLSVersion.TLSv1_2
        self._pools: dict[str, tuple[ProviderEntry, int, Pool]] = {}

    def send(
        self, target: Target, path: str, body: bytes, listener: Listener, *, first_byte_timeout_s: float
    ) -> Attempt:
        """Post to what lies at `path` below the provider's address; the listener is never called before."""
        provider = target.provider
        attempt = Attempt(b"", listener, first_byte_s=first_byte_timeout_s, total_s=provider.total_timeout_s)
        try:
            self._take(provider, path, body, attempt)
        except NotReadYetError:
            attempt.task = self._loop.create_task(self._take_later(provider, path, body, attempt))
        except OriginError as error:
            self._loop.call_soon(attempt.fail, error.code, error.message)
        return attempt

    def _take(self, provider: ProviderEntry, path: str, body: bytes, attempt: Attempt) -> None:
        pool = self._pool(provider)
        attempt.origin = pool.origin
        attempt.request = pool.origin.request(path, body, at=clock.unix_now())
        pool.take(attempt)

    async def _take_later(self, provider: ProviderEntry, path: str, body: bytes, attempt: Attempt) -> None:
        """The credential lies in a vault: it is fetched off the loop before the request can be made."""
        try:
            async with asyncio.timeout(provider.connect_timeout_s):
                await asyncio.to_thread(self._credentials.fetch, provider)
            attempt.task = None
            if not attempt.cancelled:
                self._take(provider, path, body, attempt)
        except OriginError as error:
            attempt.fail(error.code, error.message)
        except (TimeoutError, NotReadYetError):
            attempt.fail("provider_secret_unavailable", "The vault did not answer in time.")

    def _pool(self, provider: ProviderEntry) -> Pool:
        known = self._pools.get(provider.name)
        fresh = known is not None and self._wheel.now - known[1] < ORIGIN_AGE_TICKS
        if known is not None and fresh and (known[0] is provider or known[0] == provider):
            good_until_s = known[2].origin.good_until_s
            if good_until_s == math.inf or time.monotonic() < good_until_s:
                return known[2]
        origin = Origin(provider, self._ssl, self._credentials)
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
