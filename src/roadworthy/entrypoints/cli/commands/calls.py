"""Governed calls: what was asked of the gateway, what it decided and why."""

from __future__ import annotations

from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import current

_COLUMNS = (
    "at", "id", "principal", "use_case", "decision", "reason_code", "model", "output_tokens", "latency_ms",
)  # fmt: skip


@command(
    "traces",
    "roadworthy traces",
    "roadworthy traces --use-case claims-triage --limit 20",
    "roadworthy traces --decision refused -o json",
)
@click.option("--use-case", default="", help="Of this use case alone.")
@click.option("--principal", default="", help="Of this caller alone.")
@click.option("--decision", type=click.Choice(["allowed", "refused"]), help="Decided so alone.")
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True, help="How many.")
@output.formats("table", "json", "yaml", "csv", "name")
def traces(use_case: str, principal: str, decision: str | None, limit: int, fmt: str) -> None:
    """List governed calls, newest first."""
    found: dict[str, Any] = (
        current()
        .client()
        .get("/v1/traces", use_case=use_case, principal=principal, decision=decision, limit=limit)
    )
    items = found["items"]
    rows = [{**one, "at": str(one["at"])[:19]} for one in items]
    output.show_rows(fmt, _COLUMNS, rows, whole=found, name="id", empty="No calls yet.")


@command("trace", "roadworthy trace tr_01…", "roadworthy trace tr_01… -o json")
@click.argument("id_", metavar="ID")
@output.formats("table", "json", "yaml")
def trace(id_: str, fmt: str) -> None:
    """Show one call: who, for what, the decision with its reasons, the model, tokens, cost, latency.

    The ID is in the headers of every answer of the gateway, refusals included.
    """
    found: dict[str, Any] = current().client().get(path_of("v1", "traces", id_))
    output.show(fmt, found, lambda: "\n".join(_lines(found)))


def _lines(value: Any, indent: str = "") -> list[str]:
    lines: list[str] = []
    pairs = value.items() if isinstance(value, dict) else enumerate(value, 1)
    for key, inner in pairs:
        label = str(key).replace("_", " ")
        if isinstance(inner, dict | list) and inner and not all(isinstance(one, str) for one in inner):
            lines += [f"{indent}{label}:", *_lines(inner, indent + "  ")]
        elif isinstance(inner, list):
            lines.append(f"{indent}{label}: {', '.join(map(output.printable, inner)) or '-'}")
        elif isinstance(inner, dict):
            lines += (
                [f"{indent}{label}:", *_lines(inner, indent + "  ")] if inner else [f"{indent}{label}: -"]
            )
        else:
            lines.append(f"{indent}{label}: {output.printable(inner)}")
    return lines
