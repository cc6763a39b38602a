"""The API of lead time: how long from the idea to the first governed call, and what waits now."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.governance import lead_time, lead_time_queries, queries
from roadworthy.registry.kinds import NAME_PATTERN

router = Router(tag="lead-time")
UseCase = Annotated[str, Query(pattern=f"^$|{NAME_PATTERN}")]


@router.get("/v1/lead-time", permission="governance.read")
def lead_times(tx: Tx, call: Call, use_case: UseCase = "") -> dict[str, Any]:
    """Say how long use cases took from the idea to the first governed call, and for whom they waited."""
    found = lead_time_queries.lead_times(tx, now=call.now, use_case=use_case)
    return {
        "items": [lead_time.document(one, now=call.now) for one in found],
        "tiers": [
            {
                "tier": one.tier,
                "count": one.count,
                "waiting": one.waiting,
                "median_s": round(one.median.total_seconds()) if one.median is not None else None,
                "promised_s": round(one.promised.total_seconds()),
                "kept": one.kept,
                "bottleneck": one.bottleneck,
                "bottleneck_wait_s": round(one.bottleneck_wait.total_seconds()),
                "sentence": one.sentence,
            }
            for one in lead_time_queries.summary(found)
        ],
        "months": [
            {"month": month, "count": count, "median_s": round(took.total_seconds())}
            for month, count, took in lead_time.by_month(found)
        ],
    }


@router.get("/v1/waiting", permission="governance.read")
def waiting(tx: Tx, call: Call) -> dict[str, Any]:
    """List the approvals that are waited for: since when, due when, reminded and escalated how often."""
    found = queries.waiting(tx, now=call.now)
    return {
        "items": [
            {
                "use_case": one.use_case,
                "role": one.role,
                "since": one.since.isoformat(),
                "due_at": one.due_at.isoformat() if one.due_at else None,
                "escalate_at": one.escalate_at.isoformat() if one.escalate_at else None,
                "can_give": list(one.can_give),
                "reminded": one.reminded,
                "escalated_to": list(one.escalated_to),
            }
            for waits in found.values()
            for one in waits
        ]
    }
