"""Questions about drafts: what waits for a person, what was decided, how often it was accepted."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from roadworthy.drafts import store
from roadworthy.drafts.draft import Draft, Figures, Queue, lapses_at
from roadworthy.drafts.facts import DraftDecided
from roadworthy.evidence import queries as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import NotFoundError
from roadworthy.foundation.storage.database import Tx
from roadworthy.usage import drafted
from roadworthy.usage import queries as usage

PAGE_MAX = 200


def subject_of(call: str) -> str:
    """Return what evidence about a call is filed under."""
    return f"call/{call}"


def get(tx: Tx, draft_id: str, *, use_cases: Collection[str] | None = None) -> Draft:
    """Return a draft, of these use cases only unless that is None; an error where there is none."""
    row = store.read(tx, draft_id) if "\0" not in draft_id else None
    found = _draft(store.columns([row])[0]) if row is not None else _marked(tx, draft_id)
    if found is None or (use_cases is not None and found.use_case not in use_cases):
        raise NotFoundError(
            f"There is no draft `{draft_id[:80]}` that you may see.",
            why="Its call may still be on its way: the gateway hands records on within a second.",
            fix="List what waits with `roadworthy draft list`; the id is in the answer's x-roadworthy-draft.",
        )
    return found


def _marked(tx: Tx, draft_id: str) -> Draft | None:
    """Return a draft that nobody has decided and that waits with its caller: its call's record says so."""
    if not draft_id.startswith("dr_"):
        return None
    try:
        call = usage.trace(tx, drafted.call_id(draft_id))
    except NotFoundError:
        return None
    if call.draft != "marked":
        return None
    return Draft(
        id=draft_id,
        call=call.id,
        use_case=call.use_case,
        namespace=call.namespace,
        principal=call.principal,
        form="marked",
        basis=call.basis,
        model=call.model,
        made_at=call.at,
        expires_at=lapses_at(call.at, retention_days=call.retention_days),
    )


def _draft(row: dict[str, Any]) -> Draft:
    return Draft(**{**row, "verdict": row["verdict"] or None})


def waiting(
    tx: Tx, *, now: datetime, use_case: str = "", use_cases: Collection[str] | None = None, limit: int = 50
) -> list[Draft]:
    """Return what waits for a person here, the oldest first."""
    size = max(1, min(limit, PAGE_MAX))
    rows = store.page(tx, waiting_at=now, use_case=use_case, use_cases=use_cases, limit=size)
    return [_draft(row) for row in store.columns(rows)]


def newest(
    tx: Tx, *, use_case: str = "", use_cases: Collection[str] | None = None, limit: int = 50
) -> list[Draft]:
    """Return the newest drafts, whatever became of them."""
    size = max(1, min(limit, PAGE_MAX))
    rows = store.page(tx, waiting_at=None, use_case=use_case, use_cases=use_cases, limit=size)
    return [_draft(row) for row in store.columns(rows)]


def queues(tx: Tx, *, now: datetime) -> dict[str, Queue]:
    """Return what waits, by use case."""
    found: dict[str, Queue] = {}
    for row in store.waiting(tx, now=now):
        held = found.get(row.use_case)
        found[row.use_case] = Queue(
            use_case=row.use_case,
            withheld=(held.withheld if held else 0) + (row.number if row.form == "withheld" else 0),
            samples=(held.samples if held else 0) + (row.number if row.form == "sample" else 0),
            since=min(row.since, held.since) if held else row.since,
        )
    return found


def figures(tx: Tx, *, use_case: str, basis: str, now: datetime, window_days: int) -> Figures:
    """Return how often people took a use case's answers as they were, in the days before a moment."""
    since = now - timedelta(days=window_days)
    found = store.counts(tx, use_case=use_case, basis=basis, since=since)
    return Figures(
        accepted=found.get("accepted", 0),
        edited=found.get("edited", 0),
        rejected=found.get("rejected", 0),
        reviewers=store.reviewers(tx, use_case=use_case, basis=basis, since=since),
    )


def measured(tx: Tx, *, now: datetime, window_days: int) -> dict[tuple[str, str], Figures]:
    """Return the same for every use case and basis at once, without counting who decided."""
    found: dict[tuple[str, str], dict[str, int]] = {}
    for row in store.measured(tx, since=now - timedelta(days=window_days)):
        found.setdefault((row.use_case, row.basis), {})[row.verdict] = int(row.number)
    return {of: Figures(**by_verdict) for of, by_verdict in found.items()}


def decision(tx: Tx, draft: Draft) -> Recorded[DraftDecided] | None:
    """Return what was decided about a draft, with the reason."""
    found = evidence.of(tx, DraftDecided, subject_of(draft.call))
    return found[-1] if found else None


def text_of(tx: Tx, draft: Draft) -> str | None:
    """Return the answer as the model gave it, in the caller's dialect; None where it is not kept."""
    return drafted.withheld(tx, draft.call)


def released_text(tx: Tx, draft: Draft) -> str | None:
    """Return the answer that a person released, with their changes if any; None for any other draft."""
    if not draft.released:
        return None
    said = decision(tx, draft)
    if said is not None and said.fact.commitment:
        return drafted.edited(tx, draft.id, committed=said.fact.commitment)
    return text_of(tx, draft) if draft.verdict == "accepted" else None
