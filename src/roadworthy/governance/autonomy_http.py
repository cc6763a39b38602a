"""The API of autonomy: how a use case stands, with the figures, and the decision to raise or lower it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.foundation.errors import ForbiddenError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.governance import autonomy_measured, autonomy_operations, autonomy_queries, queries
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.kinds import NAME_PATTERN

router = Router(tag="autonomy")
UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]


class AutonomyRequest(BaseModel):
    """The level a person sets, and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    level: Literal["assist", "supervise", "automate"]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


@router.get("/v1/use-cases/{name}/autonomy", permission="governance.read")
def show_autonomy(tx: Tx, call: Call, name: UseCaseName) -> dict[str, Any]:
    """Show what is declared, allowed, earned and in force, and what people did with the answers."""
    return autonomy_measured.document(autonomy_queries.measured(tx, use_case=name, now=call.now))


@router.post("/v1/use-cases/{name}/autonomy", permission="autonomy.decide")
def set_autonomy(tx: Tx, call: Call, name: UseCaseName, body: AutonomyRequest) -> dict[str, Any]:
    """Raise a use case to the next level that it has earned, or lower it at once to any."""
    require(tx, call, name)
    autonomy_operations.set_level(
        tx, use_case=name, level=body.level, reason=clean(body.reason), actor=actor_of(call), now=call.now
    )
    return autonomy_measured.document(autonomy_queries.measured(tx, use_case=name, now=call.now))


def require(tx: Tx, call: Call, name: str) -> None:
    """Let through who may raise and lower the use cases of a unit."""
    standing = queries.standing(tx, use_case=name, now=call.now)
    if not call.who.may("autonomy.decide", namespace=standing.namespace):
        raise ForbiddenError(
            f"{call.who.principal} may not decide how much {standing.ref} does by itself.",
            why=f"It needs the permission `autonomy.decide` in unit/{standing.namespace}.",
            fix="Ask a holder of the role risk-approver on that unit.",
        )
