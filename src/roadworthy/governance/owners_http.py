"""Where nobody answers: the gaps in ownership of the whole estate, in the API and the console."""

from __future__ import annotations

from typing import Any

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.governance import queries

router = Router(tag="owners")


@router.get("/v1/owners/gaps", permission="governance.read")
def list_gaps(tx: Tx, call: Call) -> dict[str, Any]:
    """List every side of every use case where nobody answers or stands in, what blocks first."""
    return {"items": gaps(tx, call)}


def gaps(tx: Tx, call: Call) -> list[dict[str, Any]]:
    """Return the gaps, those that stand in the way of a call first."""
    found = [
        {
            "use_case": one.use_case,
            "title": one.title,
            "unit": one.namespace,
            "tier": one.tier.tier,
            "side": gap.side,
            "code": gap.code,
            "person": gap.person,
            "message": gap.message,
            "next_step": gap.next_step,
            "blocks": gap.about_owner or one.asked.deputies == "block",
        }
        for one in queries.standings(tx, now=call.now)
        if one.stage != "stopped"
        for gap in one.ownership.gaps
    ]
    return sorted(found, key=lambda one: (not one["blocks"], one["use_case"], one["side"]))
