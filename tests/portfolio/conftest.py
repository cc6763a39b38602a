"""Three outcomes with a year of figures: one true improvement, one rolled back, one that cannot be told."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from roadworthy.entrypoints import console
from roadworthy.foundation.charts import ChartRenderer
from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.web.context import Parts
from roadworthy.foundation.web.mount import mount
from roadworthy.foundation.web.router import JSON_LIMIT
from roadworthy.foundation.web.templating import build_environment
from roadworthy.identity.wiring import SLICE as IDENTITY
from roadworthy.portfolio import operations
from roadworthy.portfolio.drawing import CHARTS_SOCKET
from roadworthy.portfolio.operations import Imported
from roadworthy.portfolio.wiring import SLICE as PORTFOLIO
from roadworthy.registry import manifest
from roadworthy.registry import operations as registry
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import SOCKET, Assembly, assemble
from roadworthy.testing.estate import sealed_database
from roadworthy.use_cases.wiring import SLICE as USE_CASES

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
"""A Monday."""
ADA = Actor("person/ada", "cli")
FIRST = date(2025, 11, 24)
LAUNCH = FIRST + timedelta(weeks=28)
ROLLBACK = LAUNCH + timedelta(weeks=9)

# name -> (baseline, what the launch changed, noise)
SHAPES = {"faster": (74.0, -11.0, 2.0), "calls": (18.5, 3.0, 0.5), "quotes": (41.0, -1.0, 7.0)}


GUARDED = "constraints: [{metric: reopened, margin: 0.5}], unit_value: {amount: 38, currency: EUR}"
MEASURED_BY = (
    "{metric: hours, target: 62}, {metric: reopened, target: 4.6}, {metric: latency, target: 800}, "
    "{metric: failures, target: 1}, {metric: callers}"
)


def _declarations() -> str:
    parts = ["kind: Person\nmetadata: {name: ada}\nspec: {display_name: Ada Lindqvist}"]
    parts += [
        f"kind: Metric\nmetadata: {{name: {name}}}\nspec: {{title: {title}, layer: {layer}, unit: '{unit}', "
        f"direction: decrease{more}}}"
        for name, title, layer, unit, more in (
            ("hours", "Hours to settle a claim", "business", "hours", ""),
            ("repeats", "Customers who call again", "business", "%", ""),
            ("quote-hours", "Hours to a quote", "business", "hours", ""),
            ("reopened", "Claims reopened", "quality", "%", ", trust: true"),
            ("latency", "Time to an answer", "reliability", "ms", ", source: gateway.latency_ms_p95"),
            ("failures", "Calls that failed", "reliability", "%", ", source: gateway.error_rate"),
            ("callers", "Callers", "adoption", "callers", ", source: gateway.active_principals"),
        )
    ]
    end, launched = LAUNCH - timedelta(days=1), f"{{date: {LAUNCH}, event: launch}}"
    for name, metric, delta, more in (
        ("faster", "hours", -12, f", {GUARDED}"),
        ("calls", "repeats", -3, ""),
        ("quotes", "quote-hours", -6, ""),
        ("unmeasured", "hours", -2, ""),
    ):  # fmt: skip
        baseline = SHAPES.get(name, (74.0, 0, 0))[0]
        parts.append(
            f"kind: Outcome\nmetadata: {{name: {name}}}\nspec: {{title: 'The outcome {name}', owner: ada, "
            f"kind: speed, metric: {metric}, baseline: {{value: {baseline}, from: {FIRST}, to: {end}}}, "
            f"target: {{delta: {delta}}}, horizon: 2027-06-30{more}}}"
        )
    for name, outcome, events, metrics in (
        ("triage", "faster", launched, MEASURED_BY),
        ("summaries", "calls", f"{launched}, {{date: {ROLLBACK}, event: rollback}}", ""),
        ("quoting", "quotes", launched, ""),
        ("unseen", "unmeasured", "", ""),
    ):  # fmt: skip
        parts.append(
            f"kind: UseCase\nmetadata: {{name: {name}}}\n"
            f"spec: {{title: 'The use case {name}', summary: It helps, "
            f"outcome: {outcome}, stage: live, timeline: [{events}], metrics: [{metrics}]}}"
        )
    return "\n---\n".join(f"apiVersion: roadworthy/v1\n{part}" for part in parts)


def weekly(shape: str, *, weeks: int = 52) -> list[tuple[date, float]]:
    """Return a year of figures of one of the shapes, the same each time."""
    baseline, change, noise = SHAPES[shape]
    seeded = random.Random(shape)
    found = []
    for index in range(weeks):
        monday = FIRST + timedelta(weeks=index)
        live = monday >= LAUNCH and not (shape == "calls" and monday >= ROLLBACK)
        found.append((monday, round(baseline + (change if live else 0.0) + seeded.gauss(0.0, noise), 2)))
    return found


def as_csv(rows: list[tuple[date, float]], header: str = "week,value") -> str:
    """Return figures as a file."""
    return "\n".join([header, *(f"{day},{value}" for day, value in rows)]) + "\n"


@dataclass
class Estate:
    """A database with the declarations, and hands to measure with."""

    database: Database
    assembly: Assembly
    directory: Path

    def measure(
        self, text: str, *, now: datetime = NOW, outcome: str | None = None, **given: Any
    ) -> Imported:
        """Import a file."""
        if outcome is None:
            outcome = "" if "metric" in given else "faster"
        with self.database.write() as tx:
            return operations.import_csv(tx, text=text, outcome=outcome, actor=ADA, now=now, **given)

    def year(self) -> None:
        """Import the three shapes, and the guard of the first."""
        for shape in SHAPES:
            self.measure(as_csv(weekly(shape)), outcome=shape, source=f"{shape}.csv")
        steady = [(day, round(4.0 + 0.05 * (value % 1), 3)) for day, value in weekly("faster")]
        rows = "\n".join(f"{day},reopened,{value}" for day, value in steady)
        self.measure(f"week,metric,value\n{rows}\n", source="guards.csv")


def make_estate(url: str, directory: Path) -> Estate:
    """Make a database in which everything is declared and nothing measured."""
    database, _ = sealed_database(url, directory)
    # Who may declare is tested where it is decided.
    assembly = assemble((replace(IDENTITY, admission=()), USE_CASES, PORTFOLIO))
    with database.write() as tx:
        documents = manifest.parse(_declarations(), file="t.yaml")
        declared = NOW - timedelta(days=1)
        plan = registry.plan(tx, assembly, manifests=documents, managed_by="file", actor=ADA, now=declared)
        registry.save(tx, assembly, plan, actor=ADA, now=declared)
    return Estate(database, assembly, directory)


@pytest.fixture(params=["sqlite", "postgresql"])
def estate(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Estate]:
    """Give the declarations on each engine, nothing measured."""
    url = (
        f"sqlite:///{tmp_path}/t.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    )
    made = make_estate(url, tmp_path)
    yield made
    made.database.close()


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Estate]:
    """Give the year of figures on SQLite, for tests that only read."""
    directory = tmp_path_factory.mktemp("measured")
    made = make_estate(f"sqlite:///{directory}/t.db", directory)
    made.year()
    yield made
    made.database.close()


@dataclass
class Caller:
    """Somebody signed in who may do everything, or may only look."""

    permissions: frozenset[str] = frozenset({"measure.import", "outcome.read"})
    principal: str = "person/ada"
    display: str = "Ada Lindqvist"
    csrf_token: str = "csrf-of-the-session"
    roles: tuple[str, ...] = ("contributor",)

    def may(self, permission: str, *, namespace: str = "*") -> bool:
        """Say whether the permission is held; namespaces are identity's own tests."""
        return permission in self.permissions


def make_app(estate: Estate, caller: Caller) -> FastAPI:
    """Put the slice's doors together as the control plane does."""
    env = build_environment([("portfolio", PORTFOLIO.templates or Path())])
    parts = Parts(
        database=estate.database,
        clock=lambda: NOW,
        identify=lambda _tx, _request, _now: caller,
        frame=console.Frame(needs=lambda *_: 0, sample=lambda _: False, version="0.1.0"),
        render=console.renderer(env),
        data_dir=estate.directory,
        sockets={SOCKET: estate.assembly, CHARTS_SOCKET: ChartRenderer(estate.directory / "charts")},
    )
    app = FastAPI()
    console.add_assets(app)
    routes = [route for router in PORTFOLIO.routers for route in router.routes]
    mount(app, routes, parts)
    console.add_errors(app, parts)
    larger = [(route.path, route.body_limit) for route in routes if route.body_limit != JSON_LIMIT]
    app.add_middleware(console.Limits, limits=larger, default=JSON_LIMIT)
    return app


@pytest.fixture
def client(measured: Estate) -> TestClient:
    """Give a client of the doors over the measured year."""
    return TestClient(make_app(measured, Caller()), follow_redirects=False)


@pytest.fixture(scope="module")
def console_url(measured: Estate) -> Iterator[str]:
    """Give the address of a server with the pages, for a browser."""
    server = uvicorn.Server(uvicorn.Config(make_app(measured, Caller()), port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)
