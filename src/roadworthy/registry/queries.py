"""Questions about what is declared; safe for any slice above."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any, TypeVar

from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit, store
from roadworthy.registry.kinds import Catalogue, Kind, Metadata, Spec
from roadworthy.registry.plan import compare
from roadworthy.registry.resource import Resource, Stored, ref_of

S = TypeVar("S", bound=Spec)
PAGE_MAX = 200
_BY_REF = attrgetter("ref")
"""Of one kind, the same order as by name."""


def _stored(kind: Kind, row: Any) -> Stored[Any]:
    return Stored(
        resource=_parsed(kind, row.document),
        ref=ref_of(kind, row.name),
        generation=row.generation,
        digest=row.digest,
        managed_by=row.managed_by,
        source=row.source,
        created_at=row.created_at,
        created_by=row.created_by,
        updated_at=row.updated_at,
        updated_by=row.updated_by,
    )


@lru_cache(maxsize=20_000)
def _parsed(kind: Kind, text: str) -> Resource[Any]:
    # By the text itself: the same text is the same declaration, whoever reads it and whenever.
    return _resource(kind, json.loads(text))


def _resource(kind: Kind, document: dict[str, Any]) -> Resource[Any]:
    # What is stored was validated when it was saved; lax mode reads dates and tuples from plain JSON.
    metadata = Metadata.model_validate(document["metadata"], strict=False)
    return Resource(kind.name, metadata, kind.spec.model_validate(document["spec"], strict=False))


def find(tx: Tx, kind: Kind, name: str) -> Stored[Any] | None:
    """Return a resource, or None."""
    row = store.read(tx, kind.name, name)
    return None if row is None else _stored(kind, row)


def get(tx: Tx, kind: Kind, name: str) -> Stored[Any]:
    """Return a resource, or say that there is none."""
    found = find(tx, kind, name)
    if found is None:
        raise NotFoundError(
            f"There is no {kind.title.lower()} called `{name[:80]}`.",
            fix=f"`roadworthy get {kind.slug}` lists them.",
        )
    return found


def every(tx: Tx, kind: Kind) -> list[Stored[Any]]:
    """Return every resource of a kind, by name."""
    return list(held(tx, kind))


def held(tx: Tx, kind: Kind) -> tuple[Stored[Any], ...]:
    """Return every resource of a kind, by name: the same object for as long as nothing of the kind changes.

    What is declared follows from the log, so what was read at one size of the log holds as far as that log
    goes, and the entries after it name what to read again. A transaction that has appended to it keeps what
    it reads to itself: it may roll back.
    """
    size = audit.size(tx)
    # By its spec too: a slice may read a kind of another through a narrower spec of its own.
    key = (kind.name, kind.spec)
    own: dict[tuple[str, type], _Held] = tx.memo.setdefault("registry.held", {})
    if (found := own.get(key)) is not None and found.size == size:
        return found.all
    shared: dict[tuple[str, type], _Held] = tx.shared.setdefault("registry.held", {})
    base = found or shared.get(key)
    changed = None if base is None else _changed_since(tx, base)
    if base is None or changed is None:
        every_one = tuple(sorted((_stored(kind, row) for row in store.read_all(tx, kind.name)), key=_BY_REF))
    else:
        every_one = _with(tx, kind, base.all, {name for one, name in changed if one == kind.name})
    new = own[key] = _Held(size, audit.mark(tx, size), every_one)
    beside = shared.get(key)
    # A reader that began before the newest change does not take it from those that began after it.
    if not audit.has_appended(tx) and (beside is None or beside.size <= size):
        shared[key] = new
    return every_one


@dataclass(frozen=True, slots=True)
class _Held:
    """What was read of a kind, and the log it was read at."""

    size: int
    mark: bytes
    all: tuple[Stored[Any], ...]


_FEW = 500
"""As many changes are read one by one; beyond that the whole kind is read anew."""


def _changed_since(tx: Tx, base: _Held) -> list[tuple[str, str]] | None:
    """Return (kind, name) of what changed since; None for too much, or where it was another log."""
    size = audit.size(tx)
    if base.size > size or audit.mark(tx, base.size) != base.mark:
        return None
    if base.size == size:
        return []
    key = f"registry.changed.{base.size}.{size}"
    if key not in tx.memo:
        rows = store.changed_since(tx, base.size, limit=_FEW + 1)
        tx.memo[key] = None if len(rows) > _FEW else [(row.kind, row.name) for row in rows]
    found: list[tuple[str, str]] | None = tx.memo[key]
    return found


def _with(tx: Tx, kind: Kind, before: tuple[Stored[Any], ...], names: set[str]) -> tuple[Stored[Any], ...]:
    if not names:
        return before
    gone = {ref_of(kind, name) for name in names}
    stay = [one for one in before if one.ref not in gone]
    return tuple(sorted((*stay, *among(tx, kind, names)), key=_BY_REF))


def everything(tx: Tx, catalogue: Catalogue) -> list[Stored[Any]]:
    """Return every resource, in the order in which they can be applied."""
    rows = {kind.name: [] for kind in catalogue}  # type: dict[str, list[Any]]
    for row in store.read_all(tx):
        if row.kind in rows:
            rows[row.kind].append(row)
    return [_stored(kind, row) for kind in catalogue for row in rows[kind.name]]


def many(tx: Tx, catalogue: Catalogue, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Stored[Any]]:
    """Return the resources among these (kind, name) pairs."""
    return {(row.kind, row.name): _stored(catalogue.get(row.kind), row) for row in store.read_many(tx, keys)}


def page(
    tx: Tx, kind: Kind, *, after: str = "", limit: int = 50, namespaces: Iterable[str] | None = None
) -> tuple[list[Stored[Any]], str]:
    """Return one page by name and the cursor of the next, empty at the end."""
    size = max(1, min(limit, PAGE_MAX))
    rows = store.page(tx, kind.name, after=after, limit=size + 1, namespaces=namespaces)
    return [_stored(kind, row) for row in rows[:size]], rows[size - 1].name if len(rows) > size else ""


def as_of(
    tx: Tx, catalogue: Catalogue, audit_size: int, *, names: Iterable[str] | None = None
) -> list[Resource[Any]]:
    """Return what is declared of the catalogue's kinds, or under some names, as of that size of the log."""
    kinds = [kind.name for kind in catalogue]
    wanted = None if names is None else list(names)
    rows: list[Any] = []
    if wanted is None:
        rows = store.as_of_audit(tx, audit_size, kinds)
    else:
        for start in range(0, len(wanted), 400):  # stays under every engine's limit of bound values
            rows += store.as_of_audit(tx, audit_size, kinds, wanted[start : start + 400])
    return [_parsed(catalogue.get(row.kind), row.document) for row in rows if row.document is not None]


def history(
    tx: Tx, kind: Kind, name: str, *, before: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Return the versions of a resource, newest first, each with what it changed."""
    rows = store.history(tx, kind.name, name, before=before, limit=min(limit, PAGE_MAX) + 1)
    if not rows:
        raise NotFoundError(
            f"There never was a {kind.title.lower()} called `{name[:80]}`.",
            fix=f"`roadworthy get {kind.slug}` lists what there is.",
        )
    result = []
    for place, row in enumerate(rows[: min(limit, PAGE_MAX)]):
        older = rows[place + 1].document if place + 1 < len(rows) else None
        changed = compare(older or {}, row.document or {}) if row.document or older else []
        result.append(
            {
                "generation": row.generation,
                "action": row.action,
                "at": row.at.isoformat(),
                "actor": row.actor,
                "managed_by": row.managed_by,
                "source": row.source,
                "audit_seq": row.audit_seq,
                "digest": row.digest,
                "erased": row.document is None and row.action != "delete",
                "changed": [one.path for one in changed][:200],
            }
        )
    return result


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource: what it said (None once deleted or erased), who declared it, when."""

    name: str
    generation: int
    action: str
    document: dict[str, Any] | None
    actor: str
    at: datetime


def versions(tx: Tx, kind: Kind, *, name: str | None = None, audit_size: int | None = None) -> list[Version]:
    """Return the versions of one resource or of a whole kind, oldest first, as the log of that size held."""
    return [
        Version(row.name, row.generation, row.action, row.document, row.actor, row.at)
        for row in store.versions_of(tx, kind.name, name=name, audit_size=audit_size)
    ]


def versions_among(
    tx: Tx, kind: Kind, names: Iterable[str], *, audit_size: int | None = None
) -> list[Version]:
    """Return the versions of some resources, oldest first, as the log of that size held them."""
    return [
        Version(row.name, row.generation, row.action, row.document, row.actor, row.at)
        for row in store.versions_among(tx, kind.name, names, audit_size=audit_size)
    ]


def authored(tx: Tx, kind: Kind, actor: str) -> list[str]:
    """Return the names of the resources of a kind that an actor wrote a version of."""
    return store.authored(tx, kind.name, actor)


def names(tx: Tx, kind: Kind) -> list[str]:
    """Return the names of all resources of a kind."""
    return store.names(tx, kind.name)


def among(tx: Tx, kind: Kind, names: Iterable[str]) -> list[Stored[Any]]:
    """Return the resources of a kind among these names, by name."""
    rows = store.read_named(tx, kind.name, names)
    return sorted((_stored(kind, row) for row in rows), key=lambda one: one.name)


def version(tx: Tx, kind: Kind, name: str, generation: int) -> dict[str, Any]:
    """Return one version with its document."""
    row = store.version(tx, kind.name, name, generation)
    if row is None:
        raise NotFoundError(
            f"{ref_of(kind, name)} has no generation {generation}.",
            fix=f"`roadworthy history {ref_of(kind, name)}` lists them.",
        )
    return {
        "generation": row.generation,
        "action": row.action,
        "at": row.at.isoformat(),
        "actor": row.actor,
        "managed_by": row.managed_by,
        "source": row.source,
        "audit_seq": row.audit_seq,
        "document": row.document,
    }


def linked_from(tx: Tx, kind: Kind, name: str) -> list[dict[str, str]]:
    """Return what refers to a resource, with the field."""
    return [
        {"kind": row.kind, "name": row.name, "path": row.path}
        for row in store.linked_from(tx, kind.name, name)
    ]


def search(tx: Tx, text: str, *, limit: int = 20) -> list[dict[str, str]]:
    """Return resources whose kind or name holds the text."""
    return [
        {"kind": row.kind, "name": row.name, "namespace": row.namespace}
        for row in store.search(tx, text.lower(), limit)
    ]


def any_labelled(tx: Tx, label: str, value: str) -> bool:
    """Say whether any resource carries this label."""
    return store.any_labelled(tx, f'"{label}":"{value}"')
