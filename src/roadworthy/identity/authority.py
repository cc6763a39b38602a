"""Whether an actor holds what a change needs, everywhere the change reaches; and who could give it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from roadworthy.foundation.errors import ForbiddenError
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import queries, roles
from roadworthy.registry.actor import Actor


def is_system(actor: Actor) -> bool:
    """Say whether the product itself acts; no caller can be called so."""
    return actor.principal.startswith("system/")


def require(
    tx: Tx, *, actor: Actor, permission: str, namespaces: Iterable[str], what: str, now: datetime
) -> None:
    """Let the actor through who holds the permission in every namespace; `what` completes "may not"."""
    if is_system(actor):
        return
    held = queries.rights_of(tx, principal=actor.principal, now=now)
    for namespace in sorted(set(namespaces)):
        if not held.may(permission, namespace):
            carrying = roles.roles_carrying(permission)
            raise refusal(
                tx,
                actor=actor,
                what=what,
                permission=permission,
                namespace=namespace,
                carrying=carrying,
                now=now,
            )


def refusal(
    tx: Tx,
    *,
    actor: Actor,
    what: str,
    permission: str,
    namespace: str,
    carrying: Iterable[str],
    now: datetime,
) -> ForbiddenError:
    """Return the error that names the permission, the place, and the people who can grant it."""
    grantors = queries.people_with_permission(tx, permission="identity.manage", namespace=namespace, now=now)
    named = ", ".join(one.name for one in grantors[:5]) or "whoever runs this installation"
    wanted = " or ".join(f"`{role}`" for role in carrying) or "`admin`"
    return ForbiddenError(
        f"{actor.principal} may not {what}.",
        why=f"It needs the permission `{permission}` in `{namespace}`, and no role held there carries it.",
        fix=f"Ask {named} for a role binding of {wanted} that covers `{namespace}`.",
    )
