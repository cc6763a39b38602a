"""The gateway under measurement, everything on: access, routing, metering, spool, fsync, shipping to SQLite.

Arguments: DIRECTORY PORT MODEL_PORT LOGGING (full or metadata).
"""

from __future__ import annotations

import sqlite3
import sys
from pathlib import Path

from roadworthy.gateway.access import hash_key
from roadworthy.gateway.process import GatewaySettings, run_gateway
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.snapshot import (
    GrantEntry,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderEntry,
    RouteEntry,
    Snapshot,
)
from roadworthy.usage import record
from roadworthy.usage.record import CallRecord
from roadworthy.usage.ship import Shipper
from roadworthy.usage.spool import Spool

PEPPER = b"pepper-of-the-bench-which-is-no-secret"
KEYS = 2_000


def key(number: int) -> str:
    """Return a key of the bench."""
    return f"rwk_{number:08d}_" + "k" * 43


def snapshot(model_port: int, logging: str) -> Snapshot:
    """Return a snapshot of the size of a company: 2,000 keys, 500 use cases, a route with a fall-back."""
    cases = [f"case-{number}" for number in range(500)]
    return Snapshot(
        1,
        "2026-01-01T00:00:00+00:00",
        keys={
            hash_key(PEPPER, key(number)): KeyEntry(
                f"{number:08d}", f"service-account/bot-{number}", cases[number % 500], expires_at=4e9
            )
            for number in range(KEYS)
        },
        principals={
            f"service-account/bot-{number}": PrincipalEntry(
                f"bot-{number}", owner="person/ada", expires_at=4e9
            )
            for number in range(KEYS)
        },
        grants=tuple(
            GrantEntry(
                f"grant-{case}", case, models=("one", "two"), routes=("chat",), not_before=0.0,
                expires_at=4e9, logging="full" if logging == "full" else "metadata",
                declared_at="cases.yaml:1",
                changers=("person/ada",),
            )
            for case in cases
        ),
        models={
            name: ModelEntry(name, "bench", "bench-model", 1000, 8000, 150, 600, price_source="bench")
            for name in ("one", "two")
        },
        routes={"chat": RouteEntry("chat", ("one", "two"), retries=1, timeout_s=30)},
        providers={"bench": ProviderEntry("bench", f"http://127.0.0.1:{model_port}/v1", allow_private=True)},
    )  # fmt: skip


def main() -> int:
    """Run until told to stop."""
    directory, port, model_port, logging = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    holder = SnapshotHolder(
        load=lambda held: snapshot(model_port, logging) if held < 0 else None,
        counter=RevisionCounter(directory / "revision"),
        secret=b"secret-of-the-bench",
        last_good=directory / "last-good",
    )
    database = sqlite3.connect(directory / "calls.db", check_same_thread=False, isolation_level=None)
    database.execute("pragma journal_mode = wal")
    database.execute("pragma synchronous = full")
    database.execute(
        "create table if not exists calls (id text primary key, at int, use_case text, model text,"
        " status int, cost int, latency_ms real, record blob)"
    )

    def store(batch: list[CallRecord]) -> None:
        rows = [
            (
                one.id,
                one.at,
                one.use_case,
                one.model,
                one.status,
                one.cost_nano,
                one.latency_ms,
                record.encode(one),
            )
            for one in batch
        ]
        database.execute("begin immediate")
        database.executemany("insert or ignore into calls values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        database.execute("commit")

    return run_gateway(
        holder=holder,
        spool=Spool(directory / "spool", "bench"),
        pepper=PEPPER,
        settings=GatewaySettings(port=port),
        shipper=Shipper(directory / "spool", store),
    )


if __name__ == "__main__":
    raise SystemExit(main())
