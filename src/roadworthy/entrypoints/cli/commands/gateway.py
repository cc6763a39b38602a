"""Running a gateway, beside a control plane or from a folder of declarations, and keys for a folder."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path

import click

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command, RunningGroup
from roadworthy.entrypoints.cli.session import Failure, current

_PORT = click.IntRange(0, 65535)
_ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


@click.group(
    "gateway",
    cls=RunningGroup,
    examples=(
        "roadworthy gateway --data /var/lib/roadworthy --port 8081",
        "roadworthy gateway --config declarations/ --port 8081",
        "roadworthy gateway --processes auto",
    ),
)
@click.option(
    "--config", type=click.Path(file_okay=False, path_type=Path), default=None, metavar="DIR",
    help="Run from the declarations in this folder alone: no database, no control plane.",
)  # fmt: skip
@click.option(
    "--data", type=click.Path(file_okay=False), default=None, metavar="DIR",
    help="Data directory (ROADWORTHY_DATA_DIR, .roadworthy; with --config the folder's own .state).",
)  # fmt: skip
@click.option("--host", "--gateway-host", "host", default=None, help="Address to listen on (127.0.0.1).")
@click.option("--port", "--gateway-port", "port", type=_PORT, default=None, help="Port to listen on (8081).")
@click.option(
    "--processes", "--workers", "processes", default=None, metavar="N|auto",
    help="Run N processes on the one port, or as many as there are cores; SIGHUP restarts them one by one.",
)  # fmt: skip
@click.option("--listener", type=int, default=None, hidden=True)
@click.option("--slot", type=int, default=0, hidden=True)
@click.pass_context
def gateway(
    ctx: click.Context,
    *,
    config: Path | None,
    data: str | None,
    host: str | None,
    port: int | None,
    processes: str | None,
    listener: int | None,
    slot: int,
) -> int:
    """Run the gateway alone; it serves on without the console.

    With --config it needs nothing but a folder: what is declared there, who vouches for it and the hashes of
    the keys it takes. A change of the folder holds within a second; one that cannot be used is reported and
    the last good one stays in force.
    """
    if ctx.invoked_subcommand is not None:
        return 0
    if processes is not None:
        return _fleet(processes, config=config, data=data, host=host, port=port)
    options = {
        "data_dir": data, "gateway_host": host, "gateway_port": port, "listener": listener, "slot": slot
    }  # fmt: skip
    if config is None:
        return current().programs.run_gateway(options)
    return current().programs.run_edge(config, options)


def _fleet(
    processes: str, *, config: Path | None, data: str | None, host: str | None, port: int | None
) -> int:
    from roadworthy.entrypoints.children import roadworthy_program
    from roadworthy.entrypoints.fleet import PROCESSES_MAX, Fleet

    cores = len(os.sched_getaffinity(0))
    count = cores if processes == "auto" else int(processes) if processes.isdecimal() else 0
    if not 1 <= count <= PROCESSES_MAX:
        raise click.UsageError(f"--processes takes a number from 1 to {PROCESSES_MAX}, or `auto`.")
    command = roadworthy_program("gateway")
    for flag, value in (("--config", config), ("--data", data)):
        if value is not None:
            command += [flag, str(value)]
    return Fleet(
        command,
        count=count,
        host=host or os.environ.get("ROADWORTHY_GATEWAY_HOST") or "127.0.0.1",
        port=port if port is not None else int(os.environ.get("ROADWORTHY_GATEWAY_PORT") or 8081),
    ).run()


@gateway.command(
    "key",
    cls=Command,
    examples=(
        "roadworthy gateway key claims-desk --use-case claims-triage --expires-on 2027-03-31 > key.txt",
    ),
)
@click.argument("account", metavar="SERVICE-ACCOUNT")
@click.option("--use-case", required=True, help="The one use case the key is for.")
@click.option(
    "--expires-on",
    type=click.DateTime(["%Y-%m-%d"]),
    required=True,
    help="From this day (UTC) it holds no more.",
)
def key(account: str, use_case: str, expires_on: datetime) -> None:
    """Make a key for a gateway that runs from a folder: the key goes to standard output, once.

    The entry to add under `keys` of the folder's EdgeGateway document goes to standard error; it holds the
    key's hash, from which nobody finds the key.
    """
    from roadworthy.foundation import clock
    from roadworthy.gateway.folder.keys import key_hash
    from roadworthy.identity.credential import compose

    if expires_on.date() <= clock.now().date():
        raise Failure(f"{expires_on.date()} is over.", fix="Give a later day.", exit_code=2)
    public = "".join(secrets.choice(_ID_LETTERS) for _ in range(8))
    made = compose("key", public_id=public, secret=secrets.token_urlsafe(32))
    output.say(
        f"- {{id: {public}, hash: {key_hash(made)},\n"
        f"   service_account: {account.removeprefix('service-account/')}, "
        f"use_case: {use_case.removeprefix('use-case/')}, expires_on: {expires_on.date()}}}"
    )
    output.data(made)


@gateway.command(
    "bundle",
    cls=Command,
    examples=(
        "roadworthy gateway bundle --data .roadworthy --use-case claims-triage --out edge.bundle",
        "roadworthy gateway bundle --data .roadworthy --days 30 --out edge.bundle",
    ),
)
@click.option(
    "--data", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
    help="This data directory, on the server itself.",
)  # fmt: skip
@click.option("--use-case", "use_cases", multiple=True, help="A use case to hand out; all without it.")
@click.option(
    "--days", type=click.IntRange(1, 90), default=7, show_default=True,
    help="For how long: nothing that is revoked here reaches the edge before the next bundle.",
)  # fmt: skip
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, help="The file to write."
)
def bundle(data: Path, use_cases: tuple[str, ...], days: int, out: Path) -> None:
    """Sign what is granted now, for a gateway that runs elsewhere from a folder.

    Approvals were given here; a folder can show them by this signature alone. The bundle holds verdicts,
    models and routes, and neither keys nor secrets. Printed is the key that the folder checks it with.
    """
    named = [one.removeprefix("use-case/") for one in use_cases]
    made, key = current().programs.edge_bundle(data, named, days)
    out.write_bytes(made)
    output.data(key)
    output.say(
        f"{out} holds for {days} days. Name it and this key under `bundle` of the EdgeGateway document."
    )
