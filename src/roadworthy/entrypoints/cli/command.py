"""A command whose help starts with examples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click


class Command(click.Command):
    """A command that shows how it is used before it explains itself."""

    def __init__(self, *args: Any, examples: tuple[str, ...] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = examples

    def format_help_text(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples, then the text."""
        if self.examples:
            with formatter.section("Examples"):
                for example in self.examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        super().format_help_text(ctx, formatter)


def command(name: str | None, *examples: str, **how: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a command from a function, with lines that show its use."""
    return click.command(name, cls=Command, examples=examples, **how)
