"""Changes: an appeal is made and decided, a held call is decided, findings are counted."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from roadworthy.appeals import queries, store
from roadworthy.appeals.appeal import PASSED_OVER, passes
from roadworthy.appeals.facts import AppealDecided, AppealMade, FilterPassedOver, HeldDecided
from roadworthy.evidence import operations as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import ConflictError, ForbiddenError, InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry.actor import Actor, system
from roadworthy.usage import queries as usage
from roadworthy.usage.record import CallRecord

HOURS_MAX = 24 * 30


class NotBlockedError(ConflictError):
    """Only what a filter blocked can be appealed."""

    code = "not-blocked"


class AppealDecidedError(ConflictError):
    """An appeal is decided once."""

    code = "appeal-decided"


class OwnAppealError(ForbiddenError):
    """Nobody decides about their own call."""

    code = "own-appeal"


def make(
    tx: Tx, *, call: str, because: str, actor: Actor, now: datetime, use_cases: Collection[str] | None = None
) -> Recorded[AppealMade]:
    """Say that a filter was wrong about a call."""
    trace = usage.trace(tx, call, use_cases=use_cases)
    filters = queries.filters_of(trace, "block", "hold")
    if not filters:
        raise NotBlockedError(
            f"Call {trace.id} was not blocked by a filter.",
            why="Only what a filter blocked or held can be appealed.",
            fix="Look at the call's reasons: `roadworthy trace " + trace.id + "`.",
        )
    if not because.strip():
        raise InvalidError(
            "An appeal says why.", why="Who decides has to know.", fix="Say in a sentence what the text was."
        )
    known = queries.find(tx, call)
    if known is not None:
        raise ConflictError(
            f"Call {call} was appealed already, by {known.by}.",
            why="One call is appealed once.",
            fix="Wait for the decision." if not known.verdict else f"It was {known.verdict}: {known.reason}",
        )
    fact = AppealMade(
        call=trace.id,
        filters=filters,
        use_case=trace.use_case,
        namespace=trace.namespace,
        because=because.strip(),
    )
    return evidence.record(tx, fact, subject=queries.subject_of(call), actor=actor, at=now)


def decide(
    tx: Tx, *, call: str, verdict: Literal["upheld", "overturned"], reason: str, actor: Actor, now: datetime
) -> Recorded[AppealDecided]:
    """Uphold what the filter did, or overturn it; either moves what is known of the filter's mistakes."""
    appeal = queries.get(tx, call)
    if appeal.verdict:
        raise AppealDecidedError(
            f"The appeal of call {call} is decided: {appeal.verdict} by {appeal.decided_by}.",
            why="An appeal is decided once.",
            fix="If the filter is wrong in general, change its declaration.",
        )
    _require_other(appeal.by, actor)
    _require_reason(reason)
    fact = AppealDecided(call=call, filters=appeal.filters, verdict=verdict, reason=reason.strip())
    return evidence.record(tx, fact, subject=queries.subject_of(call), actor=actor, at=now)


def decide_held(
    tx: Tx,
    *,
    call: str,
    verdict: Literal["approved", "refused"],
    reason: str,
    hours: int = 24,
    actor: Actor,
    now: datetime,
) -> Recorded[HeldDecided]:
    """Let a held call pass for some hours, or refuse it; gateways know with the next call."""
    held = queries.held_call(tx, call)
    _require_other(held.principal, actor)
    _require_reason(reason)
    if not 1 <= hours <= HOURS_MAX:
        raise InvalidError(
            f"An approval holds for 1 to {HOURS_MAX} hours.", fix="Choose how long the same call may pass."
        )
    fact = HeldDecided(
        call=call,
        filters=held.filters,
        use_case=held.use_case,
        namespace=held.namespace,
        content_hash=held.content_hash,
        verdict=verdict,
        reason=reason.strip(),
        until=now + timedelta(hours=hours) if verdict == "approved" else None,
    )
    return evidence.record(tx, fact, subject=queries.subject_of(call), actor=actor, at=now, enforcement=True)


def _require_other(first: str, actor: Actor) -> None:
    if first == actor.principal:
        raise OwnAppealError(
            f"{actor.principal} cannot decide about their own call.",
            why="Two people look at what passes a filter.",
            fix="Ask another reviewer.",
        )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InvalidError("A decision says why.", fix="Give a reason, in a sentence.")


def count_findings(tx: Tx, records: Sequence[CallRecord]) -> None:
    """Count what filters found: in the transaction that stores the records, so once."""
    found: dict[tuple[date, str, str, str, str], list[int]] = {}
    for record in records:
        day = datetime.fromtimestamp(min(max(record.at, 0), 253_402_300_799_000) / 1000, UTC).date()
        for one in record.findings:
            held = found.setdefault((day, one.filter, one.kind, one.side, one.action), [0, 0])
            held[0] += 1
            held[1] += one.count
        for name, because in passes(record.faults):
            found.setdefault((day, name, because, "", PASSED_OVER), [0, 0])[0] += 1
    store.add(
        tx,
        (
            {
                "day": day,
                "filter": name,
                "kind": kind,
                "side": side,
                "action": action,
                "calls": calls,
                "findings": findings,
            }
            for (day, name, kind, side, action), (calls, findings) in sorted(found.items())
        ),
    )


def note_passes(tx: Tx, records: Sequence[CallRecord], *, now: datetime) -> None:
    """Enter into the log which filters calls went on without: one entry for a filter, use case and batch."""
    found: dict[tuple[str, Literal["failed", "stopped"], str], list[CallRecord]] = {}
    for record in records:
        for name, because in passes(record.faults):
            found.setdefault((name, because, record.use_case), []).append(record)
    for (name, because, use_case), calls in sorted(found.items()):
        fact = FilterPassedOver(
            filter=name,
            because=because,
            use_case=use_case,
            namespace=calls[0].namespace,
            calls=len(calls),
            first_call=calls[0].id,
        )
        evidence.record(tx, fact, subject=f"filter/{name}", actor=system("gateway"), at=now)
