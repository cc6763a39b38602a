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
VOICES = {"approved", "refused", "dissented"}
RANK = ["minimal", "limited", "high", "prohibited"]
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
    voice: str = ""
    """In whose name it was said."""


@dataclass
class StandIn:
    """Somebody who may speak in another's name for some time."""

    person: str
    of: str
    role: str
    begins: datetime
    ends: datetime


@dataclass
class Model:
    """What was declared and said so far."""

    content: str = ""
    """What the use case materially is, as one text; empty while it is not declared."""
    tier: str = "minimal"
    stage: str = "pilot"
    autonomy: str = "assist"
    models: tuple[str, ...] = ("small",)
    expected: int | None = None
    """How many calls in thirty days were approved; None where nobody said."""
    authors: set[str] = field(default_factory=set)
    """Who may not approve: who wrote what it materially is now, or asks for it."""
    trusted: bool = True
    """Whether one of its metrics is a quality figure that people trust."""
    gate_asks_drill: bool = False
    excluded: bool = False
    """Whether the unit keeps for people what goes beyond `assist`."""
    drilled: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    """(made, ends, id) of each filed drill of the kill switch."""
    leaves: dict[str, datetime] = field(default_factory=dict)
    """`person/fay` -> from when on she is gone."""
    owners: tuple[str, ...] = ()
    roles: dict[tuple[str, str], datetime | None] = field(default_factory=dict)
    """(person, role) -> until when they hold it; None without end."""
    stand_ins: dict[str, StandIn] = field(default_factory=dict)
    stopped: dict[str, datetime | None] = field(default_factory=dict)
    """What a kill switch holds (`model/small`), and until when; None until it is released."""
    called: list[datetime] = field(default_factory=list)
    key_ends: datetime | None = None
    said: list[Said] = field(default_factory=list)

    def may_call(self, now: datetime, name: str = "small") -> bool:
        """Say whether a call of a model at this moment has a valid grant, and nothing stops it."""
        if self.key_ends is not None and self.key_ends <= now:
            return False
        refs = ("use-case/policy-search", f"model/{name}", "provider/local")
        if name not in self.models or any(self._stopped(ref, now) for ref in refs):
            return False
        return self.granted(now)

    def granted(self, now: datetime) -> bool:
        """Say whether the use case has a valid grant at this moment."""
        if not self.content or self.stage == "stopped" or self.tier == "prohibited":
            return False
        if any(self.gone(owner, now) for owner in self.owners):
            return False
        if self.stage == "live" and self.tier == "high":
            return False  # nobody evaluates it, and no exception is asked for that
        if self.excluded and self.autonomy != "assist":
            return False
        if self.expected is not None:
            month = timedelta(days=30)
            if sum(now - month <= at < now for at in self.called) > self.expected:
                return False
        if not self.trusted and not self._excepted("pilot-trust-metric", now):
            return False
        if self.gate_asks_drill and not self._drilled(now) and not self._excepted("C20", now):
            return False
        return self._approved(now)

    def gone(self, person: str, now: datetime) -> bool:
        """Say whether somebody has left."""
        return person in self.leaves and self.leaves[person] <= now

    def holds(self, person: str, role: str, now: datetime) -> bool:
        """Say whether somebody is here and holds a role."""
        if (person, role) not in self.roles or self.gone(person, now):
            return False
        until = self.roles[person, role]
        return until is None or now < until

    def may_speak(self, person: str, role: str, voice: str, now: datetime) -> bool:
        """Say whether somebody may speak in a role for themselves, or in the name of who holds it."""
        if self.gone(person, now) or person in self.authors or voice in self.authors:
            return False
        if not voice:
            return self.holds(person, role, now)
        return self.holds(voice, role, now) and any(
            (one.person, one.of, one.role) == (person, voice, role) and one.begins <= now < one.ends
            for one in self.stand_ins.values()
        )

    def _stopped(self, ref: str, now: datetime) -> bool:
        until = self.stopped.get(ref)
        return ref in self.stopped and (until is None or now < until)

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
        words = [one for one in self.said if one.what in VOICES and one.at <= now]
        taken = {one.of for one in self.said if one.what == "withdrew" and one.at <= now}
        last = {(one.by, one.role): one.id for one in words}
        fills: dict[str, str] = {}
        spoken: set[tuple[str, str]] = set()
        held: set[str] = set()
        for one in words:
            if one.id in taken or last[one.by, one.role] != one.id or one.content != self.content:
                continue
            if one.what == "refused":
                return False
            if one.what == "dissented" or not self._counts(one, now):
                continue
            both = {one.by, one.voice or one.by}
            if any(fills.get(name, one.role) != one.role for name in both):
                continue
            if any((name, one.role) in spoken for name in both):
                continue
            fills |= dict.fromkeys(both, one.role)
            spoken |= {(name, one.role) for name in both}
            held.add(one.role)
        return set(ROLES[self.tier]) <= held

    def _counts(self, one: Said, now: datetime) -> bool:
        assert one.until is not None
        if RANK.index(one.tier) < RANK.index(self.tier) or one.until <= now:
            return False
        voice = one.voice or one.by
        if {one.by, voice} & self.authors or self.gone(one.by, now):
            return False
        return self.holds(voice, one.role, now)

    def add(self, what: str, at: datetime, **more: Any) -> None:
        """Note that something happened."""
        self.said.append(Said(what, at, **more))
