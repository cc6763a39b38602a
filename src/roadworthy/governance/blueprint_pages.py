"""The console pages of blueprints: what there is, one of them, and the form that uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Form, Path

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Cell, Check, Column, Empty, Link, ListPage, Option, Status, Table
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.governance import blueprint_operations as operations
from roadworthy.governance import case_page
from roadworthy.governance.blueprint import BLUEPRINT, Blueprint, Wanted
from roadworthy.identity.kinds import PERSON
from roadworthy.registry import queries as registry
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.kinds import NAME_PATTERN, Kind
from roadworthy.use_cases.kinds import OUTCOME, UNIT

router = Router(tag="console")
BLUEPRINTS = "/blueprints"
BlueprintName = Annotated[str, Path(pattern=NAME_PATTERN)]
Field = Annotated[str, Form(max_length=5000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BlueprintPage:
    """The model of `blueprint.html`."""

    name: str
    summary: str
    status: Status
    facts: Sequence[tuple[str, Cell]]
    reused: Sequence[Check]
    again: Sequence[Check]
    pattern: Sequence[tuple[str, Cell]]
    units: Sequence[Option]
    people: Sequence[Option]
    outcomes: Sequence[Option]
    outcome: str
    may_use: bool
    command: str


@router.page(BLUEPRINTS, permission="registry.read")
def blueprints_page(tx: Tx) -> View:
    """Every blueprint: what it does, its risk tier, how many calls stand behind it."""
    found = registry.every(tx, BLUEPRINT)
    rows: list[dict[str, Cell]] = [
        {
            "title": one.spec.title,
            "tier": case_page.tier_name(one.spec.tier),
            "use_case": Link(one.spec.use_case, f"/use-cases/{one.spec.use_case}"),
            "calls": one.spec.calls,
            "unit": one.namespace,
            "href": f"{BLUEPRINTS}/{one.name}",
        }
        for one in found
    ]
    return View(
        title="Blueprints",
        template="table_page.html",
        model=ListPage(lead="Proven use cases, each a pattern that a new one can start from in minutes."),
        table=Table(
            columns=[
                Column(key="title", title="Blueprint"),
                Column(key="tier", title="Risk tier"),
                Column(key="use_case", title="Proven by"),
                Column(key="calls", title="Calls behind it", numeric=True),
                Column(key="unit", title="Unit"),
            ],
            rows=rows,
            caption="Blueprints",
            url=BLUEPRINTS,
            empty=Empty(
                sentence="No blueprint yet. A use case that may call can be published as one.",
                command="roadworthy blueprint publish use-case/NAME",
            ),
        ),
        active=BLUEPRINTS,
        command="roadworthy blueprint list",
    )


@router.page("/blueprints/{name}", permission="registry.read")
def blueprint_page(tx: Tx, call: Call, name: BlueprintName) -> View:
    """One blueprint: what a new use takes over, what it proves again, and the form that starts one."""
    stored = registry.get(tx, BLUEPRINT, name)
    spec: Blueprint = stored.spec
    model = BlueprintPage(
        name=name,
        summary=spec.summary,
        status=case_page.tier_name(spec.tier),
        facts=[
            ("Proven by", Link(f"use-case/{spec.use_case}", f"/use-cases/{spec.use_case}")),
            ("Calls behind it", spec.calls),
            ("Unit", stored.namespace),
        ],
        reused=[
            _duty(one.name, one.because, Status("good", "taken over")) for one in spec.duties if one.reuse
        ],
        again=[
            _duty(one.name, one.because, Status("warn", "prove again"))
            for one in spec.duties
            if not one.reuse
        ],
        pattern=_pattern(spec),
        units=_options(tx, UNIT, "title"),
        people=_options(tx, PERSON, "display_name"),
        outcomes=_options(tx, OUTCOME, "title"),
        outcome=spec.outcome,
        may_use=call.who.may("registry.declare"),
        command=f"roadworthy new --from blueprint/{name} --name NAME --unit UNIT --owner PERSON",
    )
    return View(
        title=spec.title,
        template="governance/blueprint.html",
        model=model,
        breadcrumbs=(Crumb("Blueprints", BLUEPRINTS),),
        active=BLUEPRINTS,
        command=f"roadworthy blueprint show {name}",
    )


def _duty(what: str, why: str, status: Status) -> Check:
    return Check(status=status, what=what, why=f"{why[:1].upper()}{why[1:]}.")


def _pattern(spec: Blueprint) -> list[tuple[str, Cell]]:
    pattern = spec.pattern
    return [
        ("Models", ", ".join(pattern.models) or None),
        ("Routes", ", ".join(pattern.routes) or None),
        ("Measured by", ", ".join(one.metric for one in pattern.metrics) or None),
        ("Checklists passed", ", ".join(spec.gates) or None),
        ("Reads", ", ".join(pattern.data_sources) or None),
        ("Intake answers", len(pattern.intake.facts)),
        ("Autonomy", pattern.autonomy),
        ("Records kept", f"{pattern.retention_days} days"),
    ]


def _options(tx: Tx, kind: Kind, title: str) -> list[Option]:
    found = [Option(one.name, f"{getattr(one.spec, title)} ({one.name})") for one in registry.every(tx, kind)]
    return [Option("", "Choose one"), *found]


@router.form("/blueprints/{name}/start", permission="registry.declare")
def start(
    tx: Tx,
    call: Call,
    name: BlueprintName,
    *,
    use_case: Annotated[str, Form(pattern=NAME_PATTERN, max_length=63)],
    unit: Annotated[str, Form(pattern=NAME_PATTERN, max_length=63)],
    owner: Annotated[str, Form(pattern=NAME_PATTERN, max_length=63)],
    outcome: Field = "",
    title: Field = "",
    summary: Field = "",
) -> Redirect:
    """Declare a new use case from the blueprint."""
    wanted = Wanted(
        name=use_case, unit=unit, owner=owner, outcome=outcome, title=clean(title), summary=clean(summary)
    )
    standing = operations.start(
        tx, assembly_of(call), blueprint=name, wanted=wanted, actor=actor_of(call), now=call.now
    )
    said = "It may call now." if standing.grant else "Below is what is between it and its first call."
    return Redirect(f"/use-cases/{use_case}", notice=f"It is declared from blueprint/{name}. {said}")


@router.form("/use-cases/{name}/publish", permission="registry.declare")
def publish(tx: Tx, call: Call, name: BlueprintName) -> Redirect:
    """Publish a use case as a blueprint."""
    made = operations.publish(tx, assembly_of(call), use_case=name, actor=actor_of(call), now=call.now)
    return Redirect(f"{BLUEPRINTS}/{made}", notice="It is published: others can start from it.")
