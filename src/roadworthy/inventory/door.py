"""What the API and the pages of the inventory share: how a list comes in, how a report reads."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from datetime import datetime
from typing import Any

from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.inventory import documents, operations, queries, source_file
from roadworthy.inventory.facts import InventoryImported
from roadworthy.inventory.taking_in import take_in as take_in_file
from roadworthy.registry.assembly import assembly_of
from roadworthy.registry.door import actor_of

INVENTORY = "/inventory"
BASE64_MAX = source_file.BYTES_MAX * 4 // 3 + 4
BODY_MAX = BASE64_MAX + 2 * 1024 * 1024


def decoded(text: str) -> bytes:
    """Return the bytes of a base64 text."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidError(
            "`content_base64` is not base64.",
            why=str(error)[:200],
            fix="Send the file's bytes in standard base64, without line breaks.",
        ) from error


def take_in(
    tx: Tx,
    call: Call,
    *,
    content: bytes,
    mapping: str,
    mapping_file: str,
    file: str,
    namespace: str,
    dry_run: bool,
) -> dict[str, Any]:
    """Take in a list for this caller; whether they may is checked as for any declaration."""
    judge = queries.judge(tx, now=call.now)
    taken = take_in_file(content, mapping_text=mapping, mapping_file=mapping_file, judge=judge)
    said = documents.import_document(taken, judge, file=file)
    if dry_run:
        return {**said, "registered": None}
    done = operations.register(
        tx,
        assembly_of(call),
        taken,
        file=file,
        namespace=namespace,
        actor=actor_of(call),
        now=call.now,
    )
    return {**said, "registered": asdict(done)}


def report(tx: Tx, *, list_name: str, now: datetime) -> dict[str, Any]:
    """Return the report on registered entries, with what the last import of each list saw."""
    latest: dict[str, Recorded[InventoryImported]] = {}
    for one in queries.imports(tx, list_name=list_name):
        latest.setdefault(one.fact.list_name, one)
    return {
        "list_name": list_name,
        "as_of": now.date().isoformat(),
        "report": documents.report_document(queries.report_of(tx, now=now, list_name=list_name)),
        "imports": [
            {"at": one.at.isoformat(), "by": one.actor, **one.fact.model_dump(mode="json")}
            for one in latest.values()
        ],
    }
