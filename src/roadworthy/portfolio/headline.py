"""Pure: one computed sentence about an outcome, and the claims in it, so that each can be refuted."""

import math
from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from roadworthy.portfolio.effect import EffectVerdict, OutcomeContract
from roadworthy.statistics.interrupted_series import POINTS_MIN_EACH_SIDE

ClaimKind: TypeAlias = Literal[
    "direction", "magnitude", "interval low", "interval high", "share", "weeks before", "weeks after",
    "launched on", "rolled back on", "nothing yet",
]  # fmt: skip

_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
_DECIMALS_MAX = 9
_CAVEAT = "a before/after comparison is not proof of cause"


@dataclass(frozen=True, slots=True)
class Claim:
    """One thing that the sentence asserts: the exact value, and how it was written."""

    kind: ClaimKind
    value: float | str | date
    shown: str


@dataclass(frozen=True, slots=True)
class Headline:
    """The sentence and everything it asserts."""

    text: str
    claims: tuple[Claim, ...]


def day_words(day: date) -> str:
    """A day as a person writes it: 2 March 2026."""
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def decimals_for(*values: float) -> int:
    """Enough decimals for two digits of the spread, and for no figure but zero to read as zero."""
    spread = max(values) - min(values) or max(abs(value) for value in values)
    decimals = 0 if spread <= 0 else min(_DECIMALS_MAX, max(0, 1 - math.floor(math.log10(spread))))
    while decimals < _DECIMALS_MAX and any(value and not float(f"{value:.{decimals}f}") for value in values):
        decimals += 1
    return decimals


def number(value: float, decimals: int) -> str:
    """The size of a figure with thousands separated; the sentence's words carry its sign."""
    return f"{abs(value):,.{decimals}f}"


def _span(verdict: EffectVerdict) -> tuple[str, list[Claim]]:
    assert verdict.window is not None, "an estimate has a window"
    start, end = verdict.window.start, verdict.window.end
    weeks = "1 week" if verdict.n_after == 1 else f"{verdict.n_after} weeks"
    claims = [
        Claim("weeks after", verdict.n_after, weeks),
        Claim("launched on", start, day_words(start)),
    ]
    if end is None:
        return f"over the {weeks} measured since the launch on {day_words(start)}", claims
    claims.append(Claim("rolled back on", end, day_words(end)))
    live = f"between the launch on {day_words(start)} and its rollback on {day_words(end)}"
    return f"over the {weeks} measured {live}", claims


def _signal(contract: OutcomeContract, verdict: EffectVerdict) -> Headline:
    assert verdict.effect is not None
    assert verdict.low is not None
    assert verdict.high is not None
    assert verdict.share_of_target is not None
    decimals = decimals_for(verdict.effect, verdict.low, verdict.high)
    word = "higher" if verdict.effect > 0 else "lower"
    near, far = sorted((verdict.low, verdict.high), key=abs)
    size, low, high = (number(value, decimals) for value in (verdict.effect, near, far))
    span, claims = _span(verdict)
    claims += [
        Claim("direction", word, word),
        Claim("magnitude", abs(verdict.effect), size),
        Claim("interval low", abs(near), low),
        Claim("interval high", abs(far), high),
    ]
    rolled_back = verdict.window is not None and verdict.window.end is not None
    if verdict.status == "improved":
        share = f"{verdict.share_of_target * 100:,.0f} %"
        claims.append(Claim("share", verdict.share_of_target, share))
        judgment = f"{share} of the targeted change"
    else:
        judgment = "the wrong direction"
    verb = "was" if rolled_back else "has been"
    text = (
        f"{contract.title} {verb} {size} {contract.effect_unit} {word} than its "
        f"earlier trend predicted (95 % interval {low} to {high}) {span}, {judgment}; {_CAVEAT}."
    )
    return Headline(text, tuple(claims))


def _no_signal(contract: OutcomeContract, verdict: EffectVerdict) -> Headline:
    assert verdict.low is not None
    assert verdict.high is not None
    decimals = decimals_for(verdict.low, verdict.high)
    low, high = number(verdict.low, decimals), number(verdict.high, decimals)
    span, claims = _span(verdict)
    told = (
        "nothing can be told from"
        if verdict.window and verdict.window.end
        else "nothing can be told yet from"
    )
    claims += [
        Claim("nothing yet", verdict.status, told),
        Claim("interval low", abs(verdict.low), low),
        Claim("interval high", abs(verdict.high), high),
    ]
    text = (
        f"{contract.title}: {told} its figures, which lie between {low} lower and {high} "
        f"{contract.effect_unit} higher than its earlier trend predicted (95 % interval, no change included) "
        f"{span}."
    )
    return Headline(text, tuple(claims))


def _too_early(contract: OutcomeContract, verdict: EffectVerdict) -> Headline:
    if verdict.window is None:
        told = "nothing can be told yet"
        weeks = "1 week" if verdict.n_before == 1 else f"{verdict.n_before} weeks"
        return Headline(
            f"{contract.title}: {told}, because nothing has been launched for it; {weeks} measured so far.",
            (Claim("nothing yet", verdict.status, told), Claim("weeks before", verdict.n_before, weeks)),
        )
    start, end = verdict.window.start, verdict.window.end
    told = "nothing can be told yet" if end is None else "nothing can be told"
    before, after = str(verdict.n_before), str(verdict.n_after)
    claims = [
        Claim("nothing yet", verdict.status, told),
        Claim("weeks before", verdict.n_before, before),
        Claim("weeks after", verdict.n_after, after),
        Claim("launched on", start, day_words(start)),
    ]
    until = ""
    if end is not None:
        claims.append(Claim("rolled back on", end, day_words(end)))
        until = f" and its rollback on {day_words(end)}"
    join = "since" if end is None else "between"
    text = (
        f"{contract.title}: {told}, because {before} whole weeks before and {after} {join} the launch "
        f"on {day_words(start)}{until} were measured, and at least {POINTS_MIN_EACH_SIDE} of each are needed."
    )
    return Headline(text, tuple(claims))


def headline(contract: OutcomeContract, verdict: EffectVerdict) -> Headline:
    """Exactly one sentence that says no more than the verdict holds."""
    if verdict.status == "no data":
        told = "nothing can be told yet"
        text = f"{contract.title}: {told}, because no whole week has been measured."
        return Headline(text, (Claim("nothing yet", verdict.status, told),))
    if verdict.status == "too early":
        return _too_early(contract, verdict)
    if verdict.status == "no evidence yet":
        return _no_signal(contract, verdict)
    return _signal(contract, verdict)
