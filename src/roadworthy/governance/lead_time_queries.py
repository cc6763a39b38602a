"""Questions about how long use cases take from the idea to the first call, and whom they wait for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from roadworthy.evidence import queries as evidence
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import lead_time, queries
from roadworthy.governance.estate import Declared, Estate
from roadworthy.governance.facts import FirstCall
from roadworthy.governance.lead_time import LeadTime, segments, waits_for
from roadworthy.governance.requirements import requirements
from roadworthy.governance.standing import Standing, assess
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import Catalogue
from roadworthy.registry.queries import Version
from roadworthy.registry.resource import load
from roadworthy.rules.queries import rulebook
from roadworthy.usage import queries as usage
from roadworthy.use_cases.kinds import USE_CASE

_CATALOGUE = Catalogue((USE_CASE,))
MOMENTS_MAX = 60
"""Moments looked at for one use case; of more, the first and the last are."""


def promised() -> dict[str, timedelta]:
    """Return what the safe path promises for each tier that may call."""
    tiers = requirements().tiers
    return {
        tier: timedelta(days=needs.first_call_in_days)
        for tier, needs in tiers.items()
        if tier != "prohibited"
    }


def lead_times(tx: Tx, *, now: datetime, use_case: str = "") -> tuple[LeadTime, ...]:
    """Return the lead time of every use case, or of one; those that are stopped or prohibited have none."""
    known, promise, first = queries.estate(tx), promised(), _first_calls(tx)
    found = []
    for standing in queries.standings(tx, now=now):
        name = standing.use_case
        if (use_case and name != use_case) or standing.state in {"stopped", "prohibited"}:
            continue
        versions = [one for one in registry.versions(tx, USE_CASE, name=name) if one.document is not None]
        if versions:
            found.append(_of(known, standing, versions, first.get(name), promise=promise, now=now))
    return tuple(found)


def _first_calls(tx: Tx) -> dict[str, datetime]:
    noted = {one.fact.use_case: one.fact.called_at for one in evidence.of(tx, FirstCall)}
    for name, at in usage.first_allowed(tx).items():
        noted[name] = min(at, noted.get(name, at))
    return noted


def _of(
    known: Estate,
    standing: Standing,
    versions: list[Version],
    first_call: datetime | None,
    *,
    promise: dict[str, timedelta],
    now: datetime,
) -> LeadTime:
    idea_at, ends = versions[0].at, first_call or now
    states = list(_states(known, standing, versions, ends))
    return LeadTime(
        use_case=standing.use_case,
        title=standing.title,
        tier=standing.tier.tier,
        unit=standing.namespace,
        idea_at=idea_at,
        first_call_at=first_call,
        waits=segments(states, until=ends),
        promised=promise[standing.tier.tier],
    )


def _states(
    known: Estate, standing: Standing, versions: list[Version], ends: datetime
) -> Iterator[tuple[datetime, str]]:
    """Yield for each moment at which something was declared or said for whom the use case then waited.

    People, roles, metrics and models are taken as they are now: what is looked at is who was to move next.
    """
    said = known.said.get(standing.ref, ())
    moments = sorted({one.at for one in versions} | {one.at for one in said if one.at >= versions[0].at})
    moments = [one for one in moments if one <= ends]
    if len(moments) > MOMENTS_MAX:
        moments = moments[: MOMENTS_MAX // 2] + moments[-MOMENTS_MAX // 2 :]
    for at in moments:
        until = [one for one in versions if one.at <= at]
        last = until[-1]
        assert last.document is not None
        resource: Any = load(last.document, _CATALOGUE)
        own = tuple((one.actor, one.document) for one in until)
        declared = Declared(resource, last.generation, "", "", own, last.at)
        heard = {standing.ref: tuple(one for one in said if one.at <= at)}
        verdict = assess(replace(known, said=heard), declared, rulebook=rulebook(), now=at)
        codes = [one.code for one in verdict.block.reasons] if verdict.block else []
        yield at, waits_for(granted=verdict.grant is not None, codes=codes)


def summary(found: tuple[LeadTime, ...]) -> tuple[lead_time.TierLead, ...]:
    """Sum lead times up by tier."""
    return lead_time.by_tier(found, promised=promised())
