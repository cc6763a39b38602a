"""What was measured, and what can be said about it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command, command
from roadworthy.entrypoints.cli.session import Failure, current, split_ref

_COUNTED = ("rows", "added", "corrected", "withdrawn")


@click.group()
def measure() -> None:
    """Import measurements."""


@measure.command(
    "import",
    cls=Command,
    examples=(
        "roadworthy measure import weekly.csv --outcome faster-claims",
        "roadworthy measure import - --metric answer-minutes < weekly.csv",
    ),
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--outcome", default="", help="The outcome they are about.")
@click.option("--metric", default="", help="The metric they are of, for no outcome in particular.")
@output.formats("table", "json", "yaml")
def import_(file: str, outcome: str, metric: str, fmt: str) -> None:
    """Import weekly figures from a CSV FILE: every row, or none with each bad row named.

    Its first line names the columns: `week` (the day it starts) and `value`, and if you have them `n` and
    `metric`. A week imported again is corrected; the earlier figure stays readable.
    """
    if bool(outcome) == bool(metric):
        raise click.UsageError("Say what the figures are of: --outcome NAME, or --metric NAME.")
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read.", why=error.strerror or "", fix="Check the path.") from error
    query = {
        "outcome": split_ref(outcome, kind="outcome")[1] if outcome else "",
        "metric": split_ref(metric, kind="metric")[1] if metric else "",
        "file": "stdin" if file == "-" else file,
    }
    client = current().client()
    answer = client.send("POST", "/v1/measurements/import", raw=raw, media_type="text/csv", query=query)
    done: dict[str, Any] = answer.json()
    for one in done.get("warnings") or ():
        output.say(f"warning: {output.printable(one)}")
    counts = ", ".join(f"{value} {key}" for key, value in done.items() if key in _COUNTED and value)
    output.show(fmt, done, lambda: f"{done['status']}: {counts} ({done['subject']})")
    if fmt == "table" and outcome:
        output.say(f"What can be said: roadworthy effect {query['outcome']}")


@command(
    "scorecard", "roadworthy scorecard use-case/claims-triage", "roadworthy scorecard claims-triage -o csv"
)
@click.argument("use_case", metavar="USE-CASE")
@output.formats("table", "json", "yaml", "csv")
def scorecard(use_case: str, fmt: str) -> None:
    """Show the five layers of a use case from what was measured; no data says so and is never good."""
    _slug, name = split_ref(use_case, kind="use-case")
    found: dict[str, Any] = current().client().get(path_of("v1", "use-cases", name, "scorecard"))
    rows: list[dict[str, Any]] = []
    for layer in found["layers"]:
        none = {"metric": "", "status": layer["status"]}
        rows += [{"layer": layer["layer"], **one} for one in layer["metrics"] or [none]]
    columns = ["layer", "metric", "status", "value", "target", "unit", "movement", "period_end"]
    output.show_rows(fmt, columns, rows, whole=found, name="metric")
    if fmt == "table":
        output.say(output.printable(found["summary"]))
        for one in found["trade_offs"]:
            output.say(f"trade-off: {output.printable(one)}")
