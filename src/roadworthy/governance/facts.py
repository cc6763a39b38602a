"""Pure: the evidence governance defines: approvals, dissent, exceptions asked for and declined."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from roadworthy.evidence.fact import Fact
from roadworthy.rules.tier import Tier


class OfContent(Fact):
    """Something said of what a use case materially is, and of the tier that had."""

    use_case: str
    digest: str
    """Of the material content."""
    generation: int
    """The generation of the declaration that was looked at."""
    tier: Tier
    """The tier it had; a stricter one asks for a new approval."""
    rules: str
    """The rules the tier came from."""


class Voice(OfContent):
    """What somebody says in a role."""

    role: str
    on_behalf_of: str = ""
    """Who holds the role, when somebody who stands in for them spoke."""


class ApprovalGiven(Voice):
    """Somebody approved what a use case materially is, in a role, until a date."""

    type: ClassVar[str] = "approval-given"
    expires_at: datetime
    comment: str = ""


class ApprovalRefused(Voice):
    """Somebody said no to what a use case materially is, in a role."""

    type: ClassVar[str] = "approval-refused"
    comment: str


class DissentRecorded(Voice):
    """Somebody is against what a use case materially is, and lets those who are for it go on."""

    type: ClassVar[str] = "dissent-recorded"
    comment: str


class ApprovalWithdrawn(Fact):
    """An approval, a refusal or a dissent was taken back."""

    type: ClassVar[str] = "approval-withdrawn"
    use_case: str
    approval: str
    """The id of the approval, refusal or dissent that no longer stands."""
    reason: str = ""


class ExceptionRequested(Fact):
    """Somebody asked that a use case may do without an item of its checklist until a date."""

    type: ClassVar[str] = "exception-requested"
    use_case: str
    control: str
    justification: str
    owner: str
    """`person/ada`: who is to answer for the risk meanwhile."""
    compensating_controls: tuple[str, ...] = ()
    expires_at: datetime


class ExceptionDeclined(Fact):
    """Somebody who could have granted an exception said no."""

    type: ClassVar[str] = "exception-declined"
    use_case: str
    control: str
    request: str
    """The id of the request."""
    reason: str


class ReminderSent(Fact):
    """Approvers were reminded that a use case waits for them: once for each step of each wait."""

    type: ClassVar[str] = "reminder-sent"
    use_case: str
    role: str
    digest: str
    since: datetime
    """Since when it waits."""
    step: int
    """The first reminder is 1."""
    to: tuple[str, ...]
    """Who can decide."""


class Escalated(Fact):
    """A wait became so long that somebody above was told: once for each wait."""

    type: ClassVar[str] = "escalated"
    use_case: str
    role: str
    digest: str
    since: datetime
    to_role: str
    to: tuple[str, ...]


class ApprovedItself(OfContent):
    """A verdict without a person: what it materially is may call, since nothing is missing at its tier."""

    type: ClassVar[str] = "approved-itself"


class FirstCall(Fact):
    """A use case had its first governed call; kept beyond the records of calls."""

    type: ClassVar[str] = "first-call"
    use_case: str
    called_at: datetime


class AutonomyFigures(Fact):
    """What people had done with the answers of a use case when its autonomy was changed."""

    accepted: int
    edited: int
    rejected: int
    low: float | None
    high: float | None
    """The bounds of the share that was taken without a change, at 95 %."""


class AutonomyRaised(AutonomyFigures):
    """A person let a use case do more by itself, on what people had done with its answers."""

    type: ClassVar[str] = "autonomy-raised"
    use_case: str
    level: Literal["supervise", "automate"]
    basis: str
    """The digest of what its answers come from; with another one, nothing is earned."""
    tier: Tier
    bars: str
    """The version of what the tiers ask for."""
    reason: str
    until: datetime | None = None


class AutonomyLowered(AutonomyFigures):
    """A use case may do less by itself: what people did with its answers says so, or a person."""

    type: ClassVar[str] = "autonomy-lowered"
    use_case: str
    level: Literal["assist", "supervise"]
    basis: str
    reason: str


FACTS = (
    AutonomyRaised,
    AutonomyLowered,
    ApprovalGiven,
    ApprovalRefused,
    DissentRecorded,
    ApprovalWithdrawn,
    ExceptionRequested,
    ExceptionDeclined,
)
