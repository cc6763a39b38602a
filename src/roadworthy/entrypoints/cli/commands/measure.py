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


@click.group()
def measure() -> None:
    """Import measurements."""


@measure.command(
    "import",
    cls=Command,
    examples=(
        "roadworthy measure import weekly.csv --outcome faster-claims",
        "roadworthy measure import - --outcome faster-claims < weekly.csv",
    ),
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--outcome", required=True, help="The outcome they are about.")
@output.formats("table", "json", "yaml")
def import_(file: str, outcome: str, fmt: str) -> None:
    """Import weekly figures from a CSV FILE; every row is taken, or none.

    The first line names the columns: from, to and value, and metric for another metric than the outcome's
    own. Figures are kept as they came; a correction is imported again and goes before the earlier one.
    """
    _slug, name = split_ref(outcome, kind="outcome")
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read.", why=error.strerror or "", fix="Check the path.") from error
    answer = (
        current()
        .client()
        .send("POST", "/v1/measurements/import", raw=raw, media_type="text/csv", query={"outcome": name})
    )
    done: dict[str, Any] = answer.json()
    output.show(fmt, done, lambda: _imported(done, name))
    if fmt == "table":
        output.say(f"What can be said: roadworthy effect {name}")


def _imported(done: dict[str, Any], outcome: str) -> str:
    counts = ", ".join(
        f"{value} {key.replace('_', ' ')}" for key, value in done.items() if isinstance(value, int)
    )
    return f"Imported for outcome/{outcome}: {counts}"


@command("effect", "roadworthy effect faster-claims", "roadworthy effect outcome/faster-claims -o json")
@click.argument("outcome")
@output.formats("table", "json", "yaml")
def effect(outcome: str, fmt: str) -> None:
    """Say in one sentence what can be said about an OUTCOME so far, with its interval."""
    _slug, name = split_ref(outcome, kind="outcome")
    found: dict[str, Any] = current().client().get(path_of("v1", "outcomes", name, "effect"))
    output.show(fmt, found, lambda: _effect(found))


def _effect(found: dict[str, Any]) -> str:
    lines = [output.printable(found.get("headline") or found.get("sentence"))]
    lines += [
        f"{name.removesuffix('_words')}: {output.printable(found[name])}"
        for name in ("status", "grade_words", "settles")
        if found.get(name)
    ]
    lines += [f"note: {output.printable(one)}" for one in found.get("notes") or ()]
    return "\n".join(lines)


@command(
    "scorecard", "roadworthy scorecard use-case/claims-triage", "roadworthy scorecard claims-triage -o csv"
)
@click.argument("use_case", metavar="USE-CASE")
@output.formats("table", "json", "yaml", "csv")
def scorecard(use_case: str, fmt: str) -> None:
    """Show the five layers of a use case from what was measured; no data says so and is never good."""
    _slug, name = split_ref(use_case, kind="use-case")
    found: dict[str, Any] = current().client().get(path_of("v1", "use-cases", name, "scorecard"))
    rows = found.get("lines") or found.get("items") or []
    columns = ["layer", "metric", "status", "value", "unit", "target", "as_of"]
    output.show_rows(fmt, columns, rows, whole=found, name="metric", empty="It names no metrics.")
