"""Pure: gate verdicts, gates and exceptions in JSON, in the same words at every door."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from roadworthy.governance.checklist import Standard
from roadworthy.governance.exceptions import STATES, Exemption, trend
from roadworthy.governance.gate import GateVerdict, ItemVerdict
from roadworthy.governance.standing import Standing

SCHEMA_VERSION = 1


def verdict_document(standing: Standing, *, gate: str, as_of: datetime) -> dict[str, Any]:
    """Return how a use case stands before a gate: the whole, then each item."""
    verdict = standing.gate
    return {
        "schema_version": SCHEMA_VERSION,
        "use_case": standing.use_case,
        "ref": standing.ref,
        "title": standing.title,
        "gate": gate,
        "stage": standing.stage,
        "tier": standing.tier.tier,
        "generation": standing.generation,
        "declared_at": standing.declared_at,
        "rules": standing.rules,
        "as_of": as_of.isoformat(),
        "verdict": verdict.word,
        "said": verdict.said,
        "passed": verdict.passed,
        "holds_until": _iso(verdict.holds_until),
        "counts": counts(verdict),
        "items": [item_document(one) for one in verdict.items],
    }


def counts(verdict: GateVerdict) -> dict[str, int]:
    """Count the required items by word."""
    found: dict[str, int] = {}
    for one in verdict.items:
        if one.check.required:
            found[one.word] = found.get(one.word, 0) + 1
    return found


def item_document(one: ItemVerdict) -> dict[str, Any]:
    """Return how one item came out."""
    return {
        "id": one.check.id,
        "gate": one.check.gate,
        "check": one.check.kind,
        "subject": one.check.subject,
        "what": one.check.what,
        "required": one.check.required,
        "verdict": one.word,
        "said": one.said,
        "because": one.because,
        "evidence": list(one.evidence),
        "who": list(one.who),
        "at": _iso(one.at),
        "until": _iso(one.until),
        "next_step": one.next_step,
        "exception": one.exception or None,
        "beneath": one.beneath,
        "can_be_excepted_as": one.check.exception or None,
    }


def gate_document(one: Standard) -> dict[str, Any]:
    """Return a gate as it is in force."""
    spec = one.gate.model_dump(mode="json")
    return {"name": one.name, "shipped": not one.namespace, "unit": one.namespace or None, **spec}


def exemption_document(one: Exemption, *, now: datetime) -> dict[str, Any]:
    """Return an exception with who did what when."""
    return {
        "id": one.id,
        "request": one.request,
        "use_case": one.use_case,
        "control": one.control,
        "state": one.state(now),
        "justification": one.justification,
        "owner": one.owner,
        "compensating_controls": list(one.compensating_controls),
        "expires_at": one.expires_at.isoformat(),
        "requested_by": one.requested_by or None,
        "requested_at": _iso(one.requested_at),
        "granted_by": one.granted_by or None,
        "granted_at": _iso(one.granted_at),
        "ended_by": one.ended_by or None,
        "ended_at": _iso(one.ended_at),
        "ended_because": one.ended_because or None,
    }


def exemptions_document(found: Iterable[Exemption], *, now: datetime) -> dict[str, Any]:
    """Return exceptions, how many there are of each state, and their trend."""
    known = tuple(found)
    return {
        "items": [exemption_document(one, now=now) for one in known],
        "counts": {state: sum(one.state(now) == state for one in known) for state in STATES},
        "trend": [
            {
                "month": one.month,
                "requested": one.requested,
                "granted": one.granted,
                "ended": one.ended,
                "in_force": one.in_force,
            }
            for one in trend(known, now=now)
        ],
    }


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
