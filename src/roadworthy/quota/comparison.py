"""Pure: what was counted beside what a provider asks for, for each day and model, and why they differ."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from roadworthy.quota.invoice import Line

CENT_NANO = 10_000_000
_PLAIN = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Counted:
    """What the ledger says of a model on a day."""

    day: date
    model: str
    """As it is declared here."""
    upstream: str
    """As the provider calls it."""
    currency: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_nano: int
    unknown_calls: int
    """Calls whose cost nobody knows: the price or the usage was missing."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One day of one model: ours, theirs, how far apart, and the likely reason."""

    day: date
    model: str
    currency: str
    ours_nano: int
    theirs_nano: int | None
    difference_nano: int | None
    percent: float | None
    within: bool
    why: str
    """`agrees`, `rounding`, `price differs`, `missing calls`, `unknown usage`, `not billed`."""
    next_step: str = ""


_STEPS = {
    "price differs": "Compare the model's declared price with the provider's; cached tokens may cost less.",
    "missing calls": "Somebody calls the provider past the gateway, or records still wait in a spool.",
    "unknown usage": "Declare the model's price, or see its traces: answers came without usage.",
    "not billed": "The provider bills later, or the file leaves this model or day out.",
}


def plain(name: str) -> str:
    """Return a model's name without what providers write differently."""
    return _PLAIN.sub("", name.lower())


def match(theirs: str, known: Iterable[str]) -> str | None:
    """Return which model a provider's name means: the same, or the longest whose dated form it is."""
    wanted = plain(theirs)
    fits = [one for one in known if plain(one) and (wanted == plain(one) or wanted.startswith(plain(one)))]
    if not fits:
        fits = [one for one in known if wanted and plain(one).startswith(wanted)]
    return max(fits, key=lambda one: (wanted == plain(one), len(plain(one))), default=None)


def compare(
    ours: Sequence[Counted], theirs: Sequence[Line], *, tolerance_percent: float
) -> tuple[Difference, ...]:
    """Return every day and model that either side knows, in order."""
    known = sorted({one.upstream for one in ours})
    counted = {(one.day, one.upstream, one.currency): one for one in ours}
    asked: dict[tuple[date, str, str], Line] = {}
    for line in theirs:
        name = match(line.model, known) or line.model
        key = (line.day, name, line.currency)
        asked[key] = line if key not in asked else _both(asked[key], line)
    found = [
        _difference(key, counted.get(key), asked.get(key), tolerance_percent)
        for key in sorted({*counted, *asked})
    ]
    return tuple(found)


def _both(one: Line, other: Line) -> Line:
    def add(a: int | None, b: int | None) -> int | None:
        return b if a is None else a if b is None else a + b

    return Line(
        one.day, one.model, add(one.amount_nano, other.amount_nano), one.currency,
        add(one.input_tokens, other.input_tokens), add(one.output_tokens, other.output_tokens),
        add(one.requests, other.requests),
    )  # fmt: skip


def _difference(
    key: tuple[date, str, str], ours: Counted | None, theirs: Line | None, tolerance_percent: float
) -> Difference:
    day, model, currency = key
    cost = ours.cost_nano if ours is not None else 0
    amount = 0 if theirs is None else theirs.amount_nano
    if amount is None:  # the file counts tokens, and says nothing of money
        assert theirs is not None
        same = _agree(ours, theirs, tolerance_percent)
        why = "agrees" if same else "missing calls"
        return Difference(
            day, model, currency, cost, None, None, None, same, why, "" if same else _STEPS[why]
        )
    gap = amount - cost
    percent = None if not cost and not amount else abs(gap) / max(abs(amount), cost) * 100
    if gap == 0:
        return Difference(day, model, currency, cost, amount, 0, percent, True, "agrees")
    if abs(gap) < CENT_NANO:
        return Difference(day, model, currency, cost, amount, gap, percent, True, "rounding")
    why = _why(ours, theirs, tolerance_percent)
    within = percent is not None and percent <= tolerance_percent
    step = "" if within else _STEPS[why]
    return Difference(day, model, currency, cost, amount, gap, percent, within, why, step)


def _agree(ours: Counted | None, theirs: Line, tolerance_percent: float) -> bool:
    pairs = [
        (ours.input_tokens if ours else 0, theirs.input_tokens),
        (ours.output_tokens if ours else 0, theirs.output_tokens),
    ]
    return all(b is None or abs(a - b) <= max(a, b) * tolerance_percent / 100 for a, b in pairs)


def _why(ours: Counted | None, theirs: Line | None, tolerance_percent: float) -> str:
    if theirs is None:
        return "not billed"
    if ours is None or not ours.calls:
        return "missing calls"
    if ours.unknown_calls and (theirs.amount_nano or 0) > ours.cost_nano:
        return "unknown usage"
    says_tokens = theirs.input_tokens is not None or theirs.output_tokens is not None
    if says_tokens:
        return "price differs" if _agree(ours, theirs, tolerance_percent) else "missing calls"
    if theirs.requests is not None and theirs.requests != ours.calls:
        return "missing calls"
    return "price differs"


def shown(found: Sequence[Difference]) -> dict[str, Any]:
    """Return a comparison as data: the lines, the sums of each currency, and whether all of it is within."""
    sums: dict[str, dict[str, int]] = {}
    for one in found:
        total = sums.setdefault(one.currency, {"ours_nano": 0, "theirs_nano": 0})
        total["ours_nano"] += one.ours_nano
        total["theirs_nano"] += one.theirs_nano or 0
    return {
        "within": all(one.within for one in found),
        "totals": {name: dict(figures) for name, figures in sorted(sums.items())},
        "items": [asdict(one) for one in found],
    }
