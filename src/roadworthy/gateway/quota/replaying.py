"""Pure: past calls counted against limits and budgets, as they are and as they would be.

A gateway reserves what a call may need at most; records hold what it used. So what is counted here is the
least: with the reserve, a few more would have been refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from roadworthy.gateway.quota.scopes import covering
from roadworthy.quota.entry import MILLIONTHS, BudgetEntry, LimitEntry
from roadworthy.quota.window import window_of

REFUSALS = frozenset({"rate_limited", "budget_exhausted"})
"""Codes of the refusals that limits and budgets make."""


class Counted(msgspec.Struct, frozen=True, kw_only=True):
    """What is counted of a call."""

    at: float
    principal: str
    key_id: str
    use_case: str
    unit: str
    model: str
    provider: str
    requests: int = 1
    input_tokens: int = 0
    output_tokens: int = 0
    cost_nano: int = 0
    currency: str = ""


class Spending(Protocol):
    """What was spent by some in one hour."""

    @property
    def at(self) -> float:
        """When, in Unix seconds."""

    @property
    def principal(self) -> str:
        """By whom."""

    @property
    def use_case(self) -> str:
        """What for."""

    @property
    def model(self) -> str:
        """On which model."""

    @property
    def provider(self) -> str:
        """At which provider."""

    @property
    def currency(self) -> str:
        """In which currency."""

    @property
    def cost_nano(self) -> int:
        """How much, in billionths."""


Entry = LimitEntry | BudgetEntry


class Quotas:
    """Some limits and budgets, with what past calls have used of them so far; calls come in order of time."""

    def __init__(
        self, entries: Iterable[Entry], *, units: Mapping[str, str], spent: Iterable[Spending] = (),
        unit_of: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self._entries = tuple(entries)
        self._units = units
        self._used: dict[tuple[str, str, str, int], int] = {}
        for one in spent:
            before = Counted(
                at=one.at, principal=one.principal, key_id="", use_case=one.use_case,
                unit=(unit_of or {}).get(one.use_case, ""), model=one.model, provider=one.provider,
                requests=0, cost_nano=one.cost_nano, currency=one.currency,
            )  # fmt: skip
            for entry in self._entries:
                if isinstance(entry, BudgetEntry):
                    self._take(entry, before)

    def refuses(self, call: Counted) -> str:
        """Return the declaration that would refuse a call, `limit/NAME`; nothing where it is let through."""
        met = [entry for entry in self._entries if self._matches(entry, call)]
        for entry in met:
            for word, need, most in _figures(entry, call):
                if need and self._used.get(_place(entry, call, word), 0) + need > most:
                    return _ref(entry)
        for entry in met:
            self._take(entry, call)
        return ""

    def _take(self, entry: Entry, call: Counted) -> None:
        if not self._matches(entry, call):
            return
        for word, need, _most in _figures(entry, call):
            place = _place(entry, call, word)
            self._used[place] = self._used.get(place, 0) + need

    def _matches(self, entry: Entry, call: Counted) -> bool:
        scope = entry.scope
        return (
            (not scope.unit or scope.unit in covering(call.unit, self._units))
            and scope.use_case in {"", call.use_case}
            and scope.principal in {"", call.principal}
            and scope.key in {"", call.key_id}
            and scope.model in {"", call.model}
            and scope.provider in {"", call.provider}
        )


def _ref(entry: Entry) -> str:
    return f"{'limit' if isinstance(entry, LimitEntry) else 'budget'}/{entry.name}"


def _figures(entry: Entry, call: Counted) -> Iterator[tuple[str, int, int]]:
    """Yield what is counted of a call, how much of it, and how much there may be."""
    if isinstance(entry, LimitEntry):
        if entry.requests is not None:
            yield "requests", call.requests, entry.requests
        if entry.input_tokens is not None:
            yield "input-tokens", call.input_tokens, entry.input_tokens
        if entry.output_tokens is not None:
            yield "output-tokens", call.output_tokens, entry.output_tokens
        return
    rate = MILLIONTHS if call.currency in {"", entry.currency} else entry.rates.get(call.currency, 0)
    yield "money", -(-call.cost_nano * rate // MILLIONTHS), entry.amount


def _place(entry: Entry, call: Counted, word: str) -> tuple[str, str, str, int]:
    each = {
        "": "", "key": call.key_id, "principal": call.principal, "use-case": call.use_case,
        "unit": call.unit, "model": call.model,
    }[entry.each]  # fmt: skip
    period = entry.per if isinstance(entry, LimitEntry) else entry.period
    return _ref(entry), each, word, window_of(period, call.at).start


def changed(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> frozenset[str]:
    """Return the names of what is new, different or gone."""
    return frozenset(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def windows_begin(entries: Iterable[Entry], at: float) -> float:
    """Return when the earliest window of budgets begins that an instant lies in; the instant without any."""
    starts = [window_of(one.period, at).start for one in entries if isinstance(one, BudgetEntry)]
    return float(min([at, *starts]))
