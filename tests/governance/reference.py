"""A small model of who may call, written anew from the documentation; it shares no code with the product.

It keeps events in plain lists and reads them from the start each time it is asked. Where the product has
indexes, digests and snapshots, this has loops.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

ROLES = {"minimal": ["business-approver"], "limited": ["business-approver", "security-approver"]}
ROLES["high"] = [*ROLES["limited"], "risk-approver", "legal-approver"]
RANK = ["minimal", "limited", "high", "prohibited"]
LONGEST = {"minimal": 365, "limited": 365, "high": 180}
EXCEPTION_DAYS = {"minimal": 180, "limited": 90, "high": 30, "prohibited": 0}


@dataclass
class Said:
    """One thing that happened, with all that could matter later."""

    what: str
    at: datetime
    by: str = ""
    role: str = ""
    content: str = ""
    tier: str = ""
    until: datetime | None = None
    item: str = ""
    id: str = ""
    of: str = ""


@dataclass
class Model:
    """What was declared and said so far."""

    content: str = ""
    """What the use case materially is, as one text; empty while it is not declared."""
    tier: str = "minimal"
    stage: str = "pilot"
    authors: set[str] = field(default_factory=set)
    """Who may not approve: who wrote what it materially is now, or asks for it."""
    model_declared: bool = True
    trusted: bool = True
    """Whether it has a metric of trust, which the pilot test asks for."""
    gate_asks_drill: bool = False
    drilled: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    """(from, until, id) of each piece of evidence that stopping it was practised."""
    leaves: dict[str, datetime] = field(default_factory=dict)
    owners: tuple[str, ...] = ()
    said: list[Said] = field(default_factory=list)

    def may_call(self, now: datetime) -> bool:
        """Say whether a call at this moment has a valid grant."""
        if not self.content or self.stage == "stopped" or self.tier == "prohibited":
            return False
        if not self.model_declared or any(self._gone(owner, now) for owner in self.owners):
            return False
        if not self.trusted and not self._excepted("pilot-trust-metric", now):
            return False
        if self.gate_asks_drill and not self._drilled(now) and not self._excepted("C20", now):
            return False
        return self._approved(now)

    def _gone(self, person: str, now: datetime) -> bool:
        return person in self.leaves and self.leaves[person] <= now

    def _drilled(self, now: datetime) -> bool:
        taken = {one.of for one in self.said if one.what == "withdrew-evidence" and one.at <= now}
        return any(begins <= now < ends and id_ not in taken for begins, ends, id_ in self.drilled)

    def _excepted(self, item: str, now: datetime) -> bool:
        revoked = {one.of for one in self.said if one.what == "revoked" and one.at <= now}
        for one in self.said:
            if one.what == "granted" and one.item == item and one.id not in revoked and one.at <= now:
                assert one.until is not None
                if now < min(one.until, one.at + timedelta(days=EXCEPTION_DAYS[self.tier])):
                    return True
        return False

    def _approved(self, now: datetime) -> bool:
        words = [one for one in self.said if one.what in {"approved", "refused"} and one.at <= now]
        taken = {one.of for one in self.said if one.what == "withdrew" and one.at <= now}
        last = {(one.by, one.role): one.id for one in words}
        fills: dict[str, str] = {}
        held: set[str] = set()
        for one in words:
            if one.id in taken or last[one.by, one.role] != one.id or one.content != self.content:
                continue
            if one.what == "refused":
                return False
            assert one.until is not None
            enough = RANK.index(one.tier) >= RANK.index(self.tier)
            counts = enough and now < one.until and one.by not in self.authors
            if counts and fills.setdefault(one.by, one.role) == one.role:
                held.add(one.role)
        return set(ROLES[self.tier]) <= held

    def add(self, what: str, at: datetime, **more: Any) -> None:
        """Note that something happened."""
        self.said.append(Said(what, at, **more))
