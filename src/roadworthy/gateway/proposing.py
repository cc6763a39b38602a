"""What would be in force if a plan were applied, and what that would have done to past calls."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from roadworthy.foundation.storage.database import Tx
from roadworthy.gateway import declared
from roadworthy.gateway.backtest import Means, Tested, backtest
from roadworthy.gateway.compile import snapshot_of
from roadworthy.gateway.delta import Delta, merge
from roadworthy.gateway.foretelling import sentences
from roadworthy.gateway.queries import visible_use_cases
from roadworthy.gateway.snapshot import Block, Index, PrincipalEntry, Snapshot, Stop
from roadworthy.gateway.source import compile_among
from roadworthy.governance import queries as governance
from roadworthy.governance.foreseen import declared_in, sides
from roadworthy.governance.standing import Standing
from roadworthy.registry.actor import Actor
from roadworthy.registry.slice import Proposal, World
from roadworthy.rules.rulebook import Rulebook
from roadworthy.usage import past

GOVERNED = frozenset(kind.name for kind in governance.KINDS)
"""Kinds that verdicts, and so grants, are computed from."""
DECLARED = frozenset(kind.name for kind in declared.KINDS)
ENFORCED = GOVERNED | DECLARED
"""Kinds a change to which can change what becomes of calls."""
TESTED_WHOLE = frozenset({"AccessPolicy", "Filter", "FilterPolicy", "Limit", "Budget"})
"""Kinds whose plan also says that nothing would have differed."""
DAYS = 7
CALLS_MAX = 2_000
"""How many of the newest calls a plan is tested on; a back-test that is asked for takes more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What would be different: a plan's world, rules in the place of today's, kill switches thrown."""

    world: World
    actor: Actor
    now: datetime
    rulebook: Rulebook | None = None
    stops: tuple[str, ...] = ()
    """`kind/name` of what would be stopped."""

    @property
    def kinds(self) -> frozenset[str]:
        """Return the kinds that something changes of."""
        return frozenset(kind for kind, _ in self.world.planned())

    @property
    def governed(self) -> bool:
        """Say whether verdicts can change."""
        return self.rulebook is not None or bool(self.kinds & GOVERNED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which past calls are asked about, and what of them."""

    since: datetime
    limit: int
    use_cases: Collection[str] | None
    """Whose calls are seen; None for all."""
    readable: Collection[str] | None
    """Of whose calls the words may be read; None for all."""


def foreseen(
    tx: Tx, change: Change, names: Collection[str]
) -> tuple[Mapping[str, Standing], Mapping[str, Standing]]:
    """Return where use cases stand before and after; nothing where verdicts cannot change."""
    if not change.governed:
        return {}, {}
    return sides(tx, change.world, names, actor=change.actor, now=change.now, rulebook=change.rulebook)


def tried(tx: Tx, change: Change, asked: Asked) -> Tested:
    """Decide past calls as things are, and as they would be."""
    calls = list(past.calls(tx, since=asked.since, limit=asked.limit, use_cases=asked.use_cases))
    before = compile_among(
        tx,
        use_cases={one.use_case for one in calls if one.use_case},
        principals={one.principal for one in calls if one.principal},
        now=change.now,
    )
    after = laid_over(tx, before, change)
    means = Means(
        now=change.now.timestamp(),
        words_of=lambda ids: past.words(tx, ids, now=change.now),
        readable=asked.readable,
        spent=lambda since, until: past.spent(
            tx, since=datetime.fromtimestamp(since, UTC), until=datetime.fromtimestamp(until, UTC)
        ),
        clock_ns=time.thread_time_ns,
    )
    return backtest(Index(before), Index(after), calls, means=means)


def laid_over(tx: Tx, before: Snapshot, change: Change) -> Snapshot:
    """Return what would be in force for the use cases and callers of a snapshot."""
    after = before
    if change.kinds & DECLARED:
        after = _declared_anew(after, change)
    if change.governed:
        names = {one.use_case for one in before.grants} | set(before.blocks)
        after = _granted_anew(after, foreseen(tx, change, names)[1], now=change.now)
    after = msgspec.structs.replace(after, principals=dict(_principals(after, change)))
    if change.stops:
        at = change.now.timestamp()
        thrown = {of: Stop(of, "as it would be", change.actor.principal, at) for of in change.stops}
        after = msgspec.structs.replace(after, stops={**after.stops, **thrown})
    return after


def _declared_anew(before: Snapshot, change: Change) -> Snapshot:
    known = {kind.name: declared_in(change.world, kind.name) for kind in declared.KINDS}
    read = declared.parts(lambda kind: {one.name: one.spec for one in known[kind.name]})
    made = snapshot_of(revision=0, keys=(), principals=(), standings=(), now=change.now, **read)
    parts = ("models", "routes", "providers", "filters", "filter_policies", "limits", "budgets", "units",
             "access_policies")  # fmt: skip
    return msgspec.structs.replace(before, **{name: getattr(made, name) for name in parts})


def _granted_anew(before: Snapshot, after: Mapping[str, Standing], *, now: datetime) -> Snapshot:
    """Put the verdicts of the plan in the place of today's."""
    names = {one.use_case for one in before.grants} | set(before.blocks)
    verdicts = [after[name].verdict for name in sorted(names) if name in after]
    nothing: dict[str, Any] = declared.parts(lambda _kind: {})
    put = snapshot_of(revision=0, keys=(), principals=(), standings=verdicts, now=now, **nothing)
    gone = {"grants": tuple(names), "blocks": tuple(set(before.blocks) - set(put.blocks))}
    gone_for_good = {name: Block() for name in names - set(after)}
    put = msgspec.structs.replace(put, blocks={**put.blocks, **gone_for_good})
    return merge(before, Delta(put, {name: some for name, some in gone.items() if some}))


def _principals(before: Snapshot, change: Change) -> Iterator[tuple[str, PrincipalEntry]]:
    """Yield the callers, those that a plan disables or takes away as it leaves them."""
    planned = change.world.planned()
    at = change.now.timestamp()
    for name, entry in before.principals.items():
        slug, _, bare = name.partition("/")
        place = ("ServiceAccount" if slug == "service-account" else "Person", bare)
        if place not in planned:
            yield name, entry
        elif (found := planned[place]) is not None:
            yield name, msgspec.structs.replace(entry, **_ends(found.spec, entry, at))


def _ends(spec: Any, entry: PrincipalEntry, at: float) -> dict[str, Any]:
    if entry.kind == "service-account":
        stopped = (entry.disabled_at or at) if spec.disabled else None
        return {"expires_at": _start(spec.expires_on), "disabled_at": stopped}
    return {"disabled_at": None if spec.disabled_on is None else _start(spec.disabled_on)}


def _start(day: Any) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()


def effects(tx: Tx, proposal: Proposal) -> Iterator[str]:
    """Say in a plan what all its changes together would have done to the calls of the last days.

    Each sentence stands at the change it is about; what is about none stands at the first that is enforced.
    """
    if proposal.change.kind not in ENFORCED:
        return
    planned = {f"{kind}/{name}" for kind, name in proposal.world.planned()}
    told = _told(tx, proposal)
    mine = proposal.change.ref
    refs = {_ref_of(one) for one in planned}
    kept = []
    for about, said in told:
        if about == mine or about not in refs:
            yield said
        else:
            kept.append((about, said))
    told[:] = kept


def _ref_of(place: str) -> str:
    kind, _, name = place.partition("/")
    slug = "".join(f"-{sign.lower()}" if sign.isupper() else sign for sign in kind).lstrip("-")
    return f"{slug}/{name}"


def _told(tx: Tx, proposal: Proposal) -> list[tuple[str, str]]:
    """Return what is still to be said of a plan; worked out once for it."""
    key = f"gateway.effects.{id(proposal.world)}"
    if key not in tx.memo:
        # The world is held beside it: an id is unique only as long as what it names lives.
        tx.memo[key] = (proposal.world, list(_sentences(tx, proposal)))
    found: list[tuple[str, str]] = tx.memo[key][1]
    return found


def _sentences(tx: Tx, proposal: Proposal) -> Iterable[tuple[str, str]]:
    since = proposal.now - timedelta(days=DAYS)
    if not past.any_since(tx, since):
        return
    change = Change(world=proposal.world, actor=proposal.actor, now=proposal.now)
    who = proposal.actor.principal

    def seen(permission: str) -> Collection[str] | None:
        if who.startswith("system/"):
            return None
        return visible_use_cases(tx, principal=who, permission=permission, now=proposal.now)

    asked = Asked(since=since, limit=CALLS_MAX, use_cases=seen("usage.read"), readable=seen("content.read"))
    found = tried(tx, change, asked)
    yield from sentences(found, days=DAYS)
    if not found.groups and change.kinds & TESTED_WHOLE:
        yield (
            "",
            f"Would have decided all {found.calls:,} calls of the last {DAYS} days as they are decided now.",
        )
