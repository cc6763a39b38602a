"""Where the platform falls short is measured; what is not measured is never good."""

from __future__ import annotations

from dataclasses import replace

from roadworthy.inventory.entry_view import platform_state
from roadworthy.inventory.platform import Account, PlatformGap, Running, platform_gaps

WELL = Running("triage", "Triage", tier="high", calls=9, logging="full", data_sources=1, owners_missing=0)
BOT = Account("service-account/bot", owner_here=True, use_cases=1, oldest_key_days=3)


def _short(cases: list[Running], accounts: list[Account]) -> dict[str, tuple[str, ...]]:
    return {one.what: one.short for one in platform_gaps(cases, accounts) if one.short}


def test_each_gap_is_found_by_what_runs() -> None:
    """One thing is turned off at a time, and the one line about it turns."""
    assert _short([WELL], [BOT]) == {}
    case, bot = ("use-case/triage",), ("service-account/bot",)
    for turned, what in (
        (replace(WELL, logging="metadata"), "High-risk use cases in use whose calls are kept in full"),
        (replace(WELL, data_sources=0), "Use cases in use that say which data they read"),
        (replace(WELL, owners_missing=2), "Use cases with an owner and a deputy on every side"),
    ):
        assert _short([turned], [BOT]) == {what: case}
    for other, what in (
        (replace(BOT, owner_here=False), "Callers whose owner is still here"),
        (replace(BOT, use_cases=2), "Callers that serve one use case alone"),
        (replace(BOT, oldest_key_days=91), "Keys younger than 90 days"),
    ):
        assert _short([WELL], [other]) == {what: bot}


def test_what_is_not_in_use_or_not_risky_is_not_asked_for_full_logs() -> None:
    """Keeping texts that nobody needs would be a gap of its own."""
    lean = replace(WELL, logging="metadata")
    assert _short([replace(lean, calls=0)], []) == _short([replace(lean, tier="minimal")], []) == {}


def test_nothing_to_look_at_is_not_good() -> None:
    """On an empty installation nothing holds, and evaluations are said not to be measured."""
    empty = platform_gaps([], [])
    assert {platform_state(one).state for one in empty} == {"none"}
    states: dict[str, PlatformGap] = {one.area: one for one in platform_gaps([WELL], [BOT])}
    assert platform_state(states["evaluation"]).word == "not measured"
    assert platform_state(states["logging"]).state == "good"
