"""Changes: answers begin to wait for a person, and a person decides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from roadworthy.drafts import queries, store
from roadworthy.drafts.draft import Draft, Verdict, lapses_at
from roadworthy.drafts.facts import DraftDecided
from roadworthy.evidence import operations as evidence
from roadworthy.evidence.fact import Recorded
from roadworthy.foundation.errors import ConflictError, ForbiddenError, InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.registry import audit
from roadworthy.registry.actor import Actor
from roadworthy.usage import drafted
from roadworthy.usage import operations as usage
from roadworthy.usage import queries as usage_queries
from roadworthy.usage.drafted import Kept
from roadworthy.usage.record import CallRecord

_AT_MS_MAX = 253_402_300_799_000


class DraftDecidedError(ConflictError):
    """A draft is decided once."""

    code = "draft-decided"


class DraftLapsedError(ConflictError):
    """A draft that nobody decided in time can no longer be released."""

    code = "draft-lapsed"


class OwnDraftError(ForbiddenError):
    """Who made the call does not release its answer."""

    code = "own-draft"


class DraftNeedsPersonError(ForbiddenError):
    """A draft is released by a person, never by a program."""

    code = "draft-needs-person"


def note_drafts(tx: Tx, records: Sequence[CallRecord]) -> None:
    """Let what waits here wait: in the transaction that stores the records, so once.

    A marked draft waits with its caller. It is in the table once it is decided.
    """
    rows = [_waiting(one) for one in records if one.draft in {"withheld", "sample"}]
    if rows:
        store.add(tx, rows)


def _waiting(record: CallRecord) -> dict[str, Any]:
    made_at = datetime.fromtimestamp(min(max(record.at, 0), _AT_MS_MAX) / 1000, UTC)
    return _row(
        Draft(
            id=drafted.draft_id(record.id),
            call=record.id,
            use_case=record.use_case,
            namespace=record.namespace,
            principal=record.principal,
            form="withheld" if record.draft == "withheld" else "sample",
            basis=record.basis,
            model=record.model,
            made_at=made_at,
            expires_at=lapses_at(made_at, retention_days=record.retention_days),
        )
    )


def _row(draft: Draft) -> dict[str, Any]:
    return {**asdict(draft), "verdict": draft.verdict or ""}


def read(tx: Tx, draft: Draft, *, actor: Actor, now: datetime) -> Kept:
    """Return what is kept of a draft's call for who is to decide, and put into the log who read it."""
    if draft.principal == actor.principal:
        _require_other(draft, actor)
    found = drafted.kept(tx, draft.call)
    if found != Kept():
        audit.record(
            tx, actor=actor, action="usage.content-read", subject=f"trace/{draft.call}", at=now, content={}
        )
    return found


def decide(
    tx: Tx,
    *,
    draft_id: str,
    verdict: Verdict,
    reason: str = "",
    changed: str | None = None,
    actor: Actor,
    now: datetime,
) -> Recorded[DraftDecided]:
    """Record what a person decided about an answer.

    `changed` is the whole answer as they changed it, in the caller's dialect; it goes with `edited`.
    """
    draft = queries.get(tx, draft_id)
    _require_open(draft, now)
    _require_other(draft, actor)
    _require_said(draft, verdict, reason, changed)
    if draft.form == "withheld" and verdict == "accepted" and queries.text_of(tx, draft) is None:
        raise DraftLapsedError(
            f"The answer of draft {draft.id} is no longer kept.",
            why="Its text was erased, or its retention has ended.",
            fix="Have the call made again.",
        )
    commitment = ""
    if changed is not None:
        kept_until = draft.made_at + timedelta(days=usage_queries.trace(tx, draft.call).retention_days)
        commitment = usage.keep_edited(tx, draft.id, changed, expires_at=kept_until)
    fact = DraftDecided(
        draft=draft.id,
        call=draft.call,
        use_case=draft.use_case,
        namespace=draft.namespace,
        form=draft.form,
        verdict=verdict,
        reason=reason.strip(),
        basis=draft.basis,
        model=draft.model,
        commitment=commitment,
    )
    said = evidence.record(tx, fact, subject=queries.subject_of(draft.call), actor=actor, at=now)
    decided = replace(
        draft, verdict=verdict, decided_by=actor.principal, decided_at=now, entry=said.audit_seq
    )
    store.put(tx, _row(decided))
    return said


def _require_open(draft: Draft, now: datetime) -> None:
    if draft.verdict is not None:
        raise DraftDecidedError(
            f"Draft {draft.id} is decided: {draft.verdict} by {draft.decided_by}.",
            why="A draft is decided once.",
            fix="Have the call made again if the decision was wrong.",
        )
    if draft.state(now) == "lapsed":
        raise DraftLapsedError(
            f"Draft {draft.id} could be decided until {draft.expires_at:%Y-%m-%d %H:%M} UTC.",
            why="A draft waits thirty days at most, and no longer than the text of its call is kept.",
            fix="Have the call made again.",
        )


def _require_other(draft: Draft, actor: Actor) -> None:
    if actor.principal == draft.principal:
        raise OwnDraftError(
            f"{actor.principal} cannot decide about the answer to their own call.",
            why="Who asked a model does not release what it said.",
            fix="Ask another holder of the role reviewer.",
        )
    if not actor.principal.startswith("person/"):
        raise DraftNeedsPersonError(
            f"{actor.principal} is a program, and a draft is released by a person.",
            why="Assist means that a human decision stands behind each output.",
            fix="Have a person with the role reviewer decide with their own sign-in.",
        )


def _require_said(draft: Draft, verdict: Verdict, reason: str, changed: str | None) -> None:
    if verdict != "accepted" and not reason.strip():
        raise InvalidError(
            "A change and a rejection say why.",
            why="What is learnt from them is in the reason.",
            fix="Give a reason, in a sentence.",
        )
    if changed is not None and verdict != "edited":
        raise InvalidError(
            "Only a draft that is released with changes has a changed text.", fix="Decide `edited`."
        )
    if draft.form == "withheld" and verdict == "edited" and changed is None:
        raise InvalidError(
            "The changed answer is missing.",
            why="Its caller has no answer until one is released.",
            fix="Send the changed texts along, or reject the draft.",
        )
