"""Changes to exceptions: ask, grant, decline, revoke. Who asked, or wrote what it is for, does not grant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from roadworthy.controls.catalogue import catalogue
from roadworthy.controls.facts import ExceptionGranted, ExceptionRevoked
from roadworthy.evidence import operations as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import (
    BlockedError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
)
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import checklist, exceptions, queries
from roadworthy.governance.exceptions import GRANTING_ROLES, Exemption
from roadworthy.governance.facts import ExceptionDeclined, ExceptionRequested
from roadworthy.governance.standing import Standing
from roadworthy.registry.actor import Actor

WORDS_MIN = 20


class MayNotGrantError(ForbiddenError):
    """A person who may not grant, decline or revoke an exception, and why."""

    code = "may-not-grant"


class NoExceptionError(BlockedError):
    """No exception can be made here, whoever asks."""

    code = "no-exception"


class ExceptionAnsweredError(ConflictError):
    """An exception that was already answered or has already ended."""

    code = "exception-answered"


def request_exception(
    tx: Tx,
    *,
    use_case: str,
    control: str,
    justification: str,
    owner: str,
    compensating_controls: Sequence[str] = (),
    expires_at: datetime,
    actor: Actor,
    now: datetime,
) -> Recorded[ExceptionRequested]:
    """Ask that a use case may do without an item of its checklist until a date."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    name = _exceptable(tx, standing, control, now=now)
    if len(justification.strip()) < WORDS_MIN:
        raise InvalidError(
            "An exception needs a justification.",
            why=f"Whoever grants it has to know why; {len(justification.strip())} characters say too little.",
            fix="Say why it cannot be met yet, and when it will be.",
        )
    _check_end(standing, expires_at, since=now)
    person = owner if owner.startswith("person/") else f"person/{owner}"
    if not queries.around(tx).is_here(person, now=now):
        raise InvalidError(
            f"{person[:80]} cannot answer for the risk.",
            why="There is no such person here, or they have left.",
            fix="Name a declared person as owner.",
        )
    fact = ExceptionRequested(
        use_case=use_case,
        control=name,
        justification=justification.strip(),
        owner=person,
        compensating_controls=tuple(one.strip() for one in compensating_controls if one.strip()),
        expires_at=expires_at,
    )
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now)


def grant_exception(
    tx: Tx, *, use_case: str, request: str, expires_at: datetime | None = None, actor: Actor, now: datetime
) -> Recorded[ExceptionGranted]:
    """Grant what was asked for, until the date asked for or an earlier one."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    asked = _open_request(standing, request, now=now)
    _may_answer(tx, standing, asked, actor=actor, now=now)
    _exceptable(tx, standing, asked.control, now=now)
    ends = expires_at or asked.expires_at
    if ends > asked.expires_at:
        raise InvalidError(
            "An exception is not granted for longer than was asked.",
            fix=f"Choose a day not after {asked.expires_at.date()}, or have it asked for anew.",
        )
    _check_end(standing, ends, since=now)
    fact = ExceptionGranted(
        use_case=use_case,
        control=asked.control,
        justification=asked.justification,
        owner=asked.owner,
        compensating_controls=asked.compensating_controls,
        expires_at=ends,
        request=asked.request,
    )
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now, enforcement=True)


def decline_exception(
    tx: Tx, *, use_case: str, request: str, reason: str, actor: Actor, now: datetime
) -> Recorded[ExceptionDeclined]:
    """Say no to a request."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    asked = _open_request(standing, request, now=now)
    _may_answer(tx, standing, asked, actor=actor, now=now)
    if not reason.strip():
        raise InvalidError("Declining needs a reason.", fix="Say what would have to be different.")
    fact = ExceptionDeclined(
        use_case=use_case, control=asked.control, request=asked.request, reason=reason.strip()
    )
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now)


def revoke_exception(
    tx: Tx, *, use_case: str, exception: str, reason: str = "", actor: Actor, now: datetime
) -> Recorded[ExceptionRevoked]:
    """End an exception before its date: who granted it, who answers for it, or a holder of such a role."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    held = next((one for one in standing.exemptions if one.id == exception), None)
    if held is None or held.state(now) == "requested":
        raise _unknown(standing, exception)
    if held.state(now) != "in force":
        raise ExceptionAnsweredError(
            f"The exception {exception[:60]} is not in force.", why=f"It is {held.state(now)}."
        )
    others = granters(tx, standing, now=now)
    if actor.principal not in {held.granted_by, held.owner, held.requested_by, *others}:
        raise MayNotGrantError(
            f"{actor.principal} may not revoke it.",
            why=f"Only who granted, asked for or answers for it, or a {' or '.join(GRANTING_ROLES)}, can.",
            fix=f"Ask {', '.join((held.owner, *others)[:5])}.",
        )
    fact = ExceptionRevoked(use_case=use_case, control=held.control, exception=held.id, reason=reason.strip())
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now, enforcement=True)


def granters(tx: Tx, standing: Standing, *, now: datetime) -> tuple[str, ...]:
    """Return the people whose role lets them grant exceptions in the use case's unit."""
    return exceptions.granters(queries.around(tx), standing.namespace, now=now)


def exceptable(tx: Tx, standing: Standing, *, now: datetime) -> dict[str, str]:
    """Return what an exception can be made to: its name -> what it asks for, as a pilot and once live."""
    known = queries.estate_of(tx, (standing.use_case,))
    found: dict[str, str] = {}
    for stage in ("pilot", "live"):
        one = queries.assessed(tx, known, (standing.use_case,), now=now, stage=stage)[standing.use_case]
        for item in one.gate.items:
            if item.check.exception:
                found.setdefault(item.check.exception, item.check.what)
            for control in item.check.controls:
                found.setdefault(control, catalogue().get(control).title)
    return found


def _exceptable(tx: Tx, standing: Standing, control: str, *, now: datetime) -> str:
    if standing.tier.tier == "prohibited":
        raise NoExceptionError(
            f"No exception can be made for {standing.ref}.",
            why="What it does is prohibited.",
            fix="Change what it does, or stop it.",
        )
    name = control.strip()
    name = name.upper() if name.upper() in catalogue().controls else name
    if name in catalogue().controls or name in (known := exceptable(tx, standing, now=now)):
        return name
    raise NotFoundError(
        f"{standing.ref} has nothing called `{name[:80]}` that an exception can be made to.",
        why="Owners, approvals and a settled tier cannot be waived.",
        fix=f"Its checklist knows: {', '.join(known)}." if known else "Its checklist asks for nothing else.",
    )


def _check_end(standing: Standing, ends: datetime, *, since: datetime) -> None:
    days = checklist.shipped().days(standing.tier.tier)
    latest = since + timedelta(days=days)
    if not since < ends <= latest:
        late = f"more than {days} days ahead, the most that the tier {standing.tier.tier} allows"
        raise InvalidError(
            "The exception's end is not acceptable.",
            why=f"It lies {'in the past' if ends <= since else late}.",
            fix=f"Choose a moment after now and not after {latest.date()}.",
        )


def _open_request(standing: Standing, request: str, *, now: datetime) -> Exemption:
    asked = next((one for one in standing.exemptions if request in {one.request, one.id}), None)
    if asked is None:
        raise _unknown(standing, request)
    if asked.state(now) != "requested":
        raise ExceptionAnsweredError(
            f"The request {request[:60]} was already answered.",
            why=f"It is {asked.state(now)}.",
            fix="Have it asked for anew.",
        )
    return asked


def _unknown(standing: Standing, id_: str) -> NotFoundError:
    return NotFoundError(
        f"{standing.ref} has no exception or request `{id_[:60]}`.",
        fix=f"`roadworthy exception list {standing.ref}` lists them with their ids.",
    )


def _may_answer(tx: Tx, standing: Standing, asked: Exemption, *, actor: Actor, now: datetime) -> None:
    holders = granters(tx, standing, now=now)
    terms = {"asked_by": asked.requested_by, "owner": asked.owner}
    why = "" if actor.principal in holders else f"does not hold {' or '.join(GRANTING_ROLES)} there"
    why = why or exceptions.obstacle(actor.principal, **terms, authors=standing.authors)
    if why:
        free = [one for one in holders if not exceptions.obstacle(one, **terms, authors=standing.authors)]
        raise MayNotGrantError(
            f"{actor.principal} may not decide about this exception.",
            why=f"{actor.principal} {why}.",
            fix=f"Ask {', '.join(free[:5])}."
            if free
            else f"Bind {GRANTING_ROLES[0]} to somebody who neither asked for it nor wrote the declaration.",
        )
