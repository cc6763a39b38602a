"""Pure: the evidence the models slice defines: a model was evaluated."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from roadworthy.evidence.fact import Fact


class ModelEvaluated(Fact):
    """A model was put to the test; routes that prefer quality compare the latest score of each."""

    type: ClassVar[str] = "model-evaluated"
    model: str
    task: str = ""
    """What it was tested for; nothing for all tasks that have no test of their own."""
    score: Annotated[float, Field(ge=0, le=1)]
    """The share of the test it passed."""
    suite: str
    """Which test, with its version."""
    cases: Annotated[int, Field(ge=1)]
    """How many cases it had."""
