"""Pure: the evidence of filters: a call was appealed, an appeal was decided, a held call was decided."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Literal

from roadworthy.evidence.fact import Fact


class AppealMade(Fact):
    """Somebody says that a filter was wrong about a call."""

    type: ClassVar[str] = "appeal-made"
    call: str
    filters: tuple[str, ...]
    """Whose findings blocked it."""
    use_case: str
    namespace: str
    because: str


class AppealDecided(Fact):
    """A reviewer upheld the filter's decision, or overturned it: then it was a false positive."""

    type: ClassVar[str] = "appeal-decided"
    call: str
    filters: tuple[str, ...]
    verdict: Literal["upheld", "overturned"]
    reason: str


class HeldDecided(Fact):
    """A reviewer let a held call pass, or refused it; bound to its very content."""

    type: ClassVar[str] = "held-decided"
    call: str
    filters: tuple[str, ...]
    use_case: str
    namespace: str
    content_hash: str
    verdict: Literal["approved", "refused"]
    reason: str
    until: datetime | None = None
    """How long the approval holds."""


class FilterPassedOver(Fact):
    """Calls went on although a filter that should have read them could not, because its policy allows it."""

    type: ClassVar[str] = "filter-passed-over"
    filter: str
    because: Literal["failed", "stopped"]
    use_case: str
    namespace: str
    calls: int
    """How many, of those that were stored together."""
    first_call: str
