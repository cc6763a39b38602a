"""Pure: what a use case's autonomy asks of an answer: a mark, a release before anybody sees it, or a sample.

What is asked is compiled once for each admission. Nothing of it is in the way of a call whose use case runs
by itself.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from roadworthy.gateway.access import Refused
from roadworthy.gateway.dialects.dialect import Operation, Request
from roadworthy.gateway.snapshot import GrantEntry
from roadworthy.usage.record import DRAFT_BYTES_MAX

ANSWERS: frozenset[Operation] = frozenset({"chat", "responses", "messages"})
"""What a person can read and release; vectors and counts are no outputs of a use case."""
_DIGITS = 8
_DRAWN = 16**_DIGITS


class Oversight(msgspec.Struct, frozen=True):
    """What is asked of the answers of one grant."""

    form: Literal["marked", "withheld", "sample"]
    below: int
    """Of a sample: those calls are in it whose last eight digits are below."""
    basis: str


def oversight_of(grant: GrantEntry) -> Oversight | None:
    """Return what a grant's autonomy asks of answers; None where they go out as they are."""
    if grant.autonomy == "assist":
        return Oversight(grant.draft, 0, grant.basis)
    if grant.autonomy == "supervise":
        return Oversight("sample", round(grant.review_share * _DRAWN), grant.basis)
    return None


def drawn(trace_id: str, below: int) -> bool:
    """Say whether a call is in the sample: its id is random, so neither caller nor model can choose."""
    return int(trace_id[-_DIGITS:], 16) < below


def draft_lines(trace_id: str) -> bytes:
    """Return the header line that marks an answer as a draft."""
    return b"x-roadworthy-draft: dr_%b\r\n" % trace_id[3:].encode()


def unstreamed(request: Request) -> Request:
    """Return the request without streaming: an answer that is withheld is asked for whole."""
    fields = {name: raw for name, raw in request.fields.items() if name not in {"stream", "stream_options"}}
    return msgspec.structs.replace(request, fields=fields, stream=False, asks_usage=False)


def withheld(trace_id: str, grant: GrantEntry) -> Refused:
    """Say that the answer is there and waits for a person."""
    draft = f"dr_{trace_id[3:]}"
    return Refused(
        403, "draft_withheld",
        f"The model has answered, and a person has to release the answer first: use-case/{grant.use_case} "
        f"assists, and its drafts are withheld. It is draft {draft}.",
        f"use-case/{grant.use_case} spec.draft", (),
        f"Ask GET /v1/drafts/{draft} at this gateway with the same key until its state is `released`; do not "
        "send the call again, that makes another draft. Reviewers find it at /drafts in the console.",
    )  # fmt: skip


def too_large(grant: GrantEntry) -> Refused:
    """Say that an answer is too large to wait."""
    return Refused(
        502, "draft_too_large",
        f"The answer is larger than {DRAFT_BYTES_MAX >> 10} KiB, too large to be kept for a person.",
        f"use-case/{grant.use_case} spec.draft", grant.changers,
        "Ask for a shorter answer: `max_tokens` bounds it.",
    )  # fmt: skip


def no_desk(grant: GrantEntry) -> Refused:
    """Say that nobody can release an answer here, so none is asked for."""
    return Refused(
        403, "draft_not_releasable",
        f"The drafts of use-case/{grant.use_case} are withheld until a person releases them, and this "
        "gateway runs without the place where people do.",
        f"use-case/{grant.use_case} spec.draft", grant.changers,
        "Call a gateway of the installation itself, or declare `draft: marked` and have it approved.",
    )  # fmt: skip
