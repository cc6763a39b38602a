"""A small registry for tests: two kinds, a sealed database, and hands to work with."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.registry import audit, checkpoint, manifest, operations
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import Assembly
from roadworthy.registry.kinds import Name, Ref, Spec, Title
from roadworthy.registry.plan import Plan, to_json

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ADA = Actor("person/ada", "cli")


class ShelfSpec(Spec):
    """A kind for tests that others refer to."""

    title: Title
    note: str = ""


class BookSpec(Spec):
    """A kind for tests that refers to another."""

    title: Title
    shelf: Annotated[Name, Ref("Shelf")]
    pages: int = 1
    tags: tuple[str, ...] = ()


def sealed_database(url: str, directory: Path, **options: Any) -> tuple[Database, checkpoint.SigningKey]:
    """Return a database with every known table, whose transactions are sealed by a new key."""
    key = checkpoint.create_key_file(directory / "test-signing.key", name="roadworthy-test")
    database = Database(url, before_commit=audit.Sealer(key, origin=key.name).seal, **options)
    METADATA.create_all(database.engine)
    return database, key


def planned(tx: Tx, assembly: Assembly, text: str, *, actor: Actor = ADA, **options: Any) -> Plan:
    """Plan a manifest text."""
    given = {"managed_by": "file", "now": NOW, **options}
    return operations.plan(tx, assembly, manifests=manifest.parse(text, file="t.yaml"), actor=actor, **given)


def declare(
    database: Database,
    assembly: Assembly,
    text: str,
    *,
    actor: Actor = ADA,
    now: datetime = NOW,
    **options: Any,
) -> tuple[operations.Applied, ...]:
    """Plan and apply a manifest text, as two requests do."""
    with database.read() as tx:
        document = to_json(planned(tx, assembly, text, actor=actor, now=now, **options))
    with database.write() as tx:
        return operations.apply(tx, assembly, document=document, actor=actor, now=now)
