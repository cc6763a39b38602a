"""What the API and the pages share: who acts, which reference is meant."""

from __future__ import annotations

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Link
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.kinds import Kind

KEYS_SOCKET = "registry.verification-keys"
SECTIONS_SOCKET = "registry.sections"
"""`(tx, call, ref) -> Section`s that a slice adds to the page of a declared resource."""
ACTION_SOCKET = "registry.action"
"""`(call, ref, namespace) -> Link | None`: what can be done with a declared resource beside changing it."""


def action_of(call: Call, ref: str, namespace: str) -> Link | None:
    """Return what can be done with a declared resource beside changing it, for this caller."""
    offered = (offer(call, ref, namespace) for offer in assembly_of(call).plugged(ACTION_SOCKET))
    return next((one for one in offered if one is not None), None)


def actor_of(call: Call) -> Actor:
    """Return the author of a change that came through this door."""
    named = call.request.headers.get("x-roadworthy-client", "")
    channel = "cli" if call.channel == "api" and named == "cli" else call.channel
    return Actor(call.who.principal, channel)


def split_ref(call: Call, ref: str) -> tuple[Kind, str]:
    """Read `use-case/x`."""
    slug, slash, name = ref.partition("/")
    if not slash or not name:
        raise InvalidError(
            f"`{ref[:80]}` is not a reference.", fix="Write kind/name, as in use-case/claims-triage."
        )
    return assembly_of(call).catalogue.get(slug), name


def clean(text: str) -> str:
    """Refuse a NUL character, which no store and no name can hold."""
    if "\x00" in text:
        raise InvalidError("A name holds no NUL character.", fix="Correct the name.")
    return text
