"""Pure: a piece of evidence from outside, and what it says as signals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from roadworthy.controls.facts import EvidenceUploaded, EvidenceWithdrawn
from roadworthy.controls.signal import Signal
from roadworthy.evidence.fact import Recorded


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of evidence, and whether it was taken back."""

    recorded: Recorded[EvidenceUploaded]
    withdrawn: Recorded[EvidenceWithdrawn] | None = None

    @property
    def fact(self) -> EvidenceUploaded:
        """What was filed."""
        return self.recorded.fact

    def state(self, now: datetime) -> str:
        """Return `counts`, `expired` or `withdrawn`."""
        if self.withdrawn is not None:
            return "withdrawn"
        return "counts" if now < self.fact.expires_at else "expired"


def signals_of(recorded: Recorded[EvidenceUploaded]) -> list[Signal]:
    """Return what one piece says."""
    fact = recorded.fact
    return [
        Signal(
            name,
            tuple(value) if isinstance(value, list) else value,
            fact.observed_at,
            f"{fact.kind} by {recorded.actor}",
            fact.self_attested,
            recorded.id,
            fact.expires_at,
        )
        for name, value in fact.values.items()
    ]
