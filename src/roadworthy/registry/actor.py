"""Pure: who makes a change, and through which door."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """The author of a change, as the audit log names it."""

    principal: str
    """`person/ada`, `service-account/ci`, or `system/…` for the product itself."""
    channel: str
    """`console`, `cli`, `api`, `file` or `system`."""
    on_behalf_of: str = ""


def system(part: str) -> Actor:
    """Return the actor for what the product does by itself."""
    return Actor(f"system/{part}", "system")
