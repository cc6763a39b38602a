"""The console's pages of access policies: the policies, their examples, and who can call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Cell,
    Code,
    Column,
    Empty,
    Link,
    Option,
    Status,
    Tab,
    Table,
)
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.gateway import access, policy_door
from roadworthy.gateway.door import index_of
from roadworthy.gateway.policy_explaining import Decided
from roadworthy.policy.kinds import ACCESS_POLICY, ExampleCall
from roadworthy.registry import queries as registry
from roadworthy.registry.door import clean

router = Router(tag="policies")
ACCESS = "/access"
POLICIES = f"{ACCESS}/policies"
Text = Annotated[str, Query(max_length=140)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesPage:
    """The model of `policies.html`."""

    lead: str
    tabs: Sequence[Tab]
    models: Sequence[Option]
    hours: Sequence[Option]
    asked: Mapping[str, str]
    who: Table | None
    verdict: Status | None
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPage:
    """The model of `policy.html`: one policy with its text, line by line."""

    name: str
    lead: str
    status: Status
    facts: Sequence[tuple[str, Cell]]
    text: str
    tests: Table


@router.page(POLICIES, permission="registry.read")
def policies_page(
    tx: Tx,
    call: Call,
    *,
    model: Text = "",
    principal: Text = "",
    hour: Annotated[str, Query(pattern=r"^(|1?\d|2[0-3])$")] = "",
    stream: Annotated[str, Query(pattern=r"^(|yes)$")] = "",
) -> View:
    """Show every policy, how its examples stand, and who could make a call."""
    known = index_of(tx, call)
    who = verdict = None
    if model:
        of_call = ExampleCall(hour=int(hour or 12), stream=bool(stream))
        found = policy_door.explained(
            tx, call, model=clean(model), principal=clean(principal), use_case="", of_call=of_call
        )
        who = _who(found)
        may = sum(one.decision == "allow" for one in found)
        verdict = Status("good" if may else "bad", f"{may} of {len(found)} may")
    return View(
        title="Policies",
        template="gateway/policies.html",
        model=PoliciesPage(
            lead="What calls may be made beyond their grants, in Cedar. Policies only take away; a unit may "
            "tighten what the organization says, and never loosen it.",
            tabs=_tabs(),
            models=tuple(Option(name, name) for name in access.names(known)),
            hours=tuple(Option(str(each), f"{each:02}:00 UTC") for each in range(24)),
            asked={"model": model, "principal": principal, "hour": hour or "12", "stream": stream},
            who=who,
            verdict=verdict,
            action=POLICIES,
        ),
        table=_table(policy_door.standing(tx, call)),
        breadcrumbs=(Crumb("Access", ACCESS),),
        active=ACCESS,
        command="roadworthy policy list",
    )


def _tabs() -> list[Tab]:
    return [
        Tab("People", ACCESS),
        Tab("Service accounts", f"{ACCESS}/service-accounts"),
        Tab("Keys", f"{ACCESS}/keys"),
        Tab("Role bindings", f"{ACCESS}/role-bindings"),
        Tab("Who may call", f"{ACCESS}/models"),
        Tab("Policies", POLICIES, current=True),
    ]


def _table(policies: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column(key="name", title="Policy"),
        Column(key="title", title="Says"),
        Column(key="reach", title="Reaches"),
        Column(key="default", title="Otherwise"),
        Column(key="forbids", title="Forbids", numeric=True),
        Column(key="permits", title="Permits", numeric=True),
        Column(key="tests", title="Examples"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "href": f"{POLICIES}/{one['name']}",
            "name": one["name"],
            "title": one["title"],
            "reach": ", ".join(one["units"]) or "all units",
            "default": one["default"],
            "forbids": sum(each["effect"] == "forbid" for each in one["statements"]),
            "permits": sum(each["effect"] == "permit" for each in one["statements"]),
            "tests": _examples(one),
        }
        for one in policies
    ]
    empty = Empty(
        sentence="No policy is declared: calls are decided by their grants alone.",
        command="roadworthy policy test -f policies/",
    )
    return Table(caption="Access policies", columns=columns, rows=rows, empty=empty)


def _examples(one: Mapping[str, Any]) -> Status:
    if one["problems"]:
        return Status("bad", "cannot be read")
    if one["failing"]:
        return Status("bad", f"{one['failing']} fail")
    return Status("good", f"{one['passing']} hold") if one["passing"] else Status("none", "none")


def _who(found: Sequence[Decided]) -> Table:
    columns = (
        Column(key="principal", title="Who"),
        Column(key="use_case", title="For use case"),
        Column(key="model", title="Model"),
        Column(key="decision", title="May"),
        Column(key="by", title="Decided by"),
        Column(key="said", title="Because"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "principal": one.principal,
            "use_case": Link(one.use_case, f"/use-cases/{one.use_case}"),
            "model": one.model,
            "decision": Status("good", "allowed") if one.decision == "allow" else Status("bad", "refused"),
            "by": Link(f"{one.policy}, line {one.line or 1}", f"{POLICIES}/{one.policy}")
            if one.policy
            else Code(one.by or "grant"),
            "said": one.said,
        }
        for one in found
    ]
    return Table(
        caption="Who can do this",
        columns=columns,
        rows=rows,
        empty=Empty(sentence="Nobody holds a key.", command="roadworthy key issue NAME --use-case NAME"),
    )


@router.page(POLICIES + "/{name}", permission="registry.read")
def policy_page(tx: Tx, call: Call, name: str) -> View:
    """Show a policy with its lines, its statements and its examples."""
    found = registry.get(tx, ACCESS_POLICY, name)
    said = next((one for one in policy_door.standing(tx, call) if one["name"] == name), None)
    if said is None:
        raise NotFoundError(f"There is no policy `{name[:80]}`.", fix="`roadworthy policy list` lists them.")
    lines = found.spec.cedar.splitlines()
    width = len(str(len(lines)))
    return View(
        title=found.spec.title,
        template="gateway/policy.html",
        model=PolicyPage(
            name=name,
            lead=f"{len(said['statements'])} statements for "
            f"{', '.join(f'unit/{one}' for one in found.spec.units) or 'all units'}.",
            status=_examples(said),
            facts=[
                ("Declaration", Link(f"access-policy/{name}", f"/declared/access-policy/{name}")),
                ("Owned by", found.namespace),
                ("What no statement meets", "is refused" if found.spec.default == "deny" else "is allowed"),
            ],
            text="\n".join(f"{place:>{width}}  {line}" for place, line in enumerate(lines, start=1)),
            tests=_tests(said["tests"]),
        ),
        table=_statements(said["statements"]),
        breadcrumbs=(Crumb("Access", ACCESS), Crumb("Policies", POLICIES)),
        active=ACCESS,
        command="roadworthy policy list",
    )


def _statements(statements: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column(key="line", title="Line", numeric=True),
        Column(key="name", title="Statement"),
        Column(key="effect", title="Effect"),
        Column(key="reason", title="Reason that callers read"),
        Column(key="asks", title="Asks of each call"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "line": one["line"],
            "name": Code(one["name"]),
            "effect": one["effect"],
            "reason": one["reason"] or None,
            "asks": ", ".join(one["asks_of_each_call"]) or "nothing: decided once",
        }
        for one in statements
    ]
    return Table(caption="Statements", columns=columns, rows=rows)


def _tests(tests: Sequence[Mapping[str, Any]]) -> Table:
    columns = (
        Column(key="holds", title="Holds"),
        Column(key="name", title="Example"),
        Column(key="expected", title="Expected"),
        Column(key="said", title="What the policy says"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "holds": Status("good", "holds") if one["holds"] else Status("bad", "fails"),
            "name": one["name"],
            "expected": one["expected"],
            "said": one["said"],
        }
        for one in tests
    ]
    empty = Empty(sentence="This policy has no examples: nothing shows whom it is meant for.")
    return Table(caption="Examples", columns=columns, rows=rows, empty=empty)
