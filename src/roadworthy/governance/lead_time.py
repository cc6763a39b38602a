"""Pure: how long it took from an idea to the first governed call, and for whom it waited meanwhile.

The time begins with the first declaration of a use case and ends with the first call that was let through.
At each moment that something changed, the verdict of that moment says who was waited for: an approver,
by role; the team that declares it (answers, pilot test, owners, checklist); or, after the grant, its caller.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

TEAM = "the team"
CALLER = "the first caller"
SHORT_WAIT = timedelta(days=1)
"""A median wait beyond this is named."""


@dataclass(frozen=True, slots=True)
class Wait:
    """A stretch of time in which one thing was waited for."""

    whom: str
    since: datetime
    until: datetime

    @property
    def took(self) -> timedelta:
        """Return how long it was."""
        return self.until - self.since


@dataclass(frozen=True, slots=True)
class LeadTime:
    """How long one use case took, or has been taking."""

    use_case: str
    title: str
    tier: str
    unit: str
    idea_at: datetime
    first_call_at: datetime | None
    waits: tuple[Wait, ...]
    promised: timedelta

    def took(self, now: datetime) -> timedelta:
        """Return how long it took; of one that waits, how long it has been."""
        return (self.first_call_at or now) - self.idea_at

    def kept(self, now: datetime) -> bool | None:
        """Say whether the promise was kept; None while that is open."""
        if self.took(now) > self.promised:
            return False
        return True if self.first_call_at else None

    def by_whom(self) -> dict[str, timedelta]:
        """Return how long each was waited for, the longest first."""
        found: Counter[str] = Counter()
        for one in self.waits:
            found[one.whom] += round(one.took.total_seconds())
        return {whom: timedelta(seconds=took) for whom, took in found.most_common() if took}


def segments(states: Sequence[tuple[datetime, str]], *, until: datetime) -> tuple[Wait, ...]:
    """Cut the time into waits: from each moment to the next, for whom that moment's verdict waited."""
    found: list[Wait] = []
    for place, (since, whom) in enumerate(states):
        ends = min(states[place + 1][0] if place + 1 < len(states) else until, until)
        if ends <= since:
            continue
        if found and found[-1].whom == whom and found[-1].until == since:
            found[-1] = Wait(whom, found[-1].since, ends)
        else:
            found.append(Wait(whom, since, ends))
    return tuple(found)


def waits_for(*, granted: bool, codes: Iterable[str]) -> str:
    """Say for whom a verdict waits: the team first, since an approver can do nothing before them."""
    if granted:
        return CALLER
    asked = list(codes)
    roles = [code.removeprefix("needs-") for code in asked if code.endswith("-approver")]
    others = [code for code in asked if not code.endswith("-approver")]
    return TEAM if others or not roles else " and ".join(sorted(roles))


@dataclass(frozen=True, slots=True)
class TierLead:
    """What a tier takes, of all use cases that had their first call."""

    tier: str
    count: int
    waiting: int
    median: timedelta | None
    slowest: timedelta | None
    promised: timedelta
    kept: int
    bottleneck: str
    """Who was waited for longest in the middle; empty where nobody was."""
    bottleneck_wait: timedelta

    @property
    def sentence(self) -> str:
        """Say how the safe path does against its promise, and where it loses the time."""
        if self.median is None:
            return f"{self.tier.capitalize()}: none has had its first call yet; {self.waiting} on the way."
        took, promised = said(self.median), said(self.promised)
        words = f"{self.tier.capitalize()}: {took} in the middle"
        if self.median <= self.promised:
            words += f", within the {promised} promised."
        else:
            words += f". That is not the fastest way: {promised} are promised."
        if self.bottleneck and self.bottleneck_wait > SHORT_WAIT:
            words += f" Most of it waits for {self.bottleneck} ({said(self.bottleneck_wait)})."
        return words


def by_tier(found: Iterable[LeadTime], *, promised: Mapping[str, timedelta]) -> tuple[TierLead, ...]:
    """Sum up by tier."""
    held = list(found)
    made = []
    for tier, promise in promised.items():
        own = [one for one in held if one.tier == tier]
        done = [one for one in own if one.first_call_at is not None]
        if not own:
            continue
        took = [one.took(one.idea_at) for one in done]
        waits: dict[str, list[timedelta]] = {}
        for one in done:
            for whom, wait in one.by_whom().items():
                waits.setdefault(whom, []).append(wait)
        middle = {
            whom: _middle(each + [timedelta()] * (len(done) - len(each))) for whom, each in waits.items()
        }
        worst = max(middle, key=lambda whom: middle[whom], default="")
        made.append(
            TierLead(
                tier=tier,
                count=len(done),
                waiting=len(own) - len(done),
                median=_middle(took) if took else None,
                slowest=max(took, default=None),
                promised=promise,
                kept=sum(1 for each in took if each <= promise),
                bottleneck=worst,
                bottleneck_wait=middle.get(worst, timedelta()),
            )
        )
    return tuple(made)


def by_month(found: Iterable[LeadTime]) -> tuple[tuple[str, int, timedelta], ...]:
    """Return for each month of a first call how many there were and the time in the middle."""
    months: dict[str, list[timedelta]] = {}
    for one in found:
        if one.first_call_at is not None:
            months.setdefault(f"{one.first_call_at:%Y-%m}", []).append(one.took(one.idea_at))
    return tuple((month, len(took), _middle(took)) for month, took in sorted(months.items()))


def _middle(took: Sequence[timedelta]) -> timedelta:
    return timedelta(seconds=median(one.total_seconds() for one in took))


def said(took: timedelta) -> str:
    """Say a length of time in words."""
    minutes = int(took.total_seconds() // 60)
    if minutes < 60:
        return f"{minutes} minute{'s' if minutes != 1 else ''}"
    if minutes < 48 * 60:
        hours = minutes // 60
        return f"{hours} hour{'s' if hours != 1 else ''}"
    return f"{minutes // 1440} days"


def document(one: LeadTime, *, now: datetime) -> dict[str, Any]:
    """Return a lead time as JSON says it."""
    return {
        "use_case": one.use_case,
        "title": one.title,
        "tier": one.tier,
        "unit": one.unit,
        "idea_at": one.idea_at.isoformat(),
        "first_call_at": one.first_call_at.isoformat() if one.first_call_at else None,
        "took_s": round(one.took(now).total_seconds()),
        "promised_s": round(one.promised.total_seconds()),
        "kept": one.kept(now),
        "waits": [
            {
                "whom": wait.whom,
                "since": wait.since.isoformat(),
                "until": wait.until.isoformat(),
                "took_s": round(wait.took.total_seconds()),
            }
            for wait in one.waits
        ],
    }
