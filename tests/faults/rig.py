"""A gateway with a budget before a provider that fails as it is told, and what came of each call."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx2

from roadworthy.foundation.storage.database import Database
from roadworthy.gateway.edge.limits import Limits
from roadworthy.gateway.process import GatewaySettings
from roadworthy.gateway.quota.quotas import Quotas
from roadworthy.gateway.snapshot import (
    BreakerEntry,
    GrantEntry,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderEntry,
    RouteEntry,
    Snapshot,
)
from roadworthy.quota import store
from roadworthy.quota.database_store import local
from roadworthy.quota.entry import BudgetEntry, ScopeEntry
from roadworthy.quota.port import Place
from roadworthy.testing.fault_provider import FAULTS, FaultProvider
from roadworthy.testing.gateway_process import RunningGateway, SnapshotSource, key_hash
from roadworthy.usage.record import CallRecord
from tests.gateway import world

PRICE_IN, PRICE_OUT = 3, 15
PATHS = {"chat": "/chat/completions", "messages": "/messages"}
NEVER = BreakerEntry(failures_in_a_row=10_000, failure_rate=1.0, least_calls=100_000)


class Heard(NamedTuple):
    """What a caller got of one call."""

    status: int
    headers: httpx2.Headers
    body: bytes
    whole: bool
    """Did the answer end as HTTP says, rather than with a connection cut off?"""


def snapshot(provider: FaultProvider, *, breaker: BreakerEntry = NEVER) -> Snapshot:
    """Every fault as a model of its name, and as a route `after-NAME` that goes on to a good one."""
    short = {"allow_private": True, "connect_timeout_s": 2.0, "total_timeout_s": 1.2}
    providers = {
        "faulty": ProviderEntry("faulty", provider.url, **short),  # type: ignore[arg-type]
        "patient": ProviderEntry("patient", provider.url, allow_private=True, total_timeout_s=20.0),
        "refused": ProviderEntry("refused", provider.refused, **short),  # type: ignore[arg-type]
        "unknown": ProviderEntry("unknown", provider.unknown, **short),  # type: ignore[arg-type]
        **{
            f"tls-{name}": ProviderEntry(f"tls-{name}", url, **short)  # type: ignore[arg-type]
            for name, url in provider.secure.items()
        },
    }
    at = {"01-refused": "refused", "02-name-unknown": "unknown"}
    at |= {f"21-tls-{name}": f"tls-{name}" for name in provider.secure}
    at |= {name: "patient" if name.startswith("14-") else "faulty" for name in FAULTS} | {"ok": "patient"}
    models = {
        name: ModelEntry(name, where, name, 4000, 8000, PRICE_IN, PRICE_OUT, price_source="test")
        for name, where in at.items()
    }
    routes = {
        f"after-{name}": RouteEntry(f"after-{name}", (name, "ok"), timeout_s=0.5, breaker=breaker)
        for name in models
    }
    routes |= {f"only-{name}": RouteEntry(f"only-{name}", (name,), timeout_s=0.5) for name in models}
    return Snapshot(
        1,
        "2026-01-01T00:00:00+00:00",
        keys={key_hash(world.KEY): KeyEntry("aaaaaaaa", "service-account/bot", "claims")},
        principals={"service-account/bot": PrincipalEntry("bot", owner="person/ada")},
        grants=(GrantEntry("g-1", "claims", models=tuple(models), routes=tuple(routes)),),
        models=models,
        routes=routes,
        providers=providers,
        budgets={
            "claims": BudgetEntry(
                "claims", ScopeEntry(use_case="claims"), 10**13, "USD", "month", "person/ada"
            )
        },
    )


class Rig:
    """The gateway, and everything that was charged so far."""

    def __init__(self, folder: Path, provider: FaultProvider, **more: Any) -> None:
        self.folder = folder
        self.provider = provider
        self.quotas = Quotas(
            local(folder / "quota.db", alive=lambda _: True),
            place=Place("h", "s", "p"), unix_now=time.time, counts_itself=True,
        )  # fmt: skip
        settings = GatewaySettings(port=0, drain_s=5, limits=Limits(stalled_reader_s=5))
        source = SnapshotSource(snapshot(provider, **more))
        self.running = RunningGateway(folder, source, settings=settings, quotas=self.quotas)
        self.client = httpx2.Client(timeout=20, trust_env=False)
        self.charged = 0

    def ask(self, model: str, *, stream: bool, dialect: str = "chat", max_tokens: int = 50) -> Heard:
        """Make a call."""
        body = {
            "model": model, "stream": stream, "max_tokens": max_tokens,
            "messages": [{"role": "user", "content": "hi"}],
        }  # fmt: skip
        headers = {"authorization": f"Bearer {world.KEY}"}
        received = b""
        with self.client.stream(
            "POST", f"{self.running.url}{PATHS[dialect]}", json=body, headers=headers
        ) as answer:
            try:
                for data in answer.iter_raw():
                    received += data
            except httpx2.TransportError:
                return Heard(answer.status_code, answer.headers, received, whole=False)
        return Heard(answer.status_code, answer.headers, received, whole=True)

    def record(self) -> CallRecord:
        """Return the record of the one call since the last time; nothing of it may still be held."""
        (found,) = [one for one in self.running.records() if not one.open]
        assert not self.quotas.core.outstanding
        assert self.quotas.leaks == 0
        self.charged += charge(found)
        return found

    def balance(self) -> tuple[int, int]:
        """What the store says of the budget, when the gateway has ended: spent, and still leased."""
        database = Database(f"sqlite:///{self.folder / 'quota.db'}")
        with database.read() as tx:
            rows = tx.connection.execute(store.counters.select()).all()
        database.close()
        (row,) = [row for row in rows if row.id.startswith("budget/")]
        return row.spent, row.leased


def charge(record: CallRecord) -> int:
    """Return what a call took from the budget."""
    return sum(int(lease.rpartition(":")[2]) for lease in record.leases)


# ------------------------------------------------------------------ reading what a caller got


def events(body: bytes) -> list[dict[str, Any]]:
    """Return the data of a stream's events, `[DONE]` left out."""
    lines = body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n")
    said = [line[5:].strip() for line in lines if line.startswith("data:")]
    return [json.loads(one) for one in said if one != "[DONE]"]


def text_of(heard: Heard, *, stream: bool, dialect: str) -> str:
    """Return the words of an answer."""
    if dialect == "messages":
        if not stream:
            return "".join(one.get("text", "") for one in json.loads(heard.body)["content"])
        return "".join(one.get("delta", {}).get("text", "") for one in events(heard.body))
    if not stream:
        return str(json.loads(heard.body)["choices"][0]["message"]["content"])
    choices = [choice for one in events(heard.body) for choice in one.get("choices") or ()]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def error_of(heard: Heard, dialect: str) -> dict[str, Any]:
    """Return the error of an answer that is one, in its dialect's form."""
    found = json.loads(heard.body)
    if dialect == "messages":
        assert found["type"] == "error"
        assert found["error"]["type"]
    assert found["error"]["message"]
    return dict(found["error"])


def last_error(heard: Heard, dialect: str) -> dict[str, Any]:
    """Return the error that ends a stream, in its dialect's form."""
    last = events(heard.body)[-1]
    if dialect == "messages":
        assert last["type"] == "error"
        assert b"event: error\n" in heard.body
    return dict(last["error"])
