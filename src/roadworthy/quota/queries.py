"""Questions about limits and budgets: what is used, reserved and left, and where it will end."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import queries as identity
from roadworthy.identity.roles import roles_declaring
from roadworthy.quota import store
from roadworthy.quota.entry import ScopeEntry, budget_entry, limit_entry
from roadworthy.quota.kinds import BUDGET, LIMIT
from roadworthy.quota.window import FOR_EVER, Period, Window, window_of
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import ROOT_NAMESPACE

_FORECAST_FROM = 0.02
"""So much of a window must have passed before its pace says anything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a counter stands in its present window; amounts of money are billionths of the currency."""

    declaration: str
    title: str
    namespace: str
    of: str
    measure: str
    """`money`, `requests`, `input-tokens` or `output-tokens`."""
    currency: str
    period: str
    limit: int
    used: int
    reserved: int
    """For calls under way, and held in advance by gateways."""
    starts: datetime
    ends: datetime | None
    forecast: int | None
    """What will have been used when the window ends, at the pace so far; None when that says nothing yet."""
    owner: str
    who_may_change: tuple[str, ...]

    @property
    def left(self) -> int:
        """Neither used nor reserved."""
        return max(0, self.limit - self.used - self.reserved)

    @property
    def share(self) -> float:
        """Which part of it is used or reserved."""
        return (self.used + self.reserved) / self.limit

    @property
    def state(self) -> str:
        """Return `exhausted`, `will not last`, or `fine`."""
        if self.used + self.reserved >= self.limit:
            return "exhausted"
        return "will not last" if self.forecast is not None and self.forecast > self.limit else "fine"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    id: str
    measure: str
    limit: int
    period: Period
    currency: str
    scope: ScopeEntry
    each: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Something held by a gateway that is gone, which nobody has given back yet."""

    lease: str
    holder: str
    state: str
    amount: int
    silent_s: int


def standings(
    tx: Tx, *, now: datetime, namespaces: Collection[str] | None = None, name: str = ""
) -> tuple[Standing, ...]:
    """Return how limits and budgets stand, of these units and of the whole organization."""
    found: list[Standing] = []
    at = now.timestamp()
    changers: dict[tuple[str, str], tuple[str, ...]] = {}
    for kind in (BUDGET, LIMIT):
        for one in registry.every(tx, kind):
            space = one.resource.namespace
            ref = f"{kind.slug}/{one.name}"
            if namespaces is not None and space not in namespaces and space != ROOT_NAMESPACE:
                continue
            if name and name not in {ref, one.name}:
                continue
            key = (kind.name, space)
            if key not in changers:
                changers[key] = _changers(tx, kind.name, space, now)
            for counted in _counted(kind.slug, one.name, one.spec):
                found += _of(tx, counted, ref=ref, title=one.spec.title, namespace=space, at=at,
                             owner=f"person/{one.spec.owner}" if one.spec.owner else "",
                             who=changers[key])  # fmt: skip
    if name and not found:
        raise NotFoundError(
            f"There is no limit or budget called `{name[:80]}`, or it counts nothing.",
            fix="`roadworthy budget` lists them.",
        )
    return tuple(found)


def limit_changers(tx: Tx, *, now: datetime) -> dict[str, tuple[str, ...]]:
    """Return who may change each limit that names no owner: limit -> people."""
    spaces = {one.name: one.namespace for one in registry.every(tx, LIMIT) if not one.spec.owner}
    of_space = {space: _changers(tx, LIMIT.name, space, now) for space in set(spaces.values())}
    return {name: of_space[space] for name, space in spaces.items()}


def _changers(tx: Tx, kind: str, namespace: str, now: datetime) -> tuple[str, ...]:
    people = {
        one.name
        for role in roles_declaring(kind)
        for one in identity.people_with_role(tx, role=role, namespace=namespace, now=now)
    }
    return tuple(sorted(people))


def _counted(slug: str, name: str, spec: object) -> Iterator[_Counted]:
    if slug == BUDGET.slug:
        budget = budget_entry(name, spec)  # type: ignore[arg-type]  # the kind says which spec it is
        yield _Counted(
            id=f"budget/{name}", measure="money", limit=budget.amount, period=budget.period,
            currency=budget.currency, scope=budget.scope, each=budget.each,
        )  # fmt: skip
        return
    limit = limit_entry(name, spec)  # type: ignore[arg-type]  # as above
    figures = (
        ("requests", limit.requests),
        ("input-tokens", limit.input_tokens),
        ("output-tokens", limit.output_tokens),
    )
    for measure, figure in figures:
        if figure is not None:
            yield _Counted(
                id=f"limit/{name}", measure=measure, limit=figure, period=limit.per,
                currency="", scope=limit.scope, each=limit.each,
            )  # fmt: skip


def _of(
    tx: Tx, counted: _Counted, *, ref: str, title: str, namespace: str, at: float, owner: str,
    who: tuple[str, ...],
) -> Iterator[Standing]:  # fmt: skip
    window = window_of(counted.period, at)
    rows = store.standing_of(tx, counted.id, window.start)
    suffix = "" if counted.currency else f"#{counted.measure}"
    instances = {
        row.id.removeprefix(counted.id).removesuffix(suffix): (row.spent, row.leased)
        for row in rows
        if row.id.endswith(suffix)
    }
    if not counted.each:
        instances = {"": instances.get("", (0, 0))}
    elif not instances:
        instances = {f"@each {counted.each}, none so far": (0, 0)}
    for instance, (spent, leased) in sorted(instances.items()):
        yield Standing(
            declaration=ref, title=title, namespace=namespace,
            of=instance.removeprefix("@") or _spoken(counted.scope),
            measure=counted.measure, currency=counted.currency, period=counted.period,
            limit=counted.limit, used=spent, reserved=leased,
            starts=datetime.fromtimestamp(window.start, UTC),
            ends=None if window.end >= FOR_EVER else datetime.fromtimestamp(window.end, UTC),
            forecast=forecast(window, at, spent if counted.currency else leased),
            owner=owner, who_may_change=who,
        )  # fmt: skip


def _spoken(scope: ScopeEntry) -> str:
    named = (
        ("key/", scope.key), ("", scope.principal), ("use-case/", scope.use_case),
        ("unit/", scope.unit), ("model/", scope.model), ("provider/", scope.provider),
    )  # fmt: skip
    return " and ".join(f"{word}{value}" for word, value in named if value) or "the whole organization"


def forecast(window: Window, at: float, used: int) -> int | None:
    """Return what will have been used at the window's end at the pace so far; None while nobody can say."""
    if window.end >= FOR_EVER:
        return None
    length, passed = window.end - window.start, at - window.start
    if passed < length * _FORECAST_FROM:
        return None
    return round(used * length / passed)


def leaks(tx: Tx) -> tuple[Leak, ...]:
    """Return what gateways that are gone still hold; empty once their records have been taken over."""
    now = int(store.now(tx))
    held = {row.id: row for row in store.every_holder(tx)}
    found = []
    for lease in store.every_lease(tx):
        row = held.get(lease.holder)
        state = row.state if row is not None else "unknown"
        silent = now - row.seen_at if row is not None else 0
        if state != "live" or silent > 60:
            found.append(Leak(lease=lease.id, holder=lease.holder, state=state, amount=lease.amount,
                              silent_s=silent))  # fmt: skip
    return tuple(found)
