"""Pure: a signal is a named figure about a use case, with the moment it was true and where it came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Signal:
    """One figure at one moment."""

    name: str
    value: Any
    at: datetime
    source: str
    """Where it came from, for people: `what is declared`, `the kill switch of model/small`."""
    self_attested: bool = False
    """Whether somebody who answers for the use case said it of their own."""
    evidence: str = ""
    """The id of the piece of evidence it was read from; none for what the platform computed."""
    expires_at: datetime | None = None
    """When the evidence stops counting by its own word."""
    live: bool = False
    """Whether it is computed whenever it is asked for, and so does not age."""


@dataclass(frozen=True, slots=True)
class SignalDefinition:
    """A signal of the vocabulary: its kind and unit, its question, and who answers it."""

    name: str
    kind: str
    question: str
    unit: str = ""
    values: tuple[str, ...] = ()
    collector: str = ""
    """The slice that reads it from the platform; none where only evidence from outside can say it."""
    evidence: tuple[str, ...] = ()
    """The kinds of evidence from outside that say it."""


def grouped(signals: Iterable[Signal]) -> Mapping[str, tuple[Signal, ...]]:
    """Return signals by name, the newest of each first."""
    found: dict[str, list[Signal]] = {}
    for one in signals:
        found.setdefault(one.name, []).append(one)
    return {
        name: tuple(held) if len(held) == 1 else tuple(sorted(held, key=lambda one: one.at, reverse=True))
        for name, held in found.items()
    }


def spoken(value: Any) -> str:
    """Return a signal's value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(sorted(str(one).replace("_", " and ") for one in value)) or "none"
    return f"{value:g}" if isinstance(value, float) else str(value)
