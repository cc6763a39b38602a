"""From files to declarations: validate, plan, apply."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import Failure, current, read_manifests

_SIGNS = {"create": "+", "update": "~", "delete": "-", "adopt": ">", "unchanged": "="}
_COLORS = {"create": "green", "update": "yellow", "delete": "red", "adopt": "cyan"}
_FIELDS_SHOWN = 40

_files = click.option(
    "-f", "--file", "files", multiple=True, metavar="FILE|DIR",
    help="A file or folder of declarations; - is standard input. Can be repeated.",
)  # fmt: skip


@command("validate", "roadworthy validate -f declarations/", "cat use-case.yaml | roadworthy validate -f -")
@_files
@output.formats("name", "json")
def validate(files: tuple[str, ...], fmt: str) -> None:
    """Check files against the schemas alone, without a server."""
    if not files:
        raise click.UsageError("Name what to check with -f.")
    from roadworthy.registry import manifest, operations

    read = [one for each in read_manifests(files) for one in manifest.parse(each["text"], file=each["file"])]
    wanted = operations.read_documents(current().programs.assembly(), read)
    refs = [f"{one.kind.slug}/{one.resource.name}" for one in wanted]
    output.data(output.as_json({"valid": refs}) if fmt == "json" else "\n".join(refs))
    output.say(
        f"{len(refs)} valid by schema. Whether their references and owners exist is checked by `plan`."
    )


@command(
    "plan",
    "roadworthy plan -f declarations/",
    "roadworthy plan -f declarations/ -o plan.json    then: roadworthy apply plan.json",
    "roadworthy plan -f . --detailed-exitcode         in a pipeline: 0 no change, 2 changes",
)
@_files
@click.option("--remove", multiple=True, metavar="REF", help="Also delete this resource. Can be repeated.")
@click.option("--adopt", is_flag=True, help="Take over what the console manages.")
@click.option("-o", "--out", type=click.Path(dir_okay=False), help="Save the plan, for `apply PLAN.json`.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.option("--detailed-exitcode", is_flag=True, help="End with 2 when something would change.")
def plan(
    files: tuple[str, ...],
    remove: tuple[str, ...],
    out: str | None,
    *,
    adopt: bool,
    as_json: bool,
    detailed_exitcode: bool,
) -> int:
    """Show what applying files would change, and what follows from it; changes nothing."""
    planned = _ask_plan(files, remove, adopt=adopt)
    if out:
        Path(out).write_text(json.dumps(planned["plan"], indent=2, ensure_ascii=False), encoding="utf-8")
    output.data(output.as_json(planned) if as_json else described(planned))
    if out:
        output.say(f"Saved to {out}. `roadworthy apply {out}` applies exactly this.")
    return 2 if detailed_exitcode and not planned["is_empty"] else 0


@command("apply", "roadworthy apply -f declarations/", "roadworthy apply plan.json --yes")
@click.argument("saved", required=False, type=click.Path(exists=True, dir_okay=False))
@_files
@click.option("--remove", multiple=True, metavar="REF", help="Also delete this resource. Can be repeated.")
@click.option("--adopt", is_flag=True, help="Take over what the console manages.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.formats("table", "json", "name")
def apply(
    saved: str | None, files: tuple[str, ...], remove: tuple[str, ...], fmt: str, *, adopt: bool, yes: bool
) -> None:
    """Apply files, or exactly a SAVED plan.

    The plan is printed first and, on a terminal, asked about. If something it was decided on has changed
    meanwhile, nothing is applied, what moved is shown, and the command ends with 6.
    """
    session = current()
    if saved and (files or remove or adopt):
        raise click.UsageError("A saved plan says everything: give either a plan or -f.")
    planned = _read_plan(Path(saved)) if saved else _ask_plan(files, remove, adopt=adopt)
    output.say(described(planned))
    if planned["is_empty"]:
        if fmt == "json":
            output.data(output.as_json({"applied": []}))
        return
    if not yes:
        session.confirm("Apply this?")
    done = session.client().post("/v1/apply", {"plan": planned["plan"]})
    rows = [one for one in done["applied"] if one["action"] != "unchanged"]
    output.show_rows(
        fmt,
        ["action", "ref", "generation", "audit_seq"],
        rows,
        whole=done,
        name="ref",
        empty="Nothing changed.",
    )


def _ask_plan(files: tuple[str, ...], remove: tuple[str, ...], *, adopt: bool) -> dict[str, Any]:
    if not files and not remove:
        raise click.UsageError("Name what to declare with -f (a file, a folder, or - for standard input).")
    body = {"manifests": read_manifests(files), "remove": list(remove), "adopt": adopt}
    answer: dict[str, Any] = current().client().post("/v1/plan", body)
    return answer


def _read_plan(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        held = held.get("plan", held)
        changes = held["changes"]
        is_empty = all(one["action"] == "unchanged" for one in changes)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failure(
            f"{path} is not a saved plan.",
            why="Declarations are applied with -f; a plan is what `roadworthy plan -o` wrote.",
            fix=f"Run `roadworthy apply -f {path}`, or save a plan first.",
        ) from error
    counts = ", ".join(
        f"{count} to {action}"
        for action in _SIGNS
        if action != "unchanged" and (count := sum(one["action"] == action for one in changes))
    )
    return {"plan": held, "is_empty": is_empty, "summary": counts or "nothing to do"}


def described(planned: dict[str, Any]) -> str:
    """Write a plan for people: what changes, field by field, and what follows from it."""
    lines: list[str] = []
    for change in planned["plan"]["changes"]:
        action = change["action"]
        if action == "unchanged":
            continue
        place = f" ({change['source']})" if change.get("source") else ""
        head = f"{_SIGNS[action]} {action} {output.printable(change['ref'] + place)}"
        lines.append(output.style(head, fg=_COLORS[action]))
        if action == "update":
            fields = change["fields"]
            for one in fields[:_FIELDS_SHOWN]:
                before, after = output.printable(one["before"]), output.printable(one["after"])
                lines.append(f"    {output.printable(one['path'])}: {before} → {after}")
            if len(fields) > _FIELDS_SHOWN:
                lines.append(f"    and {len(fields) - _FIELDS_SHOWN} more fields")
        lines.extend(f"    follows: {output.printable(text)}" for text in change["effects"])
    if planned["is_empty"]:
        lines.append("No changes: what is declared is already so.")
    else:
        lines.append(f"Plan: {planned['summary']}.")
    return "\n".join(lines)
