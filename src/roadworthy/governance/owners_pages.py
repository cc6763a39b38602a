"""The console page of ownership: where nobody answers, where somebody left, where nobody stands in."""

from __future__ import annotations

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Column, Empty, Link, ListPage, Status, Table
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.governance import owners_http
from roadworthy.use_cases.ownership import SIDE_TITLES

router = Router(tag="console")
OWNERS = "/owners"


@router.page(OWNERS, permission="governance.read")
def owners_page(tx: Tx, call: Call) -> View:
    """Every gap in ownership across the estate, what stands in the way of a call first."""
    found = owners_http.gaps(tx, call)
    blocking = sum(1 for one in found if one["blocks"])
    return View(
        title="Ownership gaps",
        template="table_page.html",
        model=ListPage(
            lead=f"{len(found)} gaps on the five sides of use cases; {blocking} stand in the way of calls."
        ),
        table=Table(
            columns=[
                Column(key="title", title="Use case"),
                Column(key="status", title="Effect"),
                Column(key="side", title="Side"),
                Column(key="message", title="Gap"),
                Column(key="next_step", title="Next"),
                Column(key="unit", title="Unit"),
            ],
            rows=[
                {
                    "title": one["title"],
                    "status": Status("bad", "blocks") if one["blocks"] else Status("warn", "warns"),
                    "side": SIDE_TITLES[one["side"]].capitalize(),
                    "message": one["message"],
                    "next_step": one["next_step"],
                    "unit": one["unit"],
                    "href": f"/use-cases/{one['use_case']}",
                }
                for one in found
            ],
            caption="Ownership gaps",
            url=OWNERS,
            empty=Empty(
                sentence="All five sides of every use case have an owner and a deputy who are here.",
                command="roadworthy owners gaps",
                link=Link("Open the portfolio", "/portfolio"),
            ),
        ),
        breadcrumbs=(Crumb("Portfolio", "/portfolio"),),
        active="/portfolio",
        command="roadworthy owners gaps",
    )
