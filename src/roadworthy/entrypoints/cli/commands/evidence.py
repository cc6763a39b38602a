"""Evidence from outside: filed, listed, downloaded, taken back."""

from __future__ import annotations

import mimetypes
import sys
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import Failure, current, split_ref

_COLUMNS = ("id", "kind", "about", "says", "state", "by", "observed_at", "expires_at")


@click.group()
def evidence() -> None:
    """File evidence from outside, list it, get it back."""


@evidence.command(
    "add",
    cls=Command,
    examples=(
        "roadworthy evidence add --kind impact-assessment --use-case claims-triage assessment.pdf",
        "roadworthy evidence add --kind eval-run --use-case claims-triage --threshold 0.9 log.json",
        "roadworthy evidence add --kind training-record --about unit/claims list.csv",
    ),
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--kind", required=True, help="What sort of evidence it is: `roadworthy evidence kinds`.")
@click.option("--use-case", default="", metavar="NAME", help="The use case it is about.")
@click.option("--about", default="", metavar="KIND/NAME", help="Instead: a unit, provider or person.")
@click.option("--value", "values", multiple=True, metavar="SIGNAL=VALUE", help="What it says, if not in it.")
@click.option("--threshold", type=float, help="The score from which an evaluation passes.")
@click.option("--observed-at", default="", help="When it was so, as 2026-11-24T08:00:00Z; else the file's.")
@click.option("--expires-at", default="", help="When it stops counting; by default what its kind allows.")
@click.option("--self-attested", is_flag=True, help="It is your own word; for its owners it always is.")
@click.option("--note", default="", help="What a reader should know.")
@output.formats("table", "json", "yaml")
def add(file: str, use_case: str, about: str, values: tuple[str, ...], fmt: str, **given: Any) -> None:
    """File a piece of evidence. Its hash goes into the audit log; the file is kept as it is.

    JUnit, SARIF, evaluation logs and `{name: figure}` in JSON are read where the kind reads them.
    """
    if bool(use_case) == bool(about):
        raise click.UsageError("Say what it is about: --use-case NAME, or --about KIND/NAME.")
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read.", why=error.strerror or "", fix="Check the path.") from error
    query: list[tuple[str, Any]] = [
        ("about", about or f"use-case/{split_ref(use_case, kind='use-case')[1]}"),
        ("name", "" if file == "-" else Path(file).name),
        ("media_type", mimetypes.guess_type(file)[0] or "application/octet-stream"),
        *(("value", one) for one in values),
        *((name, str(value)) for name, value in given.items() if value not in (None, "", False)),
    ]
    answer = (
        current()
        .client()
        .send("POST", "/v1/evidence", raw=raw, media_type="application/octet-stream", query=query)
    )
    done: dict[str, Any] = answer.json()
    own = " It is self-attested." if done["self_attested"] else ""
    output.show(
        fmt,
        done,
        lambda: (
            f"{done['id']} says {_says(done)}, until {done['expires_at'][:10]} "
            f"(audit entry {done['audit_seq']}).{own}"
        ),
    )


@evidence.command("list", cls=Command, examples=("roadworthy evidence list --about use-case/claims-triage",))
@click.option("--about", default="", metavar="KIND/NAME", help="Only what is about this.")
@click.option("--kind", default="", help="Only of this kind.")
@output.formats()
def list_(about: str, kind: str, fmt: str) -> None:
    """List evidence, newest first: what it says, who filed it, whether it counts."""
    found = current().client().get("/v1/evidence", about=about, kind=kind)
    rows = [
        {
            **one,
            "says": _says(one),
            "observed_at": one["observed_at"][:10],
            "expires_at": one["expires_at"][:10],
        }
        for one in found["items"]
    ]
    output.show_rows(fmt, _COLUMNS, rows, whole=found, name="id", empty="There is no evidence from outside.")


@evidence.command("kinds", cls=Command, examples=("roadworthy evidence kinds",))
@output.formats()
def kinds(fmt: str) -> None:
    """List the kinds of evidence: what each says and which files it reads."""
    found = current().client().get("/v1/evidence/kinds")
    rows = [
        {**one, "signals": ", ".join(one["signals"]), "reads": ", ".join(one["reads"]),
         "about": ", ".join(one["about"])}
        for one in found["items"]
    ]  # fmt: skip
    columns = ("name", "title", "signals", "reads", "about", "valid_days")
    output.show_rows(fmt, columns, rows, whole=found, name="name", empty="There is no kind of evidence.")


@evidence.command("get", cls=Command, examples=("roadworthy evidence get EVIDENCE --to assessment.pdf",))
@click.argument("evidence_id", metavar="EVIDENCE")
@click.option("--to", "target", default="-", type=click.Path(), help="Where to write it; else to the output.")
def get(evidence_id: str, target: str) -> None:
    """Get the file of a piece of evidence as it came."""
    body = current().client().send("GET", path_of("v1", "evidence", evidence_id, "file")).body
    if target == "-":
        sys.stdout.buffer.write(body)
        return
    Path(target).write_bytes(body)
    output.say(f"{target}: {len(body):,} bytes.")


@evidence.command(
    "withdraw", cls=Command, examples=('roadworthy evidence withdraw EVIDENCE --reason "Wrong build"',)
)
@click.argument("evidence_id", metavar="EVIDENCE")
@click.option("--reason", required=True, help="Why it no longer counts; kept with it.")
@output.formats("table", "json", "yaml")
def withdraw(evidence_id: str, reason: str, fmt: str) -> None:
    """Take a piece of evidence back; it stays on record and no longer counts."""
    done = current().client().post(path_of("v1", "evidence", evidence_id, "withdraw"), {"reason": reason})
    output.show(fmt, done, lambda: f"{done['id']} no longer counts.")


def _says(one: dict[str, Any]) -> str:
    return ", ".join(f"{name}={output.printable(value)}" for name, value in one["values"].items())
