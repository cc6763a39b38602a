"""What every command shares: the client of the chosen profile, references, files, questions to a person."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from roadworthy.entrypoints.api_client import ApiError, Client, path_of
from roadworthy.entrypoints.cli import profiles
from roadworthy.entrypoints.cli.programs import Programs

MANIFEST_SUFFIXES = frozenset({".yaml", ".yml", ".json"})
FILES_MAX = 1000


class Failure(click.ClickException):
    """A command cannot go on: what happened, why, what to do next."""

    def __init__(self, what: str, *, why: str = "", fix: str = "", exit_code: int = 1) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix
        self.ends_with = exit_code


@dataclass(frozen=True, slots=True)
class Session:
    """What the root command was told."""

    programs: Programs
    profile: str = ""
    no_input: bool = False

    def client(self) -> Client:
        """Return the client, or say how to sign in."""
        chosen = profiles.chosen(self.profile)
        if not chosen.token:
            raise Failure(
                f"You are not signed in to {chosen.url}.",
                why="No profile and no ROADWORTHY_TOKEN holds a token for it.",
                fix="Get a one-time link (from an administrator, or from the server's start) and run "
                "`roadworthy sign-in`.",
                exit_code=4,
            )
        return Client(chosen.url, chosen.token)

    def confirm(self, question: str, *, flag: str = "--yes") -> None:
        """Ask a person; where nobody can answer, name the flag that answers."""
        if self.no_input or not sys.stdin.isatty():
            raise Failure(
                "Nothing was changed: this needs a yes.",
                why="There is no terminal to ask on, or --no-input was given.",
                fix=f"Add {flag} if it is what you want.",
                exit_code=2,
            )
        if not click.confirm(question, err=True):
            raise click.Abort


def current() -> Session:
    """Return the session of the running command."""
    session = click.get_current_context().find_object(Session)
    assert session is not None, "the root command makes one"
    return session


def split_ref(ref: str, *, kind: str = "") -> tuple[str, str]:
    """Read `use-case/x`; with a kind, that kind alone (and its name alone) is taken."""
    slug, slash, name = ref.partition("/")
    if not slash and kind:
        slug, name = kind, ref
    if not name or (kind and slug.rstrip("s") != kind):
        wanted = f"{kind}/NAME" if kind else "KIND/NAME, as in use-case/claims-triage"
        raise click.UsageError(f"`{ref}` is not a reference: write {wanted}.")
    return slug, name


def ref_path(ref: str, *more: str) -> str:
    """Return the API path of a resource."""
    return path_of("v1", "resources", *split_ref(ref), *more)


def read_manifests(paths: tuple[str, ...]) -> list[dict[str, str]]:
    """Read files and folders (recursively, in order of their names); `-` is standard input."""
    found: list[dict[str, str]] = []
    for given in paths:
        if given == "-":
            found.append({"file": "stdin", "text": sys.stdin.read()})
            continue
        path = Path(given)
        if path.is_dir():
            inside = sorted(
                one for one in path.rglob("*") if one.suffix in MANIFEST_SUFFIXES and one.is_file()
            )
            if not inside:
                raise Failure(
                    f"{given} holds no declarations.",
                    why="A folder is read for .yaml, .yml and .json files.",
                    fix="Name another folder, or write a first file with `roadworthy init`.",
                )
            found.extend(_read(one) for one in inside)
        else:
            found.append(_read(path))
    if len(found) > FILES_MAX:
        raise Failure(
            f"{len(found)} files are more than the {FILES_MAX} that one plan takes.", fix="Apply by folder."
        )
    return found


def _read(path: Path) -> dict[str, str]:
    try:
        return {"file": str(path), "text": path.read_bytes().decode("utf-8")}
    except OSError as error:
        raise Failure(
            f"{path} cannot be read.", why=error.strerror or str(error), fix="Check the path."
        ) from error
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise Failure(f"{path}:{line} is not UTF-8 text.", fix="Save the file as UTF-8.") from error


def every(client: Client, path: str, **query: Any) -> list[dict[str, Any]]:
    """Follow the pages of a list to its end."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = client.get(path, after=cursor, limit=200, **query)
        items.extend(page["items"])
        cursor = page.get("next_cursor") or ""
        if not cursor:
            return items


def rendered(error: ApiError | Failure) -> list[str]:
    """Say an error as what, why and fix; wrong fields each get a line that editors can jump to."""
    lines = [f"Error: {error.what}"]
    errors = error.errors if isinstance(error, ApiError) else ()
    for one in errors:
        place = str(one.get("file", ""))
        if place and one.get("line"):
            place = f"{place}:{one['line']}"
        where = " ".join(part for part in (place, str(one.get("field", ""))) if part)
        lines.append(f"  {where}: {one.get('message', '')}" if where else f"  {one.get('message', '')}")
        if one.get("fix"):
            lines.append(f"      fix: {one['fix']}")
    if error.why and not errors:
        lines.append(f"  why: {error.why}")
    if error.fix and not any(one.get("fix") == error.fix for one in errors):
        lines.append(f"  fix: {error.fix}")
    return lines
