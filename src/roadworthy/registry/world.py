"""The declarations as they would stand after a plan: the plan laid over what is stored."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import queries
from roadworthy.registry.kinds import Catalogue
from roadworthy.registry.resource import Resource, Stored


class Overlay:
    """Reads through to the store, and remembers what it read: those are a plan's pins."""

    def __init__(self, tx: Tx, catalogue: Catalogue) -> None:
        self._tx = tx
        self._catalogue = catalogue
        self._planned: dict[tuple[str, str], Resource[Any] | None] = {}
        self._stored: dict[tuple[str, str], Stored[Any] | None] = {}

    def slug(self, kind: str) -> str:
        """Return how references and commands write a kind: `use-case`."""
        found = self._catalogue.find(kind)
        return found.slug if found is not None else kind.lower()

    def lay(self, kind: str, name: str, after: Resource[Any] | None) -> None:
        """Put a planned resource, or its absence, over what is stored."""
        self._planned[kind, name] = after

    def prefetch(self, keys: Iterable[tuple[str, str]]) -> None:
        """Read several resources in one go."""
        wanted = {key for key in keys if key not in self._stored and self._catalogue.find(key[0])}
        found = queries.many(self._tx, self._catalogue, wanted)
        self._stored.update({key: found.get(key) for key in wanted})

    def stored(self, kind: str, name: str) -> Stored[Any] | None:
        """Return what is stored now."""
        key = (kind, name)
        if key not in self._stored:
            self._stored[key] = queries.find(self._tx, self._catalogue.get(kind), name)
        return self._stored[key]

    def get(self, kind: str, name: str) -> Resource[Any] | None:
        """Return the resource as it would stand."""
        if (kind, name) in self._planned:
            return self._planned[kind, name]
        stored = self.stored(kind, name)
        return stored.resource if stored else None

    def all(self, kind: str) -> Iterable[Resource[Any]]:
        """Return every resource of a kind as it would stand."""
        kept = {
            one.name: one.resource
            for one in queries.every(self._tx, self._catalogue.get(kind))
            if (kind, one.name) not in self._planned
        }
        kept.update({name: after for (k, name), after in self._planned.items() if k == kind and after})
        return [kept[name] for name in sorted(kept)]

    def planned(self) -> dict[tuple[str, str], Resource[Any] | None]:
        """Return what the plan makes different, by kind and name; None for what it takes away."""
        found = {}
        for (kind, name), after in self._planned.items():
            stored = self.stored(kind, name)
            if after != (stored.resource if stored else None):
                found[kind, name] = after
        return found

    def pins(self) -> dict[str, int]:
        """Return the generation of everything that was read, 0 for absent."""
        return {
            f"{self._catalogue.get(kind).slug}/{name}": stored.generation if stored else 0
            for (kind, name), stored in sorted(self._stored.items())
        }
