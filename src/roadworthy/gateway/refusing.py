"""How a call is refused: in the caller's dialect, with what a person needs to get on, and on record."""

from __future__ import annotations

from roadworthy.gateway import recording
from roadworthy.gateway.access import Refused
from roadworthy.gateway.dialects.dialect import Problem
from roadworthy.gateway.exchange import JSON, Exchange, Reply
from roadworthy.gateway.ledger import Ledger
from roadworthy.gateway.oversight import draft_lines
from roadworthy.gateway.own_keys import masked

_RETRY = b"retry-after: 1\r\n"


def trace_lines(exchange: Exchange) -> bytes:
    """Return the header lines that every governed answer carries."""
    trace = exchange.trace_id.encode()
    lines = b"x-request-id: %b\r\nx-roadworthy-trace-id: %b\r\n" % (trace, trace)
    if exchange.draft and exchange.draft != "sample":  # whoever called need not know what is sampled
        lines += draft_lines(exchange.trace_id)
    return lines


def problem_of(exchange: Exchange, refused: Refused, *, param: str | None = None) -> Problem:
    """Return a refusal as a dialect says it."""
    return Problem(
        status=refused.status,
        code=refused.code,
        message=refused.message,
        trace_id=exchange.trace_id,
        revision=exchange.index.revision if exchange.index is not None else 0,
        param=param,
        declaration=refused.declaration,
        who_can_change=refused.who_can_change,
        next_step=refused.next_step,
        reasons=refused.reasons,
    )


def refuse(
    exchange: Exchange,
    reply: Reply,
    refused: Refused,
    *,
    ledger: Ledger,
    ended_s: float,
    param: str | None = None,
    extra: bytes = b"",
) -> None:
    """Answer a refusal once it is written down, as far as there is room to write it down."""
    exchange.refused = refused
    exchange.status = refused.status
    body = masked(exchange.dialect.error(problem_of(exchange, refused, param=param)))
    extra += trace_lines(exchange)
    if refused.status == 503 and b"retry-after" not in extra:
        extra += _RETRY
    stranger = exchange.caller is None
    if ledger.full or (stranger and not ledger.room_for_stranger(at=exchange.at)):
        reply.answer(refused.status, JSON, body, extra)
        return
    # A refusal stands whether or not it could be written down: withholding it would help nobody.
    payload = recording.payload(exchange, ended_s=ended_s)
    ledger.commit(payload, lambda _safe: reply.answer(refused.status, JSON, body, extra))
