"""Runs a gateway from a folder of declarations: no database, no control plane, nothing else to start."""

from __future__ import annotations

import os
import secrets
import socket
import stat
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from roadworthy.entrypoints.children import WHILE_ALIVE
from roadworthy.foundation import clock
from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.lifeline import leave_with
from roadworthy.gateway import process
from roadworthy.gateway.folder import keys
from roadworthy.gateway.folder.source import FolderSource
from roadworthy.gateway.process import GatewaySettings
from roadworthy.gateway.quota.quotas import Quotas
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.quota.database_store import local
from roadworthy.quota.port import Place
from roadworthy.usage.spool import Spool, alive

SEGMENT_BYTES = 64 << 20
SEGMENT_S = 600.0
"""Nobody ships what is spooled here, so segments may grow before the next begins."""


@dataclass(frozen=True, slots=True)
class EdgeOptions:
    """How it is started."""

    config: Path
    state: Path
    host: str
    port: int
    drain_s: float = 30.0
    listener: int | None = None
    slot: int = 0


def run_edge(options: EdgeOptions) -> int:
    """Serve until told to stop; return the exit code."""
    if process_id := os.environ.get(WHILE_ALIVE):
        leave_with(int(process_id))
    if not options.config.is_dir():
        raise InvalidError(
            f"{options.config} is not a folder.",
            fix="Name the folder that holds the declarations; `docs/how-to/run-at-the-edge.md` shows one.",
        )
    options.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    own = f".{options.slot}" if options.slot else ""
    secret = _secret(options.state / "edge.key")
    holder = SnapshotHolder(
        load=FolderSource(options.config, kept=options.state / f"snapshot.folder{own}", secret=secret),
        counter=RevisionCounter(options.state / "revision"),
        secret=secret,
        last_good=options.state / f"snapshot.last-good{own}",
    )
    holder.start()
    if holder.index is None:
        raise InvalidError(
            "The gateway cannot start: there is nothing it could decide on.",
            why=holder.error,
            fix="Repair what is named and start again; nothing is allowed until then.",
        )
    if holder.error:
        sys.stderr.write(f"Started from the last good declarations: {holder.error}\n")
    name = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
    spool = Spool(options.state / "spool", name, segment_bytes_max=SEGMENT_BYTES, segment_age_s=SEGMENT_S)
    return process.run_gateway(
        holder=holder,
        spool=spool,
        pepper=keys.DOMAIN,
        settings=GatewaySettings(
            host=options.host, port=options.port, listener=options.listener, drain_s=options.drain_s
        ),
        on_ready=_say_ready,
        quotas=Quotas(
            local(options.state / "quota.db", alive=partial(alive, spool.directory)),
            place=Place(socket.gethostname(), str(spool.directory), spool.process),
            unix_now=clock.unix_now,
            counts_itself=True,
        ),
    )


def _say_ready(host: str, port: int) -> None:
    sys.stdout.write(f"READY http://{host}:{port}\n")
    sys.stdout.flush()


def _secret(path: Path) -> bytes:
    """Return the secret that signs the last good snapshot; made at the first start."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        made = secrets.token_bytes(32)
        file.write(made)
    return made
