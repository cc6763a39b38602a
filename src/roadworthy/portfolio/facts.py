"""Pure: the evidence of this slice: measured figures, and the imports that brought them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

WHOLE = ""
"""The segment of a figure that was measured for the whole organization."""


def segment_of_outcome(outcome: str) -> str:
    """Return the segment of figures that were measured for one outcome."""
    return f"outcome/{outcome}"


@dataclass(frozen=True, slots=True)
class Measurement:
    """One figure of one week: what was measured, for whom, when it was recorded, whether it still counts."""

    metric: str
    segment: str
    period_start: date
    value: float | None
    """None takes the figure of that week back."""
    n: int | None
    """Out of how many cases, where the source said so."""
    recorded_at: datetime
    import_id: str
    audit_seq: int
    current: bool = True
    """False once a later import said something else about the same week."""


@dataclass(frozen=True, slots=True)
class MeasurementImport:
    """One file of figures: who brought it, when, and the digest that the audit log holds of it."""

    id: str
    subject: str
    source: str
    actor: str
    at: datetime
    count: int
    digest: str
    audit_seq: int
