"""Pure: all that verdicts are computed from, at one moment: declarations, people, what was said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from roadworthy.evidence.fact import Recorded
from roadworthy.governance.grant import Supply
from roadworthy.identity.rights import Held, covering_units, start_of
from roadworthy.registry.resource import Resource
from roadworthy.use_cases.kinds import Metric, UseCase


@dataclass(frozen=True, slots=True)
class Declared:
    """A use case as it was declared at that moment."""

    resource: Resource[UseCase]
    generation: int
    declared_at: str
    managed_by: str
    versions: tuple[tuple[str, Mapping[str, Any] | None], ...]
    """(actor, document) of every version, oldest first."""

    @property
    def ref(self) -> str:
        """`use-case/claims-triage`."""
        return f"use-case/{self.resource.name}"


@dataclass(frozen=True, slots=True)
class Someone:
    """A person as verdicts need them."""

    name: str
    """`person/ada`."""
    display: str
    leaves_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything at one moment; a past verdict is computed from the estate of its date."""

    use_cases: Mapping[str, Declared]
    metrics: Mapping[str, Metric]
    supply: Supply
    people: Mapping[str, Someone]
    """By `person/ada`."""
    bindings: tuple[tuple[str, Held], ...]
    parents: Mapping[str, str | None]
    """Unit -> the unit it is part of."""
    account_owners: Mapping[str, str] = field(default_factory=dict)
    """`service-account/ci` -> `person/ada`."""
    said: Mapping[str, tuple[Recorded[Any], ...]] = field(default_factory=dict)
    """Use case ref -> approvals, refusals and withdrawals, oldest first."""

    def holders(self, role: str, namespace: str, *, now: datetime) -> tuple[str, ...]:
        """Return the people still here who hold a role that covers a namespace."""
        covering = set(covering_units(namespace, self.parents))
        found = {
            subject
            for subject, held in self.bindings
            if held.role == role
            and held.unit in covering
            and (held.expires_on is None or now < start_of(held.expires_on))
            and subject in self.people
            and self.is_here(subject, now=now)
        }
        return tuple(sorted(found))

    def is_here(self, person: str, *, now: datetime) -> bool:
        """Say whether a person is known and has not left."""
        known = self.people.get(person)
        return known is not None and (known.leaves_at is None or now < known.leaves_at)

    def leaves(self) -> dict[str, datetime | None]:
        """Return by plain name when each person leaves."""
        return {name.removeprefix("person/"): one.leaves_at for name, one in self.people.items()}

    def display(self, principal: str) -> str:
        """Return the name of a principal for people."""
        known = self.people.get(principal)
        return known.display if known else principal
