"""Compares the sealed secrets with what the audit log sealed about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from roadworthy.foundation.storage.database import Tx
from roadworthy.models import store
from roadworthy.models.operations import digest_of
from roadworthy.registry import audit
from roadworthy.registry.slice import Finding

_ACTIONS = ("secret-set", "secret-rewrapped", "secret-removed")
_PAGE = 200


def _entries(tx: Tx) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for action in _ACTIONS:
        before: int | None = None
        while page := audit.entries(tx, before=before, limit=_PAGE, action=action):
            found.extend(page)
            before = page[-1]["seq"]
    return sorted(found, key=lambda one: int(one["seq"]))


def verify_secrets(tx: Tx) -> Iterator[Finding]:
    """Yield every sealed secret that is not as it was set."""
    sealed: dict[str, dict[str, Any]] = {}
    erased: set[str] = set()
    for entry in _entries(tx):
        name = str(entry["object"]).partition("/")[2]
        if entry["content"] is None:
            erased.add(name)
        elif entry["action"] == "secret-set":
            sealed[name] = {**entry["content"], "set_by": entry["actor"], "set_at": entry["at"]}
        elif entry["action"] == "secret-rewrapped":
            kept = {key: entry["content"][key] for key in ("key_id", "sealed")}
            sealed.setdefault(name, {}).update(kept)
        else:
            sealed.pop(name, None)
    stored = {row.name: _row(row) for row in store.every(tx)}
    for name in sorted({*sealed, *stored} - erased):
        where = f"sealed_secrets secret/{name}"
        if name not in stored:
            yield Finding(where, "the audit log knows it, and its row is gone")
        elif name not in sealed:
            yield Finding(where, "the audit log does not know that it was set")
        else:
            for key, value in stored[name].items():
                if sealed[name].get(key) != value:
                    yield Finding(where, f"`{key}` is not what the audit log sealed")


def _row(row: Any) -> dict[str, Any]:
    return {
        "namespace": row.namespace,
        "destination": row.destination,
        "fingerprint": row.fingerprint,
        "version": row.version,
        "key_id": row.key_id,
        "sealed": digest_of(row.envelope),
        "set_by": row.set_by,
        "set_at": row.set_at.isoformat(),
    }
