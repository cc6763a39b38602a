"""What evidence from outside says, as signals about every use case that rests on what it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from roadworthy.controls.collecting import Asked, declared
from roadworthy.controls.facts import EvidenceUploaded, EvidenceWithdrawn
from roadworthy.controls.piece import Piece, signals_of
from roadworthy.controls.signal import Signal
from roadworthy.evidence import queries as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity.rights import covering_units
from roadworthy.use_cases.kinds import UNIT


def pieces(tx: Tx, *, about: Iterable[str] | None = None, as_of: datetime | None = None) -> list[Piece]:
    """Return pieces of evidence, oldest first: about these, or all."""
    taken: dict[str, Recorded[Any]] = {}
    found: list[Recorded[Any]] = []
    for one in evidence.of_types(tx, (EvidenceUploaded, EvidenceWithdrawn), subjects=about, as_of=as_of):
        if isinstance(one.fact, EvidenceWithdrawn):
            taken[one.fact.evidence] = one
        else:
            found.append(one)
    return [Piece(one, taken.get(one.id)) for one in found]


def collect(tx: Tx, asked: Asked) -> Mapping[str, Iterable[Signal]]:
    """Return what the evidence that stands says of each use case."""
    parents = {one.name: one.spec.parent for one in declared(tx, UNIT, asked)}
    about = {
        name: (f"use-case/{name}", *(f"unit/{unit}" for unit in covering_units(one.namespace, parents)))
        for name, one in asked.use_cases.items()
    }
    by_subject: dict[str, list[Signal]] = {}
    for one in pieces(tx, about={ref for refs in about.values() for ref in refs}, as_of=asked.as_of):
        if one.withdrawn is None:
            by_subject.setdefault(one.fact.about, []).extend(signals_of(one.recorded))
    return {
        name: [signal for ref in refs for signal in by_subject.get(ref, ())] for name, refs in about.items()
    }
