"""Questions about appeals, held calls, and what filters found."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from roadworthy.appeals import appeal, store
from roadworthy.appeals.appeal import CONTENT_HASH, HELD, Appeal
from roadworthy.appeals.facts import AppealDecided, AppealMade, HeldDecided
from roadworthy.evidence import queries as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.usage import queries as usage
from roadworthy.usage.queries import Trace, TraceFilter

WINDOW = timedelta(days=30)


def subject_of(call: str) -> str:
    """Return what evidence about a call is filed under."""
    return f"call/{call}"


def appeals(tx: Tx, *, use_cases: Collection[str] | None = None) -> list[Appeal]:
    """Return all appeals, newest first: of these use cases only, unless that is None."""
    found = appeal.appeals(evidence.of_types(tx, (AppealMade, AppealDecided)))
    return [one for one in reversed(found.values()) if use_cases is None or one.use_case in use_cases]


def find(tx: Tx, call: str) -> Appeal | None:
    """Return the appeal of a call."""
    events = evidence.of_types(tx, (AppealMade, AppealDecided), subjects=[subject_of(call)])
    return appeal.appeals(events).get(call)


def get(tx: Tx, call: str) -> Appeal:
    """Return the appeal of a call, or say that there is none."""
    found = find(tx, call)
    if found is None:
        raise NotFoundError(
            f"Call {call[:80]} was not appealed.", fix="List appeals with `roadworthy appeal list`."
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A call that waits for a person, and what was decided."""

    call: str
    at: datetime
    principal: str
    use_case: str
    namespace: str
    filters: tuple[str, ...]
    content_hash: str
    decided: Recorded[HeldDecided] | None


def content_hash_of(trace: Trace) -> str:
    """Return what an approval of a held call is bound to; nothing where it was not held."""
    for reason in trace.reasons:
        if reason.get("code") == CONTENT_HASH:
            return str(reason.get("message", ""))
    return ""


def filters_of(trace: Trace, *actions: str) -> tuple[str, ...]:
    """Return the filters whose findings made a call end so."""
    return tuple(
        sorted({str(one["filter"]) for one in trace.findings if not actions or one.get("action") in actions})
    )


def held_call(tx: Tx, call: str, *, use_cases: Collection[str] | None = None) -> Held:
    """Return one held call."""
    trace = usage.trace(tx, call, use_cases=use_cases)
    found = content_hash_of(trace)
    if not found:
        raise NotFoundError(
            f"Call {call[:80]} was not held for approval.", fix="List them with `roadworthy hold list`."
        )
    return _held(trace, found, _decision(tx, call))


def held_calls(tx: Tx, *, use_cases: Collection[str] | None = None, limit: int = 100) -> list[Held]:
    """Return the newest held calls."""
    page = usage.traces(tx, TraceFilter(reason_code=HELD), limit=limit, use_cases=use_cases)
    found = [usage.trace(tx, line.id, use_cases=use_cases) for line in page.lines]
    # A record from before approvals were bound to what slow filters hold cannot be approved.
    bound = [(one, content_hash_of(one)) for one in found]
    return [_held(one, content, _decision(tx, one.id)) for one, content in bound if content]


def _decision(tx: Tx, call: str) -> Recorded[HeldDecided] | None:
    found = evidence.of(tx, HeldDecided, subject_of(call))
    return found[-1] if found else None


def _held(trace: Trace, content_hash: str, decided: Recorded[HeldDecided] | None) -> Held:
    return Held(
        call=trace.id,
        at=trace.at,
        principal=trace.principal,
        use_case=trace.use_case,
        namespace=trace.namespace,
        filters=filters_of(trace, "hold"),
        content_hash=content_hash,
        decided=decided,
    )


def approved_content(tx: Tx, *, now: datetime) -> dict[str, float]:
    """Return the content that people let pass: what gateways are told."""
    return appeal.approved(evidence.of(tx, HeldDecided), now=now)


def findings(tx: Tx, *, now: datetime) -> list[dict[str, Any]]:
    """Return what filters found in the last 30 days, by filter, sort, side and action."""
    rows = store.totals(tx, since=(now - WINDOW).date())
    return [
        {
            "filter": row[0],
            "kind": row[1],
            "side": row[2],
            "action": row[3],
            "calls": int(row[4]),
            "findings": int(row[5]),
        }
        for row in rows
    ]
