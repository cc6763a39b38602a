"""What must hold before a declaration is saved: the right role where it lands, and sound identities."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from roadworthy.foundation.errors import ForbiddenError, Issue
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import authority, queries, roles
from roadworthy.identity.rights import ORGANIZATION, Rights, start_of
from roadworthy.registry.resource import Resource
from roadworthy.registry.slice import Proposal, World

ACCOUNT_LIFE_MAX = timedelta(days=731)
"""Two years, one of which may be a leap year."""

_KIND_OF = {"person": "Person", "service-account": "ServiceAccount"}


def actor_may_declare(tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a change by somebody whose roles do not cover the kind everywhere it takes effect."""
    if authority.is_system(proposal.actor):
        return
    kind = proposal.change.kind
    held = queries.rights_of(tx, principal=proposal.actor.principal, now=proposal.now)
    for namespace in sorted(_namespaces(proposal)):
        known = held if namespace in held.parents else _with_new_units(held, namespace, proposal.world)
        if not known.may_declare(kind, namespace):
            raise authority.refusal(
                tx,
                actor=proposal.actor,
                what=f"{proposal.change.action} {proposal.change.ref} in `{namespace}`",
                permission=roles.permission_to_declare(kind),
                namespace=namespace,
                carrying=roles.roles_declaring(kind),
                now=proposal.now,
            )
    yield from ()


def _namespaces(proposal: Proposal) -> set[str]:
    """Return every place a change takes effect: where it was, where it will be, what it reaches."""
    found: set[str] = set()
    for one in (proposal.before, proposal.after):
        if one is None:
            continue
        found.add(one.namespace)
        spec: Any = one.spec
        if proposal.change.kind == "RoleBinding":
            found.add(spec.unit)
        if proposal.change.kind == "Unit":
            # A binding on the parent reaches the unit: moving a unit moves who may do what in it.
            found.add(getattr(spec, "parent", None) or ORGANIZATION)
    return found


def _with_new_units(held: Rights, namespace: str, world: World) -> Rights:
    """See units that this same plan creates; their creation is checked against the parent they name."""
    if namespace == ORGANIZATION:
        return held
    return held.with_units({one.name: one.spec.parent for one in world.all("Unit")})


def binding_is_sound(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a role for somebody who is not there, for a program that would approve, or for oneself."""
    after: Resource[Any] | None = proposal.after
    if proposal.change.kind != "RoleBinding" or after is None:
        return
    subject, role = after.spec.subject, after.spec.role
    if not authority.is_system(proposal.actor) and subject in _selves(proposal):
        raise ForbiddenError(
            f"{proposal.actor.principal} may not bind a role to {subject}.",
            why="Nobody raises their own privileges, nor those of a service account that is theirs.",
            fix="Ask somebody else who holds `identity.manage` to declare this role binding.",
        )
    slug, _, name = subject.partition("/")
    if proposal.world.get(_KIND_OF[slug], name) is None:
        yield Issue(
            f"There is no {slug} called `{name}`.",
            f"Declare it, or correct the name (`roadworthy get {slug}`).",
            "spec.subject",
        )
    if slug != "person" and role in roles.APPROVER_ROLES:
        yield Issue(
            f"`{role}` cannot be held by a service account: an approval is a person's word.",
            "Bind it to a person.",
            "spec.role",
        )


def _selves(proposal: Proposal) -> set[str]:
    """Return the actor and every identity that acts at the actor's word, or at whose word the actor acts."""
    actor = proposal.actor.principal
    selves = {actor, proposal.actor.on_behalf_of} - {""}
    for one in proposal.world.all("ServiceAccount"):
        own, owner = f"service-account/{one.name}", f"person/{one.spec.owner}"
        if own in selves or owner in selves:
            selves |= {own, owner}
    return selves


def account_is_sound(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a service account without an owner who is here, or without a near enough end."""
    after: Resource[Any] | None = proposal.after
    if proposal.change.kind != "ServiceAccount" or after is None:
        return
    before: Any = proposal.before.spec if proposal.before is not None else None
    spec = after.spec
    if before is None or before.expires_on != spec.expires_on:
        ends = start_of(spec.expires_on)
        if ends <= proposal.now or ends > proposal.now + ACCOUNT_LIFE_MAX:
            latest = (proposal.now + ACCOUNT_LIFE_MAX).date()
            yield Issue(
                "A service account expires in the future, at most two years ahead.",
                f"Write a day after {proposal.now:%Y-%m-%d} and not after {latest}.",
                "spec.expires_on",
            )
    owner = proposal.world.get("Person", spec.owner)
    enabled = owner is not None and (
        owner.spec.disabled_on is None or proposal.now < start_of(owner.spec.disabled_on)
    )
    # An owner who left is a gap to close, not a reason to refuse switching the account off.
    if owner is not None and not enabled and (before is None or before.owner != spec.owner):
        yield Issue(
            f"person/{spec.owner} is disabled and cannot own a service account.",
            "Name an owner who is enabled.",
            "spec.owner",
        )


def nobody_leaves_roles_behind(_tx: Tx, proposal: Proposal) -> Iterable[Issue]:
    """Refuse to delete somebody who still holds roles: a later namesake would inherit them."""
    if proposal.after is not None or proposal.change.kind not in _KIND_OF.values():
        return
    held = [
        f"role-binding/{one.name}"
        for one in proposal.world.all("RoleBinding")
        if one.spec.subject == proposal.change.ref
    ]
    if held:
        yield Issue(
            f"{proposal.change.ref} still holds roles by {', '.join(held[:5])}.",
            "Delete those role bindings first, or together.",
        )


CHECKS = (actor_may_declare, binding_is_sound, account_is_sound, nobody_leaves_roles_behind)
