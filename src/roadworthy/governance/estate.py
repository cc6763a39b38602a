"""Pure: all that verdicts are computed from, at one moment: declarations, people, what was said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple

from roadworthy.controls.control import ControlState
from roadworthy.evidence.fact import Recorded
from roadworthy.governance.checklist import Standard, in_force
from roadworthy.governance.delegation import LONG_AGO, NEVER, StandIn, Voice, stand_in, voices
from roadworthy.governance.exclusion import Exclusion
from roadworthy.governance.gate import Piece
from roadworthy.governance.grant import Supply
from roadworthy.identity.rights import Held, covering_units, start_of
from roadworthy.registry.resource import Resource
from roadworthy.rules.overlay import overlaid
from roadworthy.rules.packs import shipped
from roadworthy.rules.rulebook import Rulebook
from roadworthy.use_cases.kinds import Metric, UnitApproval, UseCase


@dataclass(frozen=True, slots=True)
class Declared:
    """A use case as it was declared at that moment."""

    resource: Resource[UseCase]
    generation: int
    declared_at: str
    managed_by: str
    versions: tuple[tuple[str, Mapping[str, Any] | None], ...]
    """(actor, document) of every version, oldest first."""
    asked_at: datetime | None = None
    """When it was last declared: since then answers to its checklist are waited for."""

    @property
    def ref(self) -> str:
        """`use-case/claims-triage`."""
        return f"use-case/{self.resource.name}"


class Someone(NamedTuple):
    """A person as verdicts need them."""

    name: str
    """`person/ada`."""
    display: str
    leaves_at: datetime | None = None


_KEPT = 512
"""Answers kept for the roles and units of some moments."""


@dataclass(frozen=True)
class Roles:
    """Who holds which role in which unit, found without reading all of it each time."""

    bindings: tuple[tuple[str, Held], ...] = ()

    @cached_property
    def by_role(self) -> Mapping[tuple[str, str], tuple[tuple[str, Held], ...]]:
        """(role, unit) -> who holds it there."""
        found: dict[tuple[str, str], list[tuple[str, Held]]] = {}
        for subject, held in self.bindings:
            found.setdefault((held.role, held.unit), []).append((subject, held))
        return {key: tuple(all_) for key, all_ in found.items()}

    @cached_property
    def by_subject(self) -> Mapping[str, tuple[Held, ...]]:
        """`person/ada` -> the roles she holds."""
        found: dict[str, list[Held]] = {}
        for subject, held in self.bindings:
            found.setdefault(subject, []).append(held)
        return {subject: tuple(all_) for subject, all_ in found.items()}


@dataclass(frozen=True)
class Staff:
    """Who there is and in which roles, found without reading everybody each time."""

    people: Mapping[str, Someone] = field(default_factory=dict)
    """By `person/ada`."""
    roles: Roles = field(default_factory=Roles)
    stand_ins: tuple[StandIn, ...] = ()

    @cached_property
    def _spoken_for(self) -> dict[tuple[str, tuple[str, ...], datetime], tuple[Voice, ...]]:
        return {}

    def voices(self, role: str, covering: tuple[str, ...], *, now: datetime) -> tuple[Voice, ...]:
        """Return who can speak in a role in these units; the same for every use case of a unit."""
        key = (role, covering, now)
        known = self._spoken_for
        if (found := known.get(key)) is None:
            spoken = voices(
                self.holders(role, covering, now=now), self.stand_ins, role=role, covering=covering, now=now
            )
            if len(known) >= _KEPT:
                known.clear()
            found = known[key] = tuple(one for one in spoken if now < self.here_until(one.person))
        return found

    @cached_property
    def _holding(self) -> dict[tuple[str, tuple[str, ...], datetime], tuple[str, ...]]:
        return {}

    def holders(self, role: str, covering: tuple[str, ...], *, now: datetime) -> tuple[str, ...]:
        """Return the people still here who hold a role in one of these units, by name."""
        key = (role, covering, now)
        known = self._holding
        if (found := known.get(key)) is None:
            holding = {
                subject
                for unit in covering
                for subject, held in self.roles.by_role.get((role, unit), ())
                if (held.expires_on is None or now < start_of(held.expires_on))
                and now < self.here_until(subject)
            }
            if len(known) >= _KEPT:
                known.clear()
            found = known[key] = tuple(sorted(holding))
        return found

    def here_until(self, person: str) -> datetime:
        """Return until when a person is here; long ago for who was never here, or no longer is."""
        known = self.people.get(person)
        return LONG_AGO if known is None else known.leaves_at or NEVER

    @cached_property
    def leaves(self) -> Mapping[str, datetime | None]:
        """By plain name, when each person leaves."""
        return {name.removeprefix("person/"): one.leaves_at for name, one in self.people.items()}


@dataclass(frozen=True, slots=True)
class Proof:
    """What the evidence says of one use case: how its controls stand, and the pieces filed from outside."""

    controls: Mapping[str, ControlState] = field(default_factory=dict)
    pieces: tuple[Piece, ...] = ()
    calls: int | None = None
    """How many calls were let through in the last thirty days, where a number was declared."""


@dataclass(frozen=True, slots=True)
class Estate:
    """Everything at one moment; a past verdict is computed from the estate of its date."""

    use_cases: Mapping[str, Declared]
    metrics: Mapping[str, Metric]
    supply: Supply
    staff: Staff
    parents: Mapping[str, str | None]
    """Unit -> the unit it is part of."""
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Unit -> the answers that hold for all its use cases."""
    asks: Mapping[str, tuple[UnitApproval, ...]] = field(default_factory=dict)
    """Unit -> the approvals it asks for beyond the tier's."""
    exclusions: tuple[Resource[Exclusion], ...] = ()
    account_owners: Mapping[str, str] = field(default_factory=dict)
    """`service-account/ci` -> `person/ada`."""
    rulebook: Rulebook = field(default_factory=shipped)
    """The rules in force, those of the organization included."""
    said: Mapping[str, tuple[Recorded[Any], ...]] = field(default_factory=dict)
    """Use case ref -> approvals, refusals, withdrawals and what was said of exceptions, oldest first."""
    gates: tuple[Standard, ...] = field(default_factory=lambda: in_force(()))
    """The gates in force: shipped and declared."""
    proofs: Mapping[str, Proof] = field(default_factory=dict)
    """Use case -> what the evidence says; what is not here is unknown."""

    def profile(self, namespace: str) -> dict[str, Any]:
        """Return the answers a use case inherits; those of the nearest unit hold."""
        inherited: dict[str, Any] = {}
        for unit in reversed(tuple(covering_units(namespace, self.parents))):
            inherited |= self.profiles.get(unit, {})
        return inherited

    def unit_approvals(self, namespace: str) -> tuple[UnitApproval, ...]:
        """Return what the unit and those above it ask for beyond the tier."""
        covering = covering_units(namespace, self.parents)
        return tuple(one for unit in covering for one in self.asks.get(unit, ()))

    def voices(self, role: str, namespace: str, *, now: datetime) -> tuple[Voice, ...]:
        """Return who can speak in a role that covers a namespace, in their own name or in another's."""
        return self.staff.voices(role, tuple(covering_units(namespace, self.parents)), now=now)

    def role_until(self, person: str, role: str, namespace: str) -> datetime:
        """Return until when a person holds a role that covers a namespace; long ago if they do not."""
        known = self.staff.people.get(person)
        if known is None:
            return LONG_AGO
        covering = set(covering_units(namespace, self.parents))
        ends = [
            NEVER if held.expires_on is None else start_of(held.expires_on)
            for held in self.staff.roles.by_subject.get(person, ())
            if held.role == role and held.unit in covering
        ]
        return min(max(ends, default=LONG_AGO), known.leaves_at or NEVER)

    def holders(self, role: str, namespace: str, *, now: datetime) -> tuple[str, ...]:
        """Return the people still here who hold a role that covers a namespace."""
        return self.staff.holders(role, tuple(covering_units(namespace, self.parents)), now=now)

    def here_until(self, person: str) -> datetime:
        """Return until when a person is here; long ago for who was never here, or no longer is."""
        return self.staff.here_until(person)

    def is_here(self, person: str, *, now: datetime) -> bool:
        """Say whether a person is known and has not left."""
        return now < self.here_until(person)

    def leaves(self) -> Mapping[str, datetime | None]:
        """Return by plain name when each person leaves."""
        return self.staff.leaves

    def display(self, principal: str) -> str:
        """Return the name of a principal for people."""
        known = self.staff.people.get(principal)
        return known.display if known else principal


def arrange(
    by_kind: Mapping[str, Iterable[Resource[Any]]],
    *,
    declared: Mapping[str, Declared],
    said: Mapping[str, tuple[Recorded[Any], ...]],
    roles: Roles | None = None,
) -> Estate:
    """Arrange declarations, wherever they were read, as verdicts need them; `roles` if arranged already."""
    supply = Supply(
        models={one.name: one.spec.provider for one in by_kind["Model"]},
        routes={one.name: one.spec.models for one in by_kind["Route"]},
        providers=frozenset(one.name for one in by_kind["Provider"]),
        versions={one.name: f"{one.spec.provider}/{one.spec.upstream_model}" for one in by_kind["Model"]},
    )
    people = {
        f"person/{one.name}": Someone(
            f"person/{one.name}",
            one.spec.display_name,
            None if one.spec.disabled_on is None else start_of(one.spec.disabled_on),
        )
        for one in by_kind["Person"]
    }
    return Estate(
        use_cases=declared,
        metrics={one.name: one.spec for one in by_kind["Metric"]},
        supply=supply,
        staff=Staff(
            people,
            roles or _roles(by_kind["RoleBinding"]),
            tuple(stand_in(one.name, one.namespace, one.spec) for one in by_kind.get("Delegation", ())),
        ),
        parents={one.name: one.spec.parent for one in by_kind["Unit"]},
        profiles={one.name: one.spec.profile for one in by_kind["Unit"] if one.spec.profile},
        asks={one.name: one.spec.approvals for one in by_kind["Unit"] if one.spec.approvals},
        account_owners={
            f"service-account/{one.name}": f"person/{one.spec.owner}" for one in by_kind["ServiceAccount"]
        },
        rulebook=overlaid(shipped(), {one.name: one.spec for one in by_kind.get("PolicyPack", ())}),
        said=said,
        exclusions=tuple(by_kind.get("Exclusion", ())),
        gates=in_force(by_kind.get("Gate", ())),
    )


def _roles(declared: Iterable[Resource[Any]]) -> Roles:
    bound = ((one.spec, Held(one.spec.role, one.spec.unit, one.spec.expires_on)) for one in declared)
    return Roles(tuple((spec.subject, held) for spec, held in bound))
