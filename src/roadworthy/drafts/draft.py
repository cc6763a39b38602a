"""Pure: what a draft is, how it stands, and how often drafts are accepted as they are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from roadworthy.statistics.wilson import wilson

Form = Literal["marked", "withheld", "sample"]
"""A person releases what its caller has, or does not have yet, or reviews what went out."""
Verdict = Literal["accepted", "edited", "rejected"]
State = Literal["waiting", "released", "rejected", "reviewed", "lapsed"]
RELEASES: frozenset[str] = frozenset({"accepted", "edited"})
LASTS = timedelta(days=30)
"""How long a draft can be decided at most; never longer than the text of its call is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An answer of a model that waits for a person, or waited."""

    id: str
    call: str
    use_case: str
    namespace: str
    principal: str
    """Who called: this one never decides."""
    form: Form
    basis: str
    model: str
    made_at: datetime
    expires_at: datetime
    verdict: Verdict | None = None
    decided_by: str = ""
    decided_at: datetime | None = None
    entry: int | None = None
    """The entry of the audit log that seals the decision."""

    def state(self, now: datetime) -> State:
        """Return how it stands at a moment."""
        if self.verdict is None:
            return "waiting" if now < self.expires_at else "lapsed"
        if self.form == "sample":
            return "reviewed"
        return "released" if self.verdict in RELEASES else "rejected"

    @property
    def released(self) -> bool:
        """Say whether its consequence may be taken."""
        return self.form != "sample" and self.verdict in RELEASES


def lapses_at(made_at: datetime, *, retention_days: int) -> datetime:
    """Return until when a draft can be decided."""
    return made_at + min(LASTS, timedelta(days=retention_days))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How often people took answers as they were, in a window, for one basis."""

    accepted: int = 0
    edited: int = 0
    rejected: int = 0
    reviewers: int = 0
    """By how many people."""

    @property
    def decided(self) -> int:
        """Return how many were decided."""
        return self.accepted + self.edited + self.rejected

    @property
    def share(self) -> float | None:
        """Return the share that was accepted without a change; None without a decision."""
        return self.accepted / self.decided if self.decided else None

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """Return the bounds that hold the true share in 95 of 100 cases (Wilson)."""
        return wilson(self.accepted, self.decided)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """How many drafts of a use case wait for a person, and since when the first of them does."""

    use_case: str
    withheld: int = 0
    samples: int = 0
    since: datetime
