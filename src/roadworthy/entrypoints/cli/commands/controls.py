"""Controls: the catalogue, how they stand for a use case, and evidence from outside."""

from __future__ import annotations

from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.moments import past
from roadworthy.entrypoints.cli.session import current, split_ref

_STATES = ("fails", "stale", "unknown", "waived", "holds")


@click.group()
def controls() -> None:
    """Look at controls and answer them for a use case."""


@controls.command(
    "list", cls=Command, examples=("roadworthy controls list", "roadworthy controls list -o csv")
)
@output.formats()
def list_(fmt: str) -> None:
    """List the catalogue of controls."""
    found = current().client().get("/v1/controls")
    rows = [{**one, "evidence": ", ".join(_kinds(one))} for one in found["items"]]
    columns = ("id", "area", "title", "answered_by", "fresh_days", "owner", "evidence")
    output.show_rows(fmt, columns, rows, whole=found, name="id", empty="The catalogue is empty.")


@controls.command("show", cls=Command, examples=("roadworthy controls show C20",))
@click.argument("control_id", metavar="CONTROL")
@output.formats("table", "json", "yaml")
def show(control_id: str, fmt: str) -> None:
    """Show a control: its question, the signals that answer it, its references."""
    found = current().client().get(path_of("v1", "controls", control_id))
    output.show(fmt, found, lambda: _control_text(found))


@controls.command(
    "check",
    cls=Command,
    examples=(
        "roadworthy controls check use-case/claims-triage",
        "roadworthy controls check claims-triage --only C20,C39 -o json",
        "roadworthy controls check claims-triage --as-of 2026-11-01  as that day's end found them",
    ),
)
@click.argument("use_case", metavar="USE-CASE")
@click.option("--only", default="", metavar="C20,C39", help="Only these controls; by default what it needs.")
@click.option("--as-of", default="", metavar="DATE", help="As it stood then: a day, or 2026-11-23T10:00:00Z.")
@output.formats()
def check(use_case: str, only: str, as_of: str, fmt: str) -> int:
    """Answer the controls of a use case; ends with 3 while one of them does not pass."""
    _slug, name = split_ref(use_case, kind="use-case")
    moment = past(as_of) if as_of else ""
    asked = {key: value for key, value in (("only", only), ("as_of", moment)) if value}
    found: dict[str, Any] = current().client().get(path_of("v1", "use-cases", name, "controls"), **asked)
    rows = [{**one, "state": _state_words(one)} for one in found["items"]]
    columns = ("control", "state", "title", "because")
    output.show_rows(fmt, columns, rows, whole=found, name="control", empty="It needs no control.")
    counts = ", ".join(f"{found['counts'][one]} {one}" for one in _STATES if found["counts"][one])
    if fmt == "table":
        output.say(f"use-case/{name}: {counts or 'nothing to answer'}.")
    return 0 if all(one["passes"] for one in found["items"]) else 3


def _state_words(one: dict[str, Any]) -> str:
    words = str(one["state"])
    if one["waived_until"]:
        return f"{words} until {one['waived_until'][:10]}"
    return f"{words} (own word)" if one["self_attested"] else words


def _kinds(one: dict[str, Any]) -> list[str]:
    return sorted({kind for signal in one["signals"] for kind in signal["evidence"]})


def _control_text(one: dict[str, Any]) -> str:
    fresh = f"{one['fresh_days']} days" if one["fresh_days"] else "computed when asked"
    lines = [
        f"{one['id']}  {output.printable(one['title'])}",
        output.printable(one["question"]),
        f"area: {one['area']}   owner: {one['owner']}   answered by: {one['answered_by']}   fresh: {fresh}",
    ]
    if one["after_change"]:
        lines.append("Evidence from before the last material change is stale.")
    if one["self_attested_not_enough_for"]:
        tiers = ", ".join(one["self_attested_not_enough_for"])
        lines.append(f"Self-attested evidence does not count at these tiers: {tiers}.")
    for signal in one["signals"]:
        ways = [f"the platform ({signal['collector']})"] if signal["collector"] else []
        ways += [f"evidence of kind {kind}" for kind in signal["evidence"]]
        lines.append(f"  {signal['name']}: {signal['question']} From {', '.join(ways)}.")
    lines += [f"{name}: {', '.join(numbers)}" for name, numbers in one["references"].items()]
    return "\n".join(lines)
