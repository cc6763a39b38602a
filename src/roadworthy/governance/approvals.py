"""Pure: which approvals count, which are still needed, and who can give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias

from roadworthy.evidence.fact import Recorded
from roadworthy.governance.facts import ApprovalGiven, ApprovalRefused, ApprovalWithdrawn
from roadworthy.governance.rulebook import ApprovalNeed
from roadworthy.governance.tier import Tier, rank

State: TypeAlias = Literal[
    "valid",
    "expired",
    "withdrawn",
    "superseded",
    "void-change",
    "void-tier",
    "void-author",
    "void-second-role",
]


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
class Review:
    """All that was said about a use case: approvals, oldest first, and the refusals that stand."""

    approvals: tuple[Approval, ...]
    refusals: tuple[Refusal, ...]

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

    @property
    def missing(self) -> int:
        """Return how many approvals are still needed."""
        return max(0, self.quorum - len(self.held))


def review(
    events: Sequence[Recorded[Any]],
    *,
    digest: str,
    tier: Tier,
    authors: Mapping[str, str],
    now: datetime,
) -> Review:
    """Read what was said, oldest first; the last word of a person in a role is the one that stands."""
    withdrawn = {one.fact.approval: one for one in events if isinstance(one.fact, ApprovalWithdrawn)}
    last = {
        (one.actor, one.fact.role): one.id
        for one in events
        if isinstance(one.fact, ApprovalGiven | ApprovalRefused)
    }
    approvals: list[Approval] = []
    refusals: list[Refusal] = []
    filled: dict[str, str] = {}
    for one in events:
        fact = one.fact
        if isinstance(fact, ApprovalRefused):
            stands = one.id not in withdrawn and last[one.actor, fact.role] == one.id
            if stands and fact.digest == digest:
                refusals.append(Refusal(one.id, fact.role, one.actor, one.at, fact.comment))
        if not isinstance(fact, ApprovalGiven):
            continue
        state, why = _state(one, fact, digest=digest, tier=tier, authors=authors, now=now)
        if one.id in withdrawn:
            by = withdrawn[one.id]
            state, why = (
                "withdrawn",
                f"{by.actor} withdrew it" + (f": {by.fact.reason}" if by.fact.reason else ""),
            )
        elif last[one.actor, fact.role] != one.id:
            state, why = "superseded", "the same person said something newer"
        elif state == "valid":
            first = filled.setdefault(one.actor, fact.role)
            if first != fact.role:
                state, why = "void-second-role", f"{one.actor} already fills the role {first}"
        approvals.append(
            Approval(one.id, fact.role, one.actor, one.at, fact.expires_at, fact.comment, state, why)
        )
    return Review(tuple(approvals), tuple(refusals))


def _state(
    one: Recorded[Any],
    fact: ApprovalGiven,
    *,
    digest: str,
    tier: Tier,
    authors: Mapping[str, str],
    now: datetime,
) -> tuple[State, str]:
    if fact.digest != digest:
        return "void-change", "what was approved has changed since"
    if rank(fact.tier) < rank(tier):
        return "void-tier", f"it was given for the tier {fact.tier}, and the tier is {tier} now"
    if one.actor in authors:
        return "void-author", f"{one.actor} {authors[one.actor]}"
    if fact.expires_at <= now:
        return "expired", "it has expired"
    return "valid", ""


def obstacle(person: str, role: str, *, said: Review, authors: Mapping[str, str]) -> str:
    """Say why a holder of the role may not approve, as the end of a sentence; empty when they may."""
    if person in authors:
        return authors[person]
    other = next((one.role for one in said.approvals if one.person == person and one.counts), role)
    return f"already approved as {other}, and one person fills one role only" if other != role else ""


def needs(
    asked: Iterable[ApprovalNeed],
    *,
    said: Review,
    authors: Mapping[str, str],
    holders: Callable[[str], Sequence[str]],
) -> tuple[Need, ...]:
    """Say for each role asked for what is held, what is missing and who can give it."""
    found = []
    for need in asked:
        held = said.valid(need.role)[: need.quorum]
        giving = {one.person for one in held}
        can, cannot = list[str](), list[tuple[str, str]]()
        for person in holders(need.role):
            why = obstacle(person, need.role, said=said, authors=authors)
            if why:
                cannot.append((person, why))
            elif person not in giving:
                can.append(person)
        found.append(Need(need.role, need.quorum, need.valid_days, held, tuple(can), tuple(cannot)))
    return tuple(found)
