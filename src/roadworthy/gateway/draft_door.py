"""What the API and the console share of drafts: what they show, the texts of an answer, who may decide."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from roadworthy.drafts import operations, queries
from roadworthy.drafts.draft import Draft
from roadworthy.foundation.errors import ForbiddenError, InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.dialects.dialect import CallerDialect
from roadworthy.registry.door import actor_of
from roadworthy.registry.kinds import ROOT_NAMESPACE
from roadworthy.usage import queries as usage

_DIALECTS = {one.name: one for one in CALLERS.values()}


def require(call: Call, draft: Draft) -> None:
    """Let through who may decide drafts of a unit."""
    if not call.who.may("draft.decide", namespace=draft.namespace or ROOT_NAMESPACE):
        raise ForbiddenError(
            f"{call.who.principal} may not decide about drafts of unit/{draft.namespace}.",
            why="It needs the permission `draft.decide` there.",
            fix="Ask an administrator for the role reviewer on that unit.",
        )


def shown(draft: Draft, *, now: datetime) -> dict[str, Any]:
    """Return a draft as the API shows it, without its text."""
    return {
        "id": draft.id,
        "call": draft.call,
        "use_case": draft.use_case,
        "principal": draft.principal,
        "form": draft.form,
        "state": draft.state(now),
        "model": draft.model,
        "made_at": draft.made_at.isoformat(),
        "lapses_at": draft.expires_at.isoformat(),
        "verdict": draft.verdict,
        "decided_by": draft.decided_by or None,
        "decided_at": draft.decided_at.isoformat() if draft.decided_at else None,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What somebody who decides reads."""

    prompt: str
    """What was asked, where the use case logs it."""
    texts: tuple[str, ...]
    """The texts of the answer in order, the arguments of tools included: these can be changed."""
    response: str
    """The answer as it was logged, where it was not withheld: it cannot be changed here."""
    whole: str = ""
    """The answer as its caller would get it, the names of tools included, as JSON."""


def content(tx: Tx, call: Call, draft: Draft) -> Content:
    """Return what is kept of a draft; that it was read is in the log."""
    kept = operations.read(tx, draft, actor=actor_of(call), now=call.now)
    texts = tuple(_dialect(tx, draft).answer_texts(kept.draft.encode())) if kept.draft else ()
    whole = json.dumps(json.loads(kept.draft), indent=2, ensure_ascii=False) if kept.draft else ""
    return Content(prompt=kept.prompt, texts=texts, response="" if kept.draft else kept.response, whole=whole)


def changed(tx: Tx, draft: Draft, texts: Sequence[str]) -> str:
    """Return the whole answer with other texts, in its caller's dialect."""
    answer = queries.text_of(tx, draft)
    if answer is None:
        raise InvalidError(
            f"The answer of draft {draft.id} is not kept here, so it cannot be changed here.",
            why="Only withheld drafts are kept until they are decided.",
            fix="Change it where its caller shows it, and send `edited` without texts.",
        )
    dialect = _dialect(tx, draft)
    known = dialect.answer_texts(answer.encode())
    if len(known) != len(texts):
        raise InvalidError(
            f"The answer has {len(known)} texts, and {len(texts)} were sent.",
            fix="Send each of them, in order; one that stays as it is, too.",
        )
    try:
        return dialect.with_answer_texts(answer.encode(), list(texts)).decode()
    except ValueError as error:
        raise InvalidError(
            "The changed texts make no answer.",
            why=f"{error}.",
            fix="The arguments of a tool have to stay JSON.",
        ) from error


def _dialect(tx: Tx, draft: Draft) -> CallerDialect:
    return _DIALECTS[usage.trace(tx, draft.call).dialect]
