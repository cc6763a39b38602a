"""A first declaration to start from."""

from __future__ import annotations

from pathlib import Path

import click

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import Failure

_STARTER = Path(__file__).resolve().parents[2] / "starter.yaml"


@command(
    "init", "roadworthy init", "roadworthy init declarations/first.yaml && roadworthy plan -f declarations/"
)
@click.argument("path", default="roadworthy.yaml", type=click.Path(dir_okay=False))
def init(path: str) -> None:
    """Write a commented first declaration to PATH: a unit, people, an outcome, a use case, a model."""
    target, text = Path(path), _STARTER.read_text(encoding="utf-8")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as error:
        raise Failure(
            f"{path} is there already, and stays as it is.",
            fix="Name another file, or move that one away.",
        ) from error
    output.data(path)
    output.say(f"Change it to what is true for you, then: roadworthy plan -f {path}")
