"""Pure: limits and budgets as gateways hold them: integers, and the scope they count."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_CEILING, Decimal
from typing import Literal

import msgspec

from roadworthy.quota.kinds import Budget, Limit, Scope
from roadworthy.quota.window import Period

NANO = 1_000_000_000
MILLIONTHS = 1_000_000


class ScopeEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a call must match; what is empty matches every call."""

    unit: str = ""
    use_case: str = ""
    principal: str = ""
    key: str = ""
    model: str = ""
    provider: str = ""

    @property
    def for_all(self) -> bool:
        """Does it count the calls of everybody?"""
        return not (self.unit or self.use_case or self.principal or self.key)


class LimitEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A limit on requests and tokens."""

    name: str
    scope: ScopeEntry
    each: str = ""
    per: Literal["minute", "hour", "day"] = "minute"
    requests: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    concurrency: int | None = None
    max_output_tokens: int | None = None
    owner: str = ""
    changers: tuple[str, ...] = ()
    """Who may change it where it names no owner."""


class BudgetEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A budget: amounts are billionths of its currency, as call records count them; rates are millionths."""

    name: str
    scope: ScopeEntry
    amount: int
    currency: str
    period: Period
    owner: str = ""
    each: str = ""
    default_input_nano: int | None = None
    default_output_nano: int | None = None
    rates: dict[str, int] = {}
    max_output_tokens: int | None = None
    lease_millionths: int = 2_500


def _scope(spec: Scope) -> ScopeEntry:
    principal = f"service-account/{spec.service_account}" if spec.service_account else ""
    if spec.person:
        principal = f"person/{spec.person}"
    return ScopeEntry(
        unit=spec.unit or "",
        use_case=spec.use_case or "",
        principal=principal,
        key=spec.key or "",
        model=spec.model or "",
        provider=spec.provider or "",
    )


def limit_entry(name: str, spec: Limit, changers: tuple[str, ...] = ()) -> LimitEntry:
    """Return a declared limit as gateways hold it; `changers` are named where it has no owner."""
    return LimitEntry(
        name=name,
        scope=_scope(spec.scope),
        each=spec.each or "",
        per=spec.per,
        requests=spec.requests,
        input_tokens=spec.input_tokens,
        output_tokens=spec.output_tokens,
        concurrency=spec.concurrency,
        max_output_tokens=spec.max_output_tokens,
        owner=f"person/{spec.owner}" if spec.owner else "",
        changers=() if spec.owner else changers,
    )


def _scaled(value: float, by: int) -> int:
    # Upwards: what is reserved must never be less than what may be asked for.
    return int((Decimal(str(value)) * by).to_integral_value(ROUND_CEILING))


def budget_entry(name: str, spec: Budget) -> BudgetEntry:
    """Return a declared budget as gateways hold it."""
    price = spec.default_price
    return BudgetEntry(
        name=name,
        scope=_scope(spec.scope),
        amount=_scaled(spec.amount, NANO),
        currency=spec.currency,
        period=spec.period,
        owner=f"person/{spec.owner}",
        each=spec.each or "",
        default_input_nano=_scaled(price.input_per_million, NANO // MILLIONTHS) if price else None,
        default_output_nano=_scaled(price.output_per_million, NANO // MILLIONTHS) if price else None,
        rates={currency: _scaled(rate, MILLIONTHS) for currency, rate in sorted(spec.rates.items())},
        max_output_tokens=spec.max_output_tokens,
        lease_millionths=_scaled(spec.lease_share, MILLIONTHS),
    )


def limit_entries(
    specs: Mapping[str, Limit], changers: Mapping[str, tuple[str, ...]]
) -> dict[str, LimitEntry]:
    """Return declared limits as gateways hold them; `changers` of those without an owner, by name."""
    return {name: limit_entry(name, spec, changers.get(name, ())) for name, spec in specs.items()}


def budget_entries(specs: Mapping[str, Budget]) -> dict[str, BudgetEntry]:
    """Return declared budgets as gateways hold them."""
    return {name: budget_entry(name, spec) for name, spec in specs.items()}
