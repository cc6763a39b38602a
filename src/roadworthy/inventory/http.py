"""The API of the inventory."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Reply, Router
from roadworthy.inventory import documents, door, platform_queries, queries
from roadworthy.inventory.promotion import promote
from roadworthy.registry.door import clean
from roadworthy.registry.kinds import Name

router = Router(tag="inventory")
NamePath = Annotated[str, Path(max_length=80)]
NameQuery = Annotated[str, Query(max_length=80)]
TextQuery = Annotated[str, Query(max_length=300)]


class ImportRequest(BaseModel):
    """A list, and what its columns mean."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    content_base64: Annotated[str, Field(max_length=door.BASE64_MAX)]
    """The file's bytes."""
    mapping: Annotated[str, Field(max_length=1_000_000)]
    """The mapping, as YAML text."""
    file: Annotated[str, Field(max_length=200)] = "list.csv"
    """What the file is called."""
    mapping_file: Annotated[str, Field(max_length=200)] = "mapping.yaml"
    """What the mapping's file is called, for messages."""
    namespace: Name = "organization"
    """The unit that is to own the entries."""
    dry_run: bool = False
    """Read, judge and report only."""


@router.post("/v1/inventory/import", permission="registry.declare", body_limit=door.BODY_MAX)
def import_list(tx: Tx, call: Call, body: ImportRequest) -> Any:
    """Take in a list whole: every row is accounted for, and becomes an entry of the registry."""
    return door.take_in(
        tx,
        call,
        content=door.decoded(body.content_base64),
        mapping=body.mapping,
        mapping_file=clean(body.mapping_file),
        file=clean(body.file),
        namespace=body.namespace,
        dry_run=body.dry_run,
    )


@router.get("/v1/inventory", permission="registry.read")
def list_entries(
    tx: Tx,
    call: Call,
    list_name: NameQuery = "",
    tier: NameQuery = "",
    unit: TextQuery = "",
    gap: TextQuery = "",
    after: TextQuery = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Reply:
    """List registered entries, the one that weighs most first; `gap` as a report's next step names it."""
    found = queries.select(
        queries.assessed(tx, now=call.now, list_name=list_name), tier=tier, unit=unit, gap=gap
    )
    shown, cursor = queries.page(found, after=after, limit=limit)
    items = [documents.assessed_document(one) for one in shown]
    return Reply({"items": items, "next_cursor": cursor, "total": len(found)})


@router.get("/v1/inventory/report", permission="registry.read")
def report(tx: Tx, call: Call, list_name: NameQuery = "") -> dict[str, Any]:
    """Sum up the registered entries: tiers, owners, obligations without evidence, ranked next steps."""
    return door.report(tx, list_name=clean(list_name), now=call.now)


@router.get("/v1/inventory/platform", permission="governance.read")
def platform(tx: Tx, call: Call) -> dict[str, Any]:
    """Say where the platform itself falls short, measured from what runs."""
    return {"items": [asdict(one) for one in platform_queries.gaps(tx, now=call.now)]}


@router.get("/v1/inventory/entries/{name}", permission="registry.read")
def show_entry(tx: Tx, call: Call, name: NamePath) -> dict[str, Any]:
    """Show an entry: what follows from it, what is missing, every cell of its row."""
    stored, one = queries.entry(tx, clean(name), now=call.now)
    return documents.entry_document(stored, one)


@router.get("/v1/inventory/entries/{name}/use-case", permission="registry.read")
def begin_use_case(tx: Tx, call: Call, name: NamePath) -> dict[str, Any]:
    """Write the beginning of a use case from an entry, and say what it still needs."""
    stored, one = queries.entry(tx, clean(name), now=call.now)
    made = promote(one, namespace=stored.namespace, annotation=queries.PROMOTED_FROM)
    return {"name": one.name, "text": made.text, "document": made.document, "missing": list(made.missing)}
