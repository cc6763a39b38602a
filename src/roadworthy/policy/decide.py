"""Pure: what all policies say of a call: the organization's first, then units', which can only forbid.

A caller and a model have a *standing*: what is certain of all such calls, decided once, and the few
statements that have to look at each call. Statements about somebody else are never looked at.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from roadworthy.policy.compiled import ERRS, Condition, Thing, condition
from roadworthy.policy.statement import Denial, PolicyEntry, Statement

_EVERYBODY = ("", "")


class Ready(msgspec.Struct, frozen=True):
    """A statement that applies if this call is as `holds` says."""

    denial: Denial
    holds: Condition
    needs: frozenset[str] = frozenset()
    """What it asks of the call."""


class Standing(msgspec.Struct, frozen=True):
    """What policies say of a caller's calls to one model."""

    principal: Thing
    resource: Thing
    fixed: dict[str, Any]
    forbidden: Denial | None = None
    """They are all refused."""
    forbids: tuple[Ready, ...] = ()
    """Those of them are refused that one of these meets."""
    permits: tuple[Ready, ...] = ()
    unpermitted: Denial | None = None
    """They are refused unless one of `permits` meets them."""
    needs: frozenset[str] = frozenset()
    """What has to be known of a call."""

    @property
    def certain(self) -> bool:
        """Is it the same for every such call?"""
        return self.forbidden is not None or not (self.forbids or self.unpermitted)

    def decide(self, of_call: dict[str, Any]) -> Denial | None:
        """Say who forbids this call, if somebody does."""
        if self.forbidden is not None:
            return self.forbidden
        context = {**self.fixed, **of_call}
        for one in self.forbids:
            if _holds(one.holds, self.principal, self.resource, context):
                return one.denial
        if self.unpermitted is None:
            return None
        for one in self.permits:
            if _holds(one.holds, self.principal, self.resource, context):
                return None
        return self.unpermitted

    def known(self, of_call: dict[str, Any], *, unknown: frozenset[str]) -> Sure | None:
        """Decide a call of which some is unknown; None where that could make the difference."""
        if self.forbidden is not None:
            return Sure(self.forbidden)
        context = {**self.fixed, **of_call}
        unsure = False
        for one in self.forbids:
            if one.needs & unknown:
                unsure = True
            elif _holds(one.holds, self.principal, self.resource, context):
                return Sure(one.denial)
        if self.unpermitted is None:
            return None if unsure else Sure(None)
        open_ = False
        for one in self.permits:
            if one.needs & unknown:
                open_ = True
            elif _holds(one.holds, self.principal, self.resource, context):
                return None if unsure else Sure(None)
        return None if unsure or open_ else Sure(self.unpermitted)


class Sure(msgspec.Struct, frozen=True):
    """What can be said for certain of a call of which not all is known."""

    denial: Denial | None


def _holds(one: Condition, principal: Thing, resource: Thing, context: dict[str, Any]) -> bool:
    try:
        return one(principal, resource, context)
    except ERRS:
        return False


class _Placed(msgspec.Struct, frozen=True):
    statement: Statement
    denial: Denial
    fixed: Condition
    each: Condition


class _Shelf:
    """Statements by what they are about, in the order they were declared."""

    def __init__(self) -> None:
        self._about: dict[tuple[str, str], list[tuple[int, _Placed]]] = {}
        self._count = 0

    def add(self, policy: str, statement: Statement) -> None:
        denial = Denial(policy, statement.name, statement.line, statement.reason)
        placed = _Placed(statement, denial, condition(statement.fixed), condition(statement.each))
        self._about.setdefault(statement.of or _EVERYBODY, []).append((self._count, placed))
        self._count += 1

    def concerning(self, principal: Thing, resource: Thing) -> list[_Placed]:
        about = self._about
        found = list(about.get(_EVERYBODY, ()))
        if len(about) > bool(found):
            for uid in principal.line | resource.line:
                found += about.get(uid, ())
            found.sort(key=lambda pair: pair[0])
        return [placed for _, placed in found]


class Rules:
    """The policies of a snapshot, arranged for look-ups; never changed."""

    def __init__(self, entries: Iterable[PolicyEntry]) -> None:
        self._central = _Shelf()
        self._of_unit: dict[str, _Shelf] = {}
        self._broken: dict[str, Denial] = {}
        self._default: Denial | None = None
        self.any = False
        for entry in sorted(entries, key=lambda one: one.name):
            self.any = True
            if entry.default_deny and self._default is None:
                self._default = Denial(entry.name)
            self._add(entry)

    def _add(self, entry: PolicyEntry) -> None:
        reached = sorted(entry.units) or [""]
        try:
            for unit in reached:
                shelf = self._of_unit.setdefault(unit, _Shelf()) if unit else self._central
                for one in entry.statements:
                    if not unit or one.effect == "forbid":  # a unit's permit would permit nothing
                        shelf.add(entry.name, one)
            broken = entry.broken
        except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
            broken = f"It cannot be enforced here: {type(error).__name__}"
        if broken:
            for unit in reached:
                self._broken.setdefault(unit, Denial(entry.name, "the whole policy", 1, broken))

    def standing(self, principal: Thing, resource: Thing, *, unit: str, fixed: dict[str, Any]) -> Standing:
        """Say what the policies come to for a caller, a model, and a use case of a unit."""
        broken = self._broken.get("") or self._broken.get(unit)
        if broken is not None:
            return Standing(principal, resource, fixed, forbidden=broken)
        placed = self._central.concerning(principal, resource)
        if unit in self._of_unit:
            placed += self._of_unit[unit].concerning(principal, resource)
        forbids: list[Ready] = []
        permits: list[Ready] = []
        needs, permitted = set[str](), self._default is None
        for one in placed:
            permit = one.statement.effect == "permit"
            if permit and permitted:
                continue
            if not _holds(one.fixed, principal, resource, fixed):
                continue
            if one.statement.each != "[]":
                (permits if permit else forbids).append(
                    Ready(one.denial, one.each, frozenset(one.statement.needs))
                )
                needs.update(one.statement.needs)
            elif permit:
                permitted = True
            else:
                return Standing(principal, resource, fixed, forbidden=one.denial)
        if not permitted and not permits:
            return Standing(principal, resource, fixed, forbidden=self._default)
        return Standing(
            principal,
            resource,
            fixed,
            forbids=tuple(forbids),
            permits=() if permitted else tuple(permits),
            unpermitted=None if permitted else self._default,
            needs=frozenset(needs),
        )
