"""An organization with people, accounts and roles, in a sealed SQLite database."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.identity import operations
from roadworthy.identity.wiring import SLICE as IDENTITY
from roadworthy.registry import audit, checkpoint, manifest
from roadworthy.registry import operations as registry
from roadworthy.registry.actor import Actor, system
from roadworthy.registry.assembly import Assembly, assemble
from roadworthy.registry.kinds import Kind, Name, Spec, Title
from roadworthy.registry.slice import Slice

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
PEPPER = bytes(range(32))
SETUP = system("setup")


class UnitSpec(Spec):
    """A unit as the slice above declares it, with a field that identity does not read."""

    title: Title
    parent: Name | None = None


class UseCaseSpec(Spec):
    """A use case as the slice above declares it, with a field that identity does not read."""

    title: Title


class ProviderSpec(Spec):
    """What a platform engineer declares."""

    title: Title


ABOVE = Slice(
    "above",
    kinds=(
        Kind("Unit", UnitSpec, "A part of the organization.", order=1),
        Kind("UseCase", UseCaseSpec, "Why a system exists.", order=50),
        Kind("Provider", ProviderSpec, "Who serves models.", order=40),
    ),
)

ORGANIZATION = """
kind: Unit
metadata: {name: finance}
spec: {title: Finance}
---
kind: Unit
metadata: {name: claims}
spec: {title: Claims}
---
kind: Unit
metadata: {name: triage, namespace: claims}
spec: {title: Triage, parent: claims}
---
kind: UseCase
metadata: {name: triage-letters, namespace: triage}
spec: {title: Letters}
---
kind: UseCase
metadata: {name: fraud, namespace: finance}
spec: {title: Fraud}
---
kind: Person
metadata: {name: root}
spec: {display_name: Root Admin}
---
kind: Person
metadata: {name: ada, namespace: claims}
spec: {display_name: Ada Lindqvist, email: ada@example.org}
---
kind: Person
metadata: {name: bo, namespace: claims}
spec: {display_name: Bo}
---
kind: Person
metadata: {name: cy, namespace: claims}
spec: {display_name: Cy}
---
kind: RoleBinding
metadata: {name: root}
spec: {subject: person/root, role: admin, unit: organization}
---
kind: RoleBinding
metadata: {name: ada-engineer}
spec: {subject: person/ada, role: platform-engineer, unit: claims}
---
kind: RoleBinding
metadata: {name: bo-contributor, namespace: claims}
spec: {subject: person/bo, role: contributor, unit: triage}
---
kind: RoleBinding
metadata: {name: cy-admin, namespace: claims}
spec: {subject: person/cy, role: admin, unit: claims}
---
kind: ServiceAccount
metadata: {name: bot, namespace: claims}
spec:
  type: agent
  owner: bo
  purpose: Sorts letters.
  expires_on: 2027-03-01
  use_cases: [triage-letters, fraud]
"""


def declaration(text: str) -> str:
    """Put the apiVersion that the examples leave out before every document."""
    return "\n---\n".join(f"apiVersion: roadworthy/v1\n{part.strip()}" for part in text.split("\n---\n"))


@dataclass
class Estate:
    """The database with the hands to change it."""

    database: Database
    assembly: Assembly
    directory: Path
    revisions: list[int] = field(default_factory=list)

    def declare(
        self,
        text: str,
        *,
        actor: Actor = SETUP,
        now: datetime = NOW,
        removals: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Plan and save documents in one go."""
        with self.database.write() as tx:
            manifests = manifest.parse(declaration(text), file="t.yaml") if text else []
            planned = registry.plan(
                tx,
                self.assembly,
                manifests=manifests,
                removals=[(self.assembly.catalogue.get(kind), name) for kind, name in removals],
                managed_by="file",
                actor=actor,
                now=now,
            )
            registry.save(tx, self.assembly, planned, actor=actor, now=now)

    def key(self, use_case: str = "triage-letters", **given: Any) -> Any:
        """Issue a gateway key to the bot."""
        options = {"actor": person("root"), "pepper": PEPPER, "now": NOW, "account": "bot", **given}
        with self.database.write() as tx:
            return operations.issue_key(tx, use_case=use_case, **options)

    def link(self, name: str = "ada", *, actor: Actor = SETUP, now: datetime = NOW) -> str:
        """Make a sign-in link for somebody."""
        with self.database.write() as tx:
            return operations.issue_link(tx, person=name, actor=actor, pepper=PEPPER, now=now).secret

    def session(self, name: str = "ada", *, now: datetime = NOW) -> str:
        """Sign somebody in at the console."""
        link = self.link(name, now=now)
        with self.database.write() as tx:
            return operations.sign_in(tx, link=link, pepper=PEPPER, now=now).secret

    def token(self, name: str = "ada", *, now: datetime = NOW) -> str:
        """Sign somebody in at the command line."""
        link = self.link(name, now=now)
        with self.database.write() as tx:
            return operations.sign_in_for_token(tx, link=link, name="cli", pepper=PEPPER, now=now).secret

    def log(self) -> list[dict[str, Any]]:
        """Return the whole log, newest first."""
        with self.database.read() as tx:
            return audit.entries(tx, limit=10_000)


def person(name: str) -> Actor:
    """Return a person as the author of a change."""
    return Actor(f"person/{name}", "cli")


def make(directory: Path, url: str = "") -> Estate:
    """Make an empty estate."""
    revisions: list[int] = []
    key = checkpoint.create_key_file(directory / "signing.key", name="roadworthy-test")
    database = Database(
        url or f"sqlite:///{directory}/t.db",
        before_commit=audit.Sealer(key, origin=key.name).seal,
        after_commit=revisions.append,
    )
    METADATA.create_all(database.engine)
    return Estate(database, assemble((IDENTITY, ABOVE)), directory, revisions)
