"""Proves the log: every leaf, node, checkpoint and payload is as sealed, and the tables say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from roadworthy.foundation.canonical import canonical
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit_store, checkpoint, commitment, merkle, store
from roadworthy.registry.resource import version_digest
from roadworthy.registry.slice import Finding, Verifier

FINDINGS_MAX = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verification found."""

    size: int
    checkpoints: int
    findings: tuple[Finding, ...]
    checkpoint: str

    @property
    def ok(self) -> bool:
        """Whether nothing was altered."""
        return not self.findings


def verify(
    tx: Tx,
    *,
    keys: Sequence[checkpoint.VerificationKey],
    verifiers: Sequence[Verifier] = (),
    held: str = "",
) -> Verdict:
    """Re-hash the whole log and compare; `held` is an earlier checkpoint that somebody kept outside."""
    rows = list(audit_store.all_entries(tx))
    findings: list[Finding] = []
    leaves = _leaves(rows, findings)
    newest, signed = _checkpoints(tx, keys, findings)
    findings.extend(_tree(tx, leaves, signed, newest))
    findings.extend(_payloads(tx, rows))
    findings.extend(_head(tx, len(leaves), rows))
    findings.extend(_resources(tx, rows))
    for verifier in verifiers:
        findings.extend(verifier(tx))
    if held:
        findings.extend(_held(held, keys, leaves))
    note = audit_store.last_checkpoint(tx)
    return Verdict(len(leaves), len(signed), tuple(findings[:FINDINGS_MAX]), note.note if note else "")


def _leaves(rows: Sequence[Any], findings: list[Finding]) -> list[bytes | None]:
    """Return the leaf hash of each position as the rows are now; check the columns beside the leaf."""
    last = max((row.seq for row in rows), default=-1)
    leaves: list[bytes | None] = [None] * (last + 1)
    for row in rows:
        leaves[row.seq] = merkle.leaf_hash(row.leaf.encode())
        try:
            leaf = json.loads(row.leaf)
        except ValueError:
            continue  # the hash comparison names it
        shown = {
            "seq": row.seq,
            "at": row.at.isoformat(),
            "actor": row.actor,
            "action": row.action,
            "object": row.object,
            "enforcement": {0: False, 1: True}.get(row.enforcement),
        }
        for column, value in shown.items():
            if not isinstance(leaf, dict) or leaf.get(column) != value:
                findings.append(
                    Finding(
                        f"audit_entries seq {row.seq}, column {column}", "it is not what the sealed leaf says"
                    )
                )
    return leaves


def _checkpoints(
    tx: Tx, keys: Sequence[checkpoint.VerificationKey], findings: list[Finding]
) -> tuple[bytes | None, list[tuple[int, bytes]]]:
    signed: list[tuple[int, bytes]] = []
    for row in audit_store.all_checkpoints(tx):
        try:
            held = _open(row.note, keys)
        except RoadworthyError as error:
            findings.append(
                Finding(f"audit_checkpoints size {row.size}", f"{error.what} {error.why}".strip())
            )
            continue
        if held.size != row.size:
            findings.append(
                Finding(f"audit_checkpoints size {row.size}", f"the note was signed for {held.size}")
            )
            continue
        signed.append((held.size, held.root))
    return (signed[-1][1] if signed else None), signed


def _open(note: str, keys: Sequence[checkpoint.VerificationKey]) -> checkpoint.Checkpoint:
    failure: RoadworthyError | None = None
    for key in keys:
        try:
            return checkpoint.verify(note, key)
        except RoadworthyError as error:
            failure = error
    raise failure or RoadworthyError("no key to verify with")


def _tree(
    tx: Tx, leaves: list[bytes | None], signed: list[tuple[int, bytes]], newest: bytes | None
) -> Iterator[Finding]:
    stored = {(level, place): value for level, place, value in audit_store.all_nodes(tx)}
    whole = signed[-1][0] if signed else 0
    if len(leaves) < whole:
        yield Finding(
            "audit_entries", f"{whole} were signed for and {len(leaves)} are there: the end was cut off"
        )
    elif len(leaves) > whole:
        yield Finding(f"audit_entries seq {whole}", "entries stand behind the last signed checkpoint")
    differences = merkle.locate(leaves, lambda level, place: stored.get((level, place)), root=newest)
    named = set()
    for one in differences:
        named.add((one.level, one.index))
        table = "audit_entries seq" if one.subject == "entry" else f"audit_nodes level {one.level} place"
        yield Finding(f"{table} {one.index}", one.describe())
    for level, place in stored:
        if (place + 1) << level > len(leaves):
            yield Finding(f"audit_nodes level {level} place {place}", "it covers entries that do not exist")
    complete = [leaf for leaf in leaves if leaf is not None]
    if not differences and len(complete) == len(leaves):
        disagreement = merkle.first_disagreement(complete, signed)
        if disagreement is not None:
            yield Finding("audit_checkpoints", disagreement.describe())


def _payloads(tx: Tx, rows: Sequence[Any]) -> Iterator[Finding]:
    erasures = {row.seq: row.object for row in rows if row.action == "erased"}
    for row in rows:
        where = f"audit_payloads seq {row.seq}"
        if row.payload_seq is None:
            yield Finding(where, "the payload is missing and no erasure accounts for it")
        elif row.body is None or row.salt is None:
            if erasures.get(row.erased_by) != row.object:
                yield Finding(where, "the payload is empty and no erasure in the log accounts for it")
        elif not _commits(row):
            yield Finding(where, "it is not the payload that the sealed leaf commits to")
        elif row.erased_by is not None:
            yield Finding(where, "it is marked as erased and still there")
    for seq in audit_store.stray_payloads(tx):
        yield Finding(f"audit_payloads seq {seq}", "it belongs to no entry")


def _commits(row: Any) -> bool:
    try:
        leaf = json.loads(row.leaf)
        return commitment.open_ok(leaf["payload"], row.salt, row.body)
    except (ValueError, KeyError, TypeError):
        return False


def _head(tx: Tx, size: int, rows: Sequence[Any]) -> Iterator[Finding]:
    held_size, held_revision = audit_store.read_head(tx)
    revision = max((row.seq + 1 for row in rows if row.enforcement), default=0)
    if held_size != size:
        yield Finding("audit_head column size", f"it says {held_size}, the log has {size} entries")
    if held_revision != revision:
        yield Finding("audit_head column revision", f"it says {held_revision}, the log says {revision}")


_ACTIONS = {
    "create": ("created", "rolled-back"),
    "update": ("updated", "rolled-back"),
    "delete": ("deleted",),
    "adopt": ("adopted",),
}


def _resources(tx: Tx, rows: Sequence[Any]) -> Iterator[Finding]:
    """Compare versions with the payloads that sealed them, and current rows with their newest version."""
    sealed = {row.seq: row for row in rows}
    newest: dict[tuple[str, str], Any] = {}
    versions = store.raw_versions(tx)
    for version in versions:
        newest[version.kind, version.name] = version
        where = f"resource_versions {version.kind}/{version.name} generation {version.generation}"
        yield from _version(version, sealed.get(version.audit_seq), where)
    declared = {word for words in _ACTIONS.values() for word in words}
    seqs = {version.audit_seq for version in versions}
    for row in rows:
        if row.action in declared and row.seq not in seqs:
            yield Finding(f"resource_versions audit_seq {row.seq}", f"the version of {row.object} is missing")
    current = {(row.kind, row.name): row for row in store.raw_resources(tx)}
    for key, version in newest.items():
        row = current.pop(key, None)
        where = f"resources {key[0]}/{key[1]}"
        if version.action == "delete":
            if row is not None:
                yield Finding(where, "it was deleted and stands there again without an entry")
        elif row is None:
            yield Finding(where, "it is gone without an entry in the log")
        else:
            yield from _current(row, version, where)
    for kind, name in current:
        yield Finding(f"resources {kind}/{name}", "no entry in the log declares it")


def _version(version: Any, entry: Any, where: str) -> Iterator[Finding]:
    if entry is None:
        yield Finding(where, "no entry in the log accounts for it")
        return
    stamped = (entry.actor, entry.at) == (version.actor, version.at)
    if entry.action not in _ACTIONS.get(version.action, ()) or not stamped:
        yield Finding(where, f"its author, time or action is not that of entry {version.audit_seq}")
    content = _content(entry)
    if content is None:  # erased, or no longer what was sealed: that is named with the payload
        if entry.body is None and _held_back(version):
            yield Finding(where, f"its content was erased from entry {version.audit_seq} and is still here")
        return
    document = content.get("document")
    expected = {
        "generation": content.get("generation"),
        "managed_by": content.get("managed_by"),
        "source": content.get("source"),
        "document": None if document is None else canonical(document).decode(),
        "digest": version_digest(document or {}),
    }
    for column, value in expected.items():
        if getattr(version, column) != value:
            yield Finding(f"{where}, column {column}", f"it is not what entry {version.audit_seq} sealed")


def _held_back(version: Any) -> bool:
    return (version.document, version.digest, version.managed_by, version.source) != (None, "", "", "")


def _content(entry: Any) -> dict[str, Any] | None:
    try:
        content = json.loads(entry.body)
    except (TypeError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _current(row: Any, version: Any, where: str) -> Iterator[Finding]:
    for column in ("generation", "digest", "managed_by", "source", "document"):
        if getattr(row, column) != getattr(version, column):
            yield Finding(f"{where}, column {column}", f"it is not what generation {version.generation} says")
    try:
        namespace = json.loads(version.document)["metadata"]["namespace"]
    except (TypeError, ValueError, KeyError):
        namespace = None  # the version's own finding names it
    if row.namespace != namespace:
        yield Finding(f"{where}, column namespace", "it is not what the document says")
    if (row.updated_at, row.updated_by) != (version.at, version.actor):
        yield Finding(f"{where}, column updated_at", "it is not the time or author of its newest version")


def _held(
    held: str, keys: Sequence[checkpoint.VerificationKey], leaves: list[bytes | None]
) -> Iterator[Finding]:
    """Compare with a checkpoint kept outside: only this finds a log that was rewritten whole."""
    try:
        kept = _open(held, keys)
    except RoadworthyError as error:
        yield Finding("the checkpoint you hold", f"{error.what} {error.why}".strip())
        return
    complete = [leaf for leaf in leaves if leaf is not None]
    if kept.size > len(complete) or merkle.root_of(complete[: kept.size]) != kept.root:
        yield Finding("the checkpoint you hold", f"this log is not a continuation of it (size {kept.size})")
