"""Governing: what stands between a use case and its calls, and the word of those who decide."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import click

from roadworthy.entrypoints.api_client import path_of
from roadworthy.entrypoints.cli import output
from roadworthy.entrypoints.cli.command import command
from roadworthy.entrypoints.cli.route_text import route_text
from roadworthy.entrypoints.cli.session import current, split_ref
from roadworthy.entrypoints.cli.standing import standing_text
from roadworthy.foundation import clock

APPROVER_ROLES = ("business-approver", "risk-approver", "security-approver", "legal-approver")
_role = click.option(
    "--as",
    "role",
    default="",
    type=click.Choice(["", *APPROVER_ROLES]),
    metavar="ROLE",
    help="The role in which you decide, if you hold several that are asked for.",
)
_comment = click.option("--comment", default="", help="Why; kept with the decision.")


@command(
    "explain",
    "roadworthy explain use-case/claims-triage",
    "roadworthy explain claims-triage -o json",
    "roadworthy explain use-case/claims-triage --check     in a pipeline: ends with 3 while blocked",
    "roadworthy explain route/chat --use-case claims-triage --task extraction",
    "roadworthy explain route chat --as-of 2026-11-01T00:00:00Z",
)
@click.argument("what", metavar="USE-CASE|route/NAME", nargs=-1, required=True)
@click.option("--check", is_flag=True, help="End with 3 while it may not call.")
@click.option("--use-case", default="", help="Of a route: for calls of this use case.")
@click.option("--principal", default="", help="Of a route: for this caller.")
@click.option("--task", default="", help="Of a route: for this task.")
@click.option("--input-tokens", type=click.IntRange(0), help="Of a route: what costs are compared for.")
@click.option("--output-tokens", type=click.IntRange(0), help="Of a route: what costs are compared for.")
@click.option("--as-of", default="", help="Of a route: at this time, as 2026-11-23T10:00:00Z.")
@output.formats("table", "json", "yaml")
def explain(what: tuple[str, ...], fmt: str, *, check: bool, **of_route: Any) -> int:
    """Say what is between a use case and its first call, or which model a route would ask, and why."""
    if len(what) > 2:
        raise click.UsageError("Name one thing: a use case, or a route.")
    named = "/".join(what)
    if named.startswith("route/"):
        asked = {name: value for name, value in of_route.items() if value not in {"", None}}
        name = split_ref(named, kind="route")[1]
        explained: dict[str, Any] = current().client().get(path_of("v1", "routes", name, "explain"), **asked)
        output.show(fmt, explained, lambda: route_text(explained))
        return 0 if explained["chosen"] or explained["prefer"] == "share" else 3
    if any(value not in {"", None} for value in of_route.values()):
        raise click.UsageError("These options are about a route: name one, as route/NAME.")
    _slug, name = split_ref(named, kind="use-case")
    found: dict[str, Any] = current().client().get(path_of("v1", "use-cases", name, "standing"))
    output.show(fmt, found, lambda: standing_text(found))
    return 3 if check and not found["grant"] else 0


@command(
    "approve",
    "roadworthy approve use-case/claims-triage --as risk-approver",
    'roadworthy approve claims-triage --as business-approver --comment "Agreed in the May review"',
)
@click.argument("use_case", metavar="USE-CASE")
@_role
@_comment
@click.option(
    "--valid-days", type=click.IntRange(1), help="How long it holds; by default what its tier allows."
)
@output.formats("table", "json", "yaml")
def approve(use_case: str, role: str, comment: str, valid_days: int | None, fmt: str) -> None:
    """Approve a use case, as it is declared now, in one of your roles.

    Who declared it cannot approve it. A change to what it materially is asks for the approval anew.
    """
    body: dict[str, Any] = {"decision": "approve", "role": role, "comment": comment}
    if valid_days:
        body["expires_at"] = (clock.now() + timedelta(days=valid_days)).isoformat()
    _decide(use_case, fmt, body)


@command("refuse", 'roadworthy refuse use-case/mood-radar --as legal-approver --comment "Not lawful here"')
@click.argument("use_case", metavar="USE-CASE")
@_role
@click.option(
    "--comment", required=True, help="Why, and what would change your mind; kept with the decision."
)
@output.formats("table", "json", "yaml")
def refuse(use_case: str, role: str, comment: str, fmt: str) -> None:
    """Refuse a use case in one of your roles; it cannot call while the refusal stands."""
    _decide(use_case, fmt, {"decision": "refuse", "role": role, "comment": comment})


@command(
    "dissent",
    'roadworthy dissent use-case/renewal-letters --as risk-approver --comment "Some letters are not checked"',
)
@click.argument("use_case", metavar="USE-CASE")
@_role
@click.option("--comment", required=True, help="What you are against; kept with the decision.")
@output.formats("table", "json", "yaml")
def dissent(use_case: str, role: str, comment: str, fmt: str) -> None:
    """Be on record against a use case without blocking it; its grant names your dissent."""
    _decide(use_case, fmt, {"decision": "dissent", "role": role, "comment": comment})


@command(
    "delegate",
    "roadworthy delegate --to gus --as risk-approver --until 2026-12-18 --reason Leave",
    "roadworthy delegate --to gus --as risk-approver --from 2026-12-07 --until 2026-12-18 --unit claims "
    "--reason Leave",
)
@click.option("--to", "person", required=True, metavar="PERSON", help="Who stands in for you.")
@click.option("--as", "role", required=True, type=click.Choice(APPROVER_ROLES), help="Which of your roles.")
@click.option("--from", "start", default="", metavar="DAY", help="The first day; today by default.")
@click.option("--until", "end", required=True, metavar="DAY", help="The last day.")
@click.option("--unit", default="organization", help="For use cases of this unit and those below it.")
@click.option("--reason", required=True, help="Why; kept with it.")
@output.formats("table", "json", "yaml")
def delegate(person: str, *, role: str, start: str, end: str, unit: str, reason: str, fmt: str) -> None:
    """Let somebody approve in your name while you are away.

    It ends with its last day and with your own role. What they approved stays while you hold it.
    `roadworthy delete delegation/NAME` ends it sooner.
    """
    client = current().client()
    me = str(client.get("/v1/me")["principal"]).removeprefix("person/")
    first = start or f"{clock.now():%Y-%m-%d}"
    spec = {
        "delegator": me, "delegate": person.removeprefix("person/"), "role": role,
        "from": first, "until": end, "reason": reason,
    }  # fmt: skip
    name = f"{me}-{role}-{first}"
    metadata = {"name": name, "namespace": unit}
    body = {"apiVersion": "roadworthy/v1", "kind": "Delegation", "metadata": metadata, "spec": spec}
    raw, fresh = json.dumps(body).encode(), {"if-none-match": "*"}
    path = path_of("v1", "resources", "delegation", name)
    made = client.send("PUT", path, raw=raw, headers=fresh).json()
    output.show(fmt, made, lambda: f"delegation/{name}: {person} may approve as {role} until {end}")


@command("withdraw", 'roadworthy withdraw use-case/claims-triage --comment "After the incident of May"')
@click.argument("use_case", metavar="USE-CASE")
@click.option("--approval", default="", metavar="ID", help="Which one; by default your own that stands.")
@_comment
@click.option("--yes", is_flag=True, help="Do not ask.")
@output.formats("table", "json", "yaml")
def withdraw(use_case: str, approval: str, comment: str, fmt: str, *, yes: bool) -> None:
    """Take back an approval or a refusal; without the approval calls are refused from the next one on."""
    _slug, name = split_ref(use_case, kind="use-case")
    if not yes:
        current().confirm(f"Withdraw what was said about use-case/{name}?")
    path = path_of("v1", "use-cases", name, "approvals", "withdraw")
    _recorded(current().client().post(path, {"approval": approval, "reason": comment}), fmt)


def _decide(use_case: str, fmt: str, body: dict[str, Any]) -> None:
    _slug, name = split_ref(use_case, kind="use-case")
    client = current().client()
    seen = client.get(path_of("v1", "use-cases", name, "standing"))
    output.say(f"{seen['ref']}, generation {seen['generation']}: {output.printable(seen['title'])}")
    output.say(output.printable(seen["tier"]["sentence"]))
    # The decision is about what was shown: if that changes meanwhile, nothing is recorded.
    body["digest"] = seen["digest"]
    _recorded(client.post(path_of("v1", "use-cases", name, "approvals"), body), fmt)


def _recorded(done: dict[str, Any], fmt: str) -> None:
    role, until = done.get("role", ""), done.get("expires_at")
    words = f"{done['type']} {done['id']} of {done['subject']}"
    words += f" as {role}" if role else ""
    words += f" until {until[:10]}" if until else ""
    output.show(fmt, done, lambda: f"{words} (audit entry {done['audit_seq']})")
    if fmt == "table":
        output.say(f"What is left: roadworthy explain {done['subject']}")


@command("needs-you", "roadworthy needs-you", "roadworthy needs-you -o json")
@output.formats()
def needs_you(fmt: str) -> None:
    """List what waits for you, the most pressing first."""
    found = current().client().get("/v1/needs-you")
    rows = [{**one, "due": (one["due_at"] or "")[:10], "do": one["command"]} for one in found["items"]]
    columns = ["kind", "use_case", "what", "due", "do"]
    output.show_rows(fmt, columns, rows, whole=found, name="use_case", empty="Nothing waits for you.")
