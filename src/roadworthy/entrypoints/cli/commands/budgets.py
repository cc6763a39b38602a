"""Limits and budgets: what is used, reserved and left; the ledger beside a provider's invoice."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import yaml

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import current
from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.web.formats import money_amount

_COLUMNS = ("declaration", "of", "state", "limit", "used", "reserved", "left", "forecast", "ends", "who")
_DIFFERENCES = ("day", "model", "currency", "ours", "theirs", "difference", "percent", "why", "within")
_FORMATS = ("auto", "openai", "anthropic", "azure", "aws")
BEYOND = 1
"""The exit code when ledger and invoice are further apart than tolerated."""


def _figure(one: dict[str, Any], name: str) -> str:
    value = one[name]
    if value is None:
        return ""
    if one["currency"]:
        return f"{money_amount(value):f} {one['currency']}"
    return f"{value:,} {one['measure']}" if name == "limit" else f"{value:,}"


def _row(one: dict[str, Any]) -> dict[str, Any]:
    figures = {name: _figure(one, name) for name in ("limit", "used", "reserved", "left", "forecast")}
    period = "in all" if one["period"] == "total" else f"per {one['period']}"
    who = ", ".join(dict.fromkeys([one["owner"], *one["who_may_change"]])).strip(", ")
    return {**one, **figures, "limit": f"{figures['limit']} {period}", "ends": (one["ends"] or "")[:16],
            "who": who}  # fmt: skip


@command(
    "budget", "roadworthy budget", "roadworthy budget budget/claims-monthly", "roadworthy budget -o json"
)
@click.argument("name", default="", metavar="[NAME]")
@click.option("--leaks", is_flag=True, help="Instead: what gateways that are gone still hold.")
@output.formats("table", "json", "yaml", "csv", "name")
def budget(name: str, fmt: str, *, leaks: bool) -> None:
    """Say what is used, reserved and left of limits and budgets, until when, and who may change them.

    With --leaks the exit code is 1 when something is held that nobody will use.
    """
    client = current().client()
    if leaks:
        found = client.get("/v1/budgets/leaks")
        columns = ("lease", "holder", "state", "amount", "silent_s")
        output.show_rows(fmt, columns, found["items"], whole=found, name="lease", empty="Nothing leaks.")
        if found["items"]:
            sys.exit(BEYOND)
        return
    found = client.get("/v1/budgets", name=name) if name else client.get("/v1/budgets")
    rows = [_row(one) for one in found["items"]]
    output.show_rows(
        fmt, _COLUMNS, rows, whole=found, name="declaration", empty="No limit or budget is declared."
    )


@command(
    "reconcile",
    "roadworthy reconcile --provider openai --file costs.csv",
    "roadworthy reconcile --provider acme --file invoice.csv --mapping acme.yaml --tolerance 0.5",
)
@click.option("--provider", required=True, help="The declared provider that sent the file.")
@click.option("--file", "path", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--format", "kind", type=click.Choice(_FORMATS), default="auto", help="Whose export it is.")
@click.option(
    "--mapping",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A YAML file that says which column is the day, the model, the amount.",
)
@click.option(
    "--tolerance", type=click.FloatRange(0, 100), default=1.0, help="Per cent, for a day and model."
)
@output.formats("table", "json", "csv")
def reconcile(
    *, provider: str, path: Path, kind: str, mapping: Path | None, tolerance: float, fmt: str
) -> None:
    """Compare the ledger with a provider's invoice export, for each day and model.

    The exit code is 1 when a difference is beyond the tolerance; each says its likely reason.
    """
    body: dict[str, Any] = {
        "provider": provider,
        "text": _text(path),
        "format": kind,
        "mapping": yaml.safe_load(_text(mapping)) if mapping is not None else None,
        "tolerance_percent": tolerance,
    }
    found = current().client().post("/v1/reconciliations", body)
    rows = [_difference(one) for one in found["items"]]
    output.show_rows(fmt, _DIFFERENCES, rows, whole=found, name="model", empty="Nothing is to compare.")
    beyond = [one for one in found["items"] if not one["within"]]
    for step in dict.fromkeys(f"{one['why']}: {one['next_step']}" for one in beyond):
        output.say(f"{step[:1].upper()}{step[1:]}")
    if beyond:
        sys.exit(BEYOND)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidError(
            f"{path} is not text in UTF-8.", fix="Export it as CSV, encoded in UTF-8."
        ) from error


def _difference(one: dict[str, Any]) -> dict[str, Any]:
    def amount(name: str) -> Decimal | str:
        return "" if one[name] is None else money_amount(one[name])

    return {
        **one,
        "ours": amount("ours_nano"),
        "theirs": amount("theirs_nano"),
        "difference": amount("difference_nano"),
        "percent": "" if one["percent"] is None else f"{one['percent']:.2f}",
        "within": "yes" if one["within"] else "NO",
    }
