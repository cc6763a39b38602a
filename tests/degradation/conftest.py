"""A company on PostgreSQL, a fault proxy before it, and gateways behind the proxy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from roadworthy.foundation import clock
from roadworthy.foundation.storage import migrate
from roadworthy.foundation.storage.database import Database
from roadworthy.gateway.patience import PatientSource
from roadworthy.gateway.process import GatewaySettings
from roadworthy.gateway.source import DatabaseSource
from roadworthy.governance import operations as governance
from roadworthy.identity import operations as identity
from roadworthy.main import SLICES
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import assemble
from roadworthy.testing.fake_provider import FakeProvider
from roadworthy.testing.fault_proxy import FaultProxy
from roadworthy.testing.gateway_process import PEPPER, RunningGateway
from roadworthy.usage import operations as usage
from roadworthy.usage import queries as usage_queries
from tests.gateway.control import ACCOUNT
from tests.governance.company import SETUP, Company, base_documents, document, use_case

BOTS = 8
ROOT = Actor("person/root", "cli")


class HostedCompany(Company):
    """The company of the governance tests, on a database server."""

    def __init__(self, database: Database) -> None:
        self.assembly = assemble(SLICES)
        self.database = database


@dataclass
class Estate:
    """The control plane's side: it reaches the database whatever the gateway's network does."""

    database: Database
    company: HostedCompany
    proxy: FaultProxy
    proxied: str
    directory: Path
    stack: ExitStack
    started: list[RunningGateway] = field(default_factory=list)
    issued: int = 0

    def key(self) -> str:
        """Issue a key, and return it."""
        account = f"bot-{self.issued}"
        self.issued += 1
        with self.database.write() as tx:
            issued = identity.issue_key(
                tx, account=account, use_case="policy-search", actor=ROOT, pepper=PEPPER, now=clock.now()
            )
        return issued.secret

    def revoke(self, key: str) -> None:
        """Revoke a key."""
        with self.database.write() as tx:
            identity.revoke_key(tx, key_id=key.split("_")[1], actor=ROOT, now=clock.now())

    def recorded(self) -> int:
        """Return how many calls the database has on record."""
        with self.database.read() as tx:
            return sum(one.records for one in usage_queries.sources(tx))

    def gateway(self, name: str = "gateway", *, max_stale_s: float = 900.0) -> RunningGateway:
        """Start a gateway that reaches the database through the proxy alone."""
        database = Database(self.proxied)
        directory = self.directory / name
        directory.mkdir(exist_ok=True)
        source = PatientSource(
            DatabaseSource(database),
            prepare=lambda: migrate.upgrade(database),
            give_up=database.forget_connections,
        )
        running = RunningGateway(
            directory,
            _Loading(source),  # type: ignore[arg-type]
            settings=GatewaySettings(port=0, drain_s=5),
            max_stale_s=max_stale_s,
            degraded_after_s=2.5,
            store=partial(usage.ingest_into, database, source=name),
        )
        self.stack.callback(database.close)
        self.started.append(running)
        return self.stack.enter_context(running)


class _Loading:
    def __init__(self, load: Callable[[int], Any]) -> None:
        self.load = load


@pytest.fixture(scope="session")
def provider() -> Iterator[FakeProvider]:
    """One for all tests."""
    with FakeProvider() as running:
        yield running


@pytest.fixture
def estate(postgres_url: str, tmp_path: Path, provider: FakeProvider) -> Iterator[Estate]:
    """Give a company whose use case may call the fake provider."""
    url = make_url(postgres_url)
    database = Database(postgres_url)
    migrate.upgrade(database)
    company = HostedCompany(database)
    now = clock.now()
    company.declare(*base_documents(), actor=SETUP, now=now)
    away = {"title": "Fake", "base_url": provider.url, "allow_private": True}
    model = {"title": "Small", "provider": "local", "upstream_model": "ok", "context_tokens": 2048}
    company.declare(
        document("Person", "root", {"display_name": "Root"}),
        document("RoleBinding", "root", {"subject": "person/root", "role": "admin", "unit": "organization"}),
        document("Provider", "local", away),
        document("Model", "small", {**model, "max_output_tokens": 512}),
        use_case(),
        *(
            document("ServiceAccount", f"bot-{n}", {**ACCOUNT, "expires_on": _later(now)}, namespace="claims")
            for n in range(BOTS)
        ),
        actor=SETUP,
        now=now,
    )
    with database.write() as tx:
        governance.give_approval(
            tx,
            use_case="policy-search",
            role="business-approver",
            expires_at=now + timedelta(days=90),
            actor=Actor("person/ben", "cli"),
            now=now,
        )
    host = url.query.get("host") or url.host or "127.0.0.1"
    assert isinstance(host, str)
    port = url.port or 5432
    target: tuple[str, int] | str = f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
    with ExitStack() as stack:
        proxy = stack.enter_context(FaultProxy(target))
        proxied = url.difference_update_query(["host"]).set(host="127.0.0.1", port=proxy.port)
        yield Estate(
            database,
            company,
            proxy,
            proxied.render_as_string(hide_password=False),
            tmp_path,
            stack,
        )
    database.close()


def _later(now: datetime) -> str:
    return (now + timedelta(days=400)).date().isoformat()
