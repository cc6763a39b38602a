"""Changes: reminders, escalations, verdicts without a person and first calls are recorded, each once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from roadworthy.evidence import operations as evidence
from roadworthy.evidence import queries as evidence_queries
from roadworthy.evidence.fact import Fact
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries, reminders
from roadworthy.governance.estate import Estate
from roadworthy.governance.facts import ApprovedItself, FirstCall
from roadworthy.governance.reminders import Waiting
from roadworthy.governance.standing import Standing
from roadworthy.identity.rights import start_of
from roadworthy.registry.actor import system
from roadworthy.usage import queries as usage

ACTOR = system("governance")


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at use cases found."""

    due: tuple[tuple[str, Fact], ...]
    """What is to be recorded by now, each with its subject; nothing that was recorded before."""
    again: Mapping[str, datetime]
    """Use case -> when the clock alone next brings something about, as far as that is known."""


def look(tx: Tx, names: Collection[str] | None = None, *, now: datetime) -> Looked:
    """Look at use cases, or at all: what is due, and when to look at each again though nothing changed."""
    if names is None:
        names = queries.names(tx)
    known = queries.estate_of(tx, names)
    stand = queries.standings_among(tx, names, now=now)
    refs = [one.ref for one in stand.values()]
    waits = queries.waits_of(tx, known, stand.values(), refs=refs, now=now)
    found = (
        *_reminders(known, stand, waits, now),
        *_verdicts(tx, stand, refs),
        *_first_calls(tx, stand, refs),
    )
    return Looked(found, {name: _again(one, waits[name], now) for name, one in stand.items()})


def due(tx: Tx, *, now: datetime) -> list[tuple[str, Fact]]:
    """Return what is to be recorded by now, each with its subject; nothing that was recorded before."""
    return list(look(tx, now=now).due)


def record_due(tx: Tx, names: Collection[str] | None = None, *, now: datetime) -> int:
    """Record what is due of some use cases or of all, as this transaction sees it; return how much it was."""
    found = look(tx, names, now=now).due
    for subject, fact in found:
        evidence.record(tx, fact, subject=subject, actor=ACTOR, at=now)
    return len(found)


def _again(one: Standing, waits: Iterable[Waiting], now: datetime) -> datetime:
    """Return when something ends or is due next; by the next midnight at the latest, when days begin."""
    ends = [start_of(now.date() + timedelta(days=1))]
    ends += [held.expires_at for held in one.said.approvals]
    ends += [held.expires_at for held in one.exemptions]
    if one.grant is not None:
        ends += [one.grant.not_before, one.grant.expires_at]
    for wait in waits:
        ends += [end for end in (wait.due_at, wait.escalate_at) if end is not None]
        if wait.due_at is not None:
            ends.append(wait.due_at + wait.reminded * timedelta(days=one.asked.remind_every_days))
    return min(end for end in ends if end > now)


def _reminders(
    known: Estate, stand: Mapping[str, Standing], waits: Mapping[str, tuple[Waiting, ...]], now: datetime
) -> Iterator[tuple[str, Fact]]:
    for name, one in stand.items():
        if not waits[name]:
            continue
        above = known.holders(one.asked.escalate_to, one.namespace, now=now)
        for wait in waits[name]:
            for fact in reminders.due(wait, asked=one.asked, above=above, now=now):
                yield one.ref, fact


def _verdicts(tx: Tx, stand: Mapping[str, Standing], refs: Collection[str]) -> Iterator[tuple[str, Fact]]:
    """Yield once for each content what approved itself; the grant does not wait for it."""
    known = {
        (one.fact.use_case, one.fact.digest)
        for one in evidence_queries.of_types(tx, (ApprovedItself,), subjects=refs)
    }
    for one in stand.values():
        if one.grant is not None and not one.needs and (one.use_case, one.digest) not in known:
            fact = ApprovedItself(
                use_case=one.use_case,
                digest=one.digest,
                generation=one.generation,
                tier=one.tier.tier,
                rules=one.rules,
            )
            yield one.ref, fact


def _first_calls(tx: Tx, stand: Mapping[str, Standing], refs: Collection[str]) -> Iterator[tuple[str, Fact]]:
    """Yield each use case's first governed call, since the records of calls are not kept for ever."""
    known = {one.fact.use_case for one in evidence_queries.of_types(tx, (FirstCall,), subjects=refs)}
    for name, at in sorted(usage.first_allowed(tx, sorted(stand.keys() - known)).items()):
        yield f"use-case/{name}", FirstCall(use_case=name, called_at=at)
