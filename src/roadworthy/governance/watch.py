"""Which use cases the keeper of approvals looks at in a turn: what changed, and what the clock has reached.

The audit log names what was declared and said; each look says when the clock alone next brings something
about. What neither knows of (a call that was made, evidence that gets too old) is found because every use
case is looked at once an hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from heapq import nsmallest

from roadworthy.foundation.storage.database import Tx
from roadworthy.governance import queries
from roadworthy.registry import audit

HOUR = timedelta(hours=1)
AT_ONCE = 500
"""As many are looked at in one turn: less than a second of a core. The rest is looked at a minute later."""
_OF_ALL = frozenset({"unit", "gate", "policy-pack", "exclusion"})
_NAMED = {"metric": "Metric", "model": "Model", "route": "Route", "provider": "Provider", "person": "Person"}


class Watch:
    """Keeps in mind between turns when each use case is to be looked at; losing it costs one look at all."""

    def __init__(self) -> None:
        self._next: dict[str, datetime] = {}
        self._size = -1
        self._mark = b""

    def wanted(self, tx: Tx, *, now: datetime) -> list[str]:
        """Return the use cases to look at in this turn, those that wait longest first."""
        self._follow(tx, now)
        due = [(at, name) for name, at in self._next.items() if at <= now]
        return [name for _, name in nsmallest(AT_ONCE, due)]

    def looked(self, names: list[str], again: Mapping[str, datetime], *, now: datetime) -> None:
        """Note when to look at these again; those that are no longer there are forgotten."""
        for name in names:
            if name in again:
                self._next[name] = min(again[name], now + HOUR)
            else:
                self._next.pop(name, None)

    def _follow(self, tx: Tx, now: datetime) -> None:
        size = audit.size(tx)
        if self._size < 0 or self._size > size or audit.mark(tx, self._size) != self._mark:
            changed = None  # a first turn, or another log: nothing that was noted holds
            self._next.clear()
        else:
            named = audit.named_since(tx, self._size)
            changed = None if named is None else self._changed(tx, named)
        # What is looked at because it changed comes before what the clock has reached just now.
        if changed is None:
            self._next |= dict.fromkeys(queries.names(tx), now - HOUR)
        else:
            self._next |= dict.fromkeys(changed, now - HOUR)
        self._size, self._mark = size, audit.mark(tx, size)

    def _changed(self, tx: Tx, named: list[str]) -> set[str] | None:
        """Return the use cases that entries of the log concern; None for all."""
        found, people, bindings = set[str](), set[str](), set[str]()
        for ref in set(named):
            slug, _, name = ref.partition("/")
            if slug in _OF_ALL:
                return None
            if slug == "use-case":
                found.add(name)
            elif slug == "role-binding":
                bindings.add(name)
            elif slug in _NAMED:
                found |= queries.depending_on(tx, _NAMED[slug], name)
            if slug == "person":
                people.add(name)
        if people or bindings:
            found |= queries.approved_by(tx, bindings=bindings, people=people)
        return found
