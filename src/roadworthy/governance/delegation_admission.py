"""Whether a delegation may be declared like this: by whom, of which role, to whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from roadworthy.foundation.errors import ForbiddenError, Issue
from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries
from roadworthy.governance.delegation import Delegation
from roadworthy.identity import authority
from roadworthy.identity.rights import start_of
from roadworthy.registry.slice import Proposal


def check_delegation(tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse one that its delegator did not declare, of a role that is not theirs, or to a leaver."""
    if proposal.change.kind != "Delegation" or proposal.after is None:
        return
    spec: Any = proposal.after.spec
    assert isinstance(spec, Delegation)
    delegator = f"person/{spec.delegator}"
    if not authority.is_system(proposal.actor) and proposal.actor.principal != delegator:
        raise ForbiddenError(
            f"{proposal.actor.principal} may not delegate for {delegator}.",
            why="A delegation is the word of who is away.",
            fix=f"Ask {delegator}, or an administrator to bind {spec.role} to person/{spec.delegate}.",
        )
    known, namespace = queries.around(tx), proposal.after.namespace
    if known.role_until(delegator, spec.role, namespace) <= max(proposal.now, start_of(spec.from_)):
        yield Issue(
            f"{delegator} holds no {spec.role} in {namespace} that could be handed on then.",
            "Name a role of your own, in a unit where you hold it; what was delegated does not chain.",
            "spec.role",
        )
    person = proposal.world.get("Person", spec.delegate)
    if person is not None and not known.is_here(f"person/{spec.delegate}", now=start_of(spec.from_)):
        yield Issue(f"person/{spec.delegate} has left by then.", "Name somebody else.", "spec.delegate")
