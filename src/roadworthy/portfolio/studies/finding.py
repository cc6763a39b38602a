"""Pure: what a design's method found, before a verdict is made of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from roadworthy.portfolio.grades import Grade
from roadworthy.statistics.estimate import Estimate, Refusal

State: TypeAlias = Literal["passed", "warning", "failed", "not checked"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at before the figure is believed."""

    name: str
    state: State
    words: str


@dataclass(frozen=True, slots=True)
class Finding:
    """An estimate, or the reason why there is none, with its grade and checks.

    `counts` are rows, units, clusters and periods; `more_of` is what a larger study would have more of.
    """

    estimate: Estimate | None
    grade: Grade
    checks: tuple[Check, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    details: Mapping[str, Any] = field(default_factory=dict)
    refusal: Refusal | None = None
    more_of: str = "rows"
    size: int = 0
    method: str = ""


def refuse(grade: Grade, reason: str, needs: str, *checks: Check, **counts: int) -> Finding:
    """A finding without an estimate."""
    return Finding(None, grade, checks, counts, refusal=Refusal(reason, needs))
