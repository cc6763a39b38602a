"""The API of drafts: what waits for a person, what was said, and the decision."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.drafts import queries
from roadworthy.drafts.draft import Draft
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.gateway import draft_door
from roadworthy.gateway.door import seen_by
from roadworthy.governance import autonomy_operations
from roadworthy.registry.door import actor_of, clean

router = Router(tag="drafts")
DraftId = Annotated[str, Path(max_length=140)]
BODY_MAX = 2 * 1024 * 1024


class DraftVerdict(BaseModel):
    """What a person decides about an answer."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Literal["accepted", "edited", "rejected"]
    """`accepted` as it is, `edited` with changes, or `rejected`; of a sample, what should have been."""
    reason: Annotated[str, Field(max_length=2000)] = ""
    """Needed for a change and for a rejection."""
    texts: Annotated[tuple[str, ...], Field(max_length=500)] | None = None
    """With `edited`: every text of the answer, in order."""


@router.get("/v1/drafts", permission="usage.read")
def list_drafts(
    tx: Tx,
    call: Call,
    use_case: Annotated[str, Query(max_length=140)] = "",
    state: Literal["waiting", "all"] = "waiting",
    limit: Annotated[int, Query(ge=1, le=queries.PAGE_MAX)] = 50,
) -> dict[str, Any]:
    """List answers that wait for a person, the oldest first, or all that did, the newest first."""
    seen, name = seen_by(tx, call, "usage.read"), clean(use_case).removeprefix("use-case/")
    if state == "waiting":
        found = queries.waiting(tx, now=call.now, use_case=name, use_cases=seen, limit=limit)
    else:
        found = queries.newest(tx, use_case=name, use_cases=seen, limit=limit)
    return {"items": [draft_door.shown(one, now=call.now) for one in found]}


@router.get("/v1/drafts/{draft_id}", permission="usage.read")
def show_draft(tx: Tx, call: Call, draft_id: DraftId) -> dict[str, Any]:
    """Show how a draft stands and what was decided, without what was said."""
    return _shown(tx, call, queries.get(tx, clean(draft_id), use_cases=seen_by(tx, call, "usage.read")))


def _shown(tx: Tx, call: Call, found: Draft) -> dict[str, Any]:
    said = queries.decision(tx, found)
    return {**draft_door.shown(found, now=call.now), "reason": said.fact.reason if said else None}


@router.get("/v1/drafts/{draft_id}/content", permission="draft.decide", access="write")
def show_draft_content(tx: Tx, call: Call, draft_id: DraftId) -> Any:
    """Show the texts of a draft to who decides about it. The reading is recorded in the audit log."""
    found = queries.get(tx, clean(draft_id))
    draft_door.require(call, found)
    return draft_door.content(tx, call, found)


@router.post("/v1/drafts/{draft_id}/decide", permission="draft.decide", body_limit=BODY_MAX)
def decide_draft(tx: Tx, call: Call, draft_id: DraftId, body: DraftVerdict) -> dict[str, Any]:
    """Release an answer as it is or with changes, reject it, or review a sample. Never by who called."""
    found = queries.get(tx, clean(draft_id))
    draft_door.require(call, found)
    autonomy_operations.decide_draft(
        tx,
        draft_id=found.id,
        verdict=body.verdict,
        reason=clean(body.reason),
        changed=None if body.texts is None else draft_door.changed(tx, found, body.texts),
        actor=actor_of(call),
        now=call.now,
    )
    return _shown(tx, call, queries.get(tx, found.id))
