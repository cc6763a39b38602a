"""Pure: what a caller is told when a limit or budget is in the way: which, whose, until when, who helps."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from roadworthy.gateway.access import Refused
from roadworthy.quota.window import FOR_EVER, spoken

if TYPE_CHECKING:
    from roadworthy.gateway.quota.counter import Use

NANO = 1_000_000_000
_WORDS = ("requests", "input tokens", "output tokens")


def amount(use: Use, figure: int) -> str:
    """Return `60 requests`, or `12.5 EUR`."""
    if not use.currency:
        return f"{figure:,} {_WORDS[use.kind]}"
    # Upwards to a millionth: a call must not seem to cost nothing.
    micro = -(-figure // 1_000)
    text = f"{micro // 1_000_000:,}.{micro % 1_000_000:06d}".rstrip("0").rstrip(".")
    return f"{text} {use.currency}"


def _changers(use: Use) -> tuple[str, ...]:
    return (use.owner,) if use.owner else use.changers


def _step(use: Use, *ways: str) -> str:
    helps = _changers(use)[:3]
    every = (*ways, f"ask {' or '.join(helps)} to have it raised") if helps else ways
    return f"{', '.join(every[:-1])} or {every[-1]}." if len(every) > 1 else f"{every[0]}."


def _smaller(use: Use) -> tuple[str, ...]:
    """A smaller call is no fewer requests."""
    return () if use.kind == 0 and not use.currency else ("make a smaller call",)


def exhausted(use: Use, ends: float, at: float) -> Refused:
    """The window's amount is used or reserved."""
    until = ""
    ways: tuple[str, ...] = ("Make a smaller call",)
    if at < ends < FOR_EVER:
        reset = datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        until, ways = f"; it starts again at {reset}", (f"Wait until {reset}", *_smaller(use))
    allows = f"{amount(use, use.limit)} {spoken(use.period)} for {use.of}"
    message = f"{use.declaration} allows {allows}, and what is left does not cover this call{until}."
    return _used_up(use, message, _step(use, *ways))


def _used_up(use: Use, message: str, step: str) -> Refused:
    if use.currency:
        return Refused(429, "budget_exhausted", message, use.declaration, _changers(use), step)
    return Refused(429, "rate_limited", message, use.declaration, _changers(use), step)


def too_large(use: Use, need: int) -> Refused:
    """One call may need more than there ever is."""
    message = (
        f"{use.declaration} allows {amount(use, use.limit)} {spoken(use.period)} for {use.of}; "
        f"this call alone may need {amount(use, need)}."
    )
    return _used_up(use, message, _step(use, "Lower `max_tokens`", "shorten the request"))


def unverifiable(use: Use) -> Refused:
    """The store is away and this gateway holds too little."""
    message = (
        f"{use.declaration} cannot be checked: the store that gateways share does not answer, and what this "
        "gateway holds of it in advance does not cover this call."
    )
    return Refused(
        503, "budget_not_verifiable", message, use.declaration, _changers(use), "Try again in a moment."
    )


def slow(use: Use) -> Refused:
    """The store took too long."""
    message = f"{use.declaration} could not be checked in time: the store that gateways share is slow."
    return Refused(
        503, "budget_not_verifiable", message, use.declaration, _changers(use), "Try again in a moment."
    )


def busy(key_id: str, limit: int) -> Refused:
    """Too many calls of a key are under way."""
    message = f"{limit} calls with the key {key_id} are under way, and no more may be at once."
    return Refused(
        429,
        "too_many_at_once",
        message,
        f"api-key/{key_id}",
        (),
        "Wait for one of them to end, then try again.",
    )
