"""What a collector of signals is asked and answers; slices above plug theirs in through a socket.

A collector is asked about many use cases at once and reads what it needs with a handful of queries. What it
does not know it leaves out: a signal nobody says is unknown, and unknown never passes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from roadworthy.controls.control import Needs
from roadworthy.controls.signal import Signal
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit
from roadworthy.registry import queries as registry
from roadworthy.registry.kinds import Catalogue, Kind
from roadworthy.registry.resource import Resource
from roadworthy.use_cases.kinds import UseCase

COLLECTORS_SOCKET = "controls.collectors"
NEEDS_SOCKET = "controls.needs"
"""`(tx, asked) -> Mapping[use case, Needs]`: what tier and obligations ask of each."""


FEW = 400
"""As many are asked for by name: that stays under every engine's limit of bound values."""


@dataclass(frozen=True, slots=True)
class Asked:
    """About which use cases, as they stood at which moment."""

    use_cases: Mapping[str, Resource[UseCase]]
    now: datetime
    """The moment that is asked about."""
    as_of: datetime | None = None
    """The same moment where it is past: then everything is read as the log had it."""
    needs: Mapping[str, Needs] = field(default_factory=dict)
    """What is asked of each of them."""
    collectors: frozenset[str] | None = None
    """The names of the collectors whose signals are needed; None for all."""

    def wants(self, collector: str) -> bool:
        """Say whether the signals of a collector are needed."""
        return self.collectors is None or collector in self.collectors

    @property
    def few(self) -> frozenset[str] | None:
        """Return their names where there are few enough to ask for them by name; None for many."""
        return frozenset(self.use_cases) if len(self.use_cases) <= FEW else None

    def tier(self, name: str) -> str:
        """Return the risk tier of a use case; nothing where nobody says it."""
        return self.needs[name].tier if name in self.needs else ""

    def live(self, name: str, value: Any, source: str) -> Signal:
        """Return a signal that was computed for this moment."""
        return Signal(name, value, self.now, source, live=True)


Collector = Callable[[Tx, Asked], Mapping[str, Iterable[Signal]]]
"""Use case -> signals about it."""


def declared_among(tx: Tx, kind: Kind, names: Iterable[str], asked: Asked) -> list[Resource[Any]]:
    """Return the resources of a kind under some names, as they were declared at the moment asked about."""
    wanted = frozenset(names)
    if asked.as_of is None:
        return [one.resource for one in registry.among(tx, kind, wanted)]
    return registry.as_of(tx, Catalogue((kind,)), audit.size_at(tx, asked.as_of), names=wanted)


def declared(tx: Tx, kind: Kind, asked: Asked) -> list[Resource[Any]]:
    """Return every resource of a kind as it was declared at the moment that is asked about."""
    if asked.as_of is None:
        return [one.resource for one in registry.held(tx, kind)]
    size = audit.size_at(tx, asked.as_of)
    key = f"controls.declared.{kind.name}.{kind.spec.__module__}.{size}"
    if key not in tx.memo:
        tx.memo[key] = registry.as_of(tx, Catalogue((kind,)), size)
    found = tx.memo[key]
    assert isinstance(found, list)
    return found
