"""A TCP proxy that stands before a database and fails as networks do."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import Literal, Self

Fault = Literal["none", "refuse", "reset", "half-open", "timeout", "latency", "bandwidth", "slow-close"]
FAULTS: tuple[Fault, ...] = (
    "refuse", "reset", "half-open", "timeout", "latency", "bandwidth", "slow-close"
)  # fmt: skip
_LINGER_NOT = struct.pack("ii", 1, 0)


class FaultProxy:
    """Forwards to one address; `fault` says what becomes of connections, open ones and new ones.

    `refuse` closes all and lets none in; `reset` resets all and each new one after a moment; `half-open` lets
    no byte through and says nothing; `timeout` accepts and never answers; `latency` delays each piece;
    `bandwidth` lets a trickle through; `slow-close` passes the end of a connection on two seconds late.
    """

    def __init__(self, upstream: tuple[str, int] | str) -> None:
        self._upstream = upstream
        self._fault: Fault = "none"
        self._loop = asyncio.new_event_loop()
        self._healed = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fault-proxy", daemon=True)
        self.port = 0
        self.connections = 0
        self.latency_s = 0.2
        self.bytes_per_s = 20_000

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(5)
        return self

    def __exit__(self, *exc: object) -> None:
        self.set("none")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    @property
    def fault(self) -> Fault:
        return self._fault

    def set(self, fault: Fault) -> None:
        """Begin to fail so, or with `none` be well again; returns when it holds."""
        asyncio.run_coroutine_threadsafe(self._set(fault), self._loop).result(5)

    async def _set(self, fault: Fault) -> None:
        was, self._fault = self._fault, fault
        if fault in {"refuse", "reset"} or (was in {"half-open", "timeout"} and fault != was):
            # A peer that comes back knows nothing of the connections from before.
            for writer in tuple(self._writers):
                _reset(writer)
        if fault == "refuse" and self._server is not None:
            self._server.close()
            self._server = None
        elif fault != "refuse" and self._server is None:
            await self._listen()
        if fault in {"none", "latency", "bandwidth", "slow-close"}:
            self._healed.set()
        else:
            self._healed.clear()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._healed.set()
        self._started.set()
        self._loop.run_forever()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        if self._server is not None:
            self._server.close()
        self._loop.run_until_complete(asyncio.sleep(0.05))

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        back: asyncio.StreamWriter | None = None
        try:
            if self._fault == "reset":
                await asyncio.sleep(0.05)
                return _reset(writer)
            await self._healed.wait()  # a connection that is accepted and never answered
            if isinstance(self._upstream, str):
                source, back = await asyncio.open_unix_connection(self._upstream)
            else:
                source, back = await asyncio.open_connection(*self._upstream)
            self._writers.add(back)
            await asyncio.gather(self._pass(reader, back), self._pass(source, writer))
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            for one in (writer, back):
                if one is not None:
                    self._writers.discard(one)
                    one.close()
        return None

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self._healed.wait()
            if self._fault == "latency":
                await asyncio.sleep(self.latency_s)
            elif self._fault == "bandwidth":
                await asyncio.sleep(len(data) / self.bytes_per_s)
            writer.write(data)
            await writer.drain()
        if self._fault == "slow-close":
            await asyncio.sleep(2)
        with contextlib.suppress(OSError):
            writer.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    plain = writer.get_extra_info("socket")
    if plain is not None:
        with contextlib.suppress(OSError):
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
    writer.transport.abort()
