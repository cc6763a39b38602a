"""Pure: what waits for one person in a use case, each with the one thing to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from roadworthy.governance import exceptions
from roadworthy.governance.estate import Declared, Estate
from roadworthy.governance.reminders import Waiting
from roadworthy.governance.standing import Standing

SOON = timedelta(days=30)
FEW_QUESTIONS = 3
"""More open questions than these are one thing to do: the intake."""


@dataclass(frozen=True, slots=True)
class Task:
    """Something that waits for a person, with the one thing to do about it."""

    kind: Literal[
        "escalated", "draft", "renew", "approve", "except", "settle", "raise", "answer", "close-gap"
    ]
    use_case: str
    title: str
    what: str
    why: str
    action: str
    href: str
    command: str
    due_at: datetime | None = None


def tasks_for(
    principal: str, one: Standing, *, estate: Estate, waits: tuple[Waiting, ...], now: datetime
) -> list[Task]:
    """Return what waits for a person in one use case; nothing in one that is stopped or prohibited."""
    if one.stage == "stopped" or one.tier.tier == "prohibited":
        return []
    found = _approvals_waiting(one, principal, waits)
    found += _exceptions_waiting(one, principal, estate, now)
    found += _escalated(one, principal, waits)
    found += _renewals(one, principal, now)
    if principal in _owners_of(estate.use_cases[one.use_case]):
        found += _gaps_of(one)
    return found


def in_order(tasks: Iterable[Task]) -> tuple[Task, ...]:
    """Put what presses most first."""
    return tuple(sorted(tasks, key=lambda task: (_ORDER[task.kind], task.use_case, task.what)))


_ORDER = {
    name: place
    for place, name in enumerate(
        ("escalated", "draft", "renew", "approve", "except", "settle", "raise", "answer", "close-gap")
    )
}


def _owners_of(declared: Declared) -> set[str]:
    owners = declared.resource.spec.owners
    sides = (owners.business, owners.product, owners.platform, owners.security_legal, owners.operations)
    named = (name for side in sides for name in (side.owner, side.deputy))
    return {f"person/{name}" for name in named if name is not None}


def _href(one: Standing, anchor: str) -> str:
    return f"/use-cases/{one.use_case}#{anchor}"


def _approvals_waiting(one: Standing, principal: str, waits: tuple[Waiting, ...]) -> list[Task]:
    if one.tier.provisional:
        return []  # an approval of an unsettled tier would be void as soon as it settles
    since = {wait.role: wait for wait in waits}
    return [
        Task(
            kind="approve",
            use_case=one.use_case,
            title=one.title,
            what=f"Approve {one.title} as {need.role}",
            why=f"{one.tier.sentence()}{since[need.role].sentence if need.role in since else ''}",
            action="Review",
            href=_href(one, "approvals"),
            command=f"roadworthy approve {one.ref} --as {need.role}",
        )
        for need in one.needs
        if need.missing and principal in need.can_give
    ]


def _exceptions_waiting(one: Standing, principal: str, estate: Estate, now: datetime) -> list[Task]:
    """Ask for an answer to each request for an exception that this person may grant or decline."""
    if principal not in exceptions.granters(estate, one.namespace, now=now):
        return []
    return [
        Task(
            kind="except",
            use_case=one.use_case,
            title=one.title,
            what=f"Decide about an exception to {asked.control} for {one.title}",
            why=f"{estate.display(asked.requested_by)} asks: {asked.justification}",
            action="Review",
            href=f"/use-cases/{one.use_case}/gate#exceptions",
            command=f"roadworthy exception grant {one.ref} {asked.id}",
            due_at=asked.expires_at,
        )
        for asked in one.exemptions
        if asked.state(now) == "requested"
        and not exceptions.obstacle(
            principal, asked_by=asked.requested_by, owner=asked.owner, authors=one.authors
        )
    ]


def _escalated(one: Standing, principal: str, waits: tuple[Waiting, ...]) -> list[Task]:
    return [
        Task(
            kind="escalated",
            use_case=one.use_case,
            title=one.title,
            what=f"{one.title} still waits for {wait.role}",
            why=f"Ask {', '.join(wait.can_give[:5]) or 'for somebody who can give it'}.{wait.sentence}",
            action="Open",
            href=_href(one, "approvals"),
            command=f"roadworthy explain {one.ref}",
        )
        for wait in waits
        if principal in wait.escalated_to
    ]


def _renewals(one: Standing, principal: str, now: datetime) -> list[Task]:
    return [
        Task(
            kind="renew",
            use_case=one.use_case,
            title=one.title,
            what=f"Your approval of {one.title} as {held.role} ends soon",
            why="When it ends, the use case can no longer call.",
            action="Review",
            href=_href(one, "approvals"),
            command=f"roadworthy approve {one.ref} --as {held.role}",
            due_at=held.expires_at,
        )
        for need in one.needs
        for held in need.held
        if held.person == principal and held.expires_at - now <= SOON
    ]


def _answers_of(one: Standing, edit: str, command: str) -> list[Task]:
    """Ask for one thing a question of the intake, or one thing in all where many are open."""
    vocabulary = one.tier.decision.rulebook.vocabulary
    asked = list(dict.fromkeys(each.asked_by for each in one.tier.questions))
    if len(asked) > FEW_QUESTIONS:
        what = f"{one.title}: {len(asked)} questions of its intake are open"
        return [Task("answer", one.use_case, one.title, what, ", ".join(asked), "Answer", edit, command)]
    texts = [vocabulary.questions[each].ask for each in asked]
    return [Task("answer", one.use_case, one.title, text, "", "Answer", edit, command) for text in texts]


def _gaps_of(one: Standing) -> list[Task]:
    edit, command = _href(one, "checklist"), f"roadworthy explain {one.ref}"
    tasks = _answers_of(one, edit, command)
    tasks += [
        Task(
            "close-gap",
            one.use_case,
            one.title,
            f"{one.title}: {gap.message}",
            gap.next_step,
            "Open",
            edit,
            command,
        )
        for gap in one.ownership.gaps
    ]
    return tasks + [
        Task(
            "close-gap",
            one.use_case,
            one.title,
            f"{one.title}: {point.what[:1].lower()}{point.what[1:]} is missing",
            f"{point.why} {point.next_step}",
            "Open",
            edit,
            command,
        )
        for point in one.pilot.missing
    ]
