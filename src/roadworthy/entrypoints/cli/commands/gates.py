"""Gates and exceptions: has a use case passed its checklist, and what may it do without until when?"""

from __future__ import annotations

from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import Command
from roadworthy.entrypoints.cli.gate_report import junit, sarif
from roadworthy.entrypoints.cli.moments import moment, past
from roadworthy.entrypoints.cli.session import current, split_ref

EXIT_CODES = {"pass": 0, "waived": 0, "skipped": 0, "fail": 3, "inconclusive": 5, "error": 1}
"""What `gate check` ends with; 1 is an error in the verdict as it is one of the command."""


@click.group()
def gate() -> None:
    """Check use cases against the gates of their stage."""


@gate.command(
    "check",
    cls=Command,
    examples=(
        "roadworthy gate check use-case/claims-triage",
        "roadworthy gate check claims-triage --gate live         would it pass once it is live?",
        "roadworthy gate check claims-triage -o junit > gate.xml",
        "roadworthy gate check claims-triage --as-of 2026-11-01  the verdict of that day's end",
    ),
)
@click.argument("use_case", metavar="USE-CASE")
@click.option(
    "--gate", "named", default="", metavar="STAGE|GATE", help="pilot, live or one gate; by default its stage."
)
@click.option("--as-of", default="", metavar="DATE", help="As it stood then: a day, or 2026-11-23T10:00:00Z.")
@output.formats("table", "json", "yaml", "csv", "junit", "sarif")
def check(use_case: str, named: str, as_of: str, fmt: str) -> int:
    """Decide the checklist of a use case.

    Ends with 0 if it passes (by an exception, too), 3 if it fails, 5 if it is inconclusive and 1 if an item
    is in error: nobody answered it in its time, or it cannot be looked at.
    """
    _slug, name = split_ref(use_case, kind="use-case")
    asked = {"gate": named, "as_of": past(as_of) if as_of else ""}
    found: dict[str, Any] = (
        current()
        .client()
        .get(path_of("v1", "use-cases", name, "gates"), **{key: one for key, one in asked.items() if one})
    )
    if fmt == "junit":
        output.data(junit(found))
    elif fmt == "sarif":
        from importlib.metadata import version

        output.data(sarif(found, version=version("roadworthy")))
    else:
        rows = [{**one, "verdict": one["said"], "required": one["required"]} for one in found["items"]]
        columns = ("id", "verdict", "required", "what", "because")
        output.show_rows(fmt, columns, rows, whole=found, name="id", empty="Its checklist is empty.")
    _tell(found)
    return EXIT_CODES[found["verdict"]]


def _tell(found: dict[str, Any]) -> None:
    until = f" until {found['holds_until'][:16]} UTC" if found["passed"] and found["holds_until"] else ""
    output.say(f"{found['ref']} at {found['gate']}: {found['said']}{until}.")
    for one in found["items"]:
        if one["required"] and one["verdict"] in {"fail", "inconclusive", "error"}:
            output.say(f"  {one['id']}: {output.printable(one['next_step'] or one['because'])}")


@gate.command("list", cls=Command, examples=("roadworthy gate list", "roadworthy gate list -o json"))
@output.formats()
def list_(fmt: str) -> None:
    """List the gates in force: shipped, and declared by units."""
    found = current().client().get("/v1/gates")
    rows = [
        {
            **one,
            "tiers": ", ".join(one["tiers"]) or "all",
            "stages": ", ".join(one["stages"]),
            "items": len(one["items"]),
            "required": sum(item["required"] for item in one["items"]),
            "from": "shipped" if one["shipped"] else f"unit/{one['unit']}",
        }
        for one in found["items"]
    ]
    columns = ("name", "title", "tiers", "stages", "items", "required", "from")
    output.show_rows(fmt, columns, rows, whole=found, empty="No gate is in force.")


@click.group()
def exception() -> None:
    """Ask for, grant and end exceptions to items of a checklist."""


@exception.command(
    "request",
    cls=Command,
    examples=(
        "roadworthy exception request claims-triage C20 --owner ada --until 2026-12-31 \\",
        '    --justification "The drill is planned for the week of 7 December" \\',
        '    --compensating "On-call watches the pilot hours"',
    ),
)
@click.argument("use_case", metavar="USE-CASE")
@click.argument("control", metavar="CONTROL")
@click.option("--justification", required=True, help="Why it cannot be met yet, and when it will be.")
@click.option("--owner", required=True, metavar="PERSON", help="Who answers for the risk meanwhile.")
@click.option("--until", required=True, metavar="DATE", help="When it ends by itself: a day, or a moment.")
@click.option(
    "--compensating", multiple=True, metavar="TEXT", help="What is done instead; repeat for several."
)
@output.formats("table", "json", "yaml")
def request(  # noqa: PLR0917  # by the options' names
    use_case: str,
    control: str,
    justification: str,
    owner: str,
    until: str,
    compensating: tuple[str, ...],
    fmt: str,
) -> None:
    """Ask that a use case may do without an item until a date."""
    body = {
        "control": control,
        "justification": justification,
        "owner": owner,
        "compensating_controls": list(compensating),
        "expires_at": moment(until),
    }
    _done(_post(use_case, body), fmt)


@exception.command(
    "grant",
    cls=Command,
    examples=("roadworthy exception grant use-case/claims-triage ev_01J... --until 2026-12-15",),
)
@click.argument("use_case", metavar="USE-CASE")
@click.argument("request_id", metavar="REQUEST")
@click.option("--until", default="", metavar="DATE", help="Earlier than was asked for.")
@output.formats("table", "json", "yaml")
def grant(use_case: str, request_id: str, until: str, fmt: str) -> None:
    """Grant a request; who asked, answers for the risk or wrote the declaration cannot."""
    body = {"expires_at": moment(until)} if until else {}
    _done(_post(use_case, body, request_id, "grant"), fmt)


@exception.command(
    "decline",
    cls=Command,
    examples=('roadworthy exception decline claims-triage ev_01J... --reason "Do the drill first"',),
)
@click.argument("use_case", metavar="USE-CASE")
@click.argument("request_id", metavar="REQUEST")
@click.option("--reason", required=True, help="What would have to be different.")
@output.formats("table", "json", "yaml")
def decline(use_case: str, request_id: str, reason: str, fmt: str) -> None:
    """Decline a request."""
    _done(_post(use_case, {"reason": reason}, request_id, "decline"), fmt)


@exception.command(
    "revoke",
    cls=Command,
    examples=('roadworthy exception revoke claims-triage ev_01J... --reason "The drill was done"',),
)
@click.argument("use_case", metavar="USE-CASE")
@click.argument("exception_id", metavar="EXCEPTION")
@click.option("--reason", default="", help="Why it ends before its date.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.formats("table", "json", "yaml")
def revoke(use_case: str, exception_id: str, reason: str, fmt: str, *, yes: bool) -> None:
    """End an exception; what rests on it is refused from the next call on."""
    if not yes:
        current().confirm(f"Revoke the exception {exception_id}?")
    _done(_post(use_case, {"reason": reason}, exception_id, "revoke"), fmt)


@exception.command(
    "list",
    cls=Command,
    examples=(
        "roadworthy exception list",
        "roadworthy exception list use-case/claims-triage --state 'in force'",
        "roadworthy exception list -o csv",
    ),
)
@click.argument("use_case", metavar="[USE-CASE]", default="")
@click.option(
    "--state",
    default="",
    type=click.Choice(["", "requested", "in force", "expired", "revoked", "declined"]),
    help="Only these.",
)
@output.formats()
def list_exceptions(use_case: str, state: str, fmt: str) -> None:
    """List exceptions, what waits first, then what ends soonest."""
    asked = {"state": state, "use_case": split_ref(use_case, kind="use-case")[1] if use_case else ""}
    found = current().client().get("/v1/exceptions", **{key: one for key, one in asked.items() if one})
    rows = [{**one, "until": one["expires_at"][:16], "by": one["granted_by"]} for one in found["items"]]
    columns = ("id", "use_case", "control", "state", "until", "owner", "by", "justification")
    output.show_rows(fmt, columns, rows, whole=found, name="id", empty="There is no exception.")
    if fmt == "table":
        counts = ", ".join(f"{count} {word}" for word, count in found["counts"].items() if count)
        output.say(counts or "none")


def _post(use_case: str, body: dict[str, Any], *more: str) -> dict[str, Any]:
    _slug, name = split_ref(use_case, kind="use-case")
    done: dict[str, Any] = (
        current().client().post(path_of("v1", "use-cases", name, "exceptions", *more), body)
    )
    return done


def _done(done: dict[str, Any], fmt: str) -> None:
    ref = f"use-case/{done['use_case']}"
    words = f"{done['type']} {done['id']}: {done['control']} of {ref}, {done['state']}"
    words += f" until {done['expires_at'][:16]}" if done["state"] in {"requested", "in force"} else ""
    output.show(fmt, done, lambda: f"{words} (audit entry {done['audit_seq']})")
    if fmt == "table" and done["state"] == "requested":
        output.say(f"Whoever may: roadworthy exception grant {ref} {done['id']}")
    elif fmt == "table":
        output.say(f"What follows: roadworthy gate check {ref}")
