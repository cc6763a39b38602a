"""Grants: what allows a use case to call, signed, and whether one that somebody shows is genuine."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import Failure, current, split_ref
from roadworthy.foundation import clock


@click.group()
def grant() -> None:
    """Show what allows a use case to call, and check a grant that somebody shows."""


@grant.command(
    "show",
    cls=Command,
    examples=(
        "roadworthy grant show use-case/claims-triage",
        "roadworthy grant show claims-triage -o json > grant.json",
    ),
)
@click.argument("use_case", metavar="USE-CASE")
@output.formats("table", "json", "yaml")
def show(use_case: str, fmt: str) -> None:
    """Show the grant that gateways hold: what it allows, what made it, until when; with its signature."""
    _slug, name = split_ref(use_case, kind="use-case")
    found = current().client().get(path_of("v1", "use-cases", name, "grant"))
    output.show(fmt, found, lambda: _told(found["grant"]))


def _told(said: Mapping[str, Any]) -> str:
    lines = [f"{key}: {output.printable(said[key])}" for key in said if key != "made_of"]
    return "\n".join((*lines, "made of:", *(f"  {output.printable(one)}" for one in said["made_of"])))


@grant.command(
    "verify",
    cls=Command,
    examples=(
        "roadworthy grant verify grant.json --public-key roadworthy+1a2b3c4d+...",
        "roadworthy grant verify grant.json --public-key KEY --at 2026-12-01T10:00:00Z",
    ),
)
@click.argument("file", metavar="FILE")
@click.option(
    "--public-key", "line", default="", help="The installation's key, kept from `audit checkpoint -o json`."
)
@click.option(
    "--at", default="", metavar="DATE", help="Does it hold then? A moment such as 2026-12-01T10:00:00Z."
)
@output.formats("table", "json", "yaml")
def verify(file: str, line: str, at: str, fmt: str) -> int:
    """Check a grant without a server: did this installation sign exactly that, and does it hold?

    Ends with 0 if so, with 3 if it was changed, is another's or has ended, and with 5 where no key is given:
    then it is known only that it was signed with the key that it names itself.
    """
    from roadworthy.gateway import grant_seal
    from roadworthy.registry.checkpoint import VerificationKey

    shown = _read(file)
    key = VerificationKey.decode(line) if line else grant_seal.key_of(shown)
    if key is None:
        raise Failure(f"{file} names no key.", fix="Give the installation's key with --public-key.")
    try:
        found = grant_seal.check(shown, key=key, at=_moment(at))
    except ValueError as error:
        raise Failure(
            f"{file} is no grant.", why=str(error), fix="`roadworthy grant show` writes one."
        ) from error
    holds = found.genuine and found.in_time
    said = {
        "file": file, "genuine": found.genuine, "in_time": found.in_time, "key": key.encode(),
        "key_given": bool(line), "why": found.why,
        "grant": str(shown["grant"].get("id", "")), "use_case": str(shown["grant"].get("use_case", "")),
    }  # fmt: skip
    output.show(fmt, said, lambda: found.why or f"{said['grant']} of use-case/{said['use_case']} holds.")
    if holds and not line:
        output.say("Signed with the key that it names itself. Whose that is, only --public-key can say.")
    return 3 if not holds else 0 if line else 5


def _read(file: str) -> Any:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise Failure(f"{file} cannot be read.", why=error.strerror or "", fix="Check the path.") from error
    except ValueError as error:
        raise Failure(
            f"{file} is not JSON.", fix="Write it with `roadworthy grant show NAME -o json`."
        ) from error


def _moment(text: str) -> datetime:
    if not text:
        return clock.now()
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(f"`{text}` is no moment.", fix="Write it as 2026-12-01T10:00:00Z.") from error
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
