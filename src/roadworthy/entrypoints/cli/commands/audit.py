"""The audit log: verify it, read it, take a proof of it away."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import Failure, current


@click.group()
def audit() -> None:
    """Verify and read the log of every change, approval and decision."""


@audit.command(
    "verify",
    cls=Command,
    examples=(
        "roadworthy audit verify",
        "roadworthy audit verify --checkpoint kept-elsewhere.txt",
        "roadworthy audit verify --data .roadworthy     without a server",
    ),
)
@click.option("--data", type=click.Path(exists=True, file_okay=False), help="This data directory, offline.")
@click.option("--checkpoint", type=click.Path(allow_dash=True), help="A checkpoint that you kept outside.")
@output.formats("table", "json", "yaml")
def verify(data: str | None, checkpoint: str | None, fmt: str) -> None:
    """Re-hash the whole log, compare every table it seals, and name what was altered.

    Ends with 3 when something was. A log rewritten whole, by somebody who holds its key, is found only by
    comparing with a checkpoint that was kept somewhere else.
    """
    held = _read(checkpoint) if checkpoint else ""
    session = current()
    if data:
        verdict = session.programs.verify_log(Path(data), held)
    else:
        verdict = session.client().post("/v1/audit/verify", {"checkpoint": held})
    if not verdict["ok"]:
        findings = verdict["findings"]
        for one in findings:
            output.say(f"  {output.printable(one['where'])}: {output.printable(one['what'])}")
        raise Failure(
            f"The audit log does not verify: {len(findings)} finding{'' if len(findings) == 1 else 's'}.",
            why="What is stored is not what was sealed, at the places above.",
            fix="Keep a copy of the database as it is, find out who could write to it, and restore a backup "
            "that verifies.",
            exit_code=3,
        )
    output.show(
        fmt,
        verdict,
        lambda: f"The log verifies: {verdict['size']} entries, {verdict['checkpoints']} signed checkpoints.",
    )
    if not held:
        output.say(
            "Compared with itself alone. Keep `roadworthy audit checkpoint` elsewhere to compare with it."
        )


def _read(path: str) -> str:
    try:
        return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"{path} cannot be read.", why=error.strerror or "", fix="Check the path.") from error


@audit.command(
    "log",
    cls=Command,
    examples=(
        "roadworthy audit log",
        "roadworthy audit log --subject use-case/claims-triage -o json",
        "roadworthy audit log --actor person/ada --limit 20",
    ),
)
@click.option("--subject", default="", metavar="REF", help="About this resource alone.")
@click.option("--actor", default="", metavar="PRINCIPAL", help="By this person or service account alone.")
@click.option("--before", type=int, help="Older than this entry.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many.")
@output.formats("table", "json", "yaml", "csv")
def log(subject: str, actor: str, before: int | None, limit: int, fmt: str) -> None:
    """List entries, newest first."""
    found: dict[str, Any] = (
        current().client().get("/v1/audit/entries", subject=subject, actor=actor, before=before, limit=limit)
    )
    columns = ["seq", "at", "actor", "channel", "action", "object"]
    rows = [{**one, "at": one["at"][:19]} for one in found["items"]]
    output.show_rows(fmt, columns, rows, whole=found, name="seq")
    if found["next_cursor"] and fmt == "table":
        output.say(f"Older entries: roadworthy audit log --before {found['next_cursor']}")


@audit.command("proof", cls=Command, examples=("roadworthy audit proof 42 > proof.json",))
@click.argument("seq", type=click.IntRange(0))
def proof(seq: int) -> None:
    """Print the proof that entry SEQ is in the log, with the checkpoint it proves against."""
    output.data(output.as_json(current().client().get(path_of("v1", "audit", "entries", str(seq), "proof"))))


@audit.command("checkpoint", cls=Command, examples=("roadworthy audit checkpoint > kept-elsewhere.txt",))
@output.formats("note", "json")
def checkpoint(fmt: str) -> None:
    """Print the newest signed checkpoint: keep it where this server cannot write."""
    found = current().client().get("/v1/audit/checkpoint")
    output.data(output.as_json(found) if fmt == "json" else found["note"])
