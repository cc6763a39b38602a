"""Pure: how appeals and held calls stand, and what they say of a filter's mistakes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from roadworthy.appeals.facts import AppealDecided, AppealMade, HeldDecided
from roadworthy.evidence.fact import Recorded
from roadworthy.statistics.wilson import wilson

CONTENT_HASH = "content_hash"
"""The code of the reason under which a call's record says what an approval of it is bound to."""
HELD = "held_for_approval"
BLOCKED = "filter_blocked"
PASSED_OVER = "passed over"
"""What is counted as done where a filter could not read a call and its policy let it go on."""
_PASSES: Mapping[str, Literal["failed", "stopped"]] = {
    "filter_error_allowed": "failed",
    "filter_stopped": "stopped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Appeal:
    """An appeal and what became of it."""

    call: str
    filters: tuple[str, ...]
    use_case: str
    namespace: str
    because: str
    by: str
    at: datetime
    entry: int
    verdict: str = ""
    """`upheld` or `overturned`; nothing while nobody has decided."""
    reason: str = ""
    decided_by: str = ""
    decided_at: datetime | None = None
    decided_entry: int | None = None


def appeals(events: Iterable[Recorded[Any]]) -> dict[str, Appeal]:
    """Return the appeals by call, from what was recorded, oldest first."""
    made: dict[str, Recorded[AppealMade]] = {}
    decided: dict[str, Recorded[AppealDecided]] = {}
    for one in events:
        if isinstance(one.fact, AppealMade):
            made[one.fact.call] = one
        elif isinstance(one.fact, AppealDecided):
            decided[one.fact.call] = one
    return {call: _appeal(one, decided.get(call)) for call, one in made.items()}


def _appeal(made: Recorded[AppealMade], decided: Recorded[AppealDecided] | None) -> Appeal:
    fact = made.fact
    return Appeal(
        call=fact.call,
        filters=fact.filters,
        use_case=fact.use_case,
        namespace=fact.namespace,
        because=fact.because,
        by=made.actor,
        at=made.at,
        entry=made.audit_seq,
        verdict=decided.fact.verdict if decided else "",
        reason=decided.fact.reason if decided else "",
        decided_by=decided.actor if decided else "",
        decided_at=decided.at if decided else None,
        decided_entry=decided.audit_seq if decided else None,
    )


def approved(events: Iterable[Recorded[HeldDecided]], *, now: datetime) -> dict[str, float]:
    """Return the content that may pass although a filter holds it, and until when; the last word counts."""
    last = {one.fact.content_hash: one.fact for one in events}
    return {
        content: fact.until.timestamp()
        for content, fact in last.items()
        if fact.verdict == "approved" and fact.until is not None and fact.until > now
    }


def passes(faults: Iterable[str]) -> list[tuple[str, Literal["failed", "stopped"]]]:
    """Return the filters that a call went on without, and why, from what its record says went wrong."""
    parts = (fault.partition(":") for fault in faults)
    return [(name, _PASSES[code]) for code, _, name in parts if code in _PASSES]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistakes:
    """How often a filter was wrong, as far as appeals say."""

    appealed: int
    open: int
    upheld: int
    overturned: int
    rate: float | None
    """Of the decided appeals, the share that was overturned; None where none was decided."""
    low: float | None
    high: float | None
    """The interval that holds the true share in 95 of 100 cases (Wilson)."""


def mistakes(of: str, found: Sequence[Appeal]) -> Mistakes:
    """Count one filter's appeals."""
    own = [one for one in found if of in one.filters]
    upheld = sum(one.verdict == "upheld" for one in own)
    overturned = sum(one.verdict == "overturned" for one in own)
    low, high = wilson(overturned, upheld + overturned)
    decided = upheld + overturned
    return Mistakes(
        appealed=len(own),
        open=len(own) - decided,
        upheld=upheld,
        overturned=overturned,
        rate=overturned / decided if decided else None,
        low=low,
        high=high,
    )
