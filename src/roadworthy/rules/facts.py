"""Pure: the evidence rules define: decisions of people about duties that cannot both be kept."""

from __future__ import annotations

from datetime import date
from typing import ClassVar, Literal

from roadworthy.evidence.fact import Fact


class ConflictDecided(Fact):
    """Somebody decided which of two duties about keeping records prevails, until somebody looks again."""

    type: ClassVar[str] = "conflict-decided"
    use_case: str
    key: str
    """What it is bound to: the two duties as the rules had them."""
    conflict: str
    """The conflict in words, as it was."""
    prevails: Literal["floor", "ceiling"]
    days: int | None = None
    """How many days a ceiling in words is taken to be."""
    justification: str
    review_on: date
    """From this day on it no longer counts."""
    rules: str
    """The packs it was decided under."""


class ConflictReopened(Fact):
    """A decision about duties that cannot both be kept was taken back."""

    type: ClassVar[str] = "conflict-reopened"
    use_case: str
    decision: str
    reason: str


FACTS = (ConflictDecided, ConflictReopened)
