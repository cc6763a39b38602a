"""The gateway as a process: its loop, its threads, its listener, and a stop that loses nothing."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Literal

import msgspec
import uvloop

from roadworthy.foundation import clock
from roadworthy.gateway.admission import Admissions
from roadworthy.gateway.checks import SlowChecks
from roadworthy.gateway.desk import Desk
from roadworthy.gateway.dialects.providers.table import PROVIDERS
from roadworthy.gateway.edge import server
from roadworthy.gateway.edge.credentials import Credentials
from roadworthy.gateway.edge.doors import Doors
from roadworthy.gateway.edge.limits import Limits
from roadworthy.gateway.edge.timers import Wheel
from roadworthy.gateway.edge.upstream import Providers
from roadworthy.gateway.filters.guard import guard_for, prepare
from roadworthy.gateway.filters.injection import classify
from roadworthy.gateway.inner import Shadows
from roadworthy.gateway.inquiry import Inquiry
from roadworthy.gateway.ledger import Ledger
from roadworthy.gateway.live import Live
from roadworthy.gateway.pipeline import Pipeline
from roadworthy.gateway.ports import Ports
from roadworthy.gateway.quota.quotas import Quotas
from roadworthy.gateway.quota.scopes import scopes_for
from roadworthy.gateway.refresh import Refresher, SnapshotHolder
from roadworthy.gateway.replayer import Replayer
from roadworthy.gateway.snapshot import Index
from roadworthy.usage.commit import Committer
from roadworthy.usage.ship import Shipper
from roadworthy.usage.spool import Spool

IDLE_DRAIN_S = 2.0


class GatewaySettings(msgspec.Struct, frozen=True):
    """How the process listens and stops."""

    host: str = "127.0.0.1"
    port: int = 8081
    reuse_port: bool = False
    listener: int | None = None
    """A listening socket handed down by a supervisor, which keeps it open while processes come and go."""
    drain_s: float = 30.0
    spool_sync: Literal["always", "interval"] = "always"
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
        credentials: Credentials | None = None,
        quotas: Quotas | None = None,
        desk: Desk | None = None,
    ) -> None:
        self._desk = desk
        self._credentials = credentials
        self._holder = holder
        self._quotas = quotas
        self._spool = spool
        self._committer = Committer(spool, sync=settings.spool_sync)
        self._shipper = shipper
        self._pepper = pepper
        self._settings = settings
        self._on_ready = on_ready
        self.ledger: Ledger | None = None
        self._prepared: Index | None = None
        self._refresher: Refresher | None = None

    def _health(self) -> tuple[bool, dict[str, object]]:
        state = self._holder.state()
        said: dict[str, object] = msgspec.to_builtins(state)
        troubles = [self._committer.error]
        if self._shipper is not None:
            troubles.append(self._shipper.error)
        if self._quotas is not None:
            troubles.append(self._quotas.error)
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

    def _compile_filters(self) -> None:
        """In the refresher's thread, or before the port is open: no call has to wait for it."""
        index = self._holder.index
        if index is not None and index is not self._prepared:
            prepare(index.snapshot)
            self._prepared = index

    async def run(self) -> int:
        """Serve until SIGTERM or SIGINT, drain, and return the exit code."""
        loop = asyncio.get_running_loop()
        wheel = Wheel(loop)
        providers = Providers(wheel, loop, self._credentials)
        self._committer.bind(loop.call_soon_threadsafe)
        self.ledger = Ledger(self._committer)
        pipeline, ports, checks = self._pipeline(loop, providers, self.ledger)
        replayer = Replayer(
            pipeline=pipeline, ports=ports, committer=self._committer, admissions=self._admissions,
            secret=self._pepper, loop=loop, unix_now=clock.unix_now,
        )  # fmt: skip
        doors = Doors(
            pipeline=pipeline, health=self._health, unix_now=clock.unix_now, monotonic=time.monotonic,
            replay=replayer, drafts=Inquiry(pipeline, ports),
        )  # fmt: skip
        shared = server.Settings(app=doors, limits=self._settings.limits, wheel=wheel)
        self._compile_filters()
        listener = await self._listen(loop, shared)
        self._start_threads(loop)
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
        wheel.every_tick = partial(self._keep_house, pipeline, ports)
        await stop.wait()
        code = await self._drain(listener, shared)
        self.ledger.flush()
        providers.close()
        checks.stop()
        wheel.stop()
        await asyncio.to_thread(self._stop_threads)
        await asyncio.sleep(0)  # transports that were cut off are closed in the loop's next turn
        return code

    def _admissions(self) -> Admissions:
        return Admissions(pepper=self._pepper, guard_for=guard_for, scopes_for=scopes_for)

    def _pipeline(
        self, loop: asyncio.AbstractEventLoop, providers: Providers, ledger: Ledger
    ) -> tuple[Pipeline, Ports, SlowChecks]:
        admissions = self._admissions()
        checks = SlowChecks(loop, admissions=admissions, monotonic=time.monotonic, classify=classify)
        checks.ports = ports = Ports(
            upstream=providers,
            ledger=ledger,
            live=Live(),
            monotonic=time.monotonic,
            providers=PROVIDERS,
            quotas=self._quotas,
            checks=checks,
            shadows=Shadows(time.monotonic),
            drafts=self._desk,
        )

        def refreshed() -> None:
            self._compile_filters()
            if not loop.is_closed():
                loop.call_soon_threadsafe(pipeline.wake)

        self._refresher = refresher = Refresher(self._holder, on_refreshed=refreshed)
        pipeline = Pipeline(
            holder=self._holder, ports=ports, admissions=admissions, ask_refresh=refresher.ask
        )
        return pipeline, ports, checks

    def _keep_house(self, pipeline: Pipeline, ports: Ports) -> None:
        if self._refresher is not None:
            self._refresher.look()
        pipeline.wake()
        ports.live.wake(at=time.monotonic())
        now = clock.unix_now()
        ports.ledger.tick(at=now)
        index = self._holder.index
        if index is not None and index.snapshot.stops:
            for delivery in tuple(ports.streaming):
                delivery.end_if_stopped(index, now=now)

    def _start_threads(self, loop: asyncio.AbstractEventLoop) -> None:
        for thread in (self._refresher, self._committer, self._shipper):
            if thread is not None:
                thread.start()
        if self._quotas is not None:
            self._quotas.start(post=loop.call_soon_threadsafe, later=loop.call_later)
        if self._desk is not None:
            self._desk.start(loop)

    async def _listen(self, loop: asyncio.AbstractEventLoop, shared: server.Settings) -> asyncio.Server:
        settings = self._settings
        if settings.listener is not None:
            handed = socket.socket(fileno=settings.listener)
            return await loop.create_server(lambda: server.Connection(shared), sock=handed, backlog=1024)
        return await loop.create_server(
            lambda: server.Connection(shared),
            settings.host,
            settings.port,
            backlog=1024,
            reuse_port=settings.reuse_port or None,
        )

    async def _drain(self, listener: asyncio.Server, shared: server.Settings) -> int:
        """Take no more connections, let the answers under way be finished, then close."""
        listener.close()
        shared.draining = True
        if self._settings.listener is not None and shared.connections:
            # Another process takes the next connection. Closing an idle one now could cross a request that is
            # on its way; each next answer says `connection: close` instead, and callers come back over there.
            await asyncio.sleep(min(IDLE_DRAIN_S, self._settings.drain_s))
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

    def _stop_threads(self) -> None:
        if self._refresher is not None:
            self._refresher.stop()
        self._committer.stop()
        if self._quotas is not None:
            self._quotas.stop()
        if self._desk is not None:
            self._desk.stop()
        if self._shipper is not None:
            self._shipper.stop()

    stop: Callable[[], object]


def run_gateway(
    *,
    holder: SnapshotHolder,
    spool: Spool,
    pepper: bytes,
    settings: GatewaySettings,
    shipper: Shipper | None = None,
    on_ready: Callable[[str, int], None] | None = None,
    credentials: Credentials | None = None,
    quotas: Quotas | None = None,
    desk: Desk | None = None,
) -> int:
    """Run a gateway until it is told to stop; return the exit code (1 when calls had to be cut off)."""
    holder.start()
    gateway = Gateway(
        holder=holder,
        spool=spool,
        pepper=pepper,
        settings=settings,
        shipper=shipper,
        on_ready=on_ready,
        credentials=credentials,
        quotas=quotas,
        desk=desk,
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
