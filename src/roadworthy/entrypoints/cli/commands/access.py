"""Who may call what, and the keys they call with."""

from __future__ import annotations

from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command, command
from roadworthy.entrypoints.cli.session import current, split_ref

_KEY_COLUMNS = ("id", "use_case", "name", "state", "issued_at", "expires_at", "issued_by")


@command(
    "who-can",
    "roadworthy who-can call model/small",
    "roadworthy who-can call route/default -o json",
)
@click.argument("words", metavar="call model/NAME|route/NAME", nargs=-1, required=True)
@output.formats("table", "json", "yaml", "csv")
def who_can(words: tuple[str, ...], fmt: str) -> None:
    """Say who can call a model or a route now, for which use case, by which key, until when.

    Answered from the same compiled snapshot as the gateway decides by.
    """
    target, verb = words[-1], words[:-1]
    slug, _slash, name = target.partition("/")
    if verb != ("call",) or not name or slug not in {"model", "route"}:
        name = name or slug
        raise click.UsageError(
            f"`{' '.join(words)}` does not name what is called: "
            f"write `call model/{name}` or `call route/{name}`."
        )
    found = current().client().get("/v1/access/who-can", model=f"{slug}/{name}")
    _show(found, fmt, empty=f"Nobody can call {target} now.")


@command(
    "what-can",
    "roadworthy what-can service-account/claims-desk",
    "roadworthy what-can claims-desk -o json",
)
@click.argument("principal")
@output.formats("table", "json", "yaml", "csv")
def what_can(principal: str, fmt: str) -> None:
    """Say what a PRINCIPAL can call now, and what stands in the way of the rest."""
    named = principal if "/" in principal else f"service-account/{principal}"
    found = current().client().get("/v1/access/what-can", principal=named)
    _show(found, fmt, empty=f"{named} can call nothing now.")


_ALLOWED = ("principal", "owner", "use_case", "model", "via", "key_id", "expires_at")
_REFUSED = ("principal", "use_case", "key_id", "code", "message", "next_step")


def _show(found: dict[str, Any], fmt: str, *, empty: str) -> None:
    rows = found["allowed"]
    output.show_rows(fmt, _ALLOWED, rows, whole=found, name="principal", empty=empty)
    if fmt == "table":
        for one in found["refused"]:
            columns = [output.printable(one[name]) for name in _REFUSED if one.get(name)]
            output.say(f"not: {' · '.join(columns)}")


@click.group()
def key() -> None:
    """Issue, list, rotate and revoke the keys that service accounts call the gateway with."""


@key.command(
    "issue",
    cls=Command,
    examples=(
        "roadworthy key issue claims-desk --use-case claims-triage > key.txt",
        "roadworthy key issue claims-desk --use-case claims-triage --expires-on 2027-03-31",
    ),
)
@click.argument("account", metavar="SERVICE-ACCOUNT")
@click.option("--use-case", required=True, help="The one use case the key is for.")
@click.option("--name", default="", help="What to call it in lists.")
@click.option("--expires-on", default=None, metavar="YYYY-MM-DD", help="By default in 90 days.")
@output.formats("table", "json")
def issue(account: str, use_case: str, name: str, expires_on: str | None, fmt: str) -> None:
    """Issue a key and print it. It is shown this once and kept nowhere; store it where secrets go."""
    body = {"use_case": _plain(use_case, "use-case"), "name": name, "expires_on": expires_on}
    _issued(current().client().post(_keys_path(account), body), fmt)


@key.command(
    "rotate",
    cls=Command,
    examples=(
        "roadworthy key rotate claims-desk --use-case claims-triage > key.txt",
        "roadworthy key rotate claims-desk --use-case claims-triage --overlap-hours 24",
    ),
)
@click.argument("account", metavar="SERVICE-ACCOUNT")
@click.option("--use-case", required=True, help="The use case whose key is rotated.")
@click.option("--overlap-hours", type=click.IntRange(0), help="When the key in use ends; by default not.")
@click.option("--expires-on", default=None, metavar="YYYY-MM-DD", help="By default in 90 days.")
@output.formats("table", "json")
def rotate(account: str, use_case: str, overlap_hours: int | None, expires_on: str | None, fmt: str) -> None:
    """Issue the next key beside the one in use; both work until that one ends or is revoked."""
    body = {
        "use_case": _plain(use_case, "use-case"), "overlap_hours": overlap_hours, "expires_on": expires_on,
    }  # fmt: skip
    _issued(current().client().post(_keys_path(account, "rotate"), body), fmt)


def _issued(made: dict[str, Any], fmt: str) -> None:
    output.data(output.as_json(made) if fmt == "json" else made["key"])
    output.say(f"Key {made['id']} for use-case/{made['use_case']}, until {made['expires_at'][:10]}.")
    output.say("It is not shown again.")


@key.command("list", cls=Command, examples=("roadworthy key list claims-desk",))
@click.argument("account", metavar="SERVICE-ACCOUNT")
@output.formats("table", "json", "yaml", "csv", "name")
def list_keys(account: str, fmt: str) -> None:
    """List the keys of a service account; their secrets are kept nowhere."""
    found = current().client().get(_keys_path(account))
    output.show_rows(fmt, _KEY_COLUMNS, found["items"], whole=found, name="id", empty="It has no keys.")


@key.command(
    "revoke",
    cls=Command,
    examples=('roadworthy key revoke 3f9k2m8q --reason "left in a screenshot" --yes',),
)
@click.argument("key_id", metavar="KEY-ID")
@click.option("--reason", default="", help="Why; kept in the audit log.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.formats("table", "json")
def revoke(key_id: str, reason: str, fmt: str, *, yes: bool) -> None:
    """Revoke a key; the very next call with it is refused."""
    if not yes:
        current().confirm(f"Revoke key {key_id}? Whatever calls with it is refused at once.")
    done = current().client().post(path_of("v1", "keys", key_id, "revoke"), {"reason": reason})
    output.show(fmt, done, lambda: f"Key {done['id']} of {done['principal']} is {done['state']}.")


def _plain(text: str, kind: str) -> str:
    return split_ref(text, kind=kind)[1]


def _keys_path(account: str, *more: str) -> str:
    return path_of("v1", "service-accounts", _plain(account, "service-account"), "keys", *more)
