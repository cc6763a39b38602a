"""The API of kill switches."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.switches import door, queries

router = Router(tag="switches")


class KillRequest(BaseModel):
    """What is to be stopped, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Annotated[str, Field(min_length=3, max_length=140)]
    """`kind/name`."""
    reason: Annotated[str, Field(min_length=1, max_length=400)]
    """What happened; everybody whose call is refused reads it."""
    until: AwareDatetime | None = None
    """When it ends by itself; without it, somebody has to revive it."""


class ReviveRequest(BaseModel):
    """What is to run again."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    of: Annotated[str, Field(min_length=3, max_length=140)]
    """`kind/name`."""
    reason: Annotated[str, Field(max_length=400)] = ""
    """Why it may."""


@router.get("/v1/switches", permission="registry.read")
def list_switches(tx: Tx, call: Call) -> Any:
    """List what is stopped now: by whom, why, since when, until when, who may revive it."""
    found = queries.every_thrown(tx).values()
    return {"items": [door.shown(tx, one, now=call.now) for one in found if one.holds(call.now)]}


@router.post("/v1/switches/kill", permission="kill", status=201)
def kill(tx: Tx, call: Call, body: KillRequest) -> Any:
    """Stop a use case, route, model, provider, identity or filter at once, on every gateway."""
    done = door.kill(tx, call, of=body.of, reason=body.reason, until=body.until)
    return door.shown(tx, done, now=call.now)


@router.post("/v1/switches/revive", permission="kill")
def revive(tx: Tx, call: Call, body: ReviveRequest) -> Any:
    """Let something that was stopped run again."""
    door.revive(tx, call, of=body.of, reason=body.reason)
    return {"of": body.of, "stopped": False}
