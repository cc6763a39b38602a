"""Pure: where the platform itself falls short, measured from what runs here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Area = Literal["identity", "data access", "logging", "evaluation"]


@dataclass(frozen=True, slots=True)
class Running:
    """One use case, as far as the platform knows it."""

    name: str
    title: str
    tier: str
    calls: int
    """Calls of the last 30 days."""
    logging: Literal["full", "metadata"]
    data_sources: int
    owners_missing: int


@dataclass(frozen=True, slots=True)
class Account:
    """A service account that can call."""

    name: str
    owner_here: bool
    use_cases: int
    oldest_key_days: int | None
    """Age of its oldest valid key; None without one."""


@dataclass(frozen=True, slots=True)
class PlatformGap:
    """One thing that was looked at, with those that fall short."""

    area: Area
    what: str
    looked_at: int
    short: tuple[str, ...]
    """References of what falls short."""
    why: str
    next_step: str
    measured: bool = True
    """False where nothing that runs here says anything of it."""


KEY_DAYS = 90


def platform_gaps(cases: Sequence[Running], accounts: Sequence[Account]) -> tuple[PlatformGap, ...]:
    """Return what was looked at in each area; nothing to look at is never good."""
    running = [one for one in cases if one.calls]
    risky = [one for one in running if one.tier in {"high", "prohibited"}]
    return (
        *_identity(cases, accounts),
        PlatformGap(
            "data access",
            "Use cases in use that say which data they read",
            len(running),
            tuple(f"use-case/{one.name}" for one in running if not one.data_sources),
            "What data a model sees is not known.",
            "Name it under `data_sources:`. Whether that is all is not measured.",
        ),
        PlatformGap(
            "logging",
            "High-risk use cases in use whose calls are kept in full",
            len(risky),
            tuple(f"use-case/{one.name}" for one in risky if one.logging != "full"),
            "What went wrong in a call cannot be looked at afterwards.",
            "Declare `logging: full` and a retention.",
        ),
        PlatformGap(
            "evaluation",
            "Use cases in use with a recent evaluation",
            len(running),
            (),
            "Nothing that runs here records evaluations yet, so nothing is known.",
            "Bring evaluation results as evidence of their controls.",
            measured=False,
        ),
    )


def _identity(cases: Sequence[Running], accounts: Sequence[Account]) -> tuple[PlatformGap, ...]:
    return (
        PlatformGap(
            "identity",
            "Callers whose owner is still here",
            len(accounts),
            tuple(one.name for one in accounts if not one.owner_here),
            "Nobody would notice what such a caller does, or stop it.",
            "Name another owner in the service account's declaration.",
        ),
        PlatformGap(
            "identity",
            "Callers that serve one use case alone",
            len(accounts),
            tuple(one.name for one in accounts if one.use_cases > 1),
            "What one caller does for several purposes can only be stopped for all of them.",
            "Give each use case a service account of its own.",
        ),
        PlatformGap(
            "identity",
            f"Keys younger than {KEY_DAYS} days",
            sum(one.oldest_key_days is not None for one in accounts),
            tuple(one.name for one in accounts if (one.oldest_key_days or 0) > KEY_DAYS),
            "A key that leaked long ago still opens.",
            "Rotate them: `roadworthy key rotate`.",
        ),
        PlatformGap(
            "identity",
            "Use cases with an owner and a deputy on every side",
            len(cases),
            tuple(f"use-case/{one.name}" for one in cases if one.owners_missing),
            "Where a side has no owner, nobody decides.",
            "Name them under `owners:`.",
        ),
    )
