"""The API of gates and exceptions."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from roadworthy.evidence.fact import Fact, Recorded
from roadworthy.foundation.errors import ForbiddenError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.governance import exception_operations, gate_queries, queries
from roadworthy.governance.gate_document import (
    exemption_document,
    exemptions_document,
    gate_document,
    verdict_document,
)
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.kinds import NAME_PATTERN

router = Router(tag="gates")

UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]
ExceptionId = Annotated[str, Path(max_length=60, pattern=r"^[0-9A-Za-z_-]+$")]
AsOf = Annotated[AwareDatetime | None, Query()]
GateName = Annotated[str, Query(max_length=63, pattern=r"^[a-z0-9-]*$")]
State = Annotated[str, Query(pattern="^(|requested|in force|expired|revoked|declined)$")]
OfUseCase = Annotated[str, Query(max_length=63, pattern=r"^[a-z0-9-]*$")]
Line = Annotated[str, Field(min_length=1, max_length=300)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ExceptionAsk(_Body):
    """What is to be waived, why, who answers for it meanwhile, until when."""

    control: Annotated[str, Field(min_length=1, max_length=100)]
    """A control, or what the checklist says an item can be excepted as."""
    justification: Annotated[str, Field(max_length=2000)]
    owner: Annotated[str, Field(min_length=1, max_length=80)]
    compensating_controls: Annotated[tuple[Line, ...], Field(max_length=20)] = ()
    expires_at: AwareDatetime


class ExceptionGrant(_Body):
    """A yes, for as long as was asked or shorter."""

    expires_at: AwareDatetime | None = None


class ExceptionReason(_Body):
    """Why an exception is declined or revoked."""

    reason: Annotated[str, Field(max_length=2000)] = ""


@router.get("/v1/gates", permission="governance.read")
def list_gates(tx: Tx, call: Call, as_of: AsOf = None) -> dict[str, Any]:
    """List the gates in force: shipped, and declared by units."""
    found = gate_queries.gates(tx, as_of=as_of)
    return {"items": [gate_document(one) for one in found], "as_of": (as_of or call.now).isoformat()}


@router.get("/v1/use-cases/{name}/gates", permission="governance.read")
def check_gate(
    tx: Tx, call: Call, name: UseCaseName, gate: GateName = "", as_of: AsOf = None
) -> dict[str, Any]:
    """Say how a use case stands before a stage (its own by default) or one gate, now or as of a moment."""
    standing, asked = gate_queries.before_gate(tx, use_case=name, gate=gate, now=call.now, as_of=as_of)
    return verdict_document(standing, gate=asked, as_of=as_of or call.now)


@router.get("/v1/exceptions", permission="governance.read")
def list_exceptions(
    tx: Tx, call: Call, use_case: OfUseCase = "", state: State = "", as_of: AsOf = None
) -> dict[str, Any]:
    """List exceptions with their counts and trend: of one use case, or of all."""
    at = as_of or call.now
    found = gate_queries.exemptions(tx, use_case=use_case, state=state, now=call.now, as_of=as_of)
    return {**exemptions_document(found, now=at), "as_of": at.isoformat()}


@router.post("/v1/use-cases/{name}/exceptions", permission="exception.request", status=201)
def request_exception(tx: Tx, call: Call, name: UseCaseName, body: ExceptionAsk) -> dict[str, Any]:
    """Ask for an exception."""
    may_ask(tx, call, name)
    done = exception_operations.request_exception(
        tx,
        use_case=name,
        control=clean(body.control),
        justification=clean(body.justification),
        owner=clean(body.owner),
        compensating_controls=[clean(one) for one in body.compensating_controls],
        expires_at=body.expires_at,
        actor=actor_of(call),
        now=call.now,
    )
    return _after(tx, call, name, done)


@router.post("/v1/use-cases/{name}/exceptions/{exception}/grant", permission="approval.give", status=201)
def grant_exception(
    tx: Tx, call: Call, name: UseCaseName, exception: ExceptionId, body: ExceptionGrant
) -> dict[str, Any]:
    """Grant what was asked for; who asked, answers for it or wrote the declaration cannot."""
    done = exception_operations.grant_exception(
        tx,
        use_case=name,
        request=exception,
        expires_at=body.expires_at,
        actor=actor_of(call),
        now=call.now,
    )
    return _after(tx, call, name, done)


@router.post("/v1/use-cases/{name}/exceptions/{exception}/decline", permission="approval.give", status=201)
def decline_exception(
    tx: Tx, call: Call, name: UseCaseName, exception: ExceptionId, body: ExceptionReason
) -> dict[str, Any]:
    """Decline what was asked for."""
    done = exception_operations.decline_exception(
        tx, use_case=name, request=exception, reason=clean(body.reason), actor=actor_of(call), now=call.now
    )
    return _after(tx, call, name, done)


@router.post("/v1/use-cases/{name}/exceptions/{exception}/revoke", permission="governance.read", status=201)
def revoke_exception(
    tx: Tx, call: Call, name: UseCaseName, exception: ExceptionId, body: ExceptionReason
) -> dict[str, Any]:
    """End an exception before its date; from the next call on it waives nothing."""
    done = exception_operations.revoke_exception(
        tx, use_case=name, exception=exception, reason=clean(body.reason), actor=actor_of(call), now=call.now
    )
    return _after(tx, call, name, done)


def may_ask(tx: Tx, call: Call, use_case: str) -> None:
    """Let through who may ask for exceptions in the use case's unit."""
    namespace = queries.standing(tx, use_case=use_case, now=call.now).namespace
    if not call.who.may("exception.request", namespace=namespace):
        raise ForbiddenError(
            f"{call.who.principal} may not ask for exceptions of use-case/{use_case}.",
            why=f"It needs the permission `exception.request` in unit/{namespace}.",
            fix="Ask a contributor of that unit.",
        )


def _after(tx: Tx, call: Call, use_case: str, done: Recorded[Any]) -> dict[str, Any]:
    """Return the exception as it stands after what was recorded."""
    fact: Fact = done.fact
    said = {"recorded": done.id, "type": fact.type, "audit_seq": done.audit_seq, "actor": done.actor}
    ids = {done.id, getattr(fact, "request", ""), getattr(fact, "exception", "")} - {""}
    for one in gate_queries.exemptions(tx, use_case=use_case, now=call.now):
        if ids & {one.id, one.request}:
            return {**exemption_document(one, now=call.now), **said}
    raise AssertionError("what was just recorded is there")
