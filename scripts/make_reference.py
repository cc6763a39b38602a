"""Write docs/reference/ from the code, so that it cannot fall behind; `--check` says what differs."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import click

import roadworthy
from roadworthy import gateway
from roadworthy import main as application
from roadworthy.entrypoints.cli import root
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Database
from roadworthy.gateway.grant_seal import GrantSigner
from roadworthy.identity import roles
from roadworthy.models.keyfile import Keyring
from roadworthy.registry.assembly import Assembly, assemble
from roadworthy.registry.checkpoint import SigningKey
from roadworthy.registry.kinds import Kind, Ref
from roadworthy.settings import PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "docs" / "reference"
_SOURCE = "*Written by `scripts/make_reference.py` from {}; do not edit.*"
_SHELVES = {path.stem for path in Path(roadworthy.__path__[0]).iterdir()} - {
    "migrations",
    "testing",
    "__main__",
}
Rows = Iterable[Sequence[str]]
_UNEXPECTED = "Something went wrong on our side; the answer names the entry in the server's log."
# Where the text is somebody else's, what it holds.
_USED_UP = "Says what a declaration allows in which time, and from when it allows it again."
_WITHOUT_TEXT = {
    "budget_exhausted": _USED_UP,
    "rate_limited": _USED_UP,
    "malformed_request": "Says which part of the request cannot be used, and why.",
    "provider_refused_request": "Repeats what the provider said against the request.",
    "untranslatable": "Says what in the request cannot be said in the dialect of the provider.",
    "error_in_answer": "Repeats the error that the provider answered with.",
}


def pages() -> dict[str, str]:
    """Return every generated page by its file name."""
    assembly = assemble(application.SLICES)
    return {
        "settings.md": settings_page(),
        "cli.md": cli_page(root),
        "kinds.md": kinds_page(assembly),
        "api.md": api_page(assembly, openapi(assembly)),
        "roles.md": roles_page(assembly),
        "errors.md": errors_page(),
        "gateway-refusals.md": refusals_page(),
    }


# ------------------------------------------------------------------------------------------- Markdown


def _page(title: str, source: str, *parts: str) -> str:
    return "\n\n".join([f"# {title}", _SOURCE.format(source), *(part for part in parts if part)]) + "\n"


def _table(headings: Sequence[str], rows: Rows) -> str:
    lines = [" | ".join(headings), " | ".join("---" for _ in headings)]
    lines += [" | ".join(_cell(cell) for cell in row) for row in rows]
    return "\n".join(f"| {line} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(text: object) -> str:
    return f"`{text}`" if str(text) else ""


def _list(names: Iterable[str]) -> str:
    return ", ".join(_code(name) for name in names)


# ------------------------------------------------------------------------------------------- settings


def settings_page() -> str:
    """Every setting with its environment variable, default and meaning."""
    rows = [
        (
            _code(PREFIX + one.name.upper()),
            {"Path": "path", "int": "whole number", "float": "number"}.get(str(one.type), "text"),
            _code(one.default) or "empty",
            str(one.metadata["doc"]),
        )
        for one in fields(Settings)
    ]
    return _page(
        "Settings",
        "the settings themselves",
        "Each is an environment variable of the control plane and the gateway. An option on the command "
        "line goes before the variable, the variable before the default.",
        _table(["variable", "type", "default", "meaning"], rows),
        "What the command line reads for itself stands in [Operate](../how-to/operate.md).",
    )


# ---------------------------------------------------------------------------------------- command line


def cli_page(tree: click.Group) -> str:
    """Every command with its arguments, options and examples."""
    with click.Context(tree, info_name="roadworthy", **tree.context_settings) as context:
        parts = [
            (
                "Data goes to standard output, everything else to standard error. A command that fails "
                "writes no data. Exit codes: 0 done · 1 error · 2 wrong usage, or changes under "
                "`plan --detailed-exitcode` · 3 blocked, or the log does not verify · 4 not signed in or not "
                "allowed · 5 inconclusive · 6 overtaken by another change · 130 interrupted."
            ),
            "Options of `roadworthy` itself:\n\n" + _parameters(tree, context),
        ]
        for name, one, inner in _commands(tree, context, "roadworthy"):
            parts.append(_command(name, one, inner))
    return _page("Command line", "the commands", *parts)


def _commands(
    group: click.Group, context: click.Context, prefix: str
) -> Iterator[tuple[str, click.Command, click.Context]]:
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        assert found is not None, name
        inner = click.Context(found, info_name=name, parent=context)
        if isinstance(found, click.Group):
            if found.invoke_without_command:
                yield f"{prefix} {name}", found, inner
            yield from _commands(found, inner, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", found, inner


def _command(name: str, one: click.Command, context: click.Context) -> str:
    usage = " ".join([name, *one.collect_usage_pieces(context)])
    parts = [f"## {name}", inspect.cleandoc(one.help or ""), f"```text\n{usage}\n```"]
    if listed := _parameters(one, context):
        parts.append(listed)
    if examples := getattr(one, "examples", ()):
        parts.append("Examples:\n\n```text\n" + "\n".join(examples) + "\n```")
    return "\n\n".join(parts)


def _parameters(one: click.Command, context: click.Context) -> str:
    rows = []
    for parameter in one.get_params(context):
        record = parameter.get_help_record(context) if isinstance(parameter, click.Option) else None
        if record is not None:
            rows.append((_code(record[0]), record[1]))
    return _table(["option", "meaning"], rows) if rows else ""


# ----------------------------------------------------------------------------------------------- kinds


def kinds_page(assembly: Assembly) -> str:
    """Every kind with the fields of its spec."""
    parts = [
        (
            "What can be declared. Every resource has the same envelope: `apiVersion: roadworthy/v1`, "
            "`kind`, `metadata` (`name`, `namespace`, `labels`, `annotations`) and `spec`. A name has 1 to "
            "63 lower-case letters, digits and hyphens, and is unique among its kind. `namespace` is the "
            "unit that owns the resource, `organization` unless it is said. Unknown fields are refused."
        ),
    ]
    for kind in assembly.catalogue:
        declarers = roles.roles_declaring(kind.name)
        parts.append(
            f"## {kind.name}\n\n{kind.summary} Written `{kind.slug}/NAME`; declared by "
            f"{_list(declarers)}.\n\n"
            + _table(["field", "type", "required", "meaning"], _fields(assembly, kind))
        )
    return _page("Kinds", "the declared kinds", *parts)


def _fields(assembly: Assembly, kind: Kind) -> Iterator[tuple[str, str, str, str]]:
    schema = assembly.catalogue.schema(kind)
    references = dict(_references(kind.spec))
    yield from _walk(schema["properties"]["spec"], schema["$defs"], "", references)


def _walk(
    node: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str, references: Mapping[str, str]
) -> Iterator[tuple[str, str, str, str]]:
    required = set(node.get("required", ()))
    for name, field in node.get("properties", {}).items():
        options = [_resolved(one, definitions) for one in field.get("anyOf", [field])]
        solid = [one for one in options if one.get("type") != "null"]
        first = solid[0]
        inner = (
            _resolved(first["items"], definitions)
            if first.get("type") == "array" and "items" in first
            else first
        )
        path = f"{prefix}{name}"
        words = " or ".join(dict.fromkeys(_type(one, definitions) for one in solid))
        if target := references.get(path):
            words = words.replace("text", f"name of a {target}")
        yield (_code(path), words, "yes" if name in required else "no", _meaning(field, first))
        if inner.get("properties"):
            yield from _walk(inner, definitions, f"{path}.", references)


def _meaning(field: Mapping[str, Any], solid: Mapping[str, Any]) -> str:
    text = str(field.get("description") or solid.get("description") or "")
    default = field.get("default")
    if default in (None, "", [], {}) or isinstance(default, dict):
        return text
    shown = {True: "true", False: "false"}.get(default, default) if isinstance(default, bool) else default
    return f"{text} Default: `{shown}`."


def _resolved(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> Mapping[str, Any]:
    name = str(node.get("$ref", "")).rpartition("/")[2]
    found: Mapping[str, Any] = definitions.get(name, node)
    return found


def _type(node: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    if "enum" in node:
        return ", ".join(f"`{one}`" for one in node["enum"])
    if "const" in node:
        return f"`{node['const']}`"
    if node.get("type") == "array":
        return f"list of {_type(_resolved(node.get('items', {}), definitions), definitions)}"
    if node.get("type") == "object" and "properties" not in node:
        return "mapping"
    plain = {
        "string": "text", "integer": "whole number", "number": "number", "boolean": "true or false",
        "object": "mapping",
    }  # fmt: skip
    return str(node.get("format") or plain.get(str(node.get("type")), "value"))


def _references(model: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path of each field that names another resource, and of which kind."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{field.alias or name}"
        marks = [*field.metadata, *_inner_marks(field.annotation)]
        for mark in marks:
            if isinstance(mark, Ref):
                yield path, mark.kind
        for inner in _models(field.annotation):
            yield from _references(inner, f"{path}.")


def _inner_marks(annotation: Any) -> Iterator[Any]:
    for one in getattr(annotation, "__args__", ()):
        yield from getattr(one, "__metadata__", ())
        yield from _inner_marks(one)


def _models(annotation: Any) -> Iterator[Any]:
    if hasattr(annotation, "model_fields"):
        yield annotation
    for one in getattr(annotation, "__args__", ()):
        yield from _models(one)


# ------------------------------------------------------------------------------------------------- API


def openapi(assembly: Assembly) -> dict[str, Any]:
    """Return the API's own description; the parts behind it are never opened."""
    installation = application.Installation(
        settings=Settings(),
        assembly=assembly,
        database=Database("sqlite://"),
        pepper=b"",
        keyring=Keyring(Path("secrets.key")),
        keys=(),
        signer=GrantSigner(SigningKey("roadworthy", bytes(32))),
    )
    described: dict[str, Any] = application.build_control(installation).openapi()
    return described


def api_page(assembly: Assembly, described: Mapping[str, Any]) -> str:
    """Every operation of the control API and every page of the console, with its permission."""
    by_tag: dict[str, list[tuple[str, str, str, str]]] = {}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            query = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
            permission = operation["x-permission"]
            row = (
                _code(f"{method.upper()} {path}"),
                _code(permission) if "." in permission else permission,
                operation["summary"],
                _list(query),
            )
            by_tag.setdefault(str(operation["tags"][0]), []).append(row)
    parts = [
        (
            "The control plane's API. Send `Authorization: Bearer TOKEN`; `roadworthy sign-in` gets a token. "
            "Errors are problem details (RFC 9457, `application/problem+json`), with the codes of "
            "[Errors](errors.md). A POST may carry an `Idempotency-Key`, unless its answer holds a secret; "
            "PUT and DELETE name the version they change with `If-Match`. Lists are paged: pass "
            "`next_cursor` on. The whole description, with every body, is at `/v1/openapi.json` and from "
            "`roadworthy openapi`."
        ),
    ]
    for tag, rows in by_tag.items():
        parts.append(f"## {tag}\n\n" + _table(["operation", "permission", "what it does", "query"], rows))
    shown = [
        (
            _code(route.path),
            _code(route.permission) if "." in route.permission else route.permission,
            route.summary,
        )
        for one in assembly.slices
        for router in one.routers
        for route in router.routes
        if route.kind == "page"
    ]
    parts.append(
        "## Console pages\n\nEach has two more addresses, ending in `.json` and `.csv`, from the same "
        "function and with the same rows and permission; those of the first page are `/needs-you.json` and "
        "`/needs-you.csv`.\n\n" + _table(["page", "permission", "what it shows"], shown)
    )
    return _page("API", "the API's own description", *parts)


# ----------------------------------------------------------------------------------------------- roles


def roles_page(assembly: Assembly) -> str:
    """Who may do what."""
    held = [
        (
            _code(role),
            _list(sorted(roles.permissions_of(role))),
            _list(kind.name for kind in assembly.catalogue if roles.declares(role, kind.name)),
        )
        for role in roles.ROLES
    ]
    meanings = [(_code(name), text) for name, text in sorted(assembly.permissions.items())]
    return _page(
        "Roles and permissions",
        "the roles",
        "A role is bound to a person or a service account, for a unit and all below it, by a "
        "`RoleBinding`. A role that approves is for people only; `admin` hands out roles and therefore "
        "does not approve. Declaring people and role bindings takes `identity.manage`.",
        _table(["role", "permissions", "declares"], held),
        "## Permissions",
        _table(["permission", "allows"], meanings),
    )


# ---------------------------------------------------------------------------------------------- errors


def errors_page() -> str:
    """Every code of the error tree."""
    for one in pkgutil.walk_packages(roadworthy.__path__, "roadworthy."):
        if not one.name.endswith(("__main__", "chart_worker")) and one.name.split(".")[1] in _SHELVES:
            importlib.import_module(one.name)
    found: dict[str, tuple[int, int, str]] = {}
    for error in _tree(RoadworthyError):
        found.setdefault(error.code, (error.status, error.exit_code, inspect.getdoc(error) or ""))
    rows = [
        (
            _code(code),
            str(status),
            str(exit_code),
            _UNEXPECTED if code == "internal" else text.splitlines()[0],
        )
        for code, (status, exit_code, text) in sorted(found.items())
    ]
    return _page(
        "Errors",
        "the error tree",
        "What the control plane's API answers in `code` and `status`, and the command line's exit code. "
        "Two more come from HTTP itself: `method-not-allowed` (405) and `unsupported-media-type` (415). "
        "The gateway speaks its callers' dialect instead: see [Gateway refusals](gateway-refusals.md).",
        _table(["code", "status", "exit", "meaning"], rows),
    )


def _tree(error: type[RoadworthyError]) -> Iterator[type[RoadworthyError]]:
    yield error
    for one in error.__subclasses__():
        yield from _tree(one)


# -------------------------------------------------------------------------------------------- refusals


def refusals_page() -> str:
    """Every reason the gateway gives for not answering, read from where it is given."""
    source = Path(inspect.getfile(gateway)).parent
    refused: dict[str, tuple[str, str]] = {}
    failed: dict[str, str] = {}
    for file in sorted(source.rglob("*.py")):
        for function in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                _note(function, refused, failed)
    rows = [(_code(code), status, text) for code, (status, text) in sorted(refused.items())]
    failures = [(_code(code), text) for code, text in sorted(failed.items())]
    return _page(
        "Gateway refusals",
        "the gateway's code",
        "An error of the gateway has the shape OpenAI's clients read: `error.code` is the reason below. "
        "Beside it, `error.roadworthy` names the message, the `declaration` it comes from, `who_can_change` "
        "it, the `next_step`, all further `reasons`, the `trace_id` and the `revision` it was decided on. "
        "Where a text varies, … stands for what is filled in.",
        "## Refused by the gateway",
        _table(["code", "status", "message"], rows),
        "## Failed at the provider",
        "After every attempt that the route allows. The status is 504 for a timeout; for "
        "`provider_refused_request`, and when the provider answered 429, it is the provider's own; else 502.",
        _table(["code", "message"], failures),
    )


def _note(
    function: ast.FunctionDef | ast.AsyncFunctionDef,
    refused: dict[str, tuple[str, str]],
    failed: dict[str, str],
) -> None:
    """Note what a function refuses with; a text may be given a name in the lines before it is used."""
    named = [
        (node.lineno, node.targets[0].id, _said(node.value, {}))
        for node in ast.walk(function)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    ]
    for call in ast.walk(function):
        if isinstance(call, ast.Call):
            before = {name: text for line, name, text in sorted(named) if line < call.lineno}
            _note_call(call, before, refused, failed)


def _note_call(
    call: ast.Call, told: Mapping[str, str], refused: dict[str, tuple[str, str]], failed: dict[str, str]
) -> None:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    named = {one.arg: one.value for one in call.keywords}
    if name in {"Refused", "BadRequestError"} and len(call.args) >= 3:
        status, code, message = (_said(one, told) for one in call.args[:3])
    elif name == "error_body" and {"status", "code", "message"} <= named.keys():
        status, code, message = (_said(named[one], told) for one in ("status", "code", "message"))
    elif name in {"Failure", "OriginError", "fail", "_fail"} and len(call.args) >= 2:
        code, message = _said(call.args[0], told), _said(call.args[1], told)
        if code not in {"", "…"}:
            failed[code] = _longer(failed.get(code, ""), _WITHOUT_TEXT.get(code, message))
        return
    else:
        return
    if code not in {"", "…"} and status.isdigit():
        known = refused.get(code, ("", ""))[1]
        refused[code] = (status, _longer(known, _WITHOUT_TEXT.get(code, message)))


def _longer(known: str, new: str) -> str:
    """Keep every different text."""
    return " / ".join(one for one in dict.fromkeys([*known.split(" / "), new]) if one.strip("… "))


def _said(node: ast.expr, told: Mapping[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values)
    if isinstance(node, ast.Name):
        return told.get(node.id, "…")
    return "…"


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` name those that would change."""
    TARGET.mkdir(parents=True, exist_ok=True)
    differing = []
    for name, text in pages().items():
        path = TARGET / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            differing.append(name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    print("\n".join(differing) or "nothing differs")
    return 1 if differing and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
