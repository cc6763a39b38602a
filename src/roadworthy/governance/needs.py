"""What the tier and the duties of one use case ask of its controls."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

from roadworthy.controls.catalogue import catalogue
from roadworthy.controls.control import Needs
from roadworthy.evidence.fact import Recorded
from roadworthy.rules.merge import Retention, retention
from roadworthy.rules.rule import Obligation
from roadworthy.rules.ruling import in_force
from roadworthy.rules.tier import TierVerdict

_PERIOD = re.compile(r"P([0-9]{1,4})([YMD])")
_DAYS = {"Y": 365.0, "M": 365.0 / 12, "D": 1.0}


def needs_of(verdict: TierVerdict, said: Iterable[Recorded[Any]] = ()) -> Needs:
    """Return what tier and obligations ask of a use case's controls, given what people decided of them."""
    tier, decision = verdict.tier, verdict.decision
    kept = retention(
        decision.obligations,
        rulings=in_force(said, on=decision.as_of),
        rules=decision.rulebook.by_id,
    )
    owed = [one for one in decision.obligations if one.state == "now"]
    controls = catalogue().baseline(tier) | {control for one in owed for control in one.controls}
    fresh: dict[str, int] = {}
    for one in owed:
        if (days := _days(one.cadence)) is not None:
            fresh |= {control: min(days, fresh.get(control, days)) for control in one.controls}
    return Needs(
        tier=tier,
        controls=frozenset(controls),
        fresh_days=fresh,
        retention_min_days=max(_limits(owed, kept, "floor"), default=None),
        retention_max_days=min(_limits(owed, kept, "ceiling"), default=None),
    )


def _limits(owed: Iterable[Obligation], kept: Retention, side: str) -> Iterator[int]:
    """Yield the days that count on a side: what somebody decided to be overruled does not."""
    overruled = {one.obligation for one in kept.overruled if one.side == side}
    for one in owed:
        period = one.retention_min if side == "floor" else one.retention_max
        if one.id not in overruled and (days := _days(period)) is not None:
            yield days
    if side == "ceiling" and kept.ceiling_days is not None:
        yield kept.ceiling_days


def _days(text: str) -> int | None:
    """Return the first period in a text such as `per release + P1Y`, in days."""
    found = _PERIOD.search(text)
    return None if found is None else math.ceil(int(found[1]) * _DAYS[found[2]])
