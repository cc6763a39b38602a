"""What the API and the pages share: who acts, which reference is meant."""

from __future__ import annotations

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.web.context import Call
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.kinds import Kind

KEYS_SOCKET = "registry.verification-keys"


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
