"""Changes to what was decided of rules that cannot both be kept: decide, take back."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal

from roadworthy.evidence import operations as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries
from roadworthy.governance.standing import Standing
from roadworthy.identity import queries as identity
from roadworthy.identity.roles import roles_carrying
from roadworthy.registry.actor import Actor
from roadworthy.rules import queries as rules
from roadworthy.rules.facts import ConflictDecided, ConflictReopened
from roadworthy.rules.merge import Retention, days_of

PERMISSION = "conflict.decide"
WORDS_MIN = 20
REVIEW_DAYS_MAX = 731
"""Two years, one of which may be a leap year: a decision about law is looked at again."""


class MayNotDecideError(ForbiddenError):
    """A person who may not decide which of two rules prevails, and why."""

    code = "may-not-decide"


class NoConflictError(ConflictError):
    """Nothing is to be decided, or something else than was looked at."""

    code = "no-conflict"


def decide_conflict(
    tx: Tx,
    *,
    use_case: str,
    prevails: Literal["floor", "ceiling"],
    justification: str,
    review_on: date,
    days: int | None = None,
    key: str = "",
    actor: Actor,
    now: datetime,
) -> Recorded[ConflictDecided]:
    """Decide which of two duties about keeping records prevails; `key`, if given, is what was looked at."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    _may_decide(tx, standing, actor=actor, now=now)
    one = rules.case(tx, use_case, now=now)
    kept = _open(rules.kept(tx, one).retention, standing, key=key)
    _check(kept, prevails=prevails, days=days, justification=justification, review_on=review_on, now=now)
    fact = ConflictDecided(
        use_case=use_case,
        key=kept.key,
        conflict=kept.conflict,
        prevails=prevails,
        days=days,
        justification=justification.strip(),
        review_on=review_on,
        rules=one.decision.rulebook.version,
    )
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now, enforcement=True)


def _open(kept: Retention, standing: Standing, *, key: str) -> Retention:
    """Return the conflict that is open; refuse where there is none, or another than was looked at."""
    if not kept.conflict:
        raise NoConflictError(
            f"No two rules of {standing.ref} contradict each other.",
            why="What can both be kept needs no decision, and what was decided is taken back first.",
            fix=f"`roadworthy rules explain {standing.ref}` says what its rules ask for.",
        )
    if key and key != kept.key:
        raise NoConflictError(
            "The conflict is another one than you looked at.",
            why=kept.conflict,
            fix="Look at it and decide again.",
        )
    return kept


def _check(
    kept: Retention,
    *,
    prevails: str,
    days: int | None,
    justification: str,
    review_on: date,
    now: datetime,
) -> None:
    """Refuse a decision that says too little, or more than there is to decide."""
    in_words = bool(kept.ceiling) and days_of(kept.ceiling) is None
    if in_words and prevails == "ceiling" and days is None:
        raise InvalidError(
            f'Say how many days "{kept.ceiling}" is.',
            why="Nothing can be compared with words.",
            fix="Give `days`, or let the floor prevail.",
        )
    if days is not None and not (in_words and prevails == "ceiling"):
        raise InvalidError(
            "There is nothing to count in days.", fix="Leave `days` out: the rule says how long."
        )
    said = len(justification.strip())
    if said < WORDS_MIN:
        raise InvalidError(
            "A decision needs a justification.",
            why=f"Whoever reads it has to know why; {said} characters say too little.",
            fix="Say why that rule prevails, and whose advice it rests on.",
        )
    latest = now.date() + timedelta(days=REVIEW_DAYS_MAX)
    if not now.date() < review_on <= latest:
        raise InvalidError(
            "The day of review is not acceptable.", fix=f"Choose a day after today and not after {latest}."
        )


def reopen_conflict(
    tx: Tx, *, use_case: str, decision: str, reason: str, actor: Actor, now: datetime
) -> Recorded[ConflictReopened]:
    """Take a decision back: the conflict stands open again."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    _may_decide(tx, standing, actor=actor, now=now)
    said = rules.kept(tx, rules.case(tx, use_case, now=now)).rulings
    held = {ruling.id: state for ruling, state in said}
    if decision not in held:
        raise NotFoundError(
            f"{standing.ref} has no decision `{decision[:60]}`.",
            fix=f"`roadworthy rules explain {standing.ref}` lists them with their ids.",
        )
    if held[decision] in {"taken back", "superseded"}:
        raise NoConflictError(
            f"The decision {decision[:60]} no longer stands.", why=f"It is {held[decision]}."
        )
    if not reason.strip():
        raise InvalidError("Taking it back needs a reason.", fix="Say what was wrong with it.")
    fact = ConflictReopened(use_case=use_case, decision=decision, reason=reason.strip())
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now, enforcement=True)


def deciders(tx: Tx, standing: Standing, *, now: datetime) -> tuple[str, ...]:
    """Return the people who may decide for a use case: none of them wrote its declaration."""
    found = identity.people_with_permission(tx, permission=PERMISSION, namespace=standing.namespace, now=now)
    return tuple(one.name for one in found if one.name not in standing.authors)


def _may_decide(tx: Tx, standing: Standing, *, actor: Actor, now: datetime) -> None:
    able = deciders(tx, standing, now=now)
    if actor.principal in able:
        return
    why = standing.authors.get(actor.principal)
    raise MayNotDecideError(
        f"{actor.principal} may not decide which rule prevails for {standing.ref}.",
        why=f"{actor.principal} {why}."
        if why
        else f"It takes the permission `{PERMISSION}` there, which the roles "
        f"{' and '.join(roles_carrying(PERMISSION))} carry.",
        fix=f"Ask {', '.join(able[:5])}." if able else "Bind one of these roles to somebody else.",
    )
