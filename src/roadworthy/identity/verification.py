"""Compares the stored credentials with what the audit log sealed about them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from roadworthy.foundation.storage.database import Tx
from roadworthy.identity import credential, store
from roadworthy.registry import audit
from roadworthy.registry.slice import Finding

_ACTIONS = ("issued", "expiry-moved", "revoked", "used", "signed-out")
_PAGE = 200


def _entries(tx: Tx, action: str) -> Iterator[dict[str, Any]]:
    before: int | None = None
    while found := audit.entries(tx, before=before, limit=_PAGE, action=action):
        yield from found
        before = found[-1]["seq"]


def verify_credentials(tx: Tx) -> Iterator[Finding]:
    """Yield every credential that is not as it was issued, moved or ended."""
    subjects = tuple(f"{noun}/" for noun in credential.SUBJECTS.values())
    sealed: dict[str, dict[str, Any]] = {}
    erased: set[str] = set()
    entries = [
        one for action in _ACTIONS for one in _entries(tx, action) if one["object"].startswith(subjects)
    ]
    for entry in sorted(entries, key=lambda one: int(one["seq"])):
        subject, content = entry["object"], entry["content"]
        if content is None:
            erased.add(subject)
            continue
        state = sealed.setdefault(subject, {})
        if entry["action"] == "issued":
            state.update(content, issued_by=entry["actor"], issued_at=entry["at"], ended=None)
        elif entry["action"] == "expiry-moved":
            state["expires_at"] = content["expires_at"]
        else:
            state["ended"] = (content["how"], entry["actor"], entry["at"])
    stored = {f"{credential.SUBJECTS[row.type]}/{row.id}": _row(row) for row in store.listing(tx)}
    for subject in sorted({*sealed, *stored} - erased):
        where = f"credentials {subject}"
        if subject not in stored:
            yield Finding(where, "the audit log knows it, and its row is gone")
        elif subject not in sealed:
            yield Finding(where, "the audit log does not know that it was issued")
        else:
            for name, value in stored[subject].items():
                if sealed[subject].get(name) != value:
                    yield Finding(where, f"`{name}` is not what the audit log sealed")


def _row(row: Any) -> dict[str, Any]:
    ended = None if row.ended_at is None else (row.ended_how, row.ended_by, row.ended_at.isoformat())
    return {
        "principal": row.principal,
        "use_case": row.use_case,
        "name": row.name,
        "vouched_by": row.vouched_by,
        "issued_by": row.issued_by,
        "issued_at": row.issued_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "fingerprint": credential.fingerprint(row.hash),
        "ended": ended,
    }
