"""Pure: what was measured of a use case's answers beside how it stands, in the words of every door."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from roadworthy.drafts.draft import Figures, Queue
from roadworthy.governance import autonomy
from roadworthy.governance.autonomy import Level
from roadworthy.governance.standing import Standing


@dataclass(frozen=True, slots=True)
class Measured:
    """How a use case stands, what people did with its answers, and what that speaks for."""

    standing: Standing
    figures: Figures
    proposed: Level | None
    """The level a person could raise it to now."""
    queue: Queue | None
    """What waits for a person."""


def document(one: Measured) -> dict[str, Any]:
    """Return it in the words of every door."""
    found, figures = one.standing.autonomy, one.figures
    low, high = figures.interval
    return {
        "use_case": one.standing.use_case,
        "tier": one.standing.tier.tier,
        "declared": found.declared,
        "ceiling": found.ceiling,
        "earned": found.earned.level,
        "earned_because": found.earned.why,
        "earned_until": found.earned.until.isoformat() if found.earned.until else None,
        "effective": found.effective,
        "why": found.why,
        "proposed": one.proposed,
        "basis": found.basis,
        "window_days": found.bars.window_days,
        "measured": {
            "decided": figures.decided,
            "accepted": figures.accepted,
            "edited": figures.edited,
            "rejected": figures.rejected,
            "reviewers": figures.reviewers,
            "share": figures.share,
            "low": low,
            "high": high,
            "sentence": sentence(figures),
        },
        "bars": [
            {"level": level, "reviews": bar.reviews, "share": bar.share, "met": autonomy.meets(figures, bar)}
            for level in autonomy.LEVELS
            if (bar := found.bars.bar(level)) is not None
        ],
        "waiting": {
            "withheld": one.queue.withheld if one.queue else 0,
            "samples": one.queue.samples if one.queue else 0,
            "since": one.queue.since.isoformat() if one.queue else None,
        },
    }


def sentence(figures: Figures) -> str:
    """Say figures in a sentence."""
    low, high = figures.interval
    if low is None or high is None or figures.share is None:
        return "Nobody has decided about an answer of it yet."
    return (
        f"People took {figures.accepted} of {figures.decided} answers as they were: {figures.share:.1%}, "
        f"between {low:.1%} and {high:.1%}."
    )
