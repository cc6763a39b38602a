"""Pure: which exceptions are in force after all that was said; none outlives its date or its revocation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from roadworthy.controls.control import Waiver
from roadworthy.controls.facts import ExceptionGranted, ExceptionRevoked
from roadworthy.evidence.fact import Recorded


def waivers_of(events: Iterable[Recorded[Any]], *, now: datetime) -> dict[str, tuple[Waiver, ...]]:
    """Return the exceptions of one use case that are in force, by control."""
    granted: dict[str, Recorded[ExceptionGranted]] = {}
    for one in events:
        if isinstance(one.fact, ExceptionGranted):
            granted[one.id] = one
        elif isinstance(one.fact, ExceptionRevoked):
            granted.pop(one.fact.exception, None)
    found: dict[str, tuple[Waiver, ...]] = {}
    for one in granted.values():
        if one.at <= now < one.fact.expires_at:
            held = Waiver(one.id, one.actor, one.fact.expires_at, one.fact.justification)
            found[one.fact.control] = (*found.get(one.fact.control, ()), held)
    return found
