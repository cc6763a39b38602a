"""The only place that names concrete parts: the slices in shelf order, put together into processes."""

from __future__ import annotations

import os
import secrets
import socket
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from roadworthy import settings as setting
from roadworthy.entrypoints import console
from roadworthy.entrypoints.server import serve
from roadworthy.evidence.wiring import SLICE as EVIDENCE
from roadworthy.foundation import clock
from roadworthy.foundation.charts import ChartRenderer
from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.lifeline import leave_with
from roadworthy.foundation.storage import migrate
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.foundation.web.context import Caller, Parts
from roadworthy.foundation.web.mount import mount
from roadworthy.foundation.web.router import JSON_LIMIT, PUBLIC, Route, Router
from roadworthy.foundation.web.templating import build_environment
from roadworthy.gateway import process as gateway_process
from roadworthy.gateway import revision
from roadworthy.gateway.process import GatewaySettings
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.source import DatabaseSource
from roadworthy.gateway.wiring import SLICE as GATEWAY
from roadworthy.governance import queries as governance_queries
from roadworthy.governance.wiring import SLICE as GOVERNANCE
from roadworthy.identity import operations as identity_operations
from roadworthy.identity.identify import CONSOLE_URL_SOCKET, PEPPER_SOCKET, Doorkeeper
from roadworthy.identity.wiring import SLICE as IDENTITY
from roadworthy.models.wiring import SLICE as MODELS
from roadworthy.portfolio.drawing import CHARTS_SOCKET
from roadworthy.portfolio.wiring import SLICE as PORTFOLIO
from roadworthy.registry import audit, checkpoint
from roadworthy.registry import queries as registry_queries
from roadworthy.registry.assembly import SOCKET, Assembly, assemble
from roadworthy.registry.door import KEYS_SOCKET
from roadworthy.registry.slice import Slice
from roadworthy.registry.wiring import SLICE as REGISTRY
from roadworthy.settings import Settings
from roadworthy.usage import operations as usage_operations
from roadworthy.usage.jobs import RetentionKeeper
from roadworthy.usage.ship import Shipper
from roadworthy.usage.spool import Spool
from roadworthy.usage.wiring import SLICE as USAGE
from roadworthy.use_cases.wiring import SLICE as USE_CASES

SLICES: tuple[Slice, ...] = (
    REGISTRY,
    IDENTITY,
    EVIDENCE,
    USAGE,
    USE_CASES,
    GOVERNANCE,
    MODELS,
    GATEWAY,
    PORTFOLIO,
)
"""Every installed slice, lowest shelf first."""

LOG_NAME = "roadworthy"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Installation:
    """A data directory made ready: its secrets, its database, its parts."""

    settings: Settings
    assembly: Assembly
    database: Database
    pepper: bytes
    keys: tuple[checkpoint.VerificationKey, ...]


def open_installation(settings: Settings) -> Installation:
    """Make or open the data directory, bring the database up to date, and hand out the parts."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    signing = _signing_key(settings.data_dir / "audit-signing.key")
    counter = settings.data_dir / "revision"
    database = Database(
        settings.database,
        before_commit=audit.Sealer(signing, origin=signing.name).seal,
        after_commit=lambda number: revision.bump(counter, number),
    )
    migrate.upgrade(database)
    with database.read() as tx:
        revision.bump(counter, audit.revision(tx))
    return Installation(
        settings=settings,
        assembly=assemble(SLICES),
        database=database,
        pepper=_secret(settings.data_dir / "pepper.key"),
        keys=(signing.verification_key,),
    )


def _signing_key(path: Path) -> checkpoint.SigningKey:
    if not path.exists():
        try:
            return checkpoint.create_key_file(path, name=LOG_NAME)
        except checkpoint.SigningKeyError:
            if not path.exists():
                raise
            # The other plane started at the same moment and was first; its key is the one.
    return checkpoint.load_key_file(path)


def _secret(path: Path) -> bytes:
    """Return the secret in a file that only its owner may read; make it at the first start."""
    if not path.exists():
        draft = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(SECRET_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails when another process was first; its secret is the one
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    found = path.read_bytes()
    if len(found) < SECRET_BYTES or path.stat().st_mode & 0o077:
        raise InvalidError(
            f"{path} cannot be used as a secret.",
            why="It is shorter than it was written, or others than its owner may read it.",
            fix=f"Restore it from a backup, or `chmod 600 {path}` if only its mode is wrong.",
        )
    return found


def build_app(settings: Settings) -> FastAPI:
    """Open an installation and put its control plane together."""
    return build_control(open_installation(settings))


def build_control(installation: Installation) -> FastAPI:
    """Put the control plane together: the API and the console."""
    assembly = installation.assembly
    templates = [(one.name, one.templates) for one in assembly.slices if one.templates is not None]
    parts = Parts(
        database=installation.database,
        clock=clock.now,
        identify=Doorkeeper(pepper=installation.pepper).identify,
        frame=console.Frame(needs=_needs, sample=_has_samples, version=version("roadworthy")),
        render=console.renderer(build_environment(templates)),
        data_dir=installation.settings.data_dir,
        sockets={
            SOCKET: assembly,
            KEYS_SOCKET: installation.keys,
            PEPPER_SOCKET: installation.pepper,
            CHARTS_SOCKET: ChartRenderer(installation.settings.data_dir / "charts"),
            CONSOLE_URL_SOCKET: installation.settings.control_address,
            "gateway.url": installation.settings.gateway_address,
        },
    )
    app = FastAPI(
        title="Roadworthy control plane",
        version=version("roadworthy"),
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    routes = [route for one in assembly.slices for router in one.routers for route in router.routes]
    console.add_assets(app)
    mount(app, [*health_routes(), *routes], parts)
    console.add_errors(app, parts)
    larger = [(route.path, route.body_limit) for route in routes if route.body_limit != JSON_LIMIT]
    app.add_middleware(console.Limits, limits=larger, default=JSON_LIMIT)
    return app


def health_routes() -> list[Route]:
    """Say whether the control plane is up, and whether it can answer correctly."""
    router = Router(tag="health")

    @router.get("/healthz", permission=PUBLIC, access="none")
    def healthz() -> dict[str, str]:
        """Say that the process answers."""
        return {"status": "ok"}

    @router.get("/readyz", permission=PUBLIC)
    def readyz(tx: Tx) -> dict[str, Any]:
        """Say that the database answers and is at this version's schema."""
        return {"status": "ready", "revision": audit.revision(tx), "schema": migrate.current(tx)}

    return router.routes


def _needs(tx: Tx, caller: Caller, now: datetime) -> int:
    return len(governance_queries.needs_you(tx, principal=caller.principal, now=now))


def _has_samples(tx: Tx) -> bool:
    return registry_queries.any_labelled(tx, "sample", "demo")


def read_settings(environment: Mapping[str, str], **given: object) -> Settings:
    """Read settings from what was given, then the environment, then the defaults."""
    return setting.read(environment, **given)


def run_control(settings: Settings) -> int:
    """Run the control plane until it is told to stop; the first start prints the first sign-in link."""
    _leave_with_starter()
    installation = open_installation(settings)
    link = first_link(installation)
    if link is not None:
        sys.stderr.write(f"First administrator, sign in once within 15 minutes: {link}\n")
    retention = RetentionKeeper(installation.database)
    try:
        app = build_control(installation)
        retention.start()
        return serve(app, host=settings.control_host, port=settings.control_port)
    finally:
        retention.stop()
        installation.database.close()


def run_gateway(settings: Settings) -> int:
    """Run a gateway until it is told to stop."""
    _leave_with_starter()
    installation = open_installation(settings)
    directory = settings.data_dir
    name = f"{socket.gethostname()}-{os.getpid()}"
    holder = SnapshotHolder(
        load=DatabaseSource(installation.database),
        counter=RevisionCounter(directory / "revision"),
        secret=installation.pepper,
        last_good=directory / "snapshot.last-good",
        max_stale_s=settings.max_stale_s,
    )
    spool = directory / "spool"
    code = gateway_process.run_gateway(
        holder=holder,
        spool=Spool(spool, name),
        pepper=installation.pepper,
        settings=GatewaySettings(
            host=settings.gateway_host, port=settings.gateway_port, drain_s=settings.drain_s
        ),
        shipper=Shipper(spool, partial(usage_operations.ingest_into, installation.database, source=name)),
        on_ready=_say_ready,
    )
    installation.database.close()
    return code


def _say_ready(host: str, port: int) -> None:
    sys.stdout.write(f"READY http://{host}:{port}\n")
    sys.stdout.flush()


def _leave_with_starter() -> None:
    if process := os.environ.get("ROADWORTHY_WHILE_ALIVE"):
        leave_with(int(process))


def first_link(installation: Installation) -> str | None:
    """Make the first administrator if there is none, and return their one-time sign-in link."""
    with installation.database.write() as tx:
        issued = identity_operations.bootstrap(
            tx, installation.assembly, pepper=installation.pepper, now=clock.now()
        )
    return None if issued is None else f"{installation.settings.control_address}/sign-in/{issued.secret}"
