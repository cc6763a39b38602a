"""For programs and shells: completion and the description of the API."""

from __future__ import annotations

import json

import click
from click.shell_completion import get_completion_class

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import Session


@command(
    "completion",
    "roadworthy completion bash >> ~/.bashrc",
    "roadworthy completion zsh > ~/.zfunc/_roadworthy",
    "roadworthy completion fish > ~/.config/fish/completions/roadworthy.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Write the completion script of SHELL."""
    made = get_completion_class(shell)
    assert made is not None, "click knows the shells named above"
    output.data(made(ctx.find_root().command, {}, "roadworthy", "_ROADWORTHY_COMPLETE").source())


@command("openapi", "roadworthy openapi > openapi.json")
@click.pass_obj
def openapi(session: Session) -> None:
    """Write the description of the API (OpenAPI 3.1), without a server."""
    output.data(json.dumps(session.programs.openapi(), indent=2, ensure_ascii=False))
