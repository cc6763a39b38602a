"""What autonomy does to a call under way: a withheld answer is asked for whole, an answer becomes a draft."""

from __future__ import annotations

from roadworthy.gateway import oversight
from roadworthy.gateway.access import Refused
from roadworthy.gateway.exchange import Exchange
from roadworthy.gateway.oversight import ANSWERS, Oversight
from roadworthy.usage.record import DRAFT_BYTES_MAX


def prepare(exchange: Exchange, *, releasable: bool) -> Refused | None:
    """Ask for an answer whole if it will be withheld, or refuse the call where nobody could release it."""
    admission, request, asked = exchange.admission, exchange.request, _asked(exchange)
    if asked is None or asked.form != "withheld":
        return None
    assert admission is not None
    if not releasable:
        return oversight.no_desk(admission.admitted.grant)
    if request is not None and request.stream:
        exchange.request = oversight.unstreamed(request)
    return None


def mark(exchange: Exchange) -> None:
    """Note of an answer that begins to stream what a person has to do with it."""
    asked = _asked(exchange)
    if asked is not None:
        # One that is withheld never streams: it was asked for whole. Should it, nothing of it goes out.
        assert asked.form != "withheld", "a withheld answer began to stream"
        _note(exchange, asked)


def take(exchange: Exchange, answer: bytes) -> Refused | None:
    """Note what a person has to do with a whole answer; return what its caller hears if it is withheld."""
    asked = _asked(exchange)
    if asked is None:
        return None
    if asked.form != "withheld":
        _note(exchange, asked)
        return None
    admission = exchange.admission
    assert admission is not None
    if len(answer) > DRAFT_BYTES_MAX:
        return oversight.too_large(admission.admitted.grant)
    exchange.draft = "withheld"
    exchange.held_answer = answer.decode("utf-8", "replace")
    return oversight.withheld(exchange.trace_id, admission.admitted.grant)


def _asked(exchange: Exchange) -> Oversight | None:
    """Return what is asked of this answer: nothing of shadows and replays, which nobody acts on."""
    admission = exchange.admission
    if admission is None or (asked := admission.oversight) is None or exchange.shadow or exchange.replay_of:
        return None
    return asked if exchange.dialect.operation in ANSWERS else None


def _note(exchange: Exchange, asked: Oversight) -> None:
    if asked.form == "marked" or oversight.drawn(exchange.trace_id, asked.below):
        exchange.draft = asked.form
