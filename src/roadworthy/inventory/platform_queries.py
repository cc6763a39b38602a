"""Questions about what runs here, asked for the platform's own gaps."""

from __future__ import annotations

from datetime import datetime, timedelta

from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries as governance
from roadworthy.identity import queries as identity
from roadworthy.inventory.platform import Account, PlatformGap, Running, platform_gaps
from roadworthy.registry import queries as registry
from roadworthy.usage import queries as usage
from roadworthy.use_cases.kinds import USE_CASE

_RECENT = timedelta(days=30)


def gaps(tx: Tx, *, now: datetime) -> tuple[PlatformGap, ...]:
    """Return where the platform falls short now."""
    return platform_gaps(_cases(tx, now), _accounts(tx, now))


def _cases(tx: Tx, now: datetime) -> list[Running]:
    calls = usage.totals_by(tx, "use_case", since=now - _RECENT, until=now)
    specs = {one.name: one.spec for one in registry.every(tx, USE_CASE)}
    return [
        Running(
            name=one.use_case,
            title=one.title,
            tier=one.tier.tier,
            calls=calls[one.use_case].calls if one.use_case in calls else 0,
            logging=specs[one.use_case].logging,
            data_sources=len(specs[one.use_case].data_sources),
            owners_missing=len(one.ownership.gaps),
        )
        for one in governance.standings(tx, now=now)
        if one.stage != "stopped"
    ]


def _accounts(tx: Tx, now: datetime) -> list[Account]:
    everybody = {one.name: one for one in identity.principals(tx)}
    ages: dict[str, int] = {}
    for key in identity.all_keys(tx):
        if key.holds(now):
            ages[key.principal] = max(ages.get(key.principal, 0), (now - key.issued_at).days)
    return [
        Account(
            name=one.name,
            owner_here=one.owner in everybody and everybody[one.owner].enabled(now),
            use_cases=len(one.use_cases),
            oldest_key_days=ages.get(one.name),
        )
        for one in everybody.values()
        if one.kind == "service-account" and one.enabled(now)
    ]
