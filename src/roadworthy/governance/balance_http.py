"""The API of balance: too much control and too little, with what would help."""

from __future__ import annotations

from typing import Any

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.governance import balance_queries
from roadworthy.governance.balance import sentence

router = Router(tag="rules")


@router.get("/v1/rules/balance", permission="governance.read")
def show_balance(tx: Tx, call: Call) -> dict[str, Any]:
    """Say where review costs more than the risk asks for, where something owed is not proved, what helps."""
    found = balance_queries.weighed(tx, now=call.now)
    return {
        "sentence": sentence(found),
        "items": [
            {
                "use_case": one.use_case,
                "title": one.title,
                "tier": one.tier,
                "risk": one.risk,
                "approvals": one.approvals,
                "duties": one.duties,
                "effort_per_risk": one.per_risk,
                "unproved": list(one.unproved),
                "over": one.over,
                "under": one.under,
                "fix": one.fix,
            }
            for one in found
        ],
    }
