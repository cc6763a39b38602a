"""Questions about answers that waited for a person: what was withheld, and what somebody made of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import commitment
from roadworthy.usage import store


def draft_id(call_id: str) -> str:
    """Return the id of a call's draft: `dr_` for `tr_`, so that either says the other."""
    return f"dr_{call_id.removeprefix('tr_')}"


def call_id(draft: str) -> str:
    """Return the id of the call that made a draft."""
    return f"tr_{draft.removeprefix('dr_')}"


def logged(document: str) -> bool:
    """Say whether a text is one that the grant logs, and not an answer alone that waits for a person."""
    if '"draft":' not in document:
        return True
    found = json.loads(document)
    return bool(not found.get("draft") or found["prompt"] or found["response"])


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a call: the texts that the grant logs, and the answer that was withheld."""

    prompt: str = ""
    response: str = ""
    draft: str = ""


def kept(tx: Tx, call: str) -> Kept:
    """Return what is kept of a call, empty where nothing is, or no longer."""
    text = store.read_text(tx, call)
    if text is None:
        return Kept()
    found = json.loads(text.document)
    return Kept(found["prompt"], found["response"], found.get("draft", ""))


def withheld(tx: Tx, call: str) -> str | None:
    """Return the answer that was withheld in a call, in the caller's dialect; None once it is deleted."""
    return kept(tx, call).draft or None


def edited(tx: Tx, draft: str, *, committed: str) -> str | None:
    """Return an answer as a person changed it; None once deleted, or if it is not what was committed to."""
    text = store.read_text(tx, draft)
    if text is None or not commitment.open_ok(committed, text.salt, text.document):
        return None
    return str(json.loads(text.document)["draft"])
