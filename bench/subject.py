"""The gateway under measurement, beside a control plane's database, everything on.

Key, grant, decision, a limit and a budget, the default filters on both sides, routing with a fall-back,
metering and pricing, a durable record of each call; and in the same process the shipping of records into
SQLite: sealed into the audit log, counted by the hour, spent from the budget, as in production.

Arguments: DIRECTORY PORT MODEL_PORT LOGGING (full or metadata), and how many keys there are.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from roadworthy.appeals import operations as appeals_operations
from roadworthy.foundation import clock
from roadworthy.gateway.access import hash_key
from roadworthy.gateway.process import GatewaySettings, run_gateway
from roadworthy.gateway.quota.quotas import Quotas
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
from roadworthy.main import open_installation
from roadworthy.quota import operations as quota_operations
from roadworthy.quota.database_store import DatabaseStore
from roadworthy.quota.entry import BudgetEntry, LimitEntry, ScopeEntry
from roadworthy.quota.port import Place
from roadworthy.settings import Settings
from roadworthy.usage import operations as usage_operations
from roadworthy.usage.ship import Shipper
from roadworthy.usage.spool import Spool
from roadworthy.usage.telemetry.prometheus import CallCounters

PEPPER = b"pepper-of-the-bench-which-is-no-secret"
KEYS = 2_000
LIMIT = LimitEntry(
    "everybody",
    ScopeEntry(),
    each="key",
    requests=10_000_000,
    output_tokens=10_000_000_000,
    concurrency=5_000,
)
BUDGET = BudgetEntry(
    "all-of-it", ScopeEntry(unit="bench"), 10_000_000_000_000_000, "USD", "month", max_output_tokens=2_000
)


def key(number: int) -> str:
    """Return a key of the bench."""
    return f"rwk_{number:08d}_" + "k" * 43


def snapshot(model_port: int, logging: str, keys: int = KEYS) -> Snapshot:
    """Return a snapshot of the size of a company: 2,000 keys, 500 use cases, a route with a fall-back."""
    cases = [f"case-{number}" for number in range(500)]
    return Snapshot(
        1,
        "2026-01-01T00:00:00+00:00",
        keys={
            hash_key(PEPPER, key(number)): KeyEntry(
                f"{number:08d}", f"service-account/bot-{number}", cases[number % 500], expires_at=4e9
            )
            for number in range(keys)
        },
        principals={
            f"service-account/bot-{number}": PrincipalEntry(
                f"bot-{number}", owner="person/ada", expires_at=4e9
            )
            for number in range(keys)
        },
        grants=tuple(
            GrantEntry(
                f"grant-{case}", case, namespace="bench", models=("one", "two"), routes=("chat",),
                not_before=0.0, expires_at=4e9, logging="full" if logging == "full" else "metadata",
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
        limits={LIMIT.name: LIMIT},
        budgets={BUDGET.name: BUDGET},
        providers={"bench": ProviderEntry("bench", f"http://127.0.0.1:{model_port}/v1", allow_private=True)},
    )  # fmt: skip


def main() -> int:
    """Run until told to stop."""
    directory, port, model_port, logging = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    keys = int(sys.argv[5]) if len(sys.argv) > 5 else KEYS
    installation = open_installation(Settings(data_dir=directory))
    database = installation.database
    holder = SnapshotHolder(
        load=lambda held: snapshot(model_port, logging, keys) if held < 0 else None,
        counter=RevisionCounter(directory / "bench-revision"),
        secret=b"secret-of-the-bench",
        last_good=directory / "last-good",
    )
    spool = Spool(directory / "spool", "bench")
    store = partial(
        usage_operations.ingest_into,
        database,
        source="bench",
        hooks=(quota_operations.count_records, appeals_operations.count_findings),
    )
    return run_gateway(
        holder=holder,
        spool=spool,
        pepper=PEPPER,
        settings=GatewaySettings(port=port),
        shipper=Shipper(spool.directory, store, own=spool.process, heard=CallCounters().count),
        quotas=Quotas(
            DatabaseStore(database), place=Place("bench", str(spool.directory), spool.process),
            unix_now=clock.unix_now,
        ),
    )  # fmt: skip


if __name__ == "__main__":
    raise SystemExit(main())
