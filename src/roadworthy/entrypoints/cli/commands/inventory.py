"""Lists of use cases made elsewhere: taken in whole, reported on, carried on as use cases."""

from __future__ import annotations

import base64
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import Client, path_of
from roadworthy.entrypoints.cli import output, profiles
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.session import Failure, current, every
from roadworthy.foundation import clock

_IMPORT_SECONDS = 600.0
_ROW_COLUMNS = ("row", "status", "name", "title", "unit", "stage", "tier", "could_be", "declared_risk")
_LIST_COLUMNS = ("name", "title", "unit", "stage", "tier", "could_be", "declared_risk", "gaps", "score")


@click.group()
def inventory() -> None:
    """Take in a list of use cases made elsewhere; see what it lacks."""


@inventory.command(
    "import",
    cls=Command,
    examples=(
        "roadworthy inventory import list.csv --mapping mapping.yaml --dry-run",
        "roadworthy inventory import list.csv --mapping mapping.yaml -o json",
    ),
)
@click.argument("file", type=click.Path(allow_dash=True))
@click.option("--mapping", required=True, type=click.Path(), help="What the columns mean.")
@click.option("--namespace", default="", metavar="UNIT", help="The unit that is to own new entries.")
@click.option("--dry-run", is_flag=True, help="Read and report only; it needs no server.")
@click.option("--register", is_flag=True, help="Fail where the entries cannot be registered.")
@output.formats("table", "json", "yaml", "csv")
def import_(file: str, mapping: str, namespace: str, fmt: str, *, dry_run: bool, register: bool) -> None:
    """Take in FILE, a table as CSV: every row is accounted for, none is dropped.

    Signed in, the rows become entries of the registry; a list imported again changes only what is different
    in it. Without a server, or with --dry-run, it is read and reported on alone.
    """
    if dry_run and register:
        raise click.UsageError("--dry-run and --register contradict each other.")
    content, text = _bytes(file), _mapping(mapping)
    name = "stdin" if file == "-" else Path(file).name
    chosen = profiles.chosen(current().profile)
    if dry_run or not (chosen.token or register):
        found = _offline(content, text, mapping=mapping, file=name)
        if not dry_run:
            output.say("Nothing was registered: you are not signed in, so the list was read and judged here.")
    else:
        found = _send(content, text, mapping=mapping, file=name, namespace=namespace)
    _show_import(fmt, found)


@inventory.command(
    "report",
    cls=Command,
    examples=(
        "roadworthy inventory report",
        "roadworthy inventory report list.csv --mapping mapping.yaml -o json",
    ),
)
@click.argument("file", required=False, default="", type=click.Path(allow_dash=True))
@click.option("--mapping", default="", type=click.Path(), help="What the columns of FILE mean.")
@click.option("--list", "list_name", default="", metavar="NAME", help="Entries of this list alone.")
@output.formats("table", "json", "yaml")
def report(file: str, mapping: str, list_name: str, fmt: str) -> None:
    """Sum up what is registered, or a FILE without a server: tiers, owners, evidence, what to do first."""
    if file and not mapping:
        raise click.UsageError("Say what the columns of the file mean: --mapping FILE.")
    if file:
        name = "stdin" if file == "-" else Path(file).name
        found = _offline(_bytes(file), _mapping(mapping), mapping=mapping, file=name)
        found.pop("rows")
    else:
        found = current().client().get(path_of("v1", "inventory", "report"), list_name=list_name)
    output.show(fmt, found, lambda: "\n".join(_told(found["report"])))


@inventory.command("list", cls=Command, examples=("roadworthy inventory list --gap owner --tier high",))
@click.option("--list", "list_name", default="", metavar="NAME", help="Entries of this list alone.")
@click.option("--tier", default="", help="Entries of this tier, by the rules or by the list itself.")
@click.option("--unit", default="", help="Entries of this unit.")
@click.option("--gap", default="", help="Entries that lack this: owner, check:NAME, question:FACT, …")
@output.formats()
def list_(list_name: str, tier: str, unit: str, gap: str, fmt: str) -> None:
    """List the registered entries, those that weigh most first."""
    client = current().client()
    path = path_of("v1", "inventory")
    rows = every(client, path, list_name=list_name, tier=tier, unit=unit, gap=gap)
    shown = [{**row, "gaps": len(row["gaps"])} for row in rows]
    empty = "No entry is registered: `roadworthy inventory import FILE --mapping FILE`."
    output.show_rows(fmt, _LIST_COLUMNS, shown, whole={"items": rows}, empty=empty)


@inventory.command("show", cls=Command, examples=("roadworthy inventory show dhs-babel",))
@click.argument("name")
@output.formats("table", "json", "yaml")
def show(name: str, fmt: str) -> None:
    """Show an entry: its tier with reasons, what is missing, every cell of its row."""
    found: dict[str, Any] = current().client().get(path_of("v1", "inventory", "entries", name))
    output.show(fmt, found, lambda: "\n".join(_entry(found)))


@inventory.command(
    "promote", cls=Command, examples=("roadworthy inventory promote dhs-babel > use-case.yaml",)
)
@click.argument("name")
@output.formats("yaml", "json")
def promote(name: str, fmt: str) -> None:
    """Write the beginning of a use case from an entry, and say what it still needs."""
    found: dict[str, Any] = current().client().get(path_of("v1", "inventory", "entries", name, "use-case"))
    output.data(output.as_json(found) if fmt == "json" else found["text"])
    if fmt == "yaml":
        for one in found["missing"]:
            output.say(f"missing: {output.printable(one)}")


@inventory.command("platform", cls=Command, examples=("roadworthy inventory platform",))
@output.formats()
def platform(fmt: str) -> None:
    """Say where the platform itself falls short: identity, data access, logging, evaluation."""
    found: dict[str, Any] = current().client().get(path_of("v1", "inventory", "platform"))
    rows = [
        {
            **one,
            "short": len(one["short"]) if one["measured"] else "not measured",
            "which": ", ".join(one["short"]),
        }
        for one in found["items"]
    ]
    columns = ("area", "what", "looked_at", "short", "which")
    output.show_rows(fmt, columns, rows, whole=found, name="what")


def _bytes(file: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read.", why=error.strerror or "", fix="Check the path.") from error


def _mapping(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise Failure(f"{file} cannot be read.", why=error.strerror or "", fix="Check the path.") from error
    except UnicodeDecodeError as error:
        raise Failure(f"{file} is not UTF-8 text.", fix="Save the mapping as UTF-8.") from error


def _offline(content: bytes, text: str, *, mapping: str, file: str) -> dict[str, Any]:
    from roadworthy.inventory.documents import import_document
    from roadworthy.inventory.judging import Judge
    from roadworthy.inventory.taking_in import take_in
    from roadworthy.rules.queries import rulebook

    judge = Judge(rulebook(), as_of=clock.now().date())
    taken = take_in(content, mapping_text=text, mapping_file=mapping, judge=judge)
    return {**import_document(taken, judge, file=file), "registered": None}


def _send(content: bytes, text: str, *, mapping: str, file: str, namespace: str) -> dict[str, Any]:
    signed_in = current().client()
    client = Client(signed_in.url, signed_in.token, timeout=_IMPORT_SECONDS)
    body = {
        "file": file,
        "content_base64": base64.b64encode(content).decode(),
        "mapping": text,
        "mapping_file": mapping[-200:],
        "namespace": namespace or "organization",
    }
    found: dict[str, Any] = client.post("/v1/inventory/import", body)
    return found


def _show_import(fmt: str, found: Mapping[str, Any]) -> None:
    if fmt == "csv":
        columns = (*_ROW_COLUMNS, "reasons", "gaps", "questions", "findings")
        output.data(output.as_csv(columns, [_flat(row) for row in found["rows"]]))
        return
    output.show(fmt, dict(found), lambda: "\n".join(_imported(found)))


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **row,
        "reasons": "; ".join(one["rule"] for one in row["reasons"]),
        "gaps": "; ".join(one["what"] for one in row["gaps"]),
        "questions": "; ".join(row.get("questions") or ()),
        "findings": "; ".join(row["findings"]),
    }


def _imported(found: Mapping[str, Any]) -> Iterator[str]:
    counts, encoding = found["counts"], found["encoding"]
    yield (
        f"{found['title']}: {counts['rows']:,} rows, read as {encoding['used']} ({encoding['because']}): "
        f"{counts['imported']:,} without remarks, {counts['warnings']:,} with warnings, "
        f"{counts['attention']:,} to look at, {counts['blank']:,} blank."
    )
    done = found["registered"]
    if done is not None:
        yield (
            f"Registered: {done['created']:,} new, {done['updated']:,} changed, "
            f"{done['unchanged']:,} as before, {len(done['gone']):,} no longer in the list (kept)."
        )
    attention = [row for row in found["rows"] if row["status"] == "attention"]
    for row in attention[:20]:
        yield f"  row {row['row']} ({row['name']}): {output.printable('; '.join(row['findings']))}"
    if len(attention) > 20:
        yield f"  and {len(attention) - 20:,} more: -o json shows all."
    yield ""
    yield from _told(found["report"])


def _told(found: Mapping[str, Any]) -> Iterator[str]:
    rows = [
        {
            "tier": one["tier"],
            "decided": one["entries"],
            "of_these_provisional": one["provisional"],
            "live": one["live"],
            "says_the_list": one["declared"],
        }
        for one in found["tiers"]
    ]
    yield output.as_table(("tier", "decided", "of_these_provisional", "live", "says_the_list"), rows)
    yield ""
    yield (
        f"Of {found['entries']:,} entries {found['without_owner']:,} name no owner, "
        f"{found['without_outcome']:,} no outcome, {found['without_figure']:,} no figure for it."
    )
    if found["checks"]:
        yield ""
        yield output.as_table(
            ("title", "asked", "present", "planned", "waived", "absent", "unknown"), found["checks"]
        )
    if found["obligations"]:
        yield ""
        columns = ("id", "name", "entries", "without_evidence", "without_claim")
        yield output.as_table(columns, found["obligations"][:15])
    yield ""
    yield "What to do first:"
    for one in found["next_steps"][:10]:
        yield f"{one['rank']:>3}. {output.printable(one['what'])}"
        yield f"     {output.printable(one['why'])}"


def _entry(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"{output.printable(found['title'])} ({found['name']})"
    tier = found["tier"]
    if found["provisional"]:
        tier = f"at least {tier}, could be {found['could_be']}"
    yield f"Tier: {tier}. The list calls it: {found['declared_risk'] or 'nothing'}."
    for one in found["reasons"]:
        yield f"  because {one['title']} ({one['rule']})"
    yield ""
    yield "Missing:"
    for one in found["gaps"]:
        yield f"  {output.printable(one['what'])} {output.printable(one['next_step'])}"
    for one in found["findings"]:
        yield f"  Odd: {output.printable(one)}"
    yield ""
    for header, cell in found["answers"].items():
        yield f"{output.printable(header)}: {output.printable(cell)}"
