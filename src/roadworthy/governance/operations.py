"""Changes to what is approved: give, refuse, dissent, withdraw."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from roadworthy.evidence import operations as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import BlockedError, ForbiddenError, InvalidError, NotFoundError, StaleError
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import approvals, queries
from roadworthy.governance.approvals import Approval, Dissent, Refusal
from roadworthy.governance.delegation import Voice
from roadworthy.governance.facts import ApprovalGiven, ApprovalRefused, ApprovalWithdrawn, DissentRecorded
from roadworthy.governance.requirements import ApprovalNeed
from roadworthy.governance.standing import Standing
from roadworthy.registry.actor import Actor


class MayNotApproveError(ForbiddenError):
    """A person who may not approve, and why."""

    code = "may-not-approve"


class NothingToApproveError(BlockedError):
    """No approval can be given to this use case as it stands."""

    code = "nothing-to-approve"


def give_approval(
    tx: Tx,
    *,
    use_case: str,
    role: str = "",
    comment: str = "",
    expires_at: datetime | None = None,
    digest: str = "",
    actor: Actor,
    now: datetime,
) -> Recorded[ApprovalGiven]:
    """Approve a use case in a role; `digest`, if given, is of what the person looked at."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    need, principal = _may_decide(tx, standing, role=role, digest=digest, actor=actor, now=now)
    latest = now + timedelta(days=need.valid_days)
    ends = expires_at or latest
    if not now < ends <= latest:
        raise InvalidError(
            "The approval's end is not acceptable.",
            why=f"It lies {'in the past' if ends <= now else f'more than {need.valid_days} days ahead'}.",
            fix=f"Choose a day after today and not after {latest.date()}.",
        )
    fact = ApprovalGiven(
        use_case=use_case,
        role=need.role,
        digest=standing.digest,
        generation=standing.generation,
        tier=standing.tier.tier,
        rules=standing.rules,
        expires_at=ends,
        comment=comment,
        on_behalf_of=principal,
    )
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now, enforcement=True)


def refuse_approval(
    tx: Tx,
    *,
    use_case: str,
    role: str = "",
    comment: str,
    digest: str = "",
    actor: Actor,
    now: datetime,
) -> Recorded[ApprovalRefused]:
    """Say no to a use case in a role; it ends the grant until the person approves or the content changes."""
    content, subject = _against(
        tx,
        what="A refusal",
        use_case=use_case,
        role=role,
        digest=digest,
        comment=comment,
        actor=actor,
        now=now,
    )
    fact = ApprovalRefused(**content)
    return evidence.record(tx, fact, subject=subject, actor=actor, at=now, enforcement=True)


def dissent(
    tx: Tx,
    *,
    use_case: str,
    role: str = "",
    comment: str,
    digest: str = "",
    actor: Actor,
    now: datetime,
) -> Recorded[DissentRecorded]:
    """Be on record against a use case without blocking it; the grant names the dissent."""
    content, subject = _against(
        tx,
        what="A dissent",
        use_case=use_case,
        role=role,
        digest=digest,
        comment=comment,
        actor=actor,
        now=now,
    )
    fact = DissentRecorded(**content)
    return evidence.record(tx, fact, subject=subject, actor=actor, at=now, enforcement=True)


def _against(
    tx: Tx, *, what: str, use_case: str, role: str, digest: str, comment: str, actor: Actor, now: datetime
) -> tuple[dict[str, Any], str]:
    standing = queries.standing(tx, use_case=use_case, now=now)
    need, principal = _may_decide(tx, standing, role=role, digest=digest, actor=actor, now=now)
    if not comment.strip():
        raise InvalidError(
            f"{what} needs a comment.",
            why="Whoever declared the use case has to know what to change.",
            fix="Say what would have to be different.",
        )
    content = {
        "use_case": use_case,
        "role": need.role,
        "digest": standing.digest,
        "generation": standing.generation,
        "tier": standing.tier.tier,
        "rules": standing.rules,
        "comment": comment,
        "on_behalf_of": principal,
    }
    return content, standing.ref


def withdraw_approval(
    tx: Tx,
    *,
    use_case: str,
    approval: str = "",
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> Recorded[ApprovalWithdrawn]:
    """Take an approval or a refusal back: one's own, or that of another holder of the same role."""
    standing = queries.standing(tx, use_case=use_case, now=now)
    objections: tuple[Refusal | Dissent, ...] = (*standing.said.refusals, *standing.said.dissents)
    everything: tuple[Approval | Refusal | Dissent, ...] = (*standing.said.approvals, *objections)
    known = {one.id: one for one in everything}
    own = [one.id for one in standing.said.approvals if one.person == actor.principal and one.counts]
    own += [one.id for one in objections if one.person == actor.principal]
    chosen = known.get(approval or (own[-1] if own else ""))
    if chosen is None or getattr(chosen, "state", "valid") == "withdrawn":
        raise NotFoundError(
            f"{standing.ref} has nothing {'of that id' if approval else 'you said'} to withdraw.",
            fix=f"`roadworthy explain {standing.ref}` lists the approvals and refusals with their ids.",
        )
    estate = queries.around(tx)
    peers = estate.holders(chosen.role, standing.namespace, now=now)
    if actor.principal != chosen.person and actor.principal not in peers:
        raise MayNotApproveError(
            f"{actor.principal} may not withdraw what {chosen.person} said.",
            why=f"Only they, or another {chosen.role} of {standing.namespace}, can.",
            fix=f"Ask {', '.join(peers[:5]) or chosen.person}.",
        )
    fact = ApprovalWithdrawn(use_case=use_case, approval=chosen.id, reason=reason)
    return evidence.record(tx, fact, subject=standing.ref, actor=actor, at=now, enforcement=True)


def _may_decide(
    tx: Tx,
    standing: Standing,
    *,
    role: str,
    digest: str,
    actor: Actor,
    now: datetime,
) -> tuple[ApprovalNeed, str]:
    """Return the need this person can answer and in whose name, or say why they cannot."""
    if digest and digest != standing.digest:
        raise StaleError(
            f"{standing.ref} has changed since you looked at it; nothing was recorded.",
            why="Its material content is not what you saw.",
            fix=f"Look again (`roadworthy explain {standing.ref}`), then decide.",
        )
    _refuse_undecidable(standing)
    asked = {need.role: need for need in standing.asked.approvals}
    if role and role not in asked:
        raise InvalidError(
            f"{standing.ref} asks for no approval as {role[:40]}.",
            why=f"It asks for: {', '.join(asked)}.",
            fix="Name one of those roles.",
        )
    wanted = [role] if role else list(asked)
    found = _voice_of(tx, standing, wanted, actor=actor, now=now)
    open_roles = [need.role for need in standing.needs if need.missing]
    chosen = next((one for one in found if one in open_roles), next(iter(found)))
    return asked[chosen], found[chosen].on_behalf_of


def _voice_of(
    tx: Tx, standing: Standing, wanted: list[str], *, actor: Actor, now: datetime
) -> dict[str, Voice]:
    """Return the roles in which somebody may speak, or say why there is none."""
    estate = queries.around(tx)
    held = {
        role: voice
        for role in wanted
        for voice in estate.voices(role, standing.namespace, now=now)
        if voice.person == actor.principal
    }
    others = sorted({name for need in standing.needs if need.role in wanted for name in need.can_give})
    if not held:
        raise MayNotApproveError(
            f"{actor.principal} may not decide about {standing.ref}.",
            why=f"That takes a person with the role {' or '.join(wanted)} in {standing.namespace}.",
            fix=f"Ask {', '.join(others[:5])}." if others else f"Ask an administrator to bind {wanted[0]}.",
        )
    said, authors = standing.said, standing.authors
    against = {role: approvals.obstacle(one, role, said=said, authors=authors) for role, one in held.items()}
    free = {role: voice for role, voice in held.items() if not against[role]}
    if not free:
        role, why = next(iter(against.items()))
        raise MayNotApproveError(
            f"{actor.principal} may not decide about {standing.ref} as {role}.",
            why=f"{actor.principal} {why}.",
            fix=f"Ask {', '.join(others[:5]) or 'for another holder of the role: nobody else holds it'}.",
        )
    return free


def _refuse_undecidable(standing: Standing) -> None:
    if standing.tier.tier == "prohibited":
        named = "; ".join(one.title for one in standing.tier.reasons)
        raise NothingToApproveError(
            f"Nobody can approve {standing.ref}.",
            why=f"What it does is prohibited: {named}.",
            fix="Change what it does, or stop it.",
        )
    if not standing.asked.approvals:
        raise NothingToApproveError(
            f"{standing.ref} asks nobody for an approval.",
            why=f"Its tier is {standing.tier.tier}: it approves itself once nothing is missing.",
            fix=f"`roadworthy explain {standing.ref}` says what is missing, if anything is.",
        )
    if standing.tier.provisional:
        people = ", ".join(standing.changers[:5]) or "its owners"
        asked = ", ".join(question.fact for question in standing.tier.questions)
        raise NothingToApproveError(
            f"{standing.ref} cannot be approved yet.",
            why=f"Its risk tier is not settled: {asked} are not answered.",
            fix=f"Ask {people} to answer them under `intake.facts`.",
        )
