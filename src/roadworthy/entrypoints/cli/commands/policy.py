"""Access policies: tried on their own examples, and on a call that nobody has made."""

from __future__ import annotations

from typing import Any

import click

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import current, read_manifests

_files = click.option(
    "-f", "--file", "files", multiple=True, required=True, metavar="FILE|FOLDER|-",
    help="What to read; can be repeated.",
)  # fmt: skip


@click.group()
def policy() -> None:
    """Write, test and explain access policies."""


@policy.command("test", cls=Command, examples=("roadworthy policy test -f policies/",))
@_files
@output.formats("table", "json", "yaml")
def test(files: tuple[str, ...], fmt: str) -> int:
    """Check policies and try their examples, without a server.

    Ends with 1 when a policy is not valid or an example does not hold.
    """
    rows = [row for one in _read(files) for row in _tried(*one)]
    columns = ("policy", "test", "holds", "place", "said")
    output.show_rows(fmt, columns, rows, whole={"items": rows}, name="test", empty="There is no policy.")
    failed = sum(not row["holds"] for row in rows)
    if fmt == "table":
        output.say(f"{len(rows) - failed} hold, {failed} do not.")
    return 1 if failed else 0


def _read(files: tuple[str, ...]) -> list[tuple[Any, Any, dict[str, str | None]]]:
    """Return each policy with its manifest, and the units that the files declare."""
    from roadworthy.policy.kinds import ACCESS_POLICY
    from roadworthy.registry import manifest
    from roadworthy.registry.kinds import Catalogue
    from roadworthy.registry.resource import load

    read = [one for each in read_manifests(files) for one in manifest.parse(each["text"], file=each["file"])]
    documents = [(one, one.document) for one in read if isinstance(one.document, dict)]
    units = {
        str(document["metadata"]["name"]): document.get("spec", {}).get("parent")
        for _, document in documents
        if document.get("kind") == "Unit"
    }
    catalogue = Catalogue((ACCESS_POLICY,))
    return [
        (load(document, catalogue, file=one.file, line_of=one.line_of), one, units)
        for one, document in documents
        if document.get("kind") == ACCESS_POLICY.name
    ]


def _tried(resource: Any, source: Any, units: dict[str, str | None]) -> list[dict[str, Any]]:
    from roadworthy.policy.admission import issues
    from roadworthy.policy.entry import policy_entry
    from roadworthy.policy.examples import try_all
    from roadworthy.policy.reach import below

    def row(test: str, field: str, said: str, *, holds: bool) -> dict[str, Any]:
        place = f"{source.file}:{source.line_of(field)}"
        return {"policy": resource.name, "test": test, "holds": holds, "place": place, "said": said}

    found = list(issues(resource.name, resource.spec, units=units))
    wrong = [row("valid", one.field, one.message, holds=False) for one in found if "tests" not in one.field]
    if wrong:
        return wrong
    entry = policy_entry(resource.name, resource.spec, units=below(set(resource.spec.units), units))
    return [
        row("valid", "spec.cedar", _counted(len(entry.statements)), holds=True),
        *(
            row(one.name, f"spec.tests[{one.place}]", one.said, holds=one.holds)
            for one in try_all(entry, resource.spec.tests)
        ),
    ]


@policy.command("schema", cls=Command, examples=("roadworthy policy schema",))
def schema() -> None:
    """Print what a policy can ask of a call, as a Cedar schema."""
    from roadworthy.policy.vocabulary import SCHEMA

    output.data(SCHEMA.strip())


@policy.command("list", cls=Command, examples=("roadworthy policy list",))
@output.formats("table", "json", "yaml", "csv", "name")
def list_(fmt: str) -> None:
    """List access policies, and how their examples stand."""
    found = current().client().get("/v1/policies")
    rows = [{**one, "statements": len(one["statements"])} for one in found["items"]]
    columns = ("name", "unit", "units", "default", "statements", "passing", "failing")
    output.show_rows(fmt, columns, rows, whole=found, name="name", empty="There is no access policy.")


@policy.command(
    "explain",
    cls=Command,
    examples=(
        "roadworthy policy explain --model default",
        "roadworthy policy explain --principal service-account/claims-bot --model default --hour 3",
    ),
)
@click.option("--model", required=True, help="The model or route that is asked for.")
@click.option("--principal", default="", help="`service-account/x` or `person/x`; everybody without it.")
@click.option("--use-case", default="", help="What for; every use case without it.")
@click.option("--hour", type=click.IntRange(0, 23), help="At this hour, in UTC; noon without it.")
@click.option("--weekday", help="On this day, as `sunday`; Monday without it.")
@click.option("--task", help="With this task.")
@click.option("--dialect", help="chat, responses, messages, embeddings or count_tokens.")
@click.option("--stream", is_flag=True, help="As a stream.")
@click.option("--tool", "tools", multiple=True, help="Offering this tool; can be repeated.")
@click.option("--input-tokens", type=int, help="Of this size.")
@output.formats("table", "json", "yaml", "csv")
def explain(
    model: str, principal: str, use_case: str, tools: tuple[str, ...], fmt: str, *, stream: bool, **given: Any
) -> None:
    """Say who may make a call, and which policy says no, in which line."""
    call = {key: value for key, value in given.items() if value is not None}
    body = {
        "model": model,
        "principal": principal,
        "use_case": use_case,
        "call": {**call, "stream": stream, "tools": list(tools)},
    }
    found = current().client().post("/v1/policies/explain", body)
    columns = ("principal", "use_case", "model", "decision", "by", "policy", "statement", "line", "said")
    output.show_rows(
        fmt, columns, found["items"], whole=found, name="principal", empty="Nobody holds a key for that."
    )


def _counted(statements: int) -> str:
    return "1 statement." if statements == 1 else f"{statements} statements."
