"""Blueprints: publish what is proven, and start a new use case from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command, command
from roadworthy.entrypoints.cli.session import Failure, current, split_ref


@click.group("blueprint")
def blueprint() -> None:
    """Publish proven use cases as patterns, and look at them."""


@blueprint.command(
    "publish", cls=Command, examples=("roadworthy blueprint publish use-case/claims-triage --name triage",)
)
@click.argument("use_case", metavar="USE-CASE")
@click.option("--name", default="", help="The blueprint's name; by default that of the use case.")
@output.formats("table", "json", "yaml")
def publish(use_case: str, name: str, fmt: str) -> None:
    """Publish a use case that has a grant as a blueprint; again, it becomes the newer one."""
    _slug, case = split_ref(use_case, kind="use-case")
    made = current().client().post("/v1/blueprints", {"use_case": case, "name": name})
    output.show(fmt, made, lambda: _text(made))


@blueprint.command("list", cls=Command, examples=("roadworthy blueprint list",))
@output.formats()
def list_(fmt: str) -> None:
    """List the blueprints."""
    found = current().client().get("/v1/blueprints")
    rows = [{**one, "calls": one.get("calls", 0)} for one in found["items"]]
    columns = ["name", "title", "tier", "use_case", "calls"]
    output.show_rows(fmt, columns, rows, whole=found, name="ref", empty="No blueprint is published.")


@blueprint.command("show", cls=Command, examples=("roadworthy blueprint show triage",))
@click.argument("name", metavar="BLUEPRINT")
@output.formats("table", "json", "yaml")
def show(name: str, fmt: str) -> None:
    """Show what a new use takes over from a blueprint and what it proves again."""
    _slug, plain = split_ref(name, kind="blueprint")
    found = current().client().get(path_of("v1", "blueprints", plain))
    output.show(fmt, found, lambda: _text(found))


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"{found['ref']}: {output.printable(found['title'])}",
        f"Tier {found['tier']} · proven by use-case/{found['use_case']} with {found.get('calls', 0)} calls",
    ]
    for one in found.get("duties", ()):
        word = "taken over" if one.get("reuse") else "prove again"
        lines.append(f"  {word}: {output.printable(one['name'])} ({one['obligation']})")
    lines.append(
        f"Start from it: roadworthy new --from {found['ref']} --name NAME --unit UNIT --owner PERSON"
    )
    return "\n".join(lines)


@command(
    "new",
    "roadworthy new --from blueprint/policy-search --name invoice-search --unit finance --owner ada",
    "roadworthy new --from policy-search --name invoice-search --unit finance --owner ada "
    "--outcome faster-invoices --no-apply",
)
@click.option("--from", "source", required=True, metavar="BLUEPRINT", help="Which blueprint to start from.")
@click.option("--name", required=True, help="The new use case's name.")
@click.option("--unit", required=True, help="The unit it belongs to.")
@click.option("--owner", required=True, metavar="PERSON", help="Who owns its business and product side.")
@click.option("--outcome", default="", help="The outcome it serves; by default the blueprint's.")
@click.option("--title", default="", help="Its title.")
@click.option("--summary", default="", help="What it does and for whom; by default the blueprint's words.")
@click.option("--file", "file", default="", help="Where to write it; by default NAME.yaml.")
@click.option("--no-apply", is_flag=True, help="Write the file, and leave applying it to you.")
@output.formats("table", "json")
def new(source: str, file: str, fmt: str, *, no_apply: bool, **wanted: str) -> int:
    """Start a use case from a blueprint: write its YAML, apply it, and say what is still missing.

    Ends with 3 when it may not call yet.
    """
    client = current().client()
    _slug, name = split_ref(source, kind="blueprint")
    body = {**wanted, "owner": wanted["owner"].removeprefix("person/")}
    made = client.post(path_of("v1", "blueprints", name, "draft"), body)
    target = Path(file or f"{wanted['name']}.yaml")
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(made["yaml"])
    except FileExistsError as error:
        raise Failure(
            f"{target} is there already, and stays as it is.", fix="Name another with --file."
        ) from error
    output.say(f"Wrote {target}.")
    if no_apply:
        output.data(output.as_json(made) if fmt == "json" else str(target))
        return 0
    planned = client.post(
        "/v1/plan", {"manifests": [{"file": str(target), "text": made["yaml"]}], "remove": []}
    )
    if not planned["is_empty"]:
        client.post("/v1/apply", {"plan": planned["plan"]})
    found = client.get(path_of("v1", "blueprints", name, "compare", wanted["name"]))
    output.show(fmt, found, lambda: _compared(found))
    return 0 if found["state"] == "granted" else 3


def _compared(found: dict[str, Any]) -> str:
    lines = [f"use-case/{found['use_case']}: {found['state']}, tier {found['tier']}"]
    lines += [f"  taken over: {output.printable(one['name'])}" for one in found["reused"]]
    for one in found["differences"]:
        sign = "in the way" if one["blocks"] else "to do"
        lines.append(f"  {sign}: {output.printable(one['what'])}")
        lines.append(f"      do: {output.printable(one['next_step'])}")
    if found["state"] == "granted":
        lines.append(f"It may call. A key: roadworthy key issue ACCOUNT --use-case {found['use_case']}")
    return "\n".join(lines)
