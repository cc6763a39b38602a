"""The gateway as a process: its loop, its threads, its listener, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
import time
from collections.abc import Callable

import msgspec
import uvloop

from roadworthy.foundation import clock
from roadworthy.gateway.circuit import Circuits
from roadworthy.gateway.delivery import Ports
from roadworthy.gateway.edge import server
from roadworthy.gateway.edge.doors import Doors
from roadworthy.gateway.edge.limits import Limits
from roadworthy.gateway.edge.timers import Wheel
from roadworthy.gateway.edge.upstream import Providers
from roadworthy.gateway.ledger import Ledger
from roadworthy.gateway.pipeline import Pipeline
from roadworthy.gateway.refresh import Refresher, SnapshotHolder
from roadworthy.usage.ship import Shipper
from roadworthy.usage.spool import Spool, SpoolKeeper

HOUSEKEEPING_S = 0.1


class GatewaySettings(msgspec.Struct, frozen=True):
    """How the process listens and stops."""

    host: str = "127.0.0.1"
    port: int = 8081
    reuse_port: bool = False
    drain_s: float = 30.0
    limits: Limits = Limits()


class Gateway:
    """One event loop's worth of gateway; `run` returns when it has been told to stop and is drained."""

    def __init__(
        self,
        *,
        holder: SnapshotHolder,
        spool: Spool,
        pepper: bytes,
        settings: GatewaySettings,
        shipper: Shipper | None,
        on_ready: Callable[[str, int], None] | None,
    ) -> None:
        self._holder = holder
        self._spool = spool
        self._keeper = SpoolKeeper(spool)
        self._shipper = shipper
        self._pepper = pepper
        self._settings = settings
        self._on_ready = on_ready
        self.ledger: Ledger | None = None

    def _health(self) -> tuple[bool, dict[str, object]]:
        state = self._holder.state()
        said: dict[str, object] = msgspec.to_builtins(state)
        troubles = [self._keeper.error, self.ledger.error if self.ledger is not None else ""]
        if self._shipper is not None:
            troubles.append(self._shipper.error)
        reasons = [*state.reasons, *(trouble for trouble in troubles if trouble)]
        ready = state.state != "not-ready" and not self._spool.full
        if not ready:
            said["state"] = "not-ready"
        elif reasons:
            said["state"] = "degraded"
        if self._spool.full:
            reasons.append("the spool of call records is full")
        said["reasons"] = reasons
        return ready, said

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT, drain, and return the exit code."""
        loop = asyncio.get_running_loop()
        settings, holder = self._settings, self._holder
        wheel = Wheel(loop)
        circuits = Circuits()
        providers = Providers(wheel, loop)
        ledger = self.ledger = Ledger(self._spool, call_soon=loop.call_soon)
        ports = Ports(upstream=providers, ledger=ledger, circuits=circuits, monotonic=time.monotonic)
        refresher: Refresher | None = None

        def ask() -> None:
            if refresher is not None:
                refresher.ask()

        pipeline = Pipeline(holder=holder, ports=ports, pepper=self._pepper, ask_refresh=ask)

        def refreshed() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(pipeline.wake)

        doors = Doors(
            pipeline=pipeline, health=self._health, unix_now=clock.unix_now, monotonic=time.monotonic
        )
        shared = server.Settings(app=doors, limits=settings.limits, wheel=wheel)
        listener = await loop.create_server(
            lambda: server.Connection(shared),
            settings.host,
            settings.port,
            backlog=1024,
            reuse_port=settings.reuse_port or None,
        )
        refresher = Refresher(holder, on_refreshed=refreshed)
        threads = (refresher, self._keeper, self._shipper)
        for thread in threads:
            if thread is not None:
                thread.start()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            if threading.current_thread() is threading.main_thread():
                loop.add_signal_handler(number, stop.set)
        self.stop = lambda: loop.call_soon_threadsafe(stop.set)
        # What exists now lives as long as the process: the collector need not look at it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        if self._on_ready is not None:
            address = listener.sockets[0].getsockname()
            self._on_ready(address[0], address[1])
        housekeeping = loop.create_task(_keep_house(pipeline, circuits, ledger))
        await stop.wait()
        code = await self._drain(listener, shared)
        housekeeping.cancel()
        ledger.flush()
        providers.close()
        wheel.stop()
        await asyncio.to_thread(self._stop_threads, refresher)
        await asyncio.sleep(0)  # transports that were cut off are closed in the loop's next turn
        return code

    async def _drain(self, listener: asyncio.Server, shared: server.Settings) -> int:
        """Take no more connections, let the answers under way be finished, then close."""
        listener.close()
        shared.draining = True
        for connection in tuple(shared.connections):
            connection.drain()
        drained = asyncio.Event()
        shared.on_idle = drained.set
        code = 0
        if shared.connections:
            try:
                async with asyncio.timeout(self._settings.drain_s):
                    await drained.wait()
            except TimeoutError:
                code = 1
        for connection in tuple(shared.connections):
            connection.abort()
        await asyncio.sleep(0)  # what was cut off is recorded in the next turn
        await asyncio.sleep(0)
        return code

    def _stop_threads(self, refresher: Refresher) -> None:
        refresher.stop()
        self._keeper.stop()
        if self._shipper is not None:
            self._shipper.stop()

    stop: Callable[[], object]


async def _keep_house(pipeline: Pipeline, circuits: Circuits, ledger: Ledger) -> None:
    while True:
        await asyncio.sleep(HOUSEKEEPING_S)
        pipeline.wake()
        circuits.wake(at=time.monotonic())
        ledger.tick(at=clock.unix_now())


def run_gateway(
    *,
    holder: SnapshotHolder,
    spool: Spool,
    pepper: bytes,
    settings: GatewaySettings,
    shipper: Shipper | None = None,
    on_ready: Callable[[str, int], None] | None = None,
) -> int:
    """Run a gateway until it is told to stop; return the exit code (1 when calls had to be cut off)."""
    holder.start()
    gateway = Gateway(
        holder=holder, spool=spool, pepper=pepper, settings=settings, shipper=shipper, on_ready=on_ready
    )
    try:
        return uvloop.run(gateway.run())
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        sys.stderr.write(
            f"The gateway cannot listen on {place}: {error.strerror or error}.\n"
            "Another program may hold the port; choose another with --gateway-port.\n"
        )
        return 1
