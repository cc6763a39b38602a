"""Pure: whom to remind that a use case waits for them, and when somebody above hears of it.

Which step is due follows from what is declared and recorded, never from a timer that ran: after a restart, a
crash or a night without power the same step is due, and a step that was recorded is not due again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from roadworthy.evidence.fact import Recorded
from roadworthy.governance.approvals import Need, Review
from roadworthy.governance.facts import Escalated, ReminderSent
from roadworthy.governance.requirements import TierNeeds
from roadworthy.governance.standing import Standing


@dataclass(frozen=True, slots=True)
class Waiting:
    """An approval that a use case waits for."""

    use_case: str
    title: str
    role: str
    digest: str
    since: datetime
    due_at: datetime | None
    escalate_at: datetime | None
    can_give: tuple[str, ...]
    reminded: int = 0
    escalated_to: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, datetime]:
        """Name the wait: the same content, role and beginning are one wait."""
        return (self.use_case, self.role, self.digest, self.since)

    @property
    def sentence(self) -> str:
        """Say since when it waits, and how often somebody was reminded; nothing while it is new."""
        if not self.reminded and not self.escalated_to:
            return ""
        times = "once" if self.reminded == 1 else f"{self.reminded} times"
        reminded = f", reminded {times}" if self.reminded else ""
        return f" Waits since {self.since:%Y-%m-%d}{reminded}."


def waiting(
    standing: Standing, *, declared_at: datetime | None, said: Iterable[Recorded[Any]], now: datetime
) -> tuple[Waiting, ...]:
    """Return what a use case waits for; nothing while approvers could not decide about it yet."""
    if (
        declared_at is None
        or standing.tier.provisional
        or standing.state in {"prohibited", "stopped", "granted"}
    ):
        return ()
    events = list(said)
    found = []
    for need in standing.needs:
        if not need.missing:
            continue
        since = waiting_since(need, standing.said, declared_at=declared_at, now=now)
        one = Waiting(
            use_case=standing.use_case,
            title=standing.title,
            role=need.role,
            digest=standing.digest,
            since=since,
            due_at=_after(since, standing.asked.decide_in_days),
            escalate_at=_after(since, standing.asked.escalate_in_days),
            can_give=need.can_give,
        )
        found.append(_with_history(one, events))
    return tuple(found)


def waiting_since(need: Need, said: Review, *, declared_at: datetime, now: datetime) -> datetime:
    """Return when a wait began: with the declaration, or when the last approval in the role expired."""
    ended = [
        one.expires_at
        for one in said.approvals
        if one.role == need.role and one.state == "expired" and one.expires_at <= now
    ]
    return max([declared_at, *ended])


def _after(since: datetime, days: int | None) -> datetime | None:
    return None if days is None else since + timedelta(days=days)


def _with_history(one: Waiting, events: Iterable[Recorded[Any]]) -> Waiting:
    reminded, told = 0, tuple[str, ...]()
    for event in events:
        fact = event.fact
        if not isinstance(fact, ReminderSent | Escalated):
            continue
        if (fact.use_case, fact.role, fact.digest, fact.since) != one.key:
            continue
        if isinstance(fact, ReminderSent):
            reminded = max(reminded, fact.step)
        else:
            told = fact.to
    return Waiting(
        one.use_case, one.title, one.role, one.digest, one.since, one.due_at, one.escalate_at,
        one.can_give, reminded, told,
    )  # fmt: skip


def due(
    one: Waiting, *, asked: TierNeeds, above: tuple[str, ...], now: datetime
) -> Iterator[ReminderSent | Escalated]:
    """Yield what has to be said now; steps that were slept through are said as one."""
    if one.due_at is not None and now >= one.due_at and one.can_give:
        step = int((now - one.due_at) / timedelta(days=asked.remind_every_days)) + 1
        if step > one.reminded:
            yield ReminderSent(
                use_case=one.use_case, role=one.role, digest=one.digest, since=one.since,
                step=step, to=one.can_give,
            )  # fmt: skip
    if one.escalate_at is not None and now >= one.escalate_at and above and not one.escalated_to:
        yield Escalated(
            use_case=one.use_case, role=one.role, digest=one.digest, since=one.since,
            to_role=asked.escalate_to, to=above,
        )  # fmt: skip
