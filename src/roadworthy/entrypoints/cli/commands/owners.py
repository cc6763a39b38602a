"""Who answers for what, and where nobody does."""

from __future__ import annotations

import click

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import current


@click.group("owners")
def owners() -> None:
    """Look at who answers for use cases."""


@owners.command("gaps", cls=Command, examples=("roadworthy owners gaps", "roadworthy owners gaps -o csv"))
@output.formats()
def gaps(fmt: str) -> None:
    """List every side of every use case where nobody answers or stands in, what blocks first."""
    found = current().client().get("/v1/owners/gaps")
    rows = [{**one, "effect": "blocks" if one["blocks"] else "warns"} for one in found["items"]]
    columns = ["use_case", "side", "effect", "message", "next_step"]
    output.show_rows(fmt, columns, rows, whole=found, name="use_case", empty="No gaps.")
