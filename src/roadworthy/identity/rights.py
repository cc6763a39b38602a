"""Pure: from role bindings, the tree of units and the time to what a principal may do where."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from roadworthy.identity import roles

ORGANIZATION = "organization"
ANYWHERE = "*"


def start_of(day: date) -> datetime:
    """Return the instant at which a day begins: `..._on` dates take effect then, in UTC."""
    return datetime.combine(day, time.min, UTC)


@dataclass(frozen=True, slots=True)
class Held:
    """One role held on one unit, and by which declaration."""

    role: str
    unit: str
    expires_on: date | None = None
    binding: str = ""


@dataclass(frozen=True, slots=True)
class Rights:
    """What a principal may do: the roles that hold now, over the tree of units."""

    principal: str
    held: tuple[Held, ...] = ()
    parents: Mapping[str, str | None] = field(default_factory=dict)
    """Unit -> the unit it is part of, None for one directly under the organization."""

    def may(self, permission: str, namespace: str = ANYWHERE) -> bool:
        """Say whether a permission is held in a namespace, or, by default, in any."""
        return any(roles.carries(one.role, permission) for one in self._over(namespace))

    def may_declare(self, kind: str, namespace: str) -> bool:
        """Say whether resources of a kind may be declared in a namespace."""
        permission = roles.permission_to_declare(kind)
        return any(
            roles.carries(one.role, permission) and roles.declares(one.role, kind)
            for one in self._over(namespace)
        )

    def roles_in(self, namespace: str = ANYWHERE) -> frozenset[str]:
        """Return the roles held in a namespace, or anywhere."""
        return frozenset(one.role for one in self._over(namespace))

    def namespaces(self, permission: str) -> frozenset[str] | None:
        """Return the units a permission is held in; None when it is held in the whole organization."""
        if self.may(permission, ORGANIZATION):
            return None
        return frozenset(unit for unit in self.parents if self.may(permission, unit))

    def with_units(self, parents: Mapping[str, str | None]) -> Rights:
        """Return the same rights over a tree that has more units; those already known stay where they are."""
        return Rights(self.principal, self.held, {**parents, **self.parents})

    def _over(self, namespace: str) -> Iterator[Held]:
        if namespace == ANYWHERE:
            yield from self.held
            return
        covering = set(covering_units(namespace, self.parents))
        yield from (one for one in self.held if one.unit in covering)


def covering_units(namespace: str, parents: Mapping[str, str | None]) -> Iterator[str]:
    """Yield every unit a binding on which covers this namespace, from it up to the organization."""
    seen: set[str] = set()
    at: str | None = namespace
    # A loop in the tree, which nothing should let in, covers no more than its own members.
    while at is not None and at != ORGANIZATION and at in parents and at not in seen:
        seen.add(at)
        yield at
        at = parents[at]
    yield ORGANIZATION


def compute(
    principal: str,
    *,
    bindings: Iterable[tuple[str, Held]],
    parents: Mapping[str, str | None],
    enabled: bool,
    now: datetime,
) -> Rights:
    """Return the rights of a principal; bindings are (subject, what is held) pairs."""
    if not enabled:
        return Rights(principal, (), parents)
    held = tuple(
        one
        for subject, one in bindings
        if subject == principal and (one.expires_on is None or now < start_of(one.expires_on))
    )
    return Rights(principal, held, parents)
