"""Pure: which limits and budgets a caller's calls of one name count against; worked out once per snapshot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.quota.counter import MONEY, REQUESTS, TOKENS_IN, TOKENS_OUT, Bound, Use
from roadworthy.gateway.snapshot import Index, Target
from roadworthy.quota.entry import MILLIONTHS, BudgetEntry, LimitEntry, ScopeEntry
from roadworthy.quota.kinds import CONCURRENCY

RATE_LEASE_MILLIONTHS = 25_000
OUTPUT_CAP = 4_096
"""For a call that names no `max_tokens`, to models that do not say how much they answer at most."""


class Scopes:
    """The counters of one admission; `bound` is filled in by the quotas that count with it."""

    __slots__ = ("bound", "bound_by", "concurrency", "key_id", "output_cap", "refused", "size_cap", "uses")

    def __init__(
        self,
        uses: tuple[Use, ...],
        *,
        key_id: str,
        concurrency: int,
        output_cap: int | None,
        size_cap: int | None,
        refused: Refused | None,
    ) -> None:
        self.uses = uses
        self.key_id = key_id
        self.concurrency = concurrency
        self.output_cap = output_cap
        self.size_cap = size_cap
        """No call has more input tokens than this, however long it is."""
        self.refused = refused
        self.bound: Bound | None = None
        self.bound_by: object | None = None


Anchor = tuple[str, str]
_Table = dict[Anchor, list[LimitEntry | BudgetEntry]]


def _anchor(scope: ScopeEntry) -> Anchor:
    """Return the narrowest thing a scope names: what its declaration is found by."""
    for name in ("key", "principal", "use_case", "unit", "model", "provider"):
        value = getattr(scope, name)
        if value:
            return name, value
    return "", ""


class Rulebook(msgspec.Struct, frozen=True):
    """All limits and budgets of a snapshot, found by what they name."""

    limits: Mapping[str, LimitEntry]
    budgets: Mapping[str, BudgetEntry]
    table: _Table


def rulebook(limits: Mapping[str, LimitEntry], budgets: Mapping[str, BudgetEntry]) -> Rulebook:
    """Arrange limits and budgets so that a call's are found without looking at the others."""
    table: _Table = {}
    for limit in limits.values():
        table.setdefault(_anchor(limit.scope), []).append(limit)
    for budget in budgets.values():
        table.setdefault(_anchor(budget.scope), []).append(budget)
    return Rulebook(limits, budgets, table)


_last = rulebook({}, {})


def scopes_for(index: Index, admitted: Admitted) -> Scopes:
    """Return what the calls of an admission count against."""
    global _last  # noqa: PLW0603  changes to keys and grants share the limits: they are arranged once
    snapshot = index.snapshot
    book = _last
    if book.limits is not snapshot.limits or book.budgets is not snapshot.budgets:
        book = _last = rulebook(snapshot.limits, snapshot.budgets)
    return compiled(book, snapshot.units, admitted)


def covering(unit: str, parents: Mapping[str, str]) -> Iterator[str]:
    """Yield a unit and all it is part of."""
    seen = set()
    while unit and unit not in seen:
        seen.add(unit)
        yield unit
        unit = parents.get(unit, "")


def compiled(book: Rulebook, parents: Mapping[str, str], admitted: Admitted) -> Scopes:
    """Work out the counters of an admission, its cap on output, and whether it can be paid for at all."""
    units = tuple(covering(admitted.grant.namespace, parents))
    found = _matching(book, units, admitted)
    uses: list[Use] = []
    caps: list[int] = []
    central = CONCURRENCY
    standing: list[int] = []
    refused: Refused | None = None
    for entry, targets in found:
        if entry.max_output_tokens is not None:
            caps.append(entry.max_output_tokens)
        if isinstance(entry, LimitEntry):
            uses.extend(_limit_uses(entry, targets, admitted))
            if entry.concurrency is not None:
                if entry.scope.for_all:
                    central = entry.concurrency if central is CONCURRENCY else min(central, entry.concurrency)
                else:
                    standing.append(entry.concurrency)
        else:
            made = _budget_uses(entry, targets, admitted)
            if isinstance(made, Refused):
                refused = refused or made
            else:
                uses += made
    if not caps:
        said = [one.model.max_output_tokens for one in admitted.targets if one.model.max_output_tokens]
        caps.append(min(said, default=OUTPUT_CAP))
    contexts = [one.model.context_tokens for one in admitted.targets]
    counts_output = any(use.kind in {MONEY, TOKENS_OUT} for use in uses)
    return Scopes(
        tuple(sorted(uses, key=lambda use: use.id)),
        key_id=admitted.caller.key.id,
        concurrency=min([central, *standing]),
        output_cap=min(caps) if counts_output or any(one[0].max_output_tokens for one in found) else None,
        size_cap=max(one for one in contexts if one) if all(contexts) and contexts else None,
        refused=refused,
    )


def _matching(
    book: Rulebook, units: tuple[str, ...], admitted: Admitted
) -> list[tuple[LimitEntry | BudgetEntry, tuple[Target, ...]]]:
    caller, grant = admitted.caller, admitted.grant
    anchors: list[Anchor] = [
        ("", ""),
        ("key", caller.key.id),
        ("principal", caller.key.principal),
        ("use_case", grant.use_case),
        *(("unit", unit) for unit in units),
        *{("model", one.model.name) for one in admitted.targets},
        *{("provider", one.model.provider) for one in admitted.targets},
    ]
    found = []
    for anchor in anchors:
        for entry in book.table.get(anchor, ()):
            scope = entry.scope
            if (
                (not scope.unit or scope.unit in units)
                and (not scope.use_case or scope.use_case == grant.use_case)
                and (not scope.principal or scope.principal == caller.key.principal)
                and (not scope.key or scope.key == caller.key.id)
                and (targets := _answering(scope, admitted.targets))
            ):
                found.append((entry, targets))
    return found


def _answering(scope: ScopeEntry, targets: tuple[Target, ...]) -> tuple[Target, ...]:
    return tuple(
        one
        for one in targets
        if (not scope.model or scope.model == one.model.name)
        and (not scope.provider or scope.provider == one.model.provider)
    )


def _instances(entry: LimitEntry | BudgetEntry, targets: tuple[Target, ...], admitted: Admitted) -> list[str]:
    each = entry.each
    if each == "key":
        return [f"@key/{admitted.caller.key.id}"]
    if each == "principal":
        return [f"@{admitted.caller.key.principal}"]
    if each == "use-case":
        return [f"@use-case/{admitted.grant.use_case}"]
    if each == "unit":
        return [f"@unit/{admitted.grant.namespace}"]
    if each == "model":
        return sorted({f"@model/{one.model.name}" for one in targets})
    return [""]


def _only(
    entry: LimitEntry | BudgetEntry, instance: str, targets: tuple[Target, ...], admitted: Admitted
) -> frozenset[str] | None:
    """Return the models whose answers count; None when every answer of the call does."""
    if entry.each == "model":
        chosen = frozenset({instance.removeprefix("@model/")})
    else:
        chosen = frozenset(one.model.name for one in targets)
    return None if len(chosen) == len({one.model.name for one in admitted.targets}) else chosen


def _limit_uses(entry: LimitEntry, targets: tuple[Target, ...], admitted: Admitted) -> Iterator[Use]:
    figures = (
        ("requests", REQUESTS, entry.requests),
        ("input-tokens", TOKENS_IN, entry.input_tokens),
        ("output-tokens", TOKENS_OUT, entry.output_tokens),
    )
    for word, kind, figure in figures:
        if figure is None:
            continue
        for instance in _instances(entry, targets, admitted):
            yield Use(
                id=f"limit/{entry.name}{instance}#{word}",
                kind=kind,
                period=entry.per,
                limit=figure,
                lease_millionths=RATE_LEASE_MILLIONTHS,
                declaration=f"limit/{entry.name}",
                of=instance.removeprefix("@") or _spoken(entry.scope),
                owner=entry.owner,
                changers=entry.changers,
                only=_only(entry, instance, targets, admitted),
            )


def _spoken(scope: ScopeEntry) -> str:
    named = {
        "key": scope.key, "": scope.principal, "use-case": scope.use_case,
        "unit": scope.unit, "model": scope.model, "provider": scope.provider,
    }  # fmt: skip
    said = [f"{word}/{value}" if word else value for word, value in named.items() if value]
    return " and ".join(said) or "the whole organization"


def _budget_uses(entry: BudgetEntry, targets: tuple[Target, ...], admitted: Admitted) -> list[Use] | Refused:
    dearest_in = dearest_out = 0
    rates: dict[str, int] = {}
    for target in targets:
        model = target.model
        price_in, price_out, rate = model.input_price_nano, model.output_price_nano, MILLIONTHS
        if price_in is None or price_out is None:
            if entry.default_input_nano is None or entry.default_output_nano is None:
                return _cannot_pay(
                    entry, f"the price of model/{model.name} is not known",
                    "Declare the model's `price`, or a `default_price` in the budget.",
                )  # fmt: skip
            price_in, price_out = entry.default_input_nano, entry.default_output_nano
        elif model.currency != entry.currency:
            known = entry.rates.get(model.currency)
            if known is None:
                return _cannot_pay(
                    entry,
                    f"model/{model.name} is paid in {model.currency}, the budget is in {entry.currency}",
                    f"Declare in the budget what one {model.currency} is: `rates: {{{model.currency}: …}}`.",
                )  # fmt: skip
            rate = rates[model.name] = known
        dearest_in = max(dearest_in, -(-price_in * rate // MILLIONTHS))
        dearest_out = max(dearest_out, -(-price_out * rate // MILLIONTHS))
    return [
        Use(
            id=f"budget/{entry.name}{instance}",
            kind=MONEY,
            period=entry.period,
            limit=entry.amount,
            lease_millionths=entry.lease_millionths,
            declaration=f"budget/{entry.name}",
            of=instance.removeprefix("@") or _spoken(entry.scope),
            owner=entry.owner,
            currency=entry.currency,
            price_in=dearest_in,
            price_out=dearest_out,
            rates=rates,
            only=_only(entry, instance, targets, admitted),
        )
        for instance in _instances(entry, targets, admitted)
    ]


def _cannot_pay(entry: BudgetEntry, why: str, step: str) -> Refused:
    message = f"budget/{entry.name} cannot pay for this call: {why}."
    changers = (entry.owner,) if entry.owner else ()
    return Refused(403, "price_unknown", message, f"budget/{entry.name}", changers, step)
