"""Pure: who there is, which roles were bound to them, and which keys they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from roadworthy.identity import rights
from roadworthy.identity.rights import Held, Rights


@dataclass(frozen=True, slots=True)
class Principal:
    """Who may call or act, with what ends it."""

    name: str
    """`person/ada`, `service-account/claims-bot`."""
    kind: Literal["person", "service-account"]
    display: str
    namespace: str
    created_at: datetime
    type: str = ""
    owner: str = ""
    """`person/ada` for a service account; empty for a person."""
    purpose: str = ""
    use_cases: tuple[str, ...] = ()
    expires_at: datetime | None = None
    disabled_at: datetime | None = None
    changed_at: datetime | None = None
    source: str = ""
    """`file:line` of the declaration, or the door it came through."""
    email: str = ""

    def state(self, now: datetime) -> str:
        """Return `enabled`, `disabled` or `expired`."""
        if self.disabled_at is not None and self.disabled_at <= now:
            return "disabled"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "enabled"

    def enabled(self, now: datetime) -> bool:
        """Say whether anything it holds counts now."""
        return self.state(now) == "enabled"


@dataclass(frozen=True, slots=True)
class Key:
    """A gateway key as the snapshot compiler needs it: its hash is what a call is looked up by."""

    hash: str = field(repr=False)
    id: str
    principal: str
    use_case: str
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Binding:
    """A role binding that was declared, whether or not it still carries anything."""

    name: str
    subject: str
    held: Held
    namespace: str
    source: str


@dataclass(frozen=True, slots=True)
class Directory:
    """Everybody, their bindings and the tree of units, as this transaction sees them."""

    principals: Mapping[str, Principal]
    bindings: tuple[Binding, ...]
    parents: Mapping[str, str | None]

    def rights(self, principal: str, *, now: datetime) -> Rights:
        """Return what a principal may do; somebody unknown may do nothing."""
        found = self.principals.get(principal)
        return rights.compute(
            principal,
            bindings=[(one.subject, one.held) for one in self.bindings],
            parents=self.parents,
            enabled=found is not None and found.enabled(now),
            now=now,
        )

    def people(self, *, now: datetime) -> Iterator[Principal]:
        """Yield the people who are enabled."""
        yield from (one for one in self.principals.values() if one.kind == "person" and one.enabled(now))
