"""What would be in force if some declarations were applied, and what that would have done to past calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.gateway import declared
from roadworthy.gateway.backtest import Tested, backtest, sentences
from roadworthy.gateway.compile import snapshot_of
from roadworthy.gateway.delta import Delta, merge
from roadworthy.gateway.queries import visible_use_cases
from roadworthy.gateway.snapshot import Index, Snapshot
from roadworthy.gateway.source import compile_snapshot
from roadworthy.policy.admission import issues
from roadworthy.policy.entry import policy_entry
from roadworthy.policy.kinds import AccessPolicy
from roadworthy.policy.reach import below
from roadworthy.registry import audit
from roadworthy.registry.resource import Resource
from roadworthy.registry.slice import Proposal
from roadworthy.usage import queries as usage
from roadworthy.usage.queries import TraceFilter, TraceLine

PARTS: Mapping[str, str] = {
    "AccessPolicy": "access_policies",
    "Model": "models",
    "Route": "routes",
    "Provider": "providers",
}
"""Kinds that can be tested on past calls, and the part of a snapshot they stand in."""

DAYS = 7
CALLS_MAX = 2_000
"""How many of the newest calls a plan is tested on; a back-test that is asked for takes more."""


def laid_over(
    index: Index, resources: Iterable[Resource[Any]], *, now: datetime, gone: Iterable[tuple[str, str]] = ()
) -> Index:
    """Return what would be in force with these declarations applied and those gone."""
    by_kind: dict[str, dict[str, Any]] = {}
    for one in resources:
        by_kind.setdefault(one.kind, {})[one.name] = one.spec
    foreign = sorted(set(by_kind) - set(PARTS))
    if foreign:
        raise InvalidError(
            f"{foreign[0]} cannot be tested on past calls.",
            why="Records hold what was called, not what was said or who had approved what.",
            fix=f"Name files with {', '.join(PARTS)} alone.",
        )
    policies = by_kind.pop("AccessPolicy", {})
    read = declared.parts(lambda kind: by_kind.get(kind.name, {}))
    part = snapshot_of(revision=0, keys=(), principals=(), standings=(), now=now, **read)
    parents = index.snapshot.units
    put = Snapshot(
        index.revision, index.snapshot.compiled_at,
        models=part.models, routes=part.routes, providers=part.providers,
        access_policies={
            name: policy_entry(name, spec, units=below(set(spec.units), parents))
            for name, spec in policies.items()
        },
    )  # fmt: skip
    drop: dict[str, tuple[str, ...]] = {}
    for kind, name in gone:
        drop[PARTS[kind]] = (*drop.get(PARTS[kind], ()), name)
    return Index(merge(index.snapshot, Delta(put, drop)))


def require_valid(resources: Iterable[Resource[Any]], *, parents: Mapping[str, str]) -> None:
    """Refuse policies that could not be applied."""
    found = [
        issue
        for one in resources
        if isinstance(one.spec, AccessPolicy)
        for issue in issues(one.name, one.spec, units=parents)
    ]
    if found:
        raise InvalidError(
            "The policy could not be applied, so it is not tested on past calls.",
            why=found[0].message,
            fix=found[0].fix,
            issues=found,
        )


def _past(
    tx: Tx, *, since: datetime, limit: int, use_cases: Collection[str] | None = None
) -> Iterator[TraceLine]:
    """Yield the newest calls of production; of these use cases, unless None."""
    cursor, asked = "", TraceFilter(since=since, tag="production")
    while limit > 0:
        page = usage.traces(tx, asked, before=cursor, limit=min(limit, usage.PAGE_MAX), use_cases=use_cases)
        yield from page.lines
        limit, cursor = limit - len(page.lines), page.next_cursor
        if not cursor:
            return


def on_past_calls(
    tx: Tx,
    before: Index,
    after: Index,
    *,
    days: int,
    now: datetime,
    limit: int,
    use_cases: Collection[str] | None,
) -> Tested:
    """Decide the newest calls of some days on both; of these use cases, unless None."""
    calls = _past(tx, since=now - timedelta(days=days), limit=limit, use_cases=use_cases)
    return backtest(before, after, calls, now=now.timestamp())


_kept: dict[tuple[int, int, datetime], Index] = {}


def _current(tx: Tx, now: datetime) -> Index:
    """Return what is in force; the changes of one plan ask for the same."""
    place = (id(tx.connection.engine), audit.revision(tx), now)
    found = _kept.get(place)
    if found is None:
        _kept.clear()
        found = _kept[place] = Index(compile_snapshot(tx, now=now))
    return found


def effects(tx: Tx, proposal: Proposal) -> Iterator[str]:
    """Say in a plan what a change would have done to the calls of the last days."""
    change = proposal.change
    if change.kind not in PARTS or not any(_past(tx, since=proposal.now - timedelta(days=DAYS), limit=1)):
        return
    before = _current(tx, proposal.now)
    after = laid_over(
        before,
        [proposal.after] if proposal.after is not None else [],
        now=proposal.now,
        gone=[(change.kind, change.name)] if proposal.after is None else [],
    )
    who = proposal.actor.principal
    seen = (
        None
        if who.startswith("system/")
        else visible_use_cases(tx, principal=who, permission="usage.read", now=proposal.now)
    )
    found = on_past_calls(tx, before, after, days=DAYS, now=proposal.now, limit=CALLS_MAX, use_cases=seen)
    yield from sentences(found, days=DAYS)
    if change.kind == "AccessPolicy" and not found.groups:
        yield f"Would have decided all {found.calls:,} calls of the last {DAYS} days as they are decided now."
