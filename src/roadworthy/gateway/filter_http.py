"""The API of filters: how they stand, a text on trial, appeals, and calls that are held."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.appeals import operations, queries
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.gateway import filter_door, filter_view
from roadworthy.gateway.door import index_of, seen_by
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.kinds import Name

router = Router(tag="filters")
CallId = Annotated[str, Path(max_length=140)]
Why = Annotated[str, Field(min_length=1, max_length=2000)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NewAppeal(_Body):
    """Which call, and why the filter was wrong about it."""

    call: Annotated[str, Field(min_length=1, max_length=140)]
    """The call's id: `x-roadworthy-trace-id` of the answer."""
    because: Why
    """What the text was; never the text itself if it is personal."""


class AppealVerdict(_Body):
    """What a reviewer decides about an appeal."""

    verdict: Literal["upheld", "overturned"]
    """`overturned`: the filter was wrong."""
    reason: Why


class HeldVerdict(_Body):
    """What a reviewer decides about a held call."""

    verdict: Literal["approved", "refused"]
    reason: Why
    hours: Annotated[int, Field(ge=1, le=operations.HOURS_MAX)] = 24
    """How long the very same content may pass."""


class Trial(_Body):
    """A text to be read by the filters of a use case, without a call and without a record."""

    text: Annotated[str, Field(min_length=1, max_length=100_000)]
    use_case: Name | None = None
    """Whose filters read it; without it, all that are built in."""
    side: Literal["input", "output"] = "input"


@router.get("/v1/filters", permission="registry.read")
def list_filters(tx: Tx, call: Call) -> Any:
    """List filters: what each looks for, which policies ask for it, what it found, how often it was wrong."""
    return {"items": filter_door.standing(tx, call), "measured": filter_view.report()}


@router.get("/v1/filters/{name}", permission="registry.read")
def show_filter(tx: Tx, call: Call, name: Name) -> Any:
    """Show one filter, with what it found in the last 30 days by sort."""
    found = queries.findings(tx, now=call.now)
    return {**filter_door.one(tx, call, name), "found": filter_view.by_sort(found, name)}


@router.post("/v1/filters/try", permission="registry.read", access="read")
def try_filters(tx: Tx, call: Call, body: Trial) -> Any:
    """Read a text as filters would; nothing of it is kept."""
    return filter_door.tried(index_of(tx, call), body.text, use_case=body.use_case, side=body.side)


@router.get("/v1/appeals", permission="usage.read")
def list_appeals(tx: Tx, call: Call) -> Any:
    """List appeals, newest first."""
    return {"items": queries.appeals(tx, use_cases=seen_by(tx, call, "usage.read"))}


@router.post("/v1/appeals", permission="usage.read", status=201)
def make_appeal(tx: Tx, call: Call, body: NewAppeal) -> Any:
    """Say that a filter was wrong about a call."""
    operations.make(
        tx,
        call=clean(body.call),
        because=clean(body.because),
        actor=actor_of(call),
        now=call.now,
        use_cases=seen_by(tx, call, "usage.read"),
    )
    return queries.get(tx, body.call)


@router.post("/v1/appeals/{call_id}/decide", permission="appeal.decide")
def decide_appeal(tx: Tx, call: Call, call_id: CallId, body: AppealVerdict) -> Any:
    """Uphold a filter's decision or overturn it; its measured rate of false positives moves."""
    filter_door.require(call, namespace=queries.get(tx, clean(call_id)).namespace)
    operations.decide(
        tx, call=call_id, verdict=body.verdict, reason=clean(body.reason), actor=actor_of(call), now=call.now
    )
    return queries.get(tx, call_id)


@router.get("/v1/holds", permission="usage.read")
def list_holds(tx: Tx, call: Call) -> Any:
    """List the newest calls that filters held for a person."""
    seen = seen_by(tx, call, "usage.read")
    return {"items": [filter_door.shown(one) for one in queries.held_calls(tx, use_cases=seen)]}


@router.post("/v1/holds/{call_id}/decide", permission="appeal.decide")
def decide_hold(tx: Tx, call: Call, call_id: CallId, body: HeldVerdict) -> Any:
    """Let a held call pass for some hours, or refuse it; the caller then sends it again."""
    filter_door.require(call, namespace=queries.held_call(tx, clean(call_id)).namespace)
    operations.decide_held(
        tx,
        call=call_id,
        verdict=body.verdict,
        reason=clean(body.reason),
        hours=body.hours,
        actor=actor_of(call),
        now=call.now,
    )
    return filter_door.shown(queries.held_call(tx, call_id))
