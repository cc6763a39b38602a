"""The API of governance: where a use case stands, and what people said about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from roadworthy.evidence.fact import Fact, Recorded
from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import SIGNED_IN, Router
from roadworthy.governance import operations, queries
from roadworthy.governance.standing_document import standing_document, tier_document
from roadworthy.registry.door import actor_of
from roadworthy.registry.kinds import NAME_PATTERN
from roadworthy.rules.decide import decide
from roadworthy.rules.queries import rulebook
from roadworthy.rules.stated import known_facts
from roadworthy.rules.tier import verdict
from roadworthy.use_cases.kinds import FactValue

router = Router(tag="governance")

UseCaseName = Annotated[str, Path(pattern=NAME_PATTERN)]
Comment = Annotated[str, Field(max_length=2000)]
Digest = Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")]
AsOf = Annotated[AwareDatetime | None, Query()]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ApprovalRequest(_Body):
    """A decision about a use case as it stands."""

    decision: Annotated[str, Field(pattern="^(approve|refuse|dissent)$")] = "approve"
    role: Annotated[str, Field(max_length=60)] = ""
    """Needed only by somebody who holds several of the roles asked for."""
    comment: Comment = ""
    expires_at: AwareDatetime | None = None
    """Not later than the role's approvals last; that long by default."""
    digest: Digest = ""
    """Of the content that was looked at; refused if it is no longer what stands."""


class WithdrawRequest(_Body):
    """An approval or a refusal that is taken back."""

    approval: Annotated[str, Field(max_length=60)] = ""
    """Its id; by default one's own that stands."""
    reason: Comment = ""


class FactsRequest(_Body):
    """Intake answers to try the rules on."""

    facts: dict[Annotated[str, Field(max_length=63)], FactValue] = Field(default_factory=dict, max_length=200)
    autonomy: Annotated[str, Field(pattern="^(assist|supervise|automate)$")] = "assist"


def _recorded(recorded: Recorded[Any]) -> dict[str, Any]:
    fact: Fact = recorded.fact
    return {
        "id": recorded.id,
        "type": fact.type,
        "subject": recorded.subject,
        "actor": recorded.actor,
        "at": recorded.at.isoformat(),
        "audit_seq": recorded.audit_seq,
        **fact.model_dump(mode="json"),
    }


@router.get("/v1/use-cases/{name}/standing", permission="governance.read")
def explain(tx: Tx, call: Call, name: UseCaseName, as_of: AsOf = None) -> dict[str, Any]:
    """Explain what is between a use case and its first call, now or as of a moment."""
    standing = queries.standing(tx, use_case=name, now=call.now, as_of=as_of)
    return {**standing_document(standing), "as_of": (as_of or call.now).isoformat()}


@router.get("/v1/standings", permission="governance.read")
def list_standings(tx: Tx, call: Call, as_of: AsOf = None) -> dict[str, Any]:
    """Say of every use case where it stands."""
    found = queries.standings(tx, now=call.now, as_of=as_of)
    return {"items": [standing_document(one) for one in found], "as_of": (as_of or call.now).isoformat()}


@router.post("/v1/use-cases/{name}/approvals", permission="approval.give", status=201)
def decide_approval(tx: Tx, call: Call, name: UseCaseName, body: ApprovalRequest) -> dict[str, Any]:
    """Approve or refuse a use case in one's role, or dissent from it."""
    actor, given = actor_of(call), {"use_case": name, "role": body.role, "comment": body.comment}
    if body.decision != "approve":
        say = operations.refuse_approval if body.decision == "refuse" else operations.dissent
        return _recorded(say(tx, **given, digest=body.digest, actor=actor, now=call.now))
    approved = operations.give_approval(
        tx, **given, digest=body.digest, expires_at=_utc(body.expires_at), actor=actor, now=call.now
    )
    return _recorded(approved)


@router.post("/v1/use-cases/{name}/approvals/withdraw", permission="approval.give", status=201)
def withdraw_approval(tx: Tx, call: Call, name: UseCaseName, body: WithdrawRequest) -> dict[str, Any]:
    """Take an approval or a refusal back."""
    done = operations.withdraw_approval(
        tx, use_case=name, approval=body.approval, reason=body.reason, actor=actor_of(call), now=call.now
    )
    return _recorded(done)


@router.get("/v1/needs-you", permission=SIGNED_IN)
def needs_you(tx: Tx, call: Call) -> dict[str, Any]:
    """List what waits for the caller."""
    tasks = queries.needs_you(tx, principal=call.who.principal, now=call.now)
    return {
        "items": [
            {
                "kind": task.kind,
                "use_case": task.use_case,
                "what": task.what,
                "why": task.why,
                "href": task.href,
                "command": task.command,
                "due_at": task.due_at.isoformat() if task.due_at else None,
            }
            for task in tasks
        ]
    }


@router.post("/v1/rules/decide", permission="governance.read", access="none")
def try_rules(call: Call, body: FactsRequest) -> dict[str, Any]:
    """Say which tier these answers would lead to; nothing is saved."""
    book = rulebook()
    facts = known_facts(body.facts, autonomy=body.autonomy, vocabulary=book.vocabulary)
    tier = verdict(decide(facts, rulebook=book, as_of=call.now.date()))
    return {**tier_document(tier), "rules": book.version}


def _utc(value: datetime | None) -> datetime | None:
    try:
        return None if value is None else value.astimezone(UTC)
    except OverflowError as error:
        raise InvalidError("The approval's end is no date.", fix="Choose a day within a year.") from error
