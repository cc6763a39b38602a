"""What the tier and the duties of one use case ask of its controls."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from roadworthy.controls.catalogue import catalogue
from roadworthy.controls.control import Needs
from roadworthy.rules.rule import Obligation
from roadworthy.rules.tier import TierVerdict

_PERIOD = re.compile(r"P([0-9]{1,4})([YMD])")
_DAYS = {"Y": 365.0, "M": 365.0 / 12, "D": 1.0}


def needs_of(verdict: TierVerdict) -> Needs:
    """Return what tier and obligations ask of one use case's controls."""
    tier = verdict.tier
    owed = [one for one in verdict.decision.obligations if one.state == "now"]
    controls = catalogue().baseline(tier) | {control for one in owed for control in one.controls}
    fresh: dict[str, int] = {}
    for one in owed:
        if (days := _days(one.cadence)) is not None:
            fresh |= {control: min(days, fresh.get(control, days)) for control in one.controls}
    return Needs(
        tier=tier,
        controls=frozenset(controls),
        fresh_days=fresh,
        retention_min_days=max(_limits(owed, "retention_min"), default=None),
        retention_max_days=min(_limits(owed, "retention_max"), default=None),
    )


def _limits(owed: Iterable[Obligation], field: str) -> Iterator[int]:
    for one in owed:
        if (days := _days(getattr(one, field))) is not None:
            yield days


def _days(text: str) -> int | None:
    """Return the first period in a text such as `per release + P1Y`, in days."""
    found = _PERIOD.search(text)
    return None if found is None else math.ceil(int(found[1]) * _DAYS[found[2]])
