"""A past call made ready to run again: what was said, what would be in force, and what stands against it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from roadworthy.foundation.errors import BlockedError, InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.gateway import declared
from roadworthy.gateway.comparison import Outcome, findings_in_words
from roadworthy.gateway.compile import snapshot_of
from roadworthy.gateway.rerun import CANDIDATE_KINDS, with_candidate
from roadworthy.gateway.snapshot import Index, Snapshot
from roadworthy.registry.resource import Resource
from roadworthy.usage import queries as usage
from roadworthy.usage.queries import Said, Trace
from roadworthy.usage.record import FindingRecord

LATENCY_OF = timedelta(hours=1)


class NotReplayableError(BlockedError):
    """What is needed to run the call again is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Declarations that stand in for those in force."""

    refs: tuple[str, ...]
    part: Snapshot


def require_kept(found: Trace) -> None:
    """Refuse a call of which not all is kept that was said in it."""
    what = f"Call `{found.id}` cannot be run again."
    if found.text_gone:
        raise NotReplayableError(
            what,
            why="What was said in it has been erased, or its retention has ended.",
            fix="Replay a newer call of the same use case: `roadworthy traces --use-case NAME`.",
        )
    if not found.text_kept:
        raise NotReplayableError(
            what,
            why="It was logged as metadata only: what was said in it was never kept.",
            fix="Declare `logging: full` on the use case; calls from then on can be replayed.",
        )
    if "embedding" in found.dialect or "count" in found.dialect:
        raise NotReplayableError(
            what,
            why="It asked for vectors or a count of tokens, not for an answer.",
            fix="Replay a call that was answered in words.",
        )


def require_whole(said: Said) -> None:
    """Refuse a call whose text was cut: half a question has another answer."""
    if said.cut and len(said.prompt.encode()) >= 16 * 1024 - 4:
        raise NotReplayableError(
            f"Call `{said.call_id}` cannot be run again.",
            why="Its prompt was longer than the 16 KiB that are kept of one.",
            fix="Replay a shorter call of the same use case.",
        )
    if not said.prompt:
        raise NotReplayableError(
            f"Call `{said.call_id}` cannot be run again.",
            why="It held no words.",
            fix="Replay another call of the same use case.",
        )


def candidate_of(resources: Collection[Resource[Any]], *, now: datetime) -> Candidate:
    """Return what a candidate configuration puts in the place of what is in force."""
    wrong = sorted({one.kind for one in resources} - set(CANDIDATE_KINDS))
    if wrong:
        raise InvalidError(
            f"A candidate cannot hold {', '.join(wrong)}.",
            why="It may change how a call is served, never who may call, what it may cost, or where "
            "providers are.",
            fix=f"Leave {', '.join(CANDIDATE_KINDS)} in it, and apply the rest first.",
        )
    by_kind: Mapping[str, dict[str, Any]] = {
        kind: {one.name: one.spec for one in resources if one.kind == kind} for kind in CANDIDATE_KINDS
    }
    part = snapshot_of(
        revision=0,
        keys=(),
        principals=(),
        standings=(),
        now=now,
        **declared.parts(lambda kind: by_kind.get(kind.name, {})),
    )
    return Candidate(refs=tuple(sorted(f"{one.kind}/{one.name}" for one in resources)), part=part)


def laid_over(index: Index, candidate: Candidate | None) -> Index:
    """Return what would be in force."""
    return index if candidate is None else with_candidate(index, candidate.part)


def latency_ms(tx: Tx, *, now: datetime) -> dict[str, float]:
    """Return how fast models were of late."""
    found = usage.totals_by(tx, "model", since=now - LATENCY_OF, until=now)
    return {
        name: one.latency_ms_p50 for name, one in found.items() if one.latency_ms_p50 is not None and name
    }


def outcome_then(found: Trace, said: Said) -> Outcome:
    """Return what became of the call."""
    first: Mapping[str, Any] = found.reasons[0] if found.reasons else {}
    return Outcome(
        decision=found.decision,
        reason=found.reason_code,
        refusal=first.get("message", ""),
        next_step=first.get("next_step", ""),
        filters=findings_in_words(FindingRecord(**one) for one in found.findings),
        route=found.route,
        model=found.model,
        provider=found.provider,
        why=found.why,
        status=found.status,
        error=found.error,
        input_tokens=found.input_tokens,
        output_tokens=found.output_tokens,
        cost_nano=found.cost_nano,
        currency=found.currency,
        latency_ms=found.latency_ms,
        response=said.response,
    )
