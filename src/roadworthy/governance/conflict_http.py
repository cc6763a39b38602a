"""The doors of decisions about rules that cannot both be kept: the API and the page's forms."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from fastapi import Form, Path
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.governance import conflict_operations
from roadworthy.governance.conflict_operations import PERMISSION
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.kinds import NAME_PATTERN
from roadworthy.rules import queries
from roadworthy.rules.document import retention_document

router = Router(tag="rules")
UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]
DecisionId = Annotated[str, Path(max_length=60, pattern=r"^[0-9A-Za-z_-]+$")]
Prevails = Literal["floor", "ceiling"]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ConflictDecision(_Body):
    """Which of two duties prevails, why, and until when that holds."""

    prevails: Prevails
    """`floor`: what has to be kept; `ceiling`: what may be kept at most."""
    justification: Annotated[str, Field(max_length=2000)]
    review_on: date
    """From this day on it no longer counts."""
    days: Annotated[int, Field(ge=1, le=36_500)] | None = None
    """How many days a ceiling in words is taken to be."""
    key: Annotated[str, Field(max_length=64)] = ""
    """`retention.key` of what was looked at: another conflict is refused."""


class ConflictReason(_Body):
    """Why a decision is taken back."""

    reason: Annotated[str, Field(max_length=2000)]


@router.get("/v1/rules-conflicts", permission="governance.read")
def list_conflicts(tx: Tx, call: Call) -> dict[str, Any]:
    """List the use cases with duties that cannot both be kept, and what was decided of them."""
    return {
        "items": [
            {"use_case": one.name, **retention_document(kept.retention, kept.rulings)}
            for one, kept in queries.conflicts(tx, now=call.now)
        ]
    }


@router.post("/v1/use-cases/{name}/conflicts", permission=PERMISSION, status=201)
def decide_conflict(tx: Tx, call: Call, name: UseCaseName, body: ConflictDecision) -> dict[str, Any]:
    """Decide which of two duties about keeping records prevails for a use case."""
    done = conflict_operations.decide_conflict(
        tx,
        use_case=name,
        prevails=body.prevails,
        justification=clean(body.justification),
        review_on=body.review_on,
        days=body.days,
        key=body.key,
        actor=actor_of(call),
        now=call.now,
    )
    return _after(tx, call, name, done.id, done.audit_seq)


@router.post("/v1/use-cases/{name}/conflicts/{decision}/reopen", permission=PERMISSION, status=201)
def reopen_conflict(
    tx: Tx, call: Call, name: UseCaseName, decision: DecisionId, body: ConflictReason
) -> dict[str, Any]:
    """Take a decision back: the conflict stands open again."""
    done = conflict_operations.reopen_conflict(
        tx, use_case=name, decision=decision, reason=clean(body.reason), actor=actor_of(call), now=call.now
    )
    return _after(tx, call, name, done.id, done.audit_seq)


def _after(tx: Tx, call: Call, name: str, recorded: str, seq: int) -> dict[str, Any]:
    kept = queries.kept(tx, queries.case(tx, name, now=call.now))
    return {
        "use_case": name,
        "recorded": recorded,
        "audit_seq": seq,
        "retention": retention_document(kept.retention, kept.rulings),
    }


@router.form("/use-cases/{name}/conflicts", permission=PERMISSION)
def decide_conflict_form(  # noqa: PLR0917  # the form's fields, passed by name
    tx: Tx,
    call: Call,
    name: UseCaseName,
    prevails: Annotated[Prevails, Form()],
    justification: Annotated[str, Form(max_length=2000)],
    review_on: Annotated[str, Form(pattern=r"^\d{4}-\d{2}-\d{2}$")],
    key: Annotated[str, Form(max_length=64)],
    days: Annotated[str, Form(pattern=r"^\d{0,5}$")] = "",
) -> Redirect:
    """Decide which of two duties about keeping records prevails."""
    conflict_operations.decide_conflict(
        tx,
        use_case=name,
        prevails=prevails,
        justification=clean(justification),
        review_on=_day(review_on),
        days=int(days) if days else None,
        key=key,
        actor=actor_of(call),
        now=call.now,
    )
    return Redirect(
        f"/use-cases/{name}/rules", notice="It is decided, in your name, until the day of review."
    )


@router.form("/use-cases/{name}/conflicts/reopen", permission=PERMISSION)
def reopen_conflict_form(
    tx: Tx,
    call: Call,
    name: UseCaseName,
    decision: Annotated[str, Form(max_length=60)],
    reason: Annotated[str, Form(max_length=2000)],
) -> Redirect:
    """Take a decision back."""
    conflict_operations.reopen_conflict(
        tx, use_case=name, decision=clean(decision), reason=clean(reason), actor=actor_of(call), now=call.now
    )
    return Redirect(
        f"/use-cases/{name}/rules", notice="The decision is taken back; the conflict stands open."
    )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidError(f"`{text}` is no date.", fix="Write it as 2027-01-31.") from error
