"""What a slice plugs into the application, and the sockets other slices may fill."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from roadworthy.foundation.errors import Issue
from roadworthy.registry.actor import Actor
from roadworthy.registry.kinds import Kind, Spec
from roadworthy.registry.plan import Change
from roadworthy.registry.resource import Resource

if TYPE_CHECKING:
    from roadworthy.foundation.storage.database import Tx
    from roadworthy.foundation.web.router import Router


class World(Protocol):
    """The declarations as they would stand after the change: the plan laid over what is stored."""

    def get(self, kind: str, name: str) -> Resource[Any] | None:
        """Return a resource by kind (`UseCase`) and name."""

    def all(self, kind: str) -> Iterable[Resource[Any]]:
        """Return every resource of a kind."""

    def planned(self) -> Mapping[tuple[str, str], Resource[Any] | None]:
        """Return what the plan makes different, by kind and name; None for what it takes away."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One change under examination."""

    change: Change
    before: Resource[Spec] | None
    after: Resource[Spec] | None
    world: World
    actor: Actor
    now: datetime


AdmissionCheck = Callable[["Tx", Proposal], Iterable[Issue]]
"""May this change be saved? Yields what stands against it."""

EffectOf = Callable[["Tx", Proposal], Iterable[str]]
"""What follows from this change? Yields sentences for the plan."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A place where what is stored is not what was sealed."""

    where: str
    what: str


Verifier = Callable[["Tx"], Iterator[Finding]]
"""Compares a slice's rows with what the audit log sealed."""


Eraser = Callable[["Tx", str], int]
"""Drops a slice's own copies of what the audit log said about a subject; returns how many."""


@dataclass(frozen=True, slots=True)
class NavEntry:
    """An item of the left rail."""

    title: str
    href: str
    icon: str
    order: int
    permission: str


@dataclass(frozen=True, slots=True)
class Slice:
    """Everything a slice brings. `main` lists the slices; nothing else knows them all."""

    name: str
    kinds: tuple[Kind, ...] = ()
    admission: tuple[AdmissionCheck, ...] = ()
    effects: tuple[EffectOf, ...] = ()
    verifiers: tuple[Verifier, ...] = ()
    erasers: tuple[Eraser, ...] = ()
    routers: tuple[Router, ...] = ()
    templates: Path | None = None
    navigation: tuple[NavEntry, ...] = ()
    permissions: Mapping[str, str] = field(default_factory=dict)
    """Permission -> one line on what it allows."""
    sockets: Mapping[str, Any] = field(default_factory=dict)
    """Named parts for slices above or for the doors."""
