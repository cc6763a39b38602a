"""Effects: of a declared outcome, and of a table that somebody brings."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import Failure, current, split_ref

REFUSED = 5


class EffectGroup(click.Group):
    """Takes the name of an outcome in the place of a command: `effect NAME` is `effect show NAME`."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Find a command, or make the one that shows the outcome of that name."""
        found = super().get_command(ctx, cmd_name)
        if found is not None or cmd_name.startswith("-"):
            return found
        options = [one for one in show.params if isinstance(one, click.Option)]
        return Command(cmd_name, params=[*options], callback=lambda fmt: show_outcome(cmd_name, fmt))


@click.group(cls=EffectGroup)
def effect() -> None:
    """Say what changed: of an outcome (`effect NAME`), or of a table of your own (`effect estimate`)."""


@effect.command(
    "show",
    cls=Command,
    examples=("roadworthy effect faster-claims", "roadworthy effect show outcome/faster-claims -o json"),
)
@click.argument("outcome")
@output.formats("table", "json", "yaml")
def show(outcome: str, fmt: str) -> None:
    """Say in one sentence what can be said about an OUTCOME so far, with its interval.

    `show` may be left out.
    """
    show_outcome(outcome, fmt)


def show_outcome(outcome: str, fmt: str) -> None:
    """Ask the server about an outcome and print the answer."""
    _slug, name = split_ref(outcome, kind="outcome")
    found: dict[str, Any] = current().client().get(path_of("v1", "outcomes", name, "effect"))
    output.show(fmt, found, lambda: "\n".join(_told(found)))


def _told(found: dict[str, Any]) -> Iterator[str]:
    yield output.printable(found["headline"])
    yield ""
    yield f"{found['status'].capitalize()}. Grade {found['grade']}: {found['grade_words']}."
    yield output.printable(found["settles"])
    for one in found["constraints"]:
        yield f"Constraint {one['metric']}: {output.printable(one['words'])}"
    if found["worth"]:
        yield f"Worth: {output.printable(found['worth']['words'])}"
    for note in found["notes"]:
        yield f"Note: {output.printable(note)}"


@effect.command(
    "estimate",
    cls=Command,
    examples=(
        "roadworthy effect estimate --data weekly.csv --design design.yaml",
        "roadworthy effect estimate --data trial.csv --design trial.yaml -o json",
    ),
)
@click.option("--data", "data_file", metavar="FILE.csv", help="The table; - is standard input.")
@click.option("--design", "design_file", metavar="FILE.yaml", required=True, help="What its columns mean.")
@output.formats("table", "json", "yaml")
def estimate(data_file: str | None, design_file: str, fmt: str) -> int:
    """Estimate the effect of a change from a table, without a server.

    The design says which column is what and how the change was made: randomized, stepped_wedge,
    difference_in_differences, interrupted_series, before_after or claimed. Prints the effect with its
    interval, grade, checks and verdict. Ends with 5 where the data cannot bear an estimate.
    """
    from roadworthy.portfolio.studies import design, documents, study, table

    agreed = design.read(_bytes(design_file), file=design_file)
    figures = None
    if data_file is not None:
        figures = table.read(_bytes(data_file), file="stdin" if data_file == "-" else data_file)
    done = study.run(agreed, figures, design_file=design_file)
    output.show(
        fmt,
        documents.document(done),
        lambda: "\n".join(line and output.printable(line) for line in documents.lines(done)),
    )
    return REFUSED if done.verdict == "refused" else 0


def _bytes(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read.", why=error.strerror or "", fix="Check the path.") from error
