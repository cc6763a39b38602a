"""The console page of lead time: what the safe path promises, what it takes, and where it waits."""

from __future__ import annotations

from dataclasses import dataclass

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Cell, Check, Column, Empty, Status, Table
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import View
from roadworthy.governance import case_page, lead_time, lead_time_queries
from roadworthy.governance.lead_time import LeadTime, TierLead, said

router = Router(tag="console")
LEAD_TIME = "/lead-time"


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadTimePage:
    """The model of `lead_time.html`."""

    lead: str
    tiers: list[Check]
    months: Table
    cases: Table


@router.page(LEAD_TIME, permission="governance.read")
def lead_time_page(tx: Tx, call: Call) -> View:
    """How long it takes from the idea to the first governed call, by tier, by month and for each use case."""
    found = lead_time_queries.lead_times(tx, now=call.now)
    cases = Table(
        columns=[
            Column(key="title", title="Use case"),
            Column(key="tier", title="Risk tier"),
            Column(key="took", title="Took"),
            Column(key="kept", title="Promise"),
            Column(key="waited_for", title="Waited for"),
            Column(key="idea_at", title="Idea"),
            Column(key="first_call_at", title="First governed call"),
        ],
        rows=[_row(one, call) for one in found],
        caption="Use cases",
        url=LEAD_TIME,
        empty=Empty(sentence="No use case is declared here.", command="roadworthy apply -f use-case.yaml"),
    )
    done = sum(1 for one in found if one.first_call_at is not None)
    model = LeadTimePage(
        lead=f"{done} of {len(found)} use cases have had their first governed call. The safe path is to "
        "be the fastest; where it is not, this page says so.",
        tiers=[_tier(one) for one in lead_time_queries.summary(found)],
        months=Table(
            columns=[
                Column(key="month", title="Month of the first call"),
                Column(key="count", title="Use cases", numeric=True),
                Column(key="median", title="In the middle"),
            ],
            rows=[
                {"month": month, "count": count, "median": said(took)}
                for month, count, took in lead_time.by_month(found)
            ],
            caption="By month",
            empty=Empty(sentence="Nothing has been called yet.", command="roadworthy lead-time"),
        ),
        cases=cases,
    )
    return View(
        title="Lead time",
        template="governance/lead_time.html",
        model=model,
        table=cases,
        active=LEAD_TIME,
        command="roadworthy lead-time",
    )


def _tier(one: TierLead) -> Check:
    if one.median is None:
        status = Status("none", "open")
    else:
        late = one.median > one.promised
        status = Status("warn", "not the fastest") if late else Status("good", "kept")
    words = one.sentence
    why = f"{one.kept} of {one.count} kept the promise." if one.count else ""
    return Check(status=status, what=words, why=why)


def _row(one: LeadTime, call: Call) -> dict[str, Cell]:
    kept = one.kept(call.now)
    promise = (
        Status("none", "open") if kept is None else Status("good", "kept") if kept else Status("warn", "late")
    )
    waited = ", ".join(f"{whom} {said(took)}" for whom, took in one.by_whom().items())
    return {
        "title": one.title,
        "tier": case_page.tier_name(one.tier),
        "took": said(one.took(call.now)) + ("" if one.first_call_at else " so far"),
        "kept": promise,
        "waited_for": waited or None,
        "idea_at": one.idea_at,
        "first_call_at": one.first_call_at,
        "href": f"/use-cases/{one.use_case}",
    }
