"""Whether an outcome or a metric may be declared like this, given what else is declared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from roadworthy.foundation.errors import Issue
from roadworthy.registry.slice import Proposal
from roadworthy.use_cases.kinds import Metric, Outcome

if TYPE_CHECKING:
    from roadworthy.foundation.storage.database import Tx


def check_outcome(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a target that makes its metric worse, and a metric that only counts use."""
    if proposal.after is None or not isinstance(proposal.after.spec, Outcome):
        return
    outcome = proposal.after.spec
    found = proposal.world.get("Metric", outcome.metric)
    if found is None:
        return  # the missing reference is named by itself
    metric: Metric = found.spec
    if problem := against(outcome, metric):
        yield Issue(
            f"The target goes the wrong way: {problem}.",
            f"Write `delta: {-outcome.target.delta:g}`, or correct the metric's direction.",
            "spec.target.delta",
        )
    if metric.activity:
        yield Issue(
            f"The metric {outcome.metric} counts use, and use is not value.",
            "Name a metric that shows the business result; keep this one under the use case's `metrics`.",
            "spec.metric",
        )


def check_metric(_tx: Tx, proposal: Proposal) -> Iterator[Issue]:
    """Refuse a change that turns declared targets into harm, or into a count of use."""
    if proposal.after is None or not isinstance(proposal.after.spec, Metric):
        return
    metric = proposal.after.spec
    if not isinstance(proposal.before.spec if proposal.before else None, Metric):
        return
    for outcome in proposal.world.all("Outcome"):
        if outcome.spec.metric != proposal.after.name:
            continue
        if metric.activity:
            yield Issue(
                f"outcome/{outcome.name} is measured by it, and a count of use is not value.",
                "Measure the outcome by another metric first, in the same plan.",
                "spec.activity",
            )
        if problem := against(outcome.spec, metric):
            yield Issue(
                f"outcome/{outcome.name} would go the wrong way: {problem}.",
                "Change the outcome's target in the same plan, or keep the direction.",
                "spec.direction",
            )


def against(outcome: Outcome, metric: Metric) -> str:
    """Say how a target contradicts its metric's direction, or return an empty text."""
    rises = outcome.target.delta > 0
    if rises == (metric.direction == "increase"):
        return ""
    way = "more" if rises else "less"
    return f"{outcome.metric} is better when it {metric.direction}s, and the target is {way} of it"
