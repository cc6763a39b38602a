"""A real gateway for tests: in a thread of this process, or as a process of its own that may be killed."""

from __future__ import annotations

import os
import secrets
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

import msgspec
import uvloop

from roadworthy.gateway import access, revision, snapshot
from roadworthy.gateway.desk import Desk
from roadworthy.gateway.process import Gateway, GatewaySettings, run_gateway
from roadworthy.gateway.quota.quotas import Quotas
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.snapshot import Snapshot
from roadworthy.usage.record import CallRecord
from roadworthy.usage.ship import Shipper, Store, ship_once
from roadworthy.usage.spool import Spool

PEPPER = b"pepper-of-the-tests-which-is-no-secret"
SECRET = b"secret-of-the-tests"


def key_hash(token: str) -> str:
    """Return what the test gateway looks a key up by."""
    return access.hash_key(PEPPER, token)


class SnapshotSource:
    """Stands for the control plane: hands out what it holds, or does not answer."""

    def __init__(self, first: Snapshot) -> None:
        self.current = first
        self.down = False
        self.slow_s = 0.0

    def load(self, held: int) -> Snapshot | None:
        """Answer the gateway's question for anything newer."""
        if self.slow_s:
            time.sleep(self.slow_s)
        if self.down:
            raise ConnectionError("the control plane is stopped")
        return self.current if self.current.revision > held else None


class RunningGateway:
    """A gateway in a thread, on a free port, with its data in a directory."""

    def __init__(
        self,
        directory: Path,
        source: SnapshotSource,
        *,
        settings: GatewaySettings | None = None,
        max_stale_s: float = 900.0,
        degraded_after_s: float = 10.0,
        store: Store | None = None,
        quotas: Quotas | None = None,
        desk: Desk | None = None,
    ) -> None:
        self.directory = directory
        self.source = source
        self.port = 0
        self.code: int | None = None
        self.counter_path = directory / "revision"
        self.holder = SnapshotHolder(
            load=source.load,
            counter=RevisionCounter(self.counter_path),
            secret=SECRET,
            last_good=directory / "snapshot.last-good",
            max_stale_s=max_stale_s,
            degraded_after_s=degraded_after_s,
        )
        self.spool = Spool(directory / "spool", "test")
        self._ready = threading.Event()
        self.gateway = Gateway(
            holder=self.holder,
            spool=self.spool,
            pepper=PEPPER,
            settings=settings or GatewaySettings(port=0),
            shipper=Shipper(self.spool.directory, store, own=self.spool.process) if store else None,
            on_ready=self._on_ready,
            quotas=quotas,
            desk=desk,
        )
        self._thread = threading.Thread(target=self._run, name="gateway", daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def _on_ready(self, _host: str, port: int) -> None:
        self.port = port
        self._ready.set()

    def _run(self) -> None:
        self.holder.start()
        self.code = uvloop.run(self.gateway.run())

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(20), "the gateway did not start"
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop as SIGTERM does."""
        if self._thread.is_alive():
            self.gateway.stop()
            self._thread.join(40)

    def ledger_error(self) -> str:
        """Return what keeps calls from being recorded, if anything does."""
        return self.gateway.ledger.error if self.gateway.ledger is not None else ""

    def publish(self, new: Snapshot) -> None:
        """Commit a new snapshot, then announce it, as the control plane does."""
        self.source.current = new
        revision.bump(self.counter_path, new.revision)

    def records(self, *, at_least: int = 1) -> list[CallRecord]:
        """Ship what is in the spool, and return it; give a call that a caller left two seconds to end."""
        found: list[CallRecord] = []
        until = time.monotonic() + 2
        while len(found) < at_least and time.monotonic() < until:
            found += shipped(self.directory / "spool", keep=self.spool.end_segments)
            time.sleep(0.005)
        return found


def shipped(directory: Path, *, keep: Callable[[], None] = lambda: None) -> list[CallRecord]:
    """Ship what is in a spool, and return it."""
    found: list[CallRecord] = []
    for _ in range(200):  # a segment that is being made durable cannot be taken yet
        keep()
        ship_once(directory, found.extend)
        if not list(directory.glob("*.seg")):
            break
        time.sleep(0.01)
    return found


def main(arguments: list[str]) -> int:
    """Run as a process: `DIRECTORY SNAPSHOT_FILE [PORT]`; prints its port when ready."""
    directory = Path(arguments[0])
    first = snapshot.decode(Path(arguments[1]).read_bytes())
    port = int(arguments[2]) if len(arguments) > 2 else 0
    source = SnapshotSource(first)
    holder = SnapshotHolder(
        load=source.load, counter=RevisionCounter(directory / "revision"), secret=SECRET, last_good=None
    )

    def ready(host: str, bound: int) -> None:
        sys.stdout.write(msgspec.json.encode({"host": host, "port": bound}).decode() + "\n")
        sys.stdout.flush()

    spool = Spool(directory / "spool", f"gw-{os.getpid()}-{secrets.token_hex(4)}")
    settings = GatewaySettings(port=port)
    return run_gateway(holder=holder, spool=spool, pepper=PEPPER, settings=settings, on_ready=ready)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
