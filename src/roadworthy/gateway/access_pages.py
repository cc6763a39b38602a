"""The console's page of who may call which model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Cell, Code, Column, Crumb, Empty, Filter, Link, Stat, Tab, Table
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import View
from roadworthy.gateway import queries
from roadworthy.gateway.door import index_of, seen_by
from roadworthy.gateway.queries import AccessLine

router = Router(tag="console")
ACCESS = "/access"
Text = Annotated[str, Query(max_length=140)]


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoCanPage:
    """The model of `who_can.html`."""

    lead: str
    tabs: Sequence[Tab]
    filters: Sequence[Filter]
    stats: Sequence[Stat]


@router.page(ACCESS + "/models", permission="access.read")
def who_can_page(tx: Tx, call: Call, model: Text = "", principal: Text = "", use_case: Text = "") -> View:
    """Show which principals may call which model or route now, by which key, for which use case."""
    known = index_of(tx, call)
    lines = [
        line
        for line in queries.every_line(known, now=call.now, use_cases=seen_by(tx, call, "access.read"))
        if (not model or line.model == model.rpartition("/")[2])
        and (not principal or line.principal == principal)
        and (not use_case or line.use_case == use_case.removeprefix("use-case/"))
    ]
    return View(
        title="Who may call which model",
        template="gateway/who_can.html",
        model=WhoCanPage(
            lead="Computed by the gateway's own decision on the snapshot that it enforces.",
            tabs=_access_tabs(),
            filters=(
                Filter(name="model", label="Model or route", value=model),
                Filter(name="principal", label="Who", value=principal),
                Filter(name="use_case", label="Use case", value=use_case),
            ),
            stats=(
                Stat(label="Revision", value=f"{known.revision:,}", note="of what is enforced"),
                Stat(label="Principals that may call", value=f"{len({line.principal for line in lines}):,}"),
                Stat(label="Use cases that may call", value=f"{len({line.use_case for line in lines}):,}"),
            ),
        ),
        table=_access_table(lines, filtered=bool(model or principal or use_case)),
        breadcrumbs=(Crumb("Access", ACCESS),),
        active=ACCESS,
        command=f"roadworthy who-can call model/{model.rpartition('/')[2] or 'NAME'}",
    )


def _access_tabs() -> list[Tab]:
    return [
        Tab("People", ACCESS),
        Tab("Service accounts", f"{ACCESS}/service-accounts"),
        Tab("Keys", f"{ACCESS}/keys"),
        Tab("Role bindings", f"{ACCESS}/role-bindings"),
        Tab("Who may call", f"{ACCESS}/models", current=True),
        Tab("Policies", f"{ACCESS}/policies"),
    ]


def _access_table(lines: Sequence[AccessLine], *, filtered: bool) -> Table:
    columns = (
        Column(key="model", title="Model or route"),
        Column(key="principal", title="Who"),
        Column(key="owner", title="Answered for by"),
        Column(key="use_case", title="For use case"),
        Column(key="key_id", title="Key"),
        Column(key="via", title="Via"),
        Column(key="grant_id", title="Grant"),
        Column(key="expires_at", title="Ends"),
        Column(key="unless", title="Unless forbidden by"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "model": line.model,
            "principal": line.principal,
            "owner": line.owner or None,
            "use_case": Link(line.use_case, f"/use-cases/{line.use_case}"),
            "key_id": Code(line.key_id),
            "via": line.via,
            "grant_id": Code(line.grant_id),
            "expires_at": line.expires_at,
            "unless": ", ".join(line.unless) or None,
        }
        for line in lines
    ]
    if filtered:
        empty = Empty(
            sentence="Nobody may call what these filters name.", link=Link("Show all", f"{ACCESS}/models")
        )
    else:
        empty = Empty(
            sentence="Nobody may call a model yet: it takes a grant, and a key for the use case.",
            command="roadworthy explain use-case/NAME",
        )
    return Table(caption="Who may call which model", columns=columns, rows=rows, empty=empty)
