"""The console's page of balance: too much control and too little, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Cell, Column, Crumb, Empty, Link, Tab, Table
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import View
from roadworthy.governance import balance_queries
from roadworthy.governance.balance import Weighed, sentence
from roadworthy.rules.rule_view import tabs

router = Router(tag="console")
BALANCE = "/portfolio/balance"


@dataclass(frozen=True, slots=True, kw_only=True)
class BalancePage:
    """The model of `balance.html`."""

    lead: str
    tabs: Sequence[Tab]
    over: Table
    under: Table


@router.page(BALANCE, permission="governance.read")
def balance_page(tx: Tx, call: Call) -> View:
    """Where review costs more than the risk asks for, where something owed is not proved, and what helps."""
    weighed = balance_queries.weighed(tx, now=call.now)
    return View(
        title="Too much, too little",
        template="governance/balance.html",
        model=BalancePage(
            lead=sentence(weighed),
            tabs=tabs(BALANCE),
            over=_over([one for one in weighed if one.over]),
            under=_under([one for one in weighed if one.under]),
        ),
        table=_all(weighed),
        breadcrumbs=(Crumb("Rules", "/rules"),),
        active="/rules",
        command="roadworthy rules balance",
    )


_USE_CASE = Column(key="use_case", title="Use case")
_TIER = Column(key="tier", title="Risk tier")
_FIX = Column(key="fix", title="What would help")


def _row(one: Weighed) -> dict[str, Cell]:
    return {
        "use_case": one.title,
        "tier": one.tier,
        "risk": one.risk,
        "approvals": one.approvals,
        "duties": one.duties,
        "per_risk": one.per_risk,
        "unproved": ", ".join(one.unproved) or None,
        "unproved_count": len(one.unproved),
        "over": one.over,
        "under": one.under,
        "fix": one.fix or None,
        "href": f"/use-cases/{one.use_case}/rules",
    }


def _over(found: Sequence[Weighed]) -> Table:
    return Table(
        columns=[
            _USE_CASE,
            _TIER,
            Column(key="per_risk", title="Effort for a unit of risk", numeric=True, decimals=1),
            Column(key="approvals", title="People who approve", numeric=True),
            Column(key="duties", title="Obligations", numeric=True),
            _FIX,
        ],
        rows=[_row(one) for one in found],
        caption="More review than the risk asks for",
        empty=Empty(sentence="No use case costs much more review than the others for what is at risk."),
    )


def _under(found: Sequence[Weighed]) -> Table:
    return Table(
        columns=[
            _USE_CASE,
            _TIER,
            Column(key="unproved_count", title="Controls that do not hold", numeric=True),
            Column(key="unproved", title="Which"),
            _FIX,
        ],
        rows=[_row(one) for one in found],
        caption="Owed and not proved",
        empty=Empty(
            sentence="Everything that is owed is proved.", link=Link("Look at the controls", "/controls")
        ),
    )


def _all(weighed: Sequence[Weighed]) -> Table:
    keys = ("use_case", "tier", "risk", "approvals", "duties", "per_risk", "unproved", "over", "under", "fix")
    return Table(
        columns=[Column(key=key, title=key.replace("_", " ").capitalize()) for key in keys],
        rows=[_row(one) for one in weighed],
    )
