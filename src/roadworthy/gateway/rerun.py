"""Pure: a past call put together again, and whom it is run as; shared by both ends of a replay."""

from __future__ import annotations

from typing import Protocol

import msgspec

from roadworthy.gateway import access
from roadworthy.gateway.access import Caller, Refused
from roadworthy.gateway.delta import Delta, merge
from roadworthy.gateway.snapshot import Index, KeyEntry, PrincipalEntry, Snapshot

CANDIDATE_KINDS = ("Model", "Route", "Filter", "FilterPolicy")
"""What a candidate may hold: how a call is served. Who may call, and where providers are, it may not say."""


class Whose(Protocol):
    """Whose call it was."""

    @property
    def principal(self) -> str:
        """`service-account/x`."""

    @property
    def key_id(self) -> str:
        """The key it was made with."""

    @property
    def use_case(self) -> str:
        """What it was for."""


def with_candidate(index: Index, candidate: Snapshot) -> Index:
    """Return what would be in force with the candidate laid over it."""
    put = Snapshot(
        index.revision, index.snapshot.compiled_at,
        models=candidate.models, routes=candidate.routes,
        filters=candidate.filters, filter_policies=candidate.filter_policies,
    )  # fmt: skip
    return Index(merge(index.snapshot, Delta(put=put)))


def caller_of(index: Index, whose: Whose, *, now: float) -> Caller | Refused:
    """Return the caller as they are today: by their key of then, or by another of theirs for the same use."""
    refused = Refused(
        403, "no_key", f"{whose.principal} holds no API key for use-case/{whose.use_case} today.",
        whose.principal, (), "Issue one with `roadworthy key issue`.",
    )  # fmt: skip
    keys = [one for one in index.keys_of.get(whose.principal, ()) if one.use_case == whose.use_case]
    for key in sorted(keys, key=lambda one: one.id != whose.key_id):
        found = access.identify_key(index, key, now=now)
        if isinstance(found, Caller):
            return found
        refused = found
    return refused


def shadow_of(whose: Whose) -> Caller:
    """Return whom a refused replay is recorded for."""
    return Caller(KeyEntry(whose.key_id, whose.principal, whose.use_case), PrincipalEntry(whose.principal))


def body_of(prompt: str, *, model: str) -> bytes:
    """Return the request: what was said, asked again as one message."""
    return msgspec.json.encode({"model": model, "messages": [{"role": "user", "content": prompt}]})
