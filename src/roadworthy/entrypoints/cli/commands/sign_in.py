"""Signing in: a one-time link becomes a token in a profile."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click

from roadworthy.entrypoints.api_client import Client
from roadworthy.entrypoints.cli import output, profiles
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import Failure, current, split_ref


@command(
    "sign-in",
    "roadworthy sign-in < link.txt                     read from standard input",
    "roadworthy sign-in http://127.0.0.1:8080/sign-in/…",
    "roadworthy sign-in --profile production           asks for the link",
)
@click.argument("link", required=False)
@click.option("--profile", "name", default="", metavar="NAME", help="Store the token under this name.")
def sign_in(link: str | None, name: str) -> None:
    """Exchange a one-time LINK for a token.

    The link works once, so it may stand on the command line; the token is never shown. It is kept, readable
    by you alone, in $ROADWORTHY_HOME (~/.config/roadworthy).
    """
    if not link:
        if sys.stdin.isatty() and not current().no_input:
            link = click.prompt("One-time link", hide_input=True, err=True)
        else:
            link = sys.stdin.readline()
    link = (link or "").strip()
    if not link:
        raise click.UsageError("Give the one-time link as an argument or on standard input.")
    server = server_of(link)
    answer = Client(server).post("/v1/sign-in", {"link": link, "name": "command line"})
    name = name or current().profile or profiles.DEFAULT_PROFILE
    path = profiles.save(name, profiles.Profile(server, str(answer["token"])))
    output.say(f"Signed in to {server} as {answer['principal']}; profile {name} in {path}.")
    if os.environ.get("ROADWORTHY_TOKEN"):
        output.say("ROADWORTHY_TOKEN is set and goes before every profile.")


def server_of(link: str) -> str:
    """Return the server that a link leads to; a bare token belongs to the server in force."""
    parts = urlsplit(link)
    if not parts.scheme:
        return profiles.chosen(current().profile).url
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Failure(
            "That is not a sign-in link.", fix="Paste it whole, from http:// or https:// to its end."
        )
    return f"{parts.scheme}://{parts.netloc}"


@command(
    "sign-in-link",
    "roadworthy sign-in-link person/ada",
    "roadworthy sign-in-link ada -o json",
    "roadworthy sign-in-link ada --data .roadworthy     on the server itself, when nobody can sign in",
)
@click.argument("person")
@click.option("--data", type=click.Path(exists=True, file_okay=False), help="This data directory, offline.")
@click.option("--url", default="", help="With --data: the console's address, if not the usual one.")
@output.formats("table", "json", "yaml")
def sign_in_link(person: str, data: str | None, url: str, fmt: str) -> None:
    """Make a one-time sign-in link for PERSON and print it; send it to nobody else."""
    _kind, name = split_ref(person, kind="person")
    made: dict[str, Any]
    if data:
        made = {"person": name, "link": current().programs.sign_in_link(Path(data), name, url)}
    else:
        made = current().client().post("/v1/sign-in-links", {"person": name})
    output.show(fmt, made, lambda: str(made["link"]))
    output.say(f"It works once, within 15 minutes, for {name} alone.")


@command("whoami", "roadworthy whoami", "roadworthy --profile production whoami -o json")
@output.formats("table", "json", "yaml")
def whoami(fmt: str) -> None:
    """Say who you are to which server, and what you may do."""
    client = current().client()
    me: dict[str, Any] = {"server": client.url, "signed_in_by": profiles.chosen(current().profile).origin}
    me |= client.get("/v1/me")
    shown = {key: value for key, value in me.items() if value not in (None, [])}
    output.show(
        fmt,
        me,
        lambda: "\n".join(f"{key.replace('_', ' ')}: {_listed(value)}" for key, value in shown.items()),
    )


def _listed(value: Any) -> str:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, list):
        return "".join(f"\n  {_listed(one)}" for one in value)
    if isinstance(value, dict):
        return ", ".join(
            f"{key.replace('_', ' ')} {output.printable(one)}" for key, one in value.items() if one
        )
    return output.printable(value)
