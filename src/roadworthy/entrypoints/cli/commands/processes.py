"""Running Roadworthy: the control plane and the gateway, apart or together."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import Failure, current

_PORT = click.IntRange(0, 65535)


_data = click.option(
    "--data",
    type=click.Path(file_okay=False),
    default=None,
    help="Data directory (ROADWORTHY_DATA_DIR, .roadworthy).",
)


def _control_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--control-host", default=None, help="Address to listen on (127.0.0.1)."),
        click.option("--control-port", type=_PORT, default=None, help="Port to listen on (8080)."),
    ):
        function = option(function)
    return function


def _gateway_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--gateway-host", default=None, help="Address to listen on (127.0.0.1)."),
        click.option("--gateway-port", type=_PORT, default=None, help="Port to listen on (8081)."),
    ):
        function = option(function)
    return function


@command("control", "roadworthy control", "roadworthy control --data /var/lib/roadworthy --control-port 8080")
@_data
@_control_options
@_gateway_options
def control(data: str | None, **options: Any) -> int:
    """Run the console and the API alone; the gateway's address is for the snippets it shows."""
    return current().programs.run_control({"data_dir": data, **options})


@command("serve", "roadworthy serve", "roadworthy serve --data /var/lib/roadworthy")
@_data
@_control_options
@_gateway_options
def serve(data: str | None, **options: Any) -> None:
    """Run the console, the API and the gateway together, each a process of its own.

    Both listen on loopback unless told otherwise, and leave together.
    """
    from roadworthy.entrypoints.children import WHILE_ALIVE, ChildError, Children, roadworthy_program
    from roadworthy.foundation.lifeline import leave_with

    if process := os.environ.get(WHILE_ALIVE):
        leave_with(int(process))

    shared = _flags({"data_dir": data, **options})
    outer = {key: value for key, value in options.items() if key.startswith("gateway")}
    try:
        with Children() as children:
            children.start("control", [*roadworthy_program("control"), *shared])
            children.start("gateway", [*roadworthy_program("gateway"), *_flags({"data_dir": data, **outer})])
            ended = children.wait()
    except ChildError as error:
        raise Failure(error.what, why=error.why, fix=error.fix) from error
    if ended:
        raise Failure(
            f"The {ended} process ended, so the other was stopped too.", fix="See what it wrote above."
        )
    output.say("Stopped.")


def _flags(options: dict[str, Any]) -> list[str]:
    named = {
        ("data" if key == "data_dir" else key.replace("_", "-")): value for key, value in options.items()
    }
    return [
        part
        for key, value in named.items()
        if value is not None
        for part in (f"--{key}", str(Path(value) if key == "data" else value))
    ]
