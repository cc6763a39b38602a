"""Pure: which approvals count, which are still needed, and who can give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from roadworthy.evidence.fact import Recorded
from roadworthy.governance.delegation import NEVER, Voice
from roadworthy.governance.facts import ApprovalGiven, ApprovalRefused, ApprovalWithdrawn, DissentRecorded
from roadworthy.governance.requirements import ApprovalNeed
from roadworthy.rules.tier import Tier, rank

State: TypeAlias = Literal[
    "valid",
    "expired",
    "withdrawn",
    "superseded",
    "void-change",
    "void-tier",
    "void-author",
    "void-role",
    "void-second-role",
    "void-same-voice",
]
SAID = (ApprovalGiven, ApprovalRefused, DissentRecorded)
"""What a person can say in a role; the last of these is the one that stands."""
Until: TypeAlias = Callable[[str, str], datetime]
"""Until when a person holds a role here; long ago for who does not."""


@dataclass(frozen=True, slots=True)
class Approval:
    """An approval as it stands: whether it counts, and if not, why."""

    id: str
    role: str
    person: str
    at: datetime
    expires_at: datetime
    comment: str
    state: State
    why: str = ""
    on_behalf_of: str = ""

    @property
    def voice(self) -> str:
        """Return whose role it was given in."""
        return self.on_behalf_of or self.person

    @property
    def by(self) -> str:
        """Name who gave it, and for whom."""
        return f"{self.person} for {self.on_behalf_of}" if self.on_behalf_of else self.person

    @property
    def counts(self) -> bool:
        """Say whether it counts."""
        return self.state == "valid"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A no that stands until the same person approves, it is withdrawn, or the content changes."""

    id: str
    role: str
    person: str
    at: datetime
    comment: str


@dataclass(frozen=True, slots=True)
class Dissent:
    """A no that stands and blocks nothing: its giver lets those who are for it go on."""

    id: str
    role: str
    person: str
    at: datetime
    comment: str


@dataclass(frozen=True, slots=True)
class Review:
    """All that was said about a use case: approvals, oldest first; refusals, dissents that stand."""

    approvals: tuple[Approval, ...]
    refusals: tuple[Refusal, ...]
    dissents: tuple[Dissent, ...] = ()

    def valid(self, role: str) -> tuple[Approval, ...]:
        """Return the approvals of a role that count, the longest-lasting first."""
        found = [one for one in self.approvals if one.role == role and one.counts]
        return tuple(sorted(found, key=lambda one: (one.expires_at, one.id), reverse=True))


@dataclass(frozen=True, slots=True)
class Need:
    """One role that a tier asks for: what is held, what is missing, and from whom it can come."""

    role: str
    quorum: int
    valid_days: int
    held: tuple[Approval, ...]
    can_give: tuple[str, ...]
    cannot: tuple[tuple[str, str], ...]
    """(person, why) of those who hold the role and may not approve this."""
    because: tuple[str, ...] = ()
    """What asks for it: the tier, a unit, a duty."""

    @property
    def missing(self) -> int:
        """Return how many approvals are still needed."""
        return max(0, self.quorum - len(self.held))


@dataclass(frozen=True, slots=True)
class Grounds:
    """What an approval is held against: what is approved now, who may not approve, who holds which role."""

    digests: frozenset[str]
    """Of what is approved now; more than one where older approvals are bound to less."""
    tier: Tier
    authors: Mapping[str, str]
    now: datetime
    role_until: Until
    here_until: Callable[[str], datetime] = lambda _person: NEVER


def review(events: Sequence[Recorded[Any]], *, grounds: Grounds) -> Review:
    """Read what was said, oldest first; the last word of a person in a role is the one that stands."""
    withdrawn = {one.fact.approval: one for one in events if isinstance(one.fact, ApprovalWithdrawn)}
    last = {(one.actor, one.fact.role): one.id for one in events if isinstance(one.fact, SAID)}
    approvals: list[Approval] = []
    refusals: list[Refusal] = []
    dissents: list[Dissent] = []
    filled: dict[str, str] = {}
    voiced: set[tuple[str, str]] = set()
    for one in events:
        fact = one.fact
        if not isinstance(fact, SAID):
            continue
        stands = one.id not in withdrawn and last[one.actor, fact.role] == one.id
        if not isinstance(fact, ApprovalGiven):
            if stands and fact.digest in grounds.digests:
                said = (one.id, fact.role, one.actor, one.at, fact.comment)
                if isinstance(fact, ApprovalRefused):
                    refusals.append(Refusal(*said))
                else:
                    dissents.append(Dissent(*said))
            continue
        state, why = _state(one, fact, grounds)
        if one.id in withdrawn:
            state, why = "withdrawn", _withdrawn(withdrawn[one.id])
        elif not stands:
            state, why = "superseded", "the same person said something newer"
        elif state == "valid":
            state, why = _one_voice(one.actor, fact, filled, voiced)
        ends = _ends(one.actor, fact, grounds) if state == "valid" else fact.expires_at
        approvals.append(
            Approval(one.id, fact.role, one.actor, one.at, ends, fact.comment, state, why, fact.on_behalf_of)
        )
    return Review(tuple(approvals), tuple(refusals), tuple(dissents))


def _withdrawn(by: Recorded[Any]) -> str:
    return f"{by.actor} withdrew it" + (f": {by.fact.reason}" if by.fact.reason else "")


def _one_voice(
    person: str, fact: ApprovalGiven, filled: dict[str, str], voiced: set[tuple[str, str]]
) -> tuple[State, str]:
    """Let nobody fill two roles, nor one role twice by a stand-in."""
    voice = fact.on_behalf_of or person
    for one in dict.fromkeys((person, voice)):
        first = filled.setdefault(one, fact.role)
        if first != fact.role:
            return "void-second-role", f"{one} already fills the role {first}"
    for one in {person, voice}:
        if (one, fact.role) in voiced:
            return "void-same-voice", f"{one} has approved as {fact.role} already"
    voiced |= {(person, fact.role), (voice, fact.role)}
    return "valid", ""


def _ends(person: str, fact: ApprovalGiven, grounds: Grounds) -> datetime:
    """Return when it ends: on its own date, with the role it was given in, or when who gave it leaves."""
    role_until = grounds.role_until(fact.on_behalf_of or person, fact.role)
    return min(fact.expires_at, role_until, grounds.here_until(person))


def _state(one: Recorded[Any], fact: ApprovalGiven, grounds: Grounds) -> tuple[State, str]:
    voice = fact.on_behalf_of or one.actor
    if fact.digest not in grounds.digests:
        return "void-change", "what was approved, or a model behind it, has changed since"
    if rank(fact.tier) < rank(grounds.tier):
        return "void-tier", f"it was given for the tier {fact.tier}, and the tier is {grounds.tier} now"
    for each in dict.fromkeys((one.actor, voice)):
        if each in grounds.authors:
            return "void-author", f"{each} {grounds.authors[each]}"
    if fact.expires_at <= grounds.now:
        return "expired", "it has expired"
    if grounds.here_until(one.actor) <= grounds.now:
        return "void-role", f"{one.actor} has left"
    if grounds.role_until(voice, fact.role) <= grounds.now:
        return "void-role", f"{voice} no longer holds the role"
    return "valid", ""


def obstacle(voice: Voice, role: str, *, said: Review, authors: Mapping[str, str]) -> str:
    """Say why somebody may not approve in a role, as the end of a sentence; empty when they may."""
    if voice.person in authors:
        return authors[voice.person]
    principal = voice.on_behalf_of
    if principal in authors:
        return f"would stand in for {principal}, who {authors[principal]}"
    for person in filter(None, (voice.person, principal)):
        for one in said.approvals:
            if not one.counts or person not in {one.person, one.voice}:
                continue
            if one.role != role:
                whose = "" if person == voice.person else f"would stand in for {person}, who "
                return f"{whose}already approved as {one.role}, and one person fills one role only"
            if one.person != voice.person:
                return f"has the same voice as {one.by}, who approved"
    return ""


def needs(
    asked: Iterable[ApprovalNeed],
    *,
    said: Review,
    authors: Mapping[str, str],
    voices: Callable[[str], Sequence[Voice]],
) -> tuple[Need, ...]:
    """Say for each role asked for what is held, what is missing and who can give it."""
    found = []
    known = {*authors, *(name for one in said.approvals for name in (one.person, one.voice))}
    for need in asked:
        held = said.valid(need.role)[: need.quorum]
        seen = {one.person for one in held}
        can, cannot = list[str](), list[tuple[str, str]]()
        for voice in voices(need.role):
            if voice.person in seen:
                continue
            # Of somebody who wrote nothing and said nothing there is nothing to look at.
            new = not voice.on_behalf_of and voice.person not in known
            if why := "" if new else obstacle(voice, need.role, said=said, authors=authors):
                cannot.append((voice.person, why))
            else:
                seen.add(voice.person)
                can.append(voice.person)
        found.append(
            Need(need.role, need.quorum, need.valid_days, held, tuple(can), tuple(cannot), need.because)
        )
    return tuple(found)
