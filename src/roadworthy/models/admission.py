"""Whether a provider may be declared at its address."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from roadworthy.foundation.errors import Issue
from roadworthy.models import queries
from roadworthy.models.address import host_refusal
from roadworthy.models.kinds import Provider
from roadworthy.registry.slice import Proposal

if TYPE_CHECKING:
    from roadworthy.foundation.storage.database import Tx


def check_provider(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a private address that was not declared as one."""
    if proposal.after is None or not isinstance(proposal.after.spec, Provider):
        return
    spec = proposal.after.spec
    host = urlsplit(spec.base_url).hostname or ""
    if not (reason := host_refusal(host, allow_private=spec.allow_private)):
        return
    private = not host_refusal(host, allow_private=True)
    yield Issue(
        f"The provider's address may not be used: {reason}.",
        "If the provider really runs there, say so with `allow_private: true`."
        if private
        else "Give the provider's own address, written plainly.",
        "spec.base_url",
    )


def check_sealed(tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a provider that names the secret of another unit."""
    if proposal.after is None or not isinstance(proposal.after.spec, Provider):
        return
    place = proposal.after.spec.api_key
    if place is None or place.sealed is None:
        return
    secret = queries.find(tx, place.sealed)
    if secret is not None and secret.namespace != proposal.after.namespace:
        yield Issue(
            f"secret/{place.sealed} belongs to unit/{secret.namespace}, the provider to another.",
            "Name a secret of the provider's own unit; a new name will do (`roadworthy secret set`).",
            "spec.api_key.sealed",
        )
