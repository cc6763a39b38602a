"""The pilot test and the gaps in ownership: every missing item, with why and what to do next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from roadworthy.use_cases.kinds import Metric, MetricUse, Owners, Ownership, UseCase
from roadworthy.use_cases.ownership import SIDES, check
from roadworthy.use_cases.pilot import pilot_test

NOW = datetime(2026, 11, 23, tzinfo=UTC)
METRICS = {
    "hours": Metric(title="H", layer="business", unit="h", direction="decrease"),
    "visits": Metric(title="V", layer="business", activity=True, unit="n", direction="increase"),
    "overrides": Metric(title="O", layer="quality", trust=True, unit="%", direction="decrease"),
    "latency": Metric(title="L", layer="reliability", unit="ms", direction="decrease"),
}
PARAGRAPH = "It finds the passage of a policy that answers a colleague's question, and the colleague decides."


def use_case(metrics: tuple[str, ...] = ("hours", "overrides", "latency"), **changes: Any) -> UseCase:
    """Return a use case that passes, with fields changed."""
    used = tuple(MetricUse(metric=name) for name in metrics)
    fields = {
        "title": "T",
        "summary": PARAGRAPH,
        "outcome": "o",
        "security_path": "standard",
        "metrics": used,
    }
    return UseCase(**{**fields, **changes})


def test_it_passes() -> None:
    """One paragraph, three metrics of which one business and one trust, the standard path."""
    assert pilot_test(use_case(), METRICS).passed


@pytest.mark.parametrize(
    ("case", "codes"),
    [
        (use_case(("hours", "overrides")), ["three-metrics"]),
        (use_case(("overrides", "latency")), ["three-metrics", "business-metric"]),
        (use_case(("hours", "latency", "visits")), ["trust-metric"]),
        (use_case(("visits", "overrides", "latency")), ["business-metric"]),
        (use_case(("hours", "overrides", "hours")), ["three-metrics"]),
        (use_case(("hours", "overrides", "unknown")), ["three-metrics"]),
        (use_case(summary="Short."), ["paragraph"]),
        (use_case(summary=PARAGRAPH * 7), ["paragraph"]),
        (use_case(summary=f"{PARAGRAPH}\n\n{PARAGRAPH}"), ["paragraph"]),
        (use_case(security_path=None), ["security-path"]),
        (use_case(security_path="a box under a desk"), ["security-path"]),
    ],
)
def test_it_names_what_is_missing(case: UseCase, codes: list[str]) -> None:
    """Each missing item says what, why and what to do next."""
    missing = pilot_test(case, METRICS).missing
    assert [one.code for one in missing] == codes
    assert all(one.what and one.why and one.next_step and one.field for one in missing)


def test_two_metrics_are_told_how_many_are_missing() -> None:
    """Somebody with two metrics reads that one more is needed, and which two there are."""
    (point,) = pilot_test(use_case(("hours", "overrides")), METRICS).missing
    assert point.why == "It is measured by 2 (hours, overrides)."
    assert point.next_step == "Add 1 more under `metrics`."


def test_ownership_without_gaps() -> None:
    """Five sides with an owner and a deputy who are still here."""
    side = Ownership(owner="ada", deputy="ben")
    owners = Owners(**dict.fromkeys(SIDES, side))
    assert check(owners, {"ada": None, "ben": None}, now=NOW).gaps == ()


@pytest.mark.parametrize(
    ("side", "leaves", "codes"),
    [
        (Ownership(), {}, ["no-owner", "no-deputy"]),
        (Ownership(owner="ada"), {"ada": None}, ["no-deputy"]),
        (Ownership(owner="ada", deputy="ada"), {"ada": None}, ["deputy-is-owner"]),
        (Ownership(owner="ada", deputy="ben"), {"ada": NOW, "ben": None}, ["owner-left"]),
        (Ownership(owner="ada", deputy="ben"), {"ada": None, "ben": NOW}, ["deputy-left"]),
        (Ownership(owner="ada", deputy="ben"), {"ada": None}, ["deputy-left"]),
    ],
)
def test_each_gap_is_found(side: Ownership, leaves: dict[str, Any], codes: list[str]) -> None:
    """Nobody there, nobody standing in, somebody who left, somebody standing in for themselves."""
    whole = Ownership(owner="cleo", deputy="dan")
    owners = Owners(**{**dict.fromkeys(SIDES, whole), "operations": side})
    found = check(owners, {"cleo": None, "dan": None, **leaves}, now=NOW)
    assert [one.code for one in found.gaps] == codes
    assert all(one.side == "operations" and one.next_step for one in found.gaps)


def test_it_says_when_the_first_owner_leaves() -> None:
    """A leave that is known ahead limits how long the owners hold."""
    soon, later = datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
    owners = Owners(
        business=Ownership(owner="ada", deputy="ben"), product=Ownership(owner="ben", deputy="ada")
    )
    assert check(owners, {"ada": later, "ben": soon}, now=NOW).owners_until == soon
