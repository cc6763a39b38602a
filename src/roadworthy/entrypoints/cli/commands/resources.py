"""What is declared: read, delete, compare, roll back."""

from __future__ import annotations

from typing import Any

import click

from roadworthy.entrypoints.api_client import Client, path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.session import current, every, ref_path, split_ref


@command(
    "get",
    "roadworthy get use-case",
    "roadworthy get use-case claims-triage -o yaml",
    "roadworthy get use-case/claims-triage -o json",
    "roadworthy get model -o name | xargs -n1 roadworthy history",
)
@click.argument("kind")
@click.argument("name", required=False)
@output.formats("table", "json", "yaml", "name", "csv")
def get(kind: str, name: str | None, fmt: str) -> None:
    """Show the resources of a KIND, or one by NAME."""
    if "/" in kind and not name:
        kind, name = split_ref(kind)
    client = current().client()
    if name:
        _show_one(client.get(path_of("v1", "resources", kind, name)), fmt)
        return
    items = every(client, path_of("v1", "resources", kind))
    rows = [_row(one) for one in items]
    output.show_rows(
        fmt, ["ref", "title", "namespace", "generation", "managed_by", "updated_at"], rows,
        whole={"items": items}, name="ref",
        empty=f"Nothing of kind {kind} is declared yet. `roadworthy explain-kind {kind}` says what it needs.",
    )  # fmt: skip


def _slug(kind: str) -> str:
    return "".join(
        f"-{char.lower()}" if char.isupper() and place else char.lower() for place, char in enumerate(kind)
    )


def _row(document: dict[str, Any]) -> dict[str, Any]:
    metadata, spec, status = document["metadata"], document["spec"], document.get("status", {})
    return {
        "ref": f"{_slug(document['kind'])}/{metadata['name']}",
        "title": spec.get("title") or spec.get("display_name") or spec.get("purpose") or spec.get("role", ""),
        "namespace": metadata.get("namespace", ""),
        "generation": status.get("generation"),
        "managed_by": status.get("managed_by"),
        "updated_at": status.get("updated_at", "")[:16],
    }


def _show_one(document: dict[str, Any], fmt: str) -> None:
    if fmt == "json":
        output.data(output.as_json(document))
    elif fmt == "name":
        output.data(_row(document)["ref"])
    elif fmt == "csv":
        row = _row(document)
        output.data(output.as_csv(list(row), [row]))
    else:  # a declaration reads best as it was written
        status = document.pop("status", {})
        output.data(output.as_yaml(document))
        if fmt == "table" and status:
            output.say(
                f"# generation {status['generation']}, managed by {status['managed_by']}"
                f"{' ' + status['source'] if status.get('source') else ''}, "
                f"changed {status['updated_at'][:16]} by {status['updated_by']}"
            )


@command(
    "delete",
    "roadworthy delete use-case/old-idea",
    "roadworthy delete service-account/bot use-case/bot --yes",
)
@click.argument("refs", nargs=-1, required=True, metavar="REF...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.formats("table", "json", "name")
def delete(refs: tuple[str, ...], fmt: str, *, yes: bool) -> None:
    """Delete declared resources; their history stays and can be rolled back to."""
    from roadworthy.entrypoints.cli.commands.declare import described

    session, client = current(), current().client()
    for ref in refs:
        split_ref(ref)
    managed = {client.get(ref_path(ref))["status"]["managed_by"] for ref in refs}
    planned = client.post(
        "/v1/plan", {"remove": list(refs), "managed_by": managed.pop() if len(managed) == 1 else "file"}
    )
    output.say(described(planned))
    if not yes:
        session.confirm("Delete this?")
    done = client.post("/v1/apply", {"plan": planned["plan"]})
    output.show_rows(fmt, ["action", "ref", "audit_seq"], done["applied"], whole=done, name="ref")


@command("adopt", "roadworthy adopt use-case/claims-triage --as file")
@click.argument("ref")
@click.option(
    "--as", "manager", required=True, type=click.Choice(["file", "console"]), help="The new manager."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def adopt(ref: str, manager: str, *, yes: bool) -> None:
    """Change what manages REF: files or the console. One of them, never both."""
    from roadworthy.entrypoints.cli.commands.declare import described

    session, client = current(), current().client()
    document = client.get(ref_path(ref))
    document.pop("status", None)
    text = output.as_yaml(document)
    planned = client.post(
        "/v1/plan",
        {"manifests": [{"file": "adopt.yaml", "text": text}], "managed_by": manager, "adopt": True},
    )
    output.say(described(planned))
    if planned["is_empty"]:
        return
    if not yes:
        session.confirm("Change it?")
    client.post("/v1/apply", {"plan": planned["plan"]})
    output.data(f"{ref} is managed by {manager}")


@command(
    "export", "roadworthy export > roadworthy.yaml", "roadworthy export --kind use-case --managed-by console"
)
@click.option("--kind", default="", help="This kind alone.")
@click.option("--managed-by", type=click.Choice(["file", "console"]), help="What is managed so alone.")
def export(kind: str, managed_by: str | None) -> None:
    """Write every declaration as YAML; applying it again changes nothing."""
    query = {"kind": kind, "managed_by": managed_by or ""}
    answer = current().client().send("GET", "/v1/export", query=query, headers={"accept": "application/yaml"})
    output.data(answer.body.decode())


@command("history", "roadworthy history use-case/claims-triage")
@click.argument("ref")
@output.formats("table", "json", "yaml", "csv")
def history(ref: str, fmt: str) -> None:
    """List the versions of REF, newest first."""
    found = current().client().get(ref_path(ref, "history"), limit=200)
    columns = ["generation", "action", "at", "actor", "managed_by", "source", "audit_seq"]
    output.show_rows(fmt, columns, found["items"], whole=found, name="generation")


@command(
    "diff", "roadworthy diff use-case/claims-triage", "roadworthy diff use-case/claims-triage --from 1 --to 4"
)
@click.argument("ref")
@click.option("--from", "old", type=int, metavar="GENERATION", help="By default the version before.")
@click.option("--to", "new", type=int, metavar="GENERATION", help="By default the newest.")
@output.formats("table", "json", "yaml", "csv")
def diff(ref: str, old: int | None, new: int | None, fmt: str) -> None:
    """Compare two versions of REF; by default the last two."""
    found = current().client().get(ref_path(ref, "diff"), **{"from": old, "to": new})
    empty = f"Generations {found['from']} and {found['to']} say the same."
    output.show_rows(fmt, ["path", "before", "after"], found["fields"], whole=found, name="path", empty=empty)


@command("rollback", "roadworthy history route/default", "roadworthy rollback route/default --to 3")
@click.argument("ref")
@click.option("--to", "generation", type=int, required=True, metavar="GENERATION", help="Which version.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.formats("table", "json", "yaml")
def rollback(ref: str, generation: int, fmt: str, *, yes: bool) -> None:
    """Declare again what an earlier GENERATION of REF said; a new version, the history stays."""
    session, client = current(), current().client()
    _say_changes(client, ref, generation)
    if not yes:
        session.confirm(f"Roll {ref} back to generation {generation}?")
    done = client.post(ref_path(ref, "rollback"), {"generation": generation})
    output.show(fmt, done, lambda: _rolled_back(done["applied"]))


def _rolled_back(applied: Any) -> str:
    first = applied[0] if isinstance(applied, list) and applied else applied
    if not first:
        return "Nothing changed: it says so already."
    return f"{first['ref']} is at generation {first['generation']} (audit entry {first['audit_seq']})"


def _say_changes(client: Client, ref: str, generation: int) -> None:
    newest = client.get(ref_path(ref, "history"), limit=1)["items"][0]["generation"]
    if newest == generation:
        return
    found = client.get(ref_path(ref, "diff"), **{"from": newest, "to": generation})
    for one in found["fields"]:
        output.say(f"  {one['path']}: {output.printable(one['before'])} → {output.printable(one['after'])}")


@command("kinds", "roadworthy kinds", "roadworthy explain-kind use-case")
@output.formats("table", "json", "yaml", "name", "csv")
def kinds(fmt: str) -> None:
    """List what can be declared."""
    found = current().client().get("/v1/kinds")
    output.show_rows(fmt, ["slug", "kind", "summary"], found["items"], whole=found, name="slug")


@command(
    "explain-kind",
    "roadworthy explain-kind outcome",
    "roadworthy explain-kind use-case -o json > use-case.schema.json",
)
@click.argument("kind")
@output.formats("table", "json", "yaml")
def explain_kind(kind: str, fmt: str) -> None:
    """Describe the fields of a KIND; as JSON it is the schema that editors complete from."""
    schema = current().client().send("GET", path_of("v1", "kinds", kind, "schema")).json()
    if fmt == "json":  # a schema as it is: a version of ours inside would make it another schema
        import json

        output.data(json.dumps(schema, indent=2, ensure_ascii=False))
        return
    output.show(fmt, schema, lambda: _fields(schema))


def _fields(schema: dict[str, Any]) -> str:
    spec = schema["properties"]["spec"]
    rows: list[dict[str, Any]] = []
    _walk(spec, schema.get("$defs", {}), "", rows, depth=0)
    return f"{schema['title']}: {schema['description']}\n\n" + output.as_table(
        ["field", "required", "type", "meaning"], rows
    )


def _walk(
    node: dict[str, Any], definitions: dict[str, Any], prefix: str, rows: list[dict[str, Any]], *, depth: int
) -> None:
    required = set(node.get("required", ()))
    for name, field in node.get("properties", {}).items():
        options = [_resolved(one, definitions) for one in field.get("anyOf", [field])]
        solid = next((one for one in options if one.get("type") != "null"), field)
        inner = _resolved(solid["items"], definitions) if solid.get("type") == "array" else solid
        path = f"{prefix}{name}{'[]' if solid.get('type') == 'array' else ''}"
        rows.append(
            {
                "field": path, "required": name in required, "type": _type_words(solid, inner),
                "meaning": field.get("description") or solid.get("description", ""),
            }
        )  # fmt: skip
        if inner.get("properties") and depth < 3:
            _walk(inner, definitions, f"{path}.", rows, depth=depth + 1)


def _resolved(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    name = str(node.get("$ref", "")).rpartition("/")[2]
    found = definitions.get(name, node)
    return found if isinstance(found, dict) else node


def _type_words(solid: dict[str, Any], inner: dict[str, Any]) -> str:
    if choices := inner.get("enum"):
        return " | ".join(str(one) for one in choices)
    if "const" in inner:
        return str(inner["const"])
    words = str(inner.get("format") or inner.get("type") or "value")
    return f"list of {words}" if solid.get("type") == "array" else words
