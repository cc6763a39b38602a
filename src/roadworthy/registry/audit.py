"""The audit log: every change, approval and decision, in the transaction that makes it.

A leaf holds who, what, when and a salted commitment to the payload; the payload lies beside it, so that
personal text can be erased and every proof still holds. One checkpoint is signed for each transaction.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roadworthy.foundation.canonical import canonical
from roadworthy.foundation.clock import now
from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit_store, checkpoint, commitment, merkle
from roadworthy.registry.actor import Actor

_SIZE = "audit.size"


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where in the log an entry stands."""

    seq: int


def record(
    tx: Tx,
    *,
    actor: Actor,
    action: str,
    subject: str,
    at: datetime,
    content: dict[str, Any] | None = None,
    enforcement: bool = False,
) -> Receipt:
    """Append an entry about `subject` (`use-case/x`); `content` is what it commits to."""
    assert tx.writable, "only a change is recorded"
    size, revision = audit_store.read_head(tx)
    salt = secrets.token_bytes(32)
    body = canonical(content or {}).decode()
    leaf = canonical(
        {
            "v": 1,
            "seq": size,
            "at": at.isoformat(),
            "actor": actor.principal,
            "channel": actor.channel,
            "on_behalf_of": actor.on_behalf_of,
            "action": action,
            "object": subject,
            "enforcement": enforcement,
            "payload": commitment.commit(salt, body),
        }
    )
    audit_store.add_entry(
        tx,
        seq=size,
        at=at,
        actor=actor.principal,
        action=action,
        object=subject,
        enforcement=int(enforcement),
        leaf=leaf.decode(),
        salt=salt,
        body=body,
    )
    audit_store.add_nodes(
        tx, merkle.append(size, merkle.leaf_hash(leaf), lambda level, index: _node(tx, level, index))
    )
    # Revisions start at 1, so that 0 can mean "nothing has been declared".
    new_revision = size + 1 if enforcement else revision
    audit_store.write_head(tx, size=size + 1, revision=new_revision)
    tx.memo[_SIZE] = size + 1
    if enforcement:
        tx.revision = new_revision
    return Receipt(size)


def _node(tx: Tx, level: int, index: int) -> bytes:
    found = audit_store.read_node(tx, level, index)
    assert found is not None, f"the audit tree lacks node {level}/{index}: run `roadworthy audit verify`"
    return found


class Sealer:
    """Signs one checkpoint for each transaction that appended to the log."""

    def __init__(self, key: checkpoint.SigningKey, *, origin: str) -> None:
        self._key = key
        self.origin = origin

    def seal(self, tx: Tx) -> None:
        """Sign the tree as this transaction leaves it; called just before the commit."""
        size = tx.memo.pop(_SIZE, None)
        if size is None:
            return
        root = merkle.root(size, lambda level, index: _node(tx, level, index))
        note = checkpoint.sign(self.origin, size, root, self._key)
        audit_store.add_checkpoint(tx, size=size, at=now(), note=note)


def revision(tx: Tx) -> int:
    """Return the revision gateways must have reached to be current."""
    return audit_store.read_head(tx)[1]


def enforced_since(tx: Tx, known: int, *, limit: int = 1000) -> list[tuple[str, str]] | None:
    """Return (object, action) of all that gateways must know since a revision; None when it is too much."""
    rows = audit_store.enforced_since(tx, known, limit + 1)
    return None if len(rows) > limit else [(row.object, row.action) for row in rows]


def named_since(tx: Tx, known: int, *, limit: int = 1000) -> list[str] | None:
    """Return what the entries from a number on are about (`use-case/x`); None when there are too many."""
    rows = audit_store.named_since(tx, known, limit + 1)
    return None if len(rows) > limit else rows


def has_appended(tx: Tx) -> bool:
    """Say whether this transaction has entries of its own, which may never be committed."""
    return _SIZE in tx.memo


def size(tx: Tx) -> int:
    """Return the number of entries."""
    return audit_store.read_head(tx)[0]


def mark(tx: Tx, size: int) -> bytes:
    """Return the hash of the last entry of the log at a size: logs that agree in it are one log so far.

    Empty where the log never was that long.
    """
    key = f"audit.mark.{size}"
    if key not in tx.memo:
        tx.memo[key] = (audit_store.read_node(tx, 0, size - 1) if size > 0 else None) or b""
    found = tx.memo[key]
    assert isinstance(found, bytes)
    return found


def entry_view(row: Any) -> dict[str, Any]:
    """Return an entry as the API and the console show it."""
    leaf = json.loads(row.leaf)
    return {
        "seq": row.seq,
        "at": leaf["at"],
        "actor": leaf["actor"],
        "on_behalf_of": leaf["on_behalf_of"],
        "channel": leaf["channel"],
        "action": leaf["action"],
        "object": leaf["object"],
        "enforcement": leaf["enforcement"],
        "content": json.loads(row.body) if row.body is not None else None,
        "erased_by": row.erased_by,
    }


def entries(
    tx: Tx,
    *,
    before: int | None = None,
    limit: int = 50,
    subject: str = "",
    actor: str = "",
    action: str = "",
) -> list[dict[str, Any]]:
    """Return entries newest first, below `before`."""
    rows = audit_store.page(tx, before=before, limit=limit, object_=subject, actor=actor, action=action)
    return [entry_view(row) for row in rows]


def content(tx: Tx, seq: int) -> dict[str, Any] | None:
    """Return what an entry committed to, or None where it was erased or never was."""
    found = contents(tx, [seq]).get(seq)
    return None if found is None else found["content"]


def contents(tx: Tx, seqs: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Return several entries by number, each with its content."""
    return {row.seq: entry_view(row) for row in audit_store.read_entries(tx, seqs)}


def sequence(tx: Tx, *, action_prefix: str) -> list[int]:
    """Return the numbers of the entries whose action begins so, in order."""
    return audit_store.sequence(tx, action_prefix)


def size_at(tx: Tx, at: datetime) -> int:
    """Return how many entries the log had at a moment."""
    key = f"audit.size_at.{size(tx)}.{at.timestamp()}"
    if key not in tx.memo:
        tx.memo[key] = audit_store.size_at(tx, at)
    found = tx.memo[key]
    assert isinstance(found, int)
    return found


def proof(tx: Tx, seq: int) -> dict[str, Any]:
    """Return an entry's leaf, its inclusion proof and the checkpoint it proves against."""
    row = audit_store.read_entry(tx, seq)
    newest = audit_store.last_checkpoint(tx)
    if row is None or newest is None or seq >= newest.size:
        raise NotFoundError(f"The audit log has no sealed entry {seq}.", fix="See /v1/audit/entries.")
    path = merkle.inclusion_proof(seq, newest.size, lambda level, index: _node(tx, level, index))
    return {
        "entry": entry_view(row),
        "leaf": row.leaf,
        "index": seq,
        "size": newest.size,
        "proof": [step.hex() for step in path],
        "checkpoint": newest.note,
    }


def consistency(tx: Tx, first: int, second: int | None) -> dict[str, Any]:
    """Prove that the log of `second` entries only adds to the log of `first`."""
    total = size(tx)
    last = total if second is None else second
    if not 0 <= first <= last <= total:
        raise NotFoundError(
            f"There is no pair of sizes {first} and {last} in a log of {total}.",
            fix="Ask for 0 <= first <= second <= size.",
        )
    path = merkle.consistency_proof(first, last, lambda level, index: _node(tx, level, index))
    return {"first": first, "second": last, "proof": [step.hex() for step in path]}


def newest_checkpoint(tx: Tx) -> dict[str, Any] | None:
    """Return the newest signed checkpoint, or None for an empty log."""
    row = audit_store.last_checkpoint(tx)
    return None if row is None else {"size": row.size, "at": row.at.isoformat(), "note": row.note}


def erase(tx: Tx, *, subject: str, actor: Actor, at: datetime, reason: str) -> int:
    """Erase every payload about a subject; the entries and all proofs stay."""
    receipt = record(tx, actor=actor, action="erased", subject=subject, at=at, content={"reason": reason})
    return audit_store.erase_payloads(tx, object_=subject, erased_by=receipt.seq)
