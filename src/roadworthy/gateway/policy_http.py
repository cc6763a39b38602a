"""The API of policies: which there are, and who may make a call."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.gateway import policy_door
from roadworthy.policy.kinds import ExampleCall
from roadworthy.registry.door import clean

router = Router(tag="policies")


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExplainRequest(_Body):
    """A call that nobody has made."""

    model: Annotated[str, Field(min_length=1, max_length=140)]
    """A model or a route, as callers name it."""
    principal: Annotated[str, Field(max_length=140)] = ""
    """`service-account/x` or `person/x`; everybody who holds a key where nobody is named."""
    use_case: Annotated[str, Field(max_length=140)] = ""
    """What for; every use case where none is named."""
    call: ExampleCall = ExampleCall()
    """The rest of it; what is left out is taken for a short chat on a Monday at noon."""


@router.get("/v1/policies", permission="registry.read")
def list_policies(tx: Tx, call: Call) -> Any:
    """List access policies: their statements with their lines, and how their examples stand."""
    return {"items": policy_door.standing(tx, call)}


@router.post("/v1/policies/explain", permission="registry.read", access="read")
def explain_policies(tx: Tx, call: Call, body: ExplainRequest) -> Any:
    """Say who may make a call, and which statement in which line, or what else, says no to the others."""
    found = policy_door.explained(
        tx,
        call,
        model=clean(body.model),
        principal=clean(body.principal),
        use_case=clean(body.use_case),
        of_call=body.call,
    )
    return {"items": [asdict(one) for one in found]}
