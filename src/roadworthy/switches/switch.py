"""Pure: what can be stopped, and which switches are thrown after all that happened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from roadworthy.evidence.fact import Recorded
from roadworthy.switches.facts import Killed, Revived

KINDS: Final = ("use-case", "route", "model", "provider", "service-account", "person", "api-key", "filter")
"""What a kill switch can stop."""

EFFECTS: Final = {
    "use-case": "Every call for it is refused; streams under way are cut off.",
    "route": "Every call to it is refused; models behind it can still be called by their own names.",
    "model": "No route asks it; calls by its own name are refused, streams from it are cut off.",
    "provider": "None of its models is asked; streams from it are cut off.",
    "service-account": "Every call with one of its keys is refused; its streams are cut off.",
    "person": "Every call with one of their keys is refused; their streams are cut off.",
    "api-key": "Every call with it is refused. To end it for good, revoke it.",
    "filter": "It reads nothing any more. Where the risk tier is limited or higher and its policy denies on "
    "errors, calls are refused until it runs again.",
}
"""What stopping each of them does."""


@dataclass(frozen=True, slots=True)
class Thrown:
    """A switch that was thrown and not released; `until` may lie in the past."""

    of: str
    reason: str
    by: str
    at: datetime
    until: datetime | None
    namespace: str

    def holds(self, now: datetime) -> bool:
        """Say whether it holds."""
        return self.until is None or now < self.until


def thrown(events: Iterable[Recorded[Any]]) -> dict[str, Thrown]:
    """Return the switches that were thrown last and not released since, by what they stop."""
    found: dict[str, Thrown] = {}
    for one in events:
        fact = one.fact
        if isinstance(fact, Killed):
            found[fact.of] = Thrown(fact.of, fact.reason, one.actor, one.at, fact.until, fact.namespace)
        elif isinstance(fact, Revived):
            found.pop(fact.of, None)
    return found
