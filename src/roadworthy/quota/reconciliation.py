"""Puts the ledger beside a provider's invoice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import queries as identity
from roadworthy.models.kinds import MODEL, PROVIDER
from roadworthy.quota.comparison import Counted
from roadworthy.quota.invoice import Line
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import ROOT_NAMESPACE
from roadworthy.usage import queries as usage


def ledger(
    tx: Tx, *, principal: str, now: datetime, provider: str, lines: Sequence[Line]
) -> tuple[Counted, ...]:
    """Return what was counted of a provider on the days that its file covers, shadow calls and all."""
    provider = provider.removeprefix("provider/")
    registry.get(tx, PROVIDER, provider)
    if not lines:
        raise InvalidError("The file has no lines.", fix="Export it again, for days that have ended.")
    rights = identity.rights_of(tx, principal=principal, now=now)
    if rights.namespaces("usage.read") is not None:
        raise InvalidError(
            "An invoice is about the whole organization, and you may see a part of its calls.",
            fix=f"Ask for a role on the unit `{ROOT_NAMESPACE}`, or ask somebody who has one.",
        )
    since = datetime.combine(min(line.day for line in lines), time(), UTC)
    until = datetime.combine(max(line.day for line in lines), time(), UTC) + timedelta(days=1)
    upstream = {one.name: one.spec.upstream_model for one in registry.every(tx, MODEL)}
    found: dict[tuple[object, str, str], Counted] = {}
    for one in usage.by_day(tx, provider=provider, since=since, until=until):
        name = upstream.get(one.model, one.model)
        key = (one.day, name, one.currency)
        before = found.get(key)
        found[key] = Counted(
            one.day, one.model, name, one.currency or "USD",
            one.calls + (before.calls if before else 0),
            one.input_tokens + (before.input_tokens if before else 0),
            one.output_tokens + (before.output_tokens if before else 0),
            one.cost_nano + (before.cost_nano if before else 0),
            one.unknown_cost_calls + (before.unknown_calls if before else 0),
        )  # fmt: skip
    return tuple(found.values())
