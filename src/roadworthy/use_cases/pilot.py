"""Pure: the pilot test. Is a use case explained, measured and on the standard security path?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from roadworthy.use_cases.kinds import Metric, UseCase

PARAGRAPH_MIN = 80
PARAGRAPH_MAX = 600
METRICS_MIN = 3
POINTS = ("paragraph", "three-metrics", "business-metric", "trust-metric", "security-path")
"""The codes of what it asks for."""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing the test asks for, whether it holds, and what to do where it does not."""

    code: str
    holds: bool
    what: str
    why: str
    next_step: str
    field: str


@dataclass(frozen=True, slots=True)
class PilotTest:
    """The whole test; it is passed when every point holds."""

    points: tuple[Point, ...]

    @property
    def missing(self) -> tuple[Point, ...]:
        """Return every point that does not hold: people fix them in one go."""
        return tuple(point for point in self.points if not point.holds)

    @property
    def passed(self) -> bool:
        """Say whether nothing is missing."""
        return not self.missing


def pilot_test(use_case: UseCase, metrics: Mapping[str, Metric]) -> PilotTest:
    """Test a use case against the metrics that are declared."""
    used = {one.metric: metrics[one.metric] for one in use_case.metrics if one.metric in metrics}
    # A count of use is never value (E5), so it cannot be what shows the business result.
    business = sorted(name for name, one in used.items() if one.layer == "business" and not one.activity)
    trust = sorted(name for name, one in used.items() if one.trust)
    return PilotTest(
        (
            _paragraph(use_case.summary),
            _enough(used),
            Point(
                "business-metric",
                bool(business),
                "A metric of the business layer",
                f"{', '.join(business)} shows the business result."
                if business
                else "None of its metrics shows a business result (use alone is not value).",
                "Add a metric with `layer: business`, such as the one of its outcome, under `metrics`.",
                "spec.metrics",
            ),
            Point(
                "trust-metric",
                bool(trust),
                "A trust metric",
                f"{', '.join(trust)} shows how far it can be trusted."
                if trust
                else "None of its metrics says how far it can be trusted.",
                "Add a metric with `trust: true` (errors, overrides, complaints) under `metrics`.",
                "spec.metrics",
            ),
            _security(use_case.security_path),
        )
    )


def _paragraph(summary: str) -> Point:
    paragraphs = [part for part in summary.split("\n\n") if part.strip()]
    length = len(summary)
    why = f"It takes one paragraph of {length} characters."
    if len(paragraphs) > 1:
        why = f"It takes {len(paragraphs)} paragraphs; what cannot be said in one is not clear yet."
    elif length < PARAGRAPH_MIN:
        why = f"{length} characters say too little: what does it do, for whom, and who decides?"
    elif length > PARAGRAPH_MAX:
        why = f"{length} characters are more than a paragraph people read."
    holds = len(paragraphs) == 1 and PARAGRAPH_MIN <= length <= PARAGRAPH_MAX
    step = f"Rewrite `summary` as one paragraph of {PARAGRAPH_MIN} to {PARAGRAPH_MAX} characters."
    return Point("paragraph", holds, "Explained in one paragraph", why, step, "spec.summary")


def _enough(used: Mapping[str, Metric]) -> Point:
    count = len(used)
    named = f" ({', '.join(sorted(used))})" if used else ""
    missing = METRICS_MIN - count
    return Point(
        "three-metrics",
        missing <= 0,
        "Measured by three metrics",
        f"It is measured by {count}{named}.",
        f"Add {missing} more under `metrics`." if missing > 0 else "",
        "spec.metrics",
    )


def _security(path: str | None) -> Point:
    why = "It takes the standard security path."
    if path is None:
        why = "It does not say which security path it takes."
    elif path != "standard":
        why = f"It takes a path of its own: {path}"
    return Point(
        "security-path",
        path == "standard",
        "On the standard security path",
        why,
        "Move it to the standard path (gateway, its keys, its logs); declare `security_path: standard`.",
        "spec.security_path",
    )
