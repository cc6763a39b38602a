"""Changes: reminders, escalations, verdicts without a person and first calls are recorded, each once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from roadworthy.evidence import operations as evidence
from roadworthy.evidence import queries as evidence_queries
from roadworthy.evidence.fact import Fact
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries, reminders
from roadworthy.governance.facts import ApprovedItself, FirstCall
from roadworthy.registry.actor import system
from roadworthy.usage import queries as usage

ACTOR = system("governance")


def due(tx: Tx, *, now: datetime) -> list[tuple[str, Fact]]:
    """Return what is to be recorded by now, each with its subject; nothing that was recorded before."""
    return [*_reminders(tx, now), *_verdicts(tx, now), *_first_calls(tx)]


def record_due(tx: Tx, *, now: datetime) -> int:
    """Record what is due, as this transaction sees it; return how much it was."""
    found = due(tx, now=now)
    for subject, fact in found:
        evidence.record(tx, fact, subject=subject, actor=ACTOR, at=now)
    return len(found)


def _reminders(tx: Tx, now: datetime) -> Iterator[tuple[str, Fact]]:
    known, waits = queries.estate(tx), queries.waiting(tx, now=now)
    for one in queries.standings(tx, now=now):
        above = known.holders(one.asked.escalate_to, one.namespace, now=now)
        for wait in waits[one.use_case]:
            for fact in reminders.due(wait, asked=one.asked, above=above, now=now):
                yield one.ref, fact


def _verdicts(tx: Tx, now: datetime) -> Iterator[tuple[str, Fact]]:
    """Yield once for each content what approved itself; the grant does not wait for it."""
    known = {(one.fact.use_case, one.fact.digest) for one in evidence_queries.of(tx, ApprovedItself)}
    for one in queries.standings(tx, now=now):
        if one.grant is not None and not one.needs and (one.use_case, one.digest) not in known:
            fact = ApprovedItself(
                use_case=one.use_case,
                digest=one.digest,
                generation=one.generation,
                tier=one.tier.tier,
                rules=one.rules,
            )
            yield one.ref, fact


def _first_calls(tx: Tx) -> Iterator[tuple[str, Fact]]:
    """Yield each use case's first governed call, since the records of calls are not kept for ever."""
    known = {one.fact.use_case for one in evidence_queries.of(tx, FirstCall)}
    declared = queries.estate(tx).use_cases
    for name, at in sorted(usage.first_allowed(tx).items()):
        if name in declared and name not in known:
            yield f"use-case/{name}", FirstCall(use_case=name, called_at=at)
