"""Signals of what stands below: owners, declarations, calls and what is kept of them, keys, the log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from roadworthy.controls.collecting import Asked, Collector, declared_among
from roadworthy.controls.facts import LogVerified, RetentionKept
from roadworthy.controls.signal import Signal
from roadworthy.evidence import queries as evidence
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import queries as identity
from roadworthy.identity.kinds import PERSON, SERVICE_ACCOUNT
from roadworthy.identity.rights import start_of
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.usage import reach
from roadworthy.use_cases import ownership
from roadworthy.use_cases.kinds import USE_CASE

WINDOW = timedelta(days=30)
KEY_AGE_MAX = timedelta(days=90)
DECLARED = "what is declared"


def collect(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Return what this slice can say by itself of each use case."""
    found: dict[str, list[Signal]] = {name: [] for name in asked.use_cases}
    for collector, parts in _PARTS.items():
        if asked.wants(collector):
            for part in parts:
                for name, signals in part(tx, asked).items():
                    found[name] += signals
    return found


def owners(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say which sides nobody answers for, and where nobody stands in."""
    sides = [getattr(one.spec.owners, side) for one in asked.use_cases.values() for side in ownership.SIDES]
    named = {name for side in sides for name in (side.owner, side.deputy) if name is not None}
    leaves = {
        one.name: None if one.spec.disabled_on is None else start_of(one.spec.disabled_on)
        for one in declared_among(tx, PERSON, named, asked)
    }
    found = {}
    for name, one in asked.use_cases.items():
        gaps = ownership.check(one.spec.owners, leaves, now=asked.now).gaps
        owner = tuple(gap.side for gap in gaps if gap.about_owner)
        deputy = tuple(gap.side for gap in gaps if not gap.about_owner)
        found[name] = [
            asked.live("sides_without_owner", owner, DECLARED),
            asked.live("sides_without_deputy", deputy, DECLARED),
        ]
    return found


def declarations(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say when each was last declared, which confirms it."""
    if asked.as_of is None:
        moments = {one.name: one.updated_at for one in registry.among(tx, USE_CASE, asked.use_cases)}
    else:
        size = audit.size_at(tx, asked.as_of)
        moments = {
            one.name: one.at
            for one in registry.versions_among(tx, USE_CASE, asked.use_cases, audit_size=size)
        }
    return {
        name: [Signal("declaration_confirmed", True, moments[name], "its newest declaration")]
        for name in asked.use_cases
        if name in moments
    }


def logging(_tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say what is kept of its calls, and for how long."""
    return {
        name: [
            asked.live("logging_level", one.spec.logging, DECLARED),
            asked.live("retention_days", one.spec.retention_days, DECLARED),
        ]
        for name, one in asked.use_cases.items()
    }


def records(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say whether the records of its calls are whole, and whether what should be gone is gone."""
    since = asked.now - WINDOW
    source = "the records of 30 days"
    counts: dict[str, list[int]] = {}
    for one in reach.reached(tx, since=since, until=asked.now, use_cases=asked.few):
        held = counts.setdefault(one.use_case, [0, 0])
        held[0] += one.calls
        held[1] += one.calls if one.principal and one.model and one.provider else 0
    found = {}
    for name in asked.use_cases:
        calls, whole = counts.get(name, (0, 0))
        share = 100.0 * whole / calls if calls else 100.0
        words = source if calls else "no call in 30 days"
        found[name] = [asked.live("records_complete_pct", share, words)]
    kept = evidence.of(tx, RetentionKept, as_of=asked.as_of)
    # What is gone by now cannot be counted for a day that is past; the keeper's own word stands for it.
    overdue = reach.texts_overdue(tx, now=asked.now) if asked.as_of is None else None
    for signals in found.values():
        if overdue is not None:
            signals.append(asked.live("texts_overdue", overdue, "the texts that are kept"))
        elif kept:
            signals.append(Signal("texts_overdue", 0, kept[-1].at, "the keeper of retention"))
        if kept:
            last = kept[-1]
            signals.append(Signal("retention_ran", last.fact.ok, last.at, "the keeper of retention"))
    return found


def keys(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say which accounts with a key nobody owns any more, and which keys are due for rotation."""
    held = identity.all_keys(tx, use_cases=asked.few)
    holding = {one.principal.partition("/")[2] for one in held}
    accounts = {one.name: one.spec for one in declared_among(tx, SERVICE_ACCOUNT, holding, asked)}
    owning = {one.owner for one in accounts.values()}
    people = {one.name: one.spec.disabled_on for one in declared_among(tx, PERSON, owning, asked)}

    def has_owner(account: str) -> bool:
        spec = accounts.get(account)
        if spec is None or spec.owner not in people:
            return False
        leaves = people[spec.owner]
        return leaves is None or asked.now < start_of(leaves)

    holders: dict[str, set[str]] = {}
    old: dict[str, int] = {}
    for one in held:
        if one.issued_at > asked.now or not one.holds(asked.now):
            continue
        holders.setdefault(one.use_case, set()).add(one.principal.partition("/")[2])
        old[one.use_case] = old.get(one.use_case, 0) + (one.issued_at + KEY_AGE_MAX <= asked.now)
    return {
        name: [
            asked.live(
                "identities_without_owner",
                sum(not has_owner(account) for account in holders.get(name, ())),
                "keys and their accounts",
            ),
            asked.live("keys_overdue", old.get(name, 0), "keys that hold"),
        ]
        for name in asked.use_cases
    }


def log(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Say when the whole log was last verified."""
    runs = evidence.of(tx, LogVerified, as_of=asked.as_of)
    if not runs:
        return {}
    last = runs[-1]
    said = [Signal("log_verified", last.fact.ok, last.at, f"the verification of {_day(last.at)}")]
    return dict.fromkeys(asked.use_cases, said)


def _day(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"


_PARTS: Mapping[str, tuple[Collector, ...]] = {
    "use_cases": (owners, declarations, logging),
    "usage": (records,),
    "identity": (keys,),
    "registry": (log,),
}
