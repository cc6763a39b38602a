"""Pure: exceptions asked for, granted and revoked; which are in force, and who may grant one.

An exception ends at its date, when it is revoked, or as soon as its tier would not allow it any longer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

from roadworthy.controls.control import Waiver
from roadworthy.controls.facts import ExceptionGranted, ExceptionRevoked
from roadworthy.evidence.fact import Recorded
from roadworthy.governance.estate import Estate
from roadworthy.governance.facts import ExceptionDeclined, ExceptionRequested

GRANTING_ROLES = ("risk-approver", "security-approver", "legal-approver")
State: TypeAlias = Literal["requested", "in force", "expired", "revoked", "declined"]
STATES: tuple[State, ...] = ("requested", "in force", "expired", "revoked", "declined")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exemption:
    """An exception from the moment it was asked for to its end."""

    id: str
    """Of what was granted; of the request while nothing was."""
    request: str
    use_case: str
    control: str
    """What it is an exception to: a control, or another item of a checklist."""
    justification: str
    owner: str
    """`person/ada`, who answers for the risk meanwhile."""
    compensating_controls: tuple[str, ...]
    expires_at: datetime
    """As granted, or as asked for while nothing was."""
    requested_by: str = ""
    requested_at: datetime | None = None
    granted_by: str = ""
    granted_at: datetime | None = None
    ended_by: str = ""
    ended_at: datetime | None = None
    ended_because: str = ""
    declined: bool = False

    def state(self, now: datetime) -> State:
        """Return how it stands at a moment after all that is in it was said."""
        if self.declined:
            return "declined"
        if self.granted_at is None:
            return "requested"
        if self.ended_at is not None:
            return "revoked"
        return "in force" if now < self.expires_at else "expired"


def exemptions_of(events: Iterable[Recorded[Any]]) -> tuple[Exemption, ...]:
    """Read what was said about exceptions, oldest first, into one entry for each."""
    requests: dict[str, Recorded[ExceptionRequested]] = {}
    answered: set[str] = set()
    found: dict[str, Exemption] = {}
    for one in events:
        fact = one.fact
        if isinstance(fact, ExceptionRequested):
            requests[one.id] = one
        elif isinstance(fact, ExceptionDeclined):
            answered.add(fact.request)
            if fact.request in requests:
                found[fact.request] = _asked(requests[fact.request], declined=one)
        elif isinstance(fact, ExceptionGranted):
            answered.add(fact.request)
            found[one.id] = _granted(one, requests.get(fact.request))
        elif isinstance(fact, ExceptionRevoked) and fact.exception in found:
            found[fact.exception] = _ended(found[fact.exception], one)
    waiting = [_asked(one) for one in requests.values() if one.id not in answered]
    return (*found.values(), *waiting)


def _asked(
    one: Recorded[ExceptionRequested], *, declined: Recorded[ExceptionDeclined] | None = None
) -> Exemption:
    fact = one.fact
    return Exemption(
        id=one.id,
        request=one.id,
        use_case=fact.use_case,
        control=fact.control,
        justification=fact.justification,
        owner=fact.owner,
        compensating_controls=fact.compensating_controls,
        expires_at=fact.expires_at,
        requested_by=one.actor,
        requested_at=one.at,
        declined=declined is not None,
        ended_by=declined.actor if declined else "",
        ended_at=declined.at if declined else None,
        ended_because=declined.fact.reason if declined else "",
    )


def _granted(one: Recorded[ExceptionGranted], request: Recorded[ExceptionRequested] | None) -> Exemption:
    fact = one.fact
    return Exemption(
        id=one.id,
        request=fact.request,
        use_case=fact.use_case,
        control=fact.control,
        justification=fact.justification,
        owner=fact.owner,
        compensating_controls=fact.compensating_controls,
        expires_at=fact.expires_at,
        requested_by=request.actor if request else "",
        requested_at=request.at if request else None,
        granted_by=one.actor,
        granted_at=one.at,
    )


def _ended(one: Exemption, by: Recorded[ExceptionRevoked]) -> Exemption:
    return replace(one, ended_by=by.actor, ended_at=by.at, ended_because=by.fact.reason)


def in_force(
    exemptions: Iterable[Exemption], *, now: datetime, days: int | None
) -> dict[str, tuple[Waiver, ...]]:
    """Return what stands in for items at a moment; `days` is the most that the tier allows, None for any."""
    found: dict[str, tuple[Waiver, ...]] = {}
    for one in exemptions:
        if one.granted_at is None or one.ended_at is not None or now < one.granted_at:
            continue
        until = one.expires_at
        if days is not None:
            until = min(until, one.granted_at + timedelta(days=days))
        if now < until:
            held = Waiver(one.id, one.granted_by, until, one.justification)
            found[one.control] = (*found.get(one.control, ()), held)
    return found


def granters(estate: Estate, namespace: str, *, now: datetime) -> tuple[str, ...]:
    """Return the people whose role lets them grant exceptions in a unit."""
    found = (one for role in GRANTING_ROLES for one in estate.holders(role, namespace, now=now))
    return tuple(dict.fromkeys(found))


def obstacle(person: str, *, asked_by: str, owner: str, authors: Mapping[str, str]) -> str:
    """Say why a holder of the role may not grant it, as the end of a sentence; empty when they may."""
    if person == asked_by:
        return "asked for it"
    if person == owner:
        return "is to answer for the risk"
    return authors.get(person, "")


@dataclass(frozen=True, slots=True)
class Month:
    """What happened with exceptions in a month, and how many were in force at its end."""

    month: str
    requested: int
    granted: int
    ended: int
    in_force: int


def trend(exemptions: Iterable[Exemption], *, now: datetime, months: int = 12) -> tuple[Month, ...]:
    """Count exceptions by month, oldest first: a platform that is waived away shows here."""
    known = tuple(exemptions)
    firsts = _firsts(now, months)
    found = []
    for begins, ends in zip(firsts, [*firsts[1:], None], strict=True):
        close = now + timedelta(microseconds=1) if ends is None else ends  # what happens now counts
        found.append(
            Month(
                f"{begins:%Y-%m}",
                sum(_in(one.requested_at, begins, close) for one in known),
                sum(_in(one.granted_at, begins, close) for one in known),
                sum(_in(_end_of(one), begins, close) for one in known),
                sum(_stood(one, close) for one in known),
            )
        )
    return tuple(found)


def _firsts(now: datetime, months: int) -> list[datetime]:
    place = now.year * 12 + now.month - 1
    return [
        now.replace(year=at // 12, month=at % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
        for at in range(place - months + 1, place + 1)
    ]


def _in(at: datetime | None, begins: datetime, ends: datetime) -> bool:
    return at is not None and begins <= at < ends


def _end_of(one: Exemption) -> datetime | None:
    if one.granted_at is None:
        return None
    return min(one.expires_at, one.ended_at) if one.ended_at is not None else one.expires_at


def _stood(one: Exemption, at: datetime) -> bool:
    ends = _end_of(one)
    return one.granted_at is not None and ends is not None and one.granted_at < at <= ends
