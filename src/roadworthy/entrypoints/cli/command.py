"""A command whose help starts with examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


def _write_examples(examples: tuple[str, ...], formatter: click.HelpFormatter) -> None:
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")


class Command(click.Command):
    """A command that shows how it is used before it explains itself."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the text."""
        _write_examples(self.examples, formatter)
        super().format_help_text(ctx, formatter)


class RunningGroup(click.Group):
    """A command that runs by itself and has commands below it."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "invoke_without_command": True})
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the text."""
        _write_examples(self.examples, formatter)
        super().format_help_text(ctx, formatter)


def command(name: str | None, *examples: str, **how: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command from a function, with lines that show its use."""
    return click.command(name, cls=Command, examples=examples, **how)
