"""Pure: the evidence of kill switches: something was killed, something was revived."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from roadworthy.evidence.fact import Fact


class Killed(Fact):
    """Somebody stopped something at once; gateways refuse what rests on it from the next call on."""

    type: ClassVar[str] = "killed"
    of: str
    """`kind/name`."""
    reason: str
    namespace: str
    """The unit that it belonged to: who may kill and revive there may revive it."""
    until: datetime | None = None
    """When it ends by itself; none for never."""


class Revived(Fact):
    """Somebody let it run again."""

    type: ClassVar[str] = "revived"
    of: str
    reason: str = ""
