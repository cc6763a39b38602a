"""The sealed secrets of providers: they go in, and never come out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import current, split_ref

_COLUMNS = ("name", "state", "destination", "fingerprint", "set_at", "set_by")
_BYTES_MAX = 20_000


@click.group()
def secret() -> None:
    """Set, list and remove the sealed keys of providers; nobody is ever shown one."""


@secret.command(
    "set",
    cls=Command,
    examples=(
        "roadworthy secret set openai-key --provider openai < key.txt",
        "roadworthy secret set openai-key --provider openai --file /run/secrets/openai",
    ),
)
@click.argument("name")
@click.option("--provider", required=True, help="The declared provider whose requests are to carry it.")
@click.option("--file", type=click.Path(exists=True, dir_okay=False), help="Read it from a file.")
@output.formats("table", "json")
def set_(name: str, provider: str, file: str | None, fmt: str) -> None:
    """Seal a secret for a provider, in the place of the one before.

    It is read from a file, from the standard input, or asked for without showing it; never from the command
    line, which other programs can see. It is bound to the address that the provider has now.
    """
    value = _read(file)
    body = json.dumps({"value": value, "provider": split_ref(provider, kind="provider")[1]}).encode()
    made = current().client().send("PUT", path_of("v1", "secrets", name), raw=body).json()
    output.show(fmt, made, lambda: f"secret/{name} is sealed for {made['destination']}.")
    if fmt == "table":
        output.say(f"Fingerprint {made['fingerprint']}. {made['state'].capitalize()}.")
        _say_faults(made)


def _read(file: str | None) -> str:
    if file is not None:
        with Path(file).open("rb") as opened:
            return opened.read(_BYTES_MAX).decode("utf-8", "replace").strip()
    if not sys.stdin.isatty():
        return sys.stdin.read(_BYTES_MAX).strip()
    asked: str = click.prompt("Secret", hide_input=True, err=True)
    return asked.strip()


@secret.command("list", cls=Command, examples=("roadworthy secret list", "roadworthy secret list -o json"))
@output.formats("table", "json", "yaml", "csv", "name")
def list_(fmt: str) -> None:
    """List the secrets that are set or named by a provider, and how each stands."""
    found = current().client().get("/v1/secrets")
    output.show_rows(fmt, _COLUMNS, found["items"], whole=found, name="name", empty="There is no secret.")


@secret.command("show", cls=Command, examples=("roadworthy secret show openai-key",))
@click.argument("name")
@output.formats("table", "json", "yaml")
def show(name: str, fmt: str) -> None:
    """Show how a secret stands: never what it is."""
    found = current().client().get(path_of("v1", "secrets", name))
    lines = "\n".join(f"{key}: {output.printable(value)}" for key, value in found.items() if key != "faults")
    output.show(fmt, found, lambda: lines)
    if fmt == "table":
        _say_faults(found)


@secret.command("remove", cls=Command, examples=("roadworthy secret remove openai-key --yes",))
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.formats("table", "json")
def remove(name: str, fmt: str, *, yes: bool) -> None:
    """Take a secret away; its providers are refused from the next call on."""
    if not yes:
        current().confirm(f"Remove secret/{name}? Its providers are refused from then on.")
    done = current().client().send("DELETE", path_of("v1", "secrets", name)).json()
    output.show(fmt, done, lambda: f"secret/{name} is removed.")


@secret.command(
    "rotate-key",
    cls=Command,
    examples=("roadworthy secret rotate-key", "roadworthy secret rotate-key --forget-old"),
)
@click.option("--forget-old", is_flag=True, help="Forget the keys that wrap nothing any more.")
@output.formats("table", "json")
def rotate_key(fmt: str, *, forget_old: bool) -> None:
    """Wrap every secret with a new key. Forget the old key once every gateway has seen the new one."""
    done = current().client().post("/v1/secrets-key/rotate", {"forget_old": forget_old})
    if forget_old:
        output.show(fmt, done, lambda: f"Forgot {len(done['forgotten'])} keys.")
    else:
        output.show(fmt, done, lambda: f"Key {done['key_id']} wraps {done['rewrapped']} secrets now.")


def _say_faults(found: dict[str, Any]) -> None:
    for fault in found["faults"]:
        output.say(f"{fault}.")
