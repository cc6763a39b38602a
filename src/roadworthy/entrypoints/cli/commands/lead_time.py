"""How long the safe path takes, and what waits on it now."""

from __future__ import annotations

from typing import Any

import click

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import current, split_ref


@command("lead-time", "roadworthy lead-time", "roadworthy lead-time use-case/claims-triage -o json")
@click.argument("use_case", metavar="[USE-CASE]", default="")
@output.formats()
def lead_time(use_case: str, fmt: str) -> None:
    """Say how long it took from the idea to the first governed call, and for whom it waited."""
    name = split_ref(use_case, kind="use-case")[1] if use_case else ""
    found = current().client().get("/v1/lead-time", use_case=name)
    if fmt == "table" and not name:
        for one in found["tiers"]:
            output.say(output.printable(one["sentence"]))
    rows = [
        {
            **one,
            "days": f"{one['took_s'] / 86400:.1f}",
            "promised": f"{one['promised_s'] / 86400:.0f}",
            "first call": (one["first_call_at"] or "")[:10],
            "waited for": ", ".join(_waits(one["waits"])),
        }
        for one in found["items"]
    ]
    columns = ["use_case", "tier", "days", "promised", "first call", "waited for"]
    output.show_rows(fmt, columns, rows, whole=found, name="use_case", empty="No use case is declared.")


def _waits(waits: list[dict[str, Any]]) -> list[str]:
    held: dict[str, int] = {}
    for one in waits:
        held[one["whom"]] = held.get(one["whom"], 0) + one["took_s"]
    longest = sorted(held.items(), key=lambda one: -one[1])
    return [f"{whom} {took / 86400:.1f} d" for whom, took in longest if took]


@command("waiting", "roadworthy waiting", "roadworthy waiting -o json")
@output.formats()
def waiting(fmt: str) -> None:
    """List the approvals that are waited for: since when, due when, how often reminded, to whom escalated."""
    found = current().client().get("/v1/waiting")
    rows = [
        {
            **one,
            "since": one["since"][:10],
            "due": (one["due_at"] or "")[:10],
            "who": ", ".join(one["can_give"]),
            "escalated": ", ".join(one["escalated_to"]),
        }
        for one in found["items"]
    ]
    columns = ["use_case", "role", "since", "due", "reminded", "who", "escalated"]
    output.show_rows(fmt, columns, rows, whole=found, name="use_case", empty="Nothing waits for an approval.")
