"""Tables of the registry: the current resources and every version they ever had."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    PrimaryKeyConstraint,
    Row,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    type_coerce,
    update,
)

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.storage.tables import METADATA, Document, Instant

resources = Table(
    "resources",
    METADATA,
    Column("kind", String(60), nullable=False),
    Column("name", String(63), nullable=False),
    Column("namespace", String(63), nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("managed_by", String(20), nullable=False),
    Column("source", String(400), nullable=False),
    Column("document", Document, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("created_by", String(140), nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("updated_by", String(140), nullable=False),
    PrimaryKeyConstraint("kind", "name"),
)
versions = Table(
    "resource_versions",
    METADATA,
    Column("kind", String(60), nullable=False),
    Column("name", String(63), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("action", String(20), nullable=False),
    Column("document", Document),
    Column("digest", String(64), nullable=False),
    Column("managed_by", String(20), nullable=False),
    Column("source", String(400), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(140), nullable=False),
    Column("audit_seq", BigInteger, nullable=False, unique=True),
    PrimaryKeyConstraint("kind", "name", "generation"),
)
links = Table(
    "resource_links",
    METADATA,
    Column("kind", String(60), nullable=False),
    Column("name", String(63), nullable=False),
    Column("path", String(300), nullable=False),
    Column("to_kind", String(60), nullable=False),
    Column("to_name", String(63), nullable=False),
    PrimaryKeyConstraint("kind", "name", "path"),
)


def read(tx: Tx, kind: str, name: str) -> Row[Any] | None:
    """Return one current resource."""
    where = and_(resources.c.kind == kind, resources.c.name == name)
    return tx.connection.execute(_raw(resources).where(where)).one_or_none()


def read_many(tx: Tx, keys: Iterable[tuple[str, str]]) -> list[Row[Any]]:
    """Return the current resources among these (kind, name) pairs."""
    wanted, found = list(keys), list[Row[Any]]()
    for start in range(0, len(wanted), 400):  # stays under every engine's limit of bound values
        part = wanted[start : start + 400]
        where = tuple_(resources.c.kind, resources.c.name).in_(part)
        found.extend(tx.connection.execute(_raw(resources).where(where)))
    return found


def read_named(tx: Tx, kind: str, names: Iterable[str]) -> list[Row[Any]]:
    """Return the current resources of a kind among these names."""
    wanted, found = list(names), list[Row[Any]]()
    for start in range(0, len(wanted), 400):  # stays under every engine's limit of bound values
        part = resources.c.name.in_(wanted[start : start + 400])
        found.extend(tx.connection.execute(_raw(resources).where(resources.c.kind == kind, part)))
    return found


def read_all(tx: Tx, kind: str | None = None) -> list[Row[Any]]:
    """Return every current resource, or every one of a kind, by name."""
    query = _raw(resources).order_by(resources.c.kind, resources.c.name)
    return list(tx.connection.execute(query if kind is None else query.where(resources.c.kind == kind)))


def page(
    tx: Tx, kind: str, *, after: str, limit: int, namespaces: Iterable[str] | None = None
) -> list[Row[Any]]:
    """Return resources of a kind with names beyond `after`, by name."""
    query = (
        _raw(resources)
        .where(resources.c.kind == kind, resources.c.name > after)
        .order_by(resources.c.name)
        .limit(limit)
    )
    if namespaces is not None:
        query = query.where(resources.c.namespace.in_(list(namespaces)))
    return list(tx.connection.execute(query))


def last_generation(tx: Tx, kind: str, name: str) -> int:
    """Return the newest generation that ever was, 0 for none."""
    where = and_(versions.c.kind == kind, versions.c.name == name)
    return tx.connection.execute(select(func.max(versions.c.generation)).where(where)).scalar() or 0


def save(tx: Tx, *, exists: bool, columns: dict[str, Any]) -> None:
    """Insert or replace the current row."""
    if exists:
        where = and_(resources.c.kind == columns["kind"], resources.c.name == columns["name"])
        changed = {key: value for key, value in columns.items() if not key.startswith("created_")}
        tx.connection.execute(update(resources).where(where).values(**changed))
    else:
        tx.connection.execute(insert(resources).values(**columns))


def remove(tx: Tx, kind: str, name: str) -> None:
    """Delete the current row; its versions stay."""
    tx.connection.execute(delete(resources).where(resources.c.kind == kind, resources.c.name == name))
    tx.connection.execute(delete(links).where(links.c.kind == kind, links.c.name == name))


def add_version(tx: Tx, **columns: Any) -> None:
    """Keep a version."""
    tx.connection.execute(insert(versions).values(**columns))


def set_links(tx: Tx, kind: str, name: str, found: Iterable[tuple[str, str, str]]) -> None:
    """Replace what a resource refers to: (path, kind, name) triples."""
    tx.connection.execute(delete(links).where(links.c.kind == kind, links.c.name == name))
    rows = [
        {"kind": kind, "name": name, "path": path, "to_kind": to_kind, "to_name": to_name}
        for path, to_kind, to_name in found
    ]
    if rows:
        tx.connection.execute(insert(links), rows)


def linked_from(tx: Tx, kind: str, name: str) -> list[Row[Any]]:
    """Return what refers to a resource."""
    where = and_(links.c.to_kind == kind, links.c.to_name == name)
    query = select(links).where(where).order_by(links.c.kind, links.c.name, links.c.path)
    return list(tx.connection.execute(query))


def owned_by(tx: Tx, namespace: str) -> list[Row[Any]]:
    """Return what a unit owns."""
    query = select(resources.c.kind, resources.c.name).where(resources.c.namespace == namespace)
    return list(tx.connection.execute(query.order_by(resources.c.kind, resources.c.name)))


def history(tx: Tx, kind: str, name: str, *, before: int | None = None, limit: int = 200) -> list[Row[Any]]:
    """Return versions newest first."""
    query = select(versions).where(versions.c.kind == kind, versions.c.name == name)
    if before is not None:
        query = query.where(versions.c.generation < before)
    return list(tx.connection.execute(query.order_by(versions.c.generation.desc()).limit(limit)))


def versions_of(tx: Tx, kind: str, *, name: str | None, audit_size: int | None) -> list[Row[Any]]:
    """Return the versions of one resource or of a whole kind, in the order of the log."""
    query = select(versions).where(versions.c.kind == kind)
    if name is not None:
        query = query.where(versions.c.name == name)
    if audit_size is not None:
        query = query.where(versions.c.audit_seq < audit_size)
    return list(tx.connection.execute(query.order_by(versions.c.audit_seq)))


def versions_among(
    tx: Tx, kind: str, names: Iterable[str], *, audit_size: int | None = None
) -> list[Row[Any]]:
    """Return the versions of some resources of a kind as the log of that size held them, in its order."""
    wanted, found = list(names), list[Row[Any]]()
    for start in range(0, len(wanted), 400):  # stays under every engine's limit of bound values
        part = versions.c.name.in_(wanted[start : start + 400])
        query = select(versions).where(versions.c.kind == kind, part).order_by(versions.c.audit_seq)
        if audit_size is not None:
            query = query.where(versions.c.audit_seq < audit_size)
        found.extend(tx.connection.execute(query))
    return found


def changed_since(tx: Tx, audit_size: int, *, limit: int) -> list[Row[Any]]:
    """Return (kind, name) of what was declared or deleted since the log had that size."""
    query = select(versions.c.kind, versions.c.name).where(versions.c.audit_seq >= audit_size)
    return list(tx.connection.execute(query.limit(limit)))


def authored(tx: Tx, kind: str, actor: str) -> list[str]:
    """Return the names of the resources of a kind that an actor wrote a version of."""
    query = select(versions.c.name).where(versions.c.kind == kind, versions.c.actor == actor).distinct()
    return list(tx.connection.execute(query).scalars())


def names(tx: Tx, kind: str) -> list[str]:
    """Return the names of all current resources of a kind."""
    query = select(resources.c.name).where(resources.c.kind == kind).order_by(resources.c.name)
    return list(tx.connection.execute(query).scalars())


def version(tx: Tx, kind: str, name: str, generation: int) -> Row[Any] | None:
    """Return one version."""
    where = and_(versions.c.kind == kind, versions.c.name == name, versions.c.generation == generation)
    return tx.connection.execute(select(versions).where(where)).one_or_none()


def raw_versions(tx: Tx) -> list[Row[Any]]:
    """Return every version in the order of the log, documents as the text that is stored."""
    return list(tx.connection.execute(_raw(versions).order_by(versions.c.audit_seq)))


def raw_resources(tx: Tx) -> list[Row[Any]]:
    """Return every current resource, documents as the text that is stored."""
    return list(tx.connection.execute(_raw(resources)))


def _raw(table: Table) -> Select[Any]:
    others = [column for column in table.c if column.name != "document"]
    return select(*others, type_coerce(table.c.document, Text).label("document"))


def erase_versions(tx: Tx, kind: str, name: str) -> None:
    """Drop what every version said, its digest too (a guess could be tried on it); who and when stay."""
    where = and_(versions.c.kind == kind, versions.c.name == name)
    blank = {"document": None, "digest": "", "managed_by": "", "source": ""}
    tx.connection.execute(update(versions).where(where).values(blank))


def as_of_audit(
    tx: Tx, audit_size: int, kinds: Iterable[str], names: Iterable[str] | None = None
) -> list[Row[Any]]:
    """Return each resource of some kinds as the log of that size left it, without deleted ones.

    Documents are the text that is stored. With `names`, some hundred at most, those alone.
    """
    chosen = select(versions.c.kind, versions.c.name, func.max(versions.c.generation).label("generation"))
    chosen = chosen.where(versions.c.audit_seq < audit_size, versions.c.kind.in_(list(kinds)))
    if names is not None:
        chosen = chosen.where(versions.c.name.in_(list(names)))
    newest = chosen.group_by(versions.c.kind, versions.c.name).subquery()
    same = and_(
        versions.c.kind == newest.c.kind,
        versions.c.name == newest.c.name,
        versions.c.generation == newest.c.generation,
    )
    query = _raw(versions).join(newest, same).where(versions.c.action != "delete")
    return list(tx.connection.execute(query.order_by(versions.c.kind, versions.c.name)))


def search(tx: Tx, text: str, limit: int) -> list[Row[Any]]:
    """Return resources whose kind or name holds the text."""
    pattern = f"%{text.replace('%', '').replace('_', '')}%"
    query = select(resources).where(or_(resources.c.name.like(pattern), resources.c.kind.like(pattern)))
    return list(tx.connection.execute(query.order_by(resources.c.name).limit(limit)))


def any_labelled(tx: Tx, fragment: str) -> bool:
    """Say whether any document holds this fragment of canonical JSON."""
    where = type_coerce(resources.c.document, Text).like(f"%{fragment}%")
    return tx.connection.execute(select(resources.c.name).where(where).limit(1)).first() is not None
