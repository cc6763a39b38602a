"""The only place that names concrete parts: the slices in shelf order, put together into processes."""

from __future__ import annotations

import glob
import os
import secrets
import socket
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI

from roadworthy import settings as setting
from roadworthy.appeals import operations as appeals_operations
from roadworthy.appeals.wiring import SLICE as APPEALS
from roadworthy.controls import wiring as controls
from roadworthy.drafts import operations as draft_operations
from roadworthy.drafts.wiring import SLICE as DRAFTS
from roadworthy.entrypoints import console, health
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
from roadworthy.foundation.web.router import JSON_LIMIT
from roadworthy.foundation.web.templating import build_environment
from roadworthy.gateway import process as gateway_process
from roadworthy.gateway import revision
from roadworthy.gateway.desk import Desk
from roadworthy.gateway.desk import look as look_for_draft
from roadworthy.gateway.edge.credentials import Credentials
from roadworthy.gateway.edge.vault import VaultServer
from roadworthy.gateway.folder import bundle as bundles
from roadworthy.gateway.grant_http import SIGNER_SOCKET
from roadworthy.gateway.grant_seal import LASTS_S, GrantSigner
from roadworthy.gateway.patience import PatientSource
from roadworthy.gateway.process import GatewaySettings
from roadworthy.gateway.quota.quotas import Quotas
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.source import DatabaseSource, compile_snapshot
from roadworthy.gateway.wiring import SLICE as GATEWAY
from roadworthy.governance import queries as governance_queries
from roadworthy.governance.jobs import ApprovalKeeper
from roadworthy.governance.wiring import SLICE as GOVERNANCE
from roadworthy.identity import operations as identity_operations
from roadworthy.identity import queries as identity_queries
from roadworthy.identity.identify import CONSOLE_URL_SOCKET, PEPPER_SOCKET, Doorkeeper
from roadworthy.identity.wiring import SLICE as IDENTITY
from roadworthy.inventory.wiring import SLICE as INVENTORY
from roadworthy.models.keyfile import KEYRING_SOCKET, Keyring
from roadworthy.models.wiring import SLICE as MODELS
from roadworthy.policy.wiring import SLICE as POLICY
from roadworthy.portfolio.drawing import CHARTS_SOCKET
from roadworthy.portfolio.wiring import SLICE as PORTFOLIO
from roadworthy.quota import operations as quota_operations
from roadworthy.quota.database_store import DatabaseStore
from roadworthy.quota.port import Place, Store
from roadworthy.quota.redis_store import RedisStore, connect
from roadworthy.quota.wiring import SLICE as QUOTA
from roadworthy.registry import audit, checkpoint
from roadworthy.registry import queries as registry_queries
from roadworthy.registry.actor import system
from roadworthy.registry.assembly import SOCKET, Assembly, assemble
from roadworthy.registry.door import KEYS_SOCKET
from roadworthy.registry.slice import Slice
from roadworthy.registry.wiring import SLICE as REGISTRY
from roadworthy.rules.wiring import SLICE as RULES
from roadworthy.settings import Settings
from roadworthy.switches.wiring import SLICE as SWITCHES
from roadworthy.usage import operations as usage_operations
from roadworthy.usage.jobs import RetentionKeeper
from roadworthy.usage.ship import Shipper
from roadworthy.usage.spool import SUFFIX, Spool, alive
from roadworthy.usage.telemetry import gauges
from roadworthy.usage.telemetry.export import Exporter
from roadworthy.usage.telemetry.metrics_door import MetricsDoor
from roadworthy.usage.telemetry.prometheus import CallCounters
from roadworthy.usage.wiring import SLICE as USAGE
from roadworthy.use_cases.wiring import SLICE as USE_CASES

SLICES: tuple[Slice, ...] = (
    REGISTRY,
    IDENTITY,
    EVIDENCE,
    POLICY,
    USAGE,
    DRAFTS,
    USE_CASES,
    RULES,
    controls.SLICE,
    GOVERNANCE,
    INVENTORY,
    MODELS,
    APPEALS,
    QUOTA,
    SWITCHES,
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
    keyring: Keyring
    keys: tuple[checkpoint.VerificationKey, ...]
    signer: GrantSigner


def open_installation(settings: Settings, *, without_database: bool = False) -> Installation:
    """Make or open the data directory, bring the database up to date, and hand out the parts.

    A gateway starts `without_database` when that is away: `prepare_database` is then still to be done.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    signing = _signing_key(settings.data_dir / "audit-signing.key")
    counter = settings.data_dir / "revision"
    database = Database(
        settings.database,
        before_commit=audit.Sealer(signing, origin=signing.name).seal,
        after_commit=lambda number: revision.bump(counter, number),
    )
    if not without_database:
        prepare_database(database, counter)
    controls.plug(database, assembly := assemble(SLICES))
    return Installation(
        settings=settings,
        assembly=assembly,
        database=database,
        pepper=_secret(settings.data_dir / "pepper.key"),
        keyring=Keyring(settings.data_dir / "secrets.key", given=settings.secrets_key),
        keys=(signing.verification_key,),
        signer=GrantSigner(signing, lasts_s=max(LASTS_S, 2 * settings.max_stale_s)),
    )


def prepare_database(database: Database, counter: Path) -> None:
    """Bring the tables to this version, and the counter to what was announced before."""
    migrate.upgrade(database)
    with database.read() as tx:
        revision.bump(counter, audit.revision(tx))


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


def build_control(installation: Installation, *, exporter: Exporter | None = None) -> FastAPI:
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
            KEYRING_SOCKET: installation.keyring,
            CHARTS_SOCKET: ChartRenderer(installation.settings.data_dir / "charts"),
            CONSOLE_URL_SOCKET: installation.settings.control_address,
            "gateway.url": installation.settings.gateway_address,
            SIGNER_SOCKET: installation.signer,
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
    mount(app, [*health.routes(exporter), *routes], parts)
    console.add_errors(app, parts)
    larger = [(route.path, route.body_limit) for route in routes if route.body_limit != JSON_LIMIT]
    app.add_middleware(console.Limits, limits=larger, default=JSON_LIMIT)
    return app


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
    retention = RetentionKeeper(installation.database, record_days=settings.record_retention_days)
    keeper = controls.EvidenceKeeper(installation, retention=retention)
    approvals = ApprovalKeeper(installation.database)
    exporter = _exporter(installation)
    figures = _control_door(settings, exporter)
    try:
        app = build_control(installation, exporter=exporter)
        for started in (retention, keeper, approvals, exporter):
            if started is not None:
                started.start()
        return serve(app, host=settings.control_host, port=settings.control_port)
    finally:
        for one in (keeper, approvals, retention, exporter, figures):
            if one is not None:
                one.stop()
        installation.database.close()


def run_gateway(settings: Settings, *, listener: int | None = None, slot: int = 0) -> int:
    """Run a gateway until it is told to stop; `listener` and `slot` come from the supervisor of several."""
    _leave_with_starter()
    installation = open_installation(settings, without_database=True)
    name = f"{socket.gethostname()}-{os.getpid()}"
    holder = _holder(installation, slot)
    spool = Spool(settings.data_dir / "spool", name)
    counters = CallCounters()
    shipper = Shipper(
        spool.directory,
        partial(
            usage_operations.ingest_into,
            installation.database,
            source=name,
            hooks=(
                quota_operations.count_records,
                *((quota_operations.note_records,) if settings.quota_url else ()),
                appeals_operations.count_findings,
                lambda tx, records: appeals_operations.note_passes(tx, records, now=clock.now()),
                draft_operations.note_drafts,
            ),
        ),
        own=spool.process,
        heard=counters.count,
    )
    figures = _metrics_door(settings, counters, spool, shipper, slot=slot)
    code = gateway_process.run_gateway(
        holder=holder,
        spool=spool,
        pepper=installation.pepper,
        settings=GatewaySettings(
            host=settings.gateway_host,
            port=settings.gateway_port,
            listener=listener,
            drain_s=settings.drain_s,
            spool_sync=settings.spool_sync,
        ),
        shipper=shipper,
        on_ready=_say_ready,
        credentials=_credentials(settings, installation.keyring),
        quotas=Quotas(
            _quota_store(installation, alive=partial(_has_records, spool.directory)),
            place=Place(socket.gethostname(), str(spool.directory), spool.process),
            unix_now=clock.unix_now,
        ),
        desk=Desk(partial(look_for_draft, installation.database, clock.now)),
    )
    if figures is not None:
        figures.stop()
    installation.database.close()
    return code


def _quota_store(installation: Installation, *, alive: Callable[[str], bool]) -> Store:
    """Return what gateways share limits and budgets through."""
    if not installation.settings.quota_url:
        return DatabaseStore(installation.database, alive=alive)
    return RedisStore(connect(installation.settings.quota_url), database=installation.database, alive=alive)


def _has_records(spool: Path, process: str) -> bool:
    """Does this process still write records, or do some that it wrote wait to be handed in?"""
    return any(spool.glob(f"{glob.escape(process)}-*{SUFFIX}")) or alive(spool, process)


def _control_door(settings: Settings, exporter: Exporter | None) -> MetricsDoor | None:
    """Open the control plane's page of figures, where one is declared."""
    if not settings.control_metrics_port:
        return None
    door = MetricsDoor(
        settings.metrics_host,
        settings.control_metrics_port,
        counters=CallCounters(),
        gauges=partial(gauges.of_exporter, exporter),
        token=_token(settings.metrics_token_file),
    )
    door.start()
    return door


def _exporter(installation: Installation) -> Exporter | None:
    """Return what tells calls to a collector, where one is declared."""
    settings = installation.settings
    if not settings.otlp_endpoint:
        return None
    token = _token(settings.otlp_token_file)
    return Exporter(
        installation.database,
        endpoint=settings.otlp_endpoint,
        cursor=settings.data_dir / "telemetry.cursor",
        version=version("roadworthy"),
        headers={"Authorization": f"Bearer {token}"} if token else {},
    )


def _metrics_door(
    settings: Settings, counters: CallCounters, spool: Spool, shipper: Shipper, *, slot: int
) -> MetricsDoor | None:
    """Open a gateway's page of figures, where one is declared; each of several has a port of its own."""
    if not settings.metrics_port:
        return None
    door = MetricsDoor(
        settings.metrics_host,
        settings.metrics_port + slot,
        counters=counters,
        gauges=partial(gauges.of_gateway, spool, shipper),
        token=_token(settings.metrics_token_file),
    )
    door.start()
    return door


def _token(file: str) -> str:
    """Read a token from its file; a file that is named must be there and hold one."""
    if not file:
        return ""
    try:
        token = Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        token = ""
    if not token:
        fix = "Write the token into it, or take the setting away."
        raise InvalidError(f"The file {file} holds no token.", fix=fix)
    return token


def _credentials(settings: Settings, keyring: Keyring) -> Credentials:
    """Return what opens sealed secrets and asks the vault."""
    if not settings.vault_url:
        return Credentials(keys=keyring.keys)
    token_file = Path(settings.vault_token_file) if settings.vault_token_file else None
    try:
        vault = VaultServer(settings.vault_url, token_file=token_file, namespace=settings.vault_namespace)
    except ValueError as error:
        raise InvalidError(
            "The setting ROADWORTHY_VAULT_URL cannot be used.",
            why=f"{error}.",
            fix="Give the address that `VAULT_ADDR` has elsewhere.",
        ) from error
    return Credentials(keys=keyring.keys, vault=vault)


def _holder(installation: Installation, slot: int) -> SnapshotHolder:
    """Return the snapshot's holder, started: from the database, or from disk while that is away."""
    database, directory = installation.database, installation.settings.data_dir
    source = PatientSource(
        DatabaseSource(database, signer=installation.signer),
        prepare=lambda: prepare_database(database, directory / "revision"),
        fatal=(migrate.NewerDatabaseError,),
        give_up=database.forget_connections,
    )
    holder = SnapshotHolder(
        load=source,
        counter=RevisionCounter(directory / "revision"),
        secret=installation.pepper,
        last_good=directory / f"snapshot.last-good{f'.{slot}' if slot else ''}",
        max_stale_s=installation.settings.max_stale_s,
        issued_by=installation.signer.key,
    )
    holder.start()
    if source.refused is not None:
        raise source.refused
    return holder


def edge_bundle(
    installation: Installation, key: checkpoint.SigningKey, *, use_cases: Sequence[str], days: int
) -> tuple[bytes, str]:
    """Sign what stands now for a gateway elsewhere; that it was signed, for what and until when is logged."""
    now = clock.now()
    until = now + timedelta(days=days)
    with installation.database.write() as tx:
        snapshot = compile_snapshot(tx, now=now)
        granted = {one.use_case for one in snapshot.grants}
        if missing := sorted(set(use_cases) - granted):
            raise InvalidError(
                f"{', '.join(missing)} has no grant, so there is nothing to hand out.",
                fix=f"`roadworthy explain use-case/{missing[0]}` says what is missing.",
            )
        made = bundles.build(
            snapshot,
            use_cases=frozenset(use_cases) if use_cases else None,
            accounts={one.name: one.use_cases for one in identity_queries.principals(tx)},
            origin=key.name,
            now=now.timestamp(),
            valid_until=until.timestamp(),
        )
        made = bundles.issued(made, GrantSigner(key))
        content = {"use_cases": sorted({one.use_case for one in made.snapshot.grants})}
        audit.record(
            tx,
            actor=system("command-line"),
            action="edge-bundle-signed",
            subject="gateway/edge",
            at=now,
            content={**content, "until": until.isoformat(), "revision": snapshot.revision},
        )
    return bundles.seal(made, key.sign(bundles.signed_part(made))), key.verification_key.encode()


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
