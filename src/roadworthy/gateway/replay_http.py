"""The API of replays."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.gateway import replay_door
from roadworthy.gateway.replay_door import Asked
from roadworthy.registry import manifest

router = Router(tag="gateway")
FILES_MAX = 50


class CandidateFile(BaseModel):
    """One file of declarations."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    file: str = Field(default="candidate.yaml", max_length=300)
    text: Annotated[str, Field(max_length=200_000)]


class ReplayRequest(BaseModel):
    """How a call is to be run again."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    dry: bool = False
    """Ask no model: access, filters and the route alone."""
    model: Annotated[str, Field(max_length=140)] = ""
    """Ask for this model or route in place of the call's own."""
    candidate: Annotated[list[CandidateFile], Field(max_length=FILES_MAX)] = []
    """Models, routes, filters and policies to put in the place of those in force."""


# No transaction of the route's own: none may be open while a model answers.
@router.post("/v1/traces/{call_id}/replay", permission="trace.replay", access="none")
def replay(call: Call, call_id: Annotated[str, Path(max_length=140)], body: ReplayRequest) -> Any:
    """Run a past call again under today's or a candidate configuration; say what differs."""
    files = [one for each in body.candidate for one in manifest.parse(each.text, file=each.file)]
    asked = Asked(call_id=call_id, model=body.model, dry=body.dry, candidate=files)
    return replay_door.shown(replay_door.run(call, asked))
