"""Changes to the inventory: a list is taken in, its rows become entries; nothing is ever deleted by it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime

from roadworthy.evidence import operations as evidence
from roadworthy.foundation.storage.database import Tx
from roadworthy.inventory import queries
from roadworthy.inventory.facts import ColumnFound, InventoryImported, RowRepeated
from roadworthy.inventory.kinds import INVENTORY_ENTRY, InventoryEntry
from roadworthy.inventory.rows import RowRead
from roadworthy.inventory.taking_in import TakenIn
from roadworthy.registry import operations as registry
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import Assembly
from roadworthy.registry.kinds import API_VERSION, ROOT_NAMESPACE
from roadworthy.registry.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Registered:
    """What taking in a list changed."""

    created: int
    updated: int
    unchanged: int
    gone: tuple[str, ...]
    """Entries that the list no longer holds; they are kept."""


def register(
    tx: Tx,
    assembly: Assembly,
    taken: TakenIn,
    *,
    file: str,
    namespace: str = ROOT_NAMESPACE,
    actor: Actor,
    now: datetime,
) -> Registered:
    """Register every row as an entry; the same rows again change nothing and leave no trace."""
    before = queries.registered(tx, list_name=taken.mapping.list_name)
    manifests = [_manifest(row, row.entry, file, namespace) for row in taken.rows if row.entry is not None]
    planned = registry.plan(tx, assembly, manifests=manifests, managed_by="file", actor=actor, now=now)
    registry.save(tx, assembly, planned, actor=actor, now=now)
    actions = Counter(change.action for change in planned.changes)
    named = {row.name for row in taken.rows}
    done = Registered(
        created=actions["create"],
        updated=actions["update"],
        unchanged=actions["unchanged"],
        gone=tuple(sorted(name for name in before if name not in named)),
    )
    fact = _fact(taken, done, file)
    last = next(iter(queries.imports(tx, list_name=taken.mapping.list_name)), None)
    if last is None or _lasting(last.fact) != _lasting(fact):
        subject = f"inventory/{taken.mapping.list_name}"
        evidence.record(tx, fact, subject=subject, actor=actor, at=now)
    return done


def _manifest(row: RowRead, entry: InventoryEntry, file: str, namespace: str) -> Manifest:
    document = {
        "apiVersion": API_VERSION,
        "kind": INVENTORY_ENTRY.name,
        "metadata": {"name": row.name, "namespace": namespace},
        "spec": entry.model_dump(mode="json"),
    }
    return Manifest(document, file, row.line, {})


def _fact(taken: TakenIn, done: Registered, file: str) -> InventoryImported:
    counts = taken.counts
    return InventoryImported(
        list_name=taken.mapping.list_name,
        title=taken.mapping.title,
        file=file,
        sha256=taken.digest,
        mapping_sha256=taken.mapping_digest,
        encoding=taken.source.encoding,
        encoding_because=taken.source.encoding_because,
        rows=counts["rows"],
        imported=counts["imported"],
        warnings=counts["warnings"],
        attention=counts["attention"],
        blank=counts["blank"],
        created=done.created,
        updated=done.updated,
        unchanged=done.unchanged,
        gone=done.gone,
        repeated=tuple(
            RowRepeated(row=row.row, of_row=other, word_for_word=same, name=row.name)
            for row, other, same in taken.duplicates
        ),
        columns=tuple(ColumnFound(**asdict(one)) for one in taken.columns),
        notes=taken.source.notes,
    )


def _lasting(fact: InventoryImported) -> dict[str, object]:
    """Return what an import says of the list, without what it happened to change."""
    return fact.model_dump(exclude={"created", "updated", "unchanged", "file"})
