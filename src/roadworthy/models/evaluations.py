"""What models scored when they were put to the test: recorded as evidence, the latest one counts."""

from __future__ import annotations

from datetime import datetime

from roadworthy.evidence import operations as evidence
from roadworthy.evidence import queries
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.storage.database import Tx
from roadworthy.models.facts import ModelEvaluated
from roadworthy.models.kinds import MODEL
from roadworthy.registry import queries as registry
from roadworthy.registry.actor import Actor


def record_evaluation(
    tx: Tx, fact: ModelEvaluated, *, actor: Actor, now: datetime
) -> Recorded[ModelEvaluated]:
    """Record a model's score; routes that prefer quality go by it from the next call on."""
    registry.get(tx, MODEL, fact.model)
    return evidence.record(tx, fact, subject=f"model/{fact.model}", actor=actor, at=now, enforcement=True)


def evaluations(
    tx: Tx, model: str | None = None, *, as_of: datetime | None = None
) -> list[Recorded[ModelEvaluated]]:
    """Return every evaluation, oldest first: of one model, or of all."""
    return queries.of(tx, ModelEvaluated, None if model is None else f"model/{model}", as_of=as_of)


def quality(tx: Tx, *, as_of: datetime | None = None) -> dict[str, dict[str, float]]:
    """Return model -> task -> its latest score."""
    found: dict[str, dict[str, float]] = {}
    for one in evaluations(tx, as_of=as_of):
        found.setdefault(one.fact.model, {})[one.fact.task] = one.fact.score
    return found
