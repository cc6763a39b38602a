"""Pure: a call that has come to its end, as the bytes of its record.

Most of a record is the same for the next call like it. That part is encoded once per admission; what differs
is encoded for each call, and the two are joined as MessagePack joins maps: one header, then all the pairs.
`usage.record.decode` reads the result as any other record.
"""

from __future__ import annotations

import msgspec

from roadworthy.gateway.admission import Admission
from roadworthy.gateway.dialects.dialect import Request
from roadworthy.gateway.dialects.neutral import Usage
from roadworthy.gateway.exchange import Exchange
from roadworthy.gateway.snapshot import ModelEntry, Reason, Target
from roadworthy.usage import record as records
from roadworthy.usage.record import (
    AttemptRecord,
    CallRecord,
    FindingRecord,
    LoggedText,
    ReasonRecord,
)

_ENCODER = msgspec.msgpack.Encoder()
_FIXED_MAP, _MAP_16 = 0x80, 0xDE
_PLAUSIBLE = records.TOKENS_PLAUSIBLE_MAX


class _Fixed(msgspec.Struct, omit_defaults=True):
    """What all calls of one admission to one model have in common."""

    decision: str
    principal: str
    key_id: str
    use_case: str
    namespace: str = ""
    grant_id: str = ""
    revision: int = 0
    requested_model: str = ""
    route: str = ""
    model: str = ""
    provider: str = ""
    upstream_model: str = ""
    currency: str = ""
    price_source: str = ""
    retention_days: int = 0
    dialect: str = ""
    stream: bool = False


class _Moving(msgspec.Struct, omit_defaults=True):
    """What each call says of itself."""

    id: str
    at: int
    attempts: tuple[AttemptRecord, ...]
    status: int
    latency_ms: float
    first_byte_ms: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cost_nano: int | None = None
    faults: tuple[str, ...] = ()
    error: str = ""
    client_request_id: str = ""
    reason: str = ""
    reasons: tuple[ReasonRecord, ...] = ()
    text: LoggedText | None = None
    findings: tuple[FindingRecord, ...] = ()
    why: str = ""
    estimated: bool = False
    shadow: bool = False
    leases: tuple[str, ...] = ()
    replay_of: str = ""
    draft: str = ""
    basis: str = ""


def _pairs(encoded: bytes) -> tuple[int, bytes]:
    """Split an encoded map into how many pairs it has, and the pairs."""
    first = encoded[0]
    if first == _MAP_16:
        return int.from_bytes(encoded[1:3], "big"), encoded[3:]
    return first - _FIXED_MAP, encoded[1:]


def _fixed(exchange: Exchange) -> tuple[int, bytes]:
    admission, request, target = exchange.admission, exchange.request, exchange.target
    assert admission is not None
    assert request is not None
    assert target is not None
    assert exchange.index is not None
    admitted, model = admission.admitted, target.model
    grant, key = admitted.grant, admitted.caller.key
    return _pairs(
        _ENCODER.encode(
            _Fixed(
                decision="allowed",
                principal=key.principal,
                key_id=key.id,
                use_case=key.use_case,
                namespace=grant.namespace,
                grant_id=grant.id,
                revision=exchange.index.revision,
                requested_model=request.model,
                route=admitted.route.name if admitted.route is not None else "",
                model=model.name,
                provider=model.provider,
                upstream_model=model.upstream_model,
                currency=model.currency,
                price_source=model.price_source,
                retention_days=grant.retention_days,
                dialect=exchange.dialect.name,
                stream=request.stream,
            )
        )
    )


def _fixed_for(
    exchange: Exchange, admission: Admission, target: Target, request: Request
) -> tuple[int, bytes]:
    # One admission is of one index, one key and one requested name: all else that is fixed is in the place.
    place = (target.model.name, exchange.dialect.name, request.stream)
    fixed = admission.fixed.get(place)
    if fixed is None:
        fixed = admission.fixed[place] = _fixed(exchange)
    return fixed


def _join(fixed: tuple[int, bytes], moving: bytes) -> bytes:
    count, pairs = _pairs(moving)
    return b"\xde%b%b%b" % ((count + fixed[0]).to_bytes(2, "big"), fixed[1], pairs)


def opening(exchange: Exchange, leases: tuple[str, ...]) -> bytes:
    """Return the encoded mark that a stream begins: a record that is open; the whole one follows it."""
    admission, request, target = exchange.admission, exchange.request, exchange.target
    assert admission is not None
    assert request is not None
    assert target is not None
    fixed = _fixed_for(exchange, admission, target, request)
    mark = {"id": exchange.trace_id, "at": int(exchange.at * 1000), "open": True, "leases": leases}
    return _join(fixed, _ENCODER.encode(mark))


def payload(exchange: Exchange, *, ended_s: float) -> bytes:
    """Return the encoded record of a call that has come to its end."""
    admission, request, target = exchange.admission, exchange.request, exchange.target
    if admission is None or target is None or request is None:
        return records.encode(_unattempted(exchange, ended_s))
    started_s, first_byte_s = exchange.started_s, exchange.first_byte_s
    moving = _Moving(
        exchange.trace_id,
        int(exchange.at * 1000),
        exchange.attempts,
        exchange.status,
        round((ended_s - started_s) * 1000, 3),
        round((first_byte_s - started_s) * 1000, 3) if first_byte_s is not None else None,
    )
    usage = exchange.usage
    cost_nano = _usual_cost(usage, target.model)
    if cost_nano is not None and usage is not None:  # nearly always
        moving.input_tokens, moving.output_tokens = usage.input_tokens, usage.output_tokens
        moving.cost_nano = cost_nano
    else:
        _unusual_usage(exchange, moving)
    if exchange.client_request_id:
        moving.client_request_id = exchange.client_request_id
    if exchange.why:
        moving.why = exchange.why
    if exchange.leases:
        moving.leases = exchange.leases
    if exchange.findings or exchange.faults or exchange.error or exchange.shadow or exchange.estimated:
        _unusual(exchange, moving)
    if exchange.replay_of:
        moving.replay_of = exchange.replay_of
    if exchange.draft:
        moving.draft, moving.basis = exchange.draft, admission.admitted.grant.basis
    if admission.admitted.grant.logging == "full" or exchange.held_answer:
        moving.text = _logged(exchange)
    return _join(_fixed_for(exchange, admission, target, request), _ENCODER.encode(moving))


def _usual_cost(usage: Usage | None, model: ModelEntry) -> int | None:
    """Return the cost of a call whose usage is plausible, without anything cached, at a known price."""
    if (
        usage is not None
        and (tokens_in := usage.input_tokens) is not None
        and (tokens_out := usage.output_tokens) is not None
        and 0 <= tokens_in <= _PLAUSIBLE
        and 0 <= tokens_out <= _PLAUSIBLE
        and not usage.cached_input_tokens
        and (price_in := model.input_price_nano) is not None
        and (price_out := model.output_price_nano) is not None
    ):
        return tokens_in * price_in + tokens_out * price_out
    return None


def _unusual_usage(exchange: Exchange, moving: _Moving) -> None:
    usage = exchange.usage
    if usage is not None:
        moving.input_tokens = records.plausible(usage.input_tokens)
        moving.output_tokens = records.plausible(usage.output_tokens)
        moving.cached_input_tokens = records.plausible(usage.cached_input_tokens)
    moving.cost_nano, moving.faults = cost_of(exchange)


def _unusual(exchange: Exchange, moving: _Moving) -> None:
    moving.error = exchange.error
    moving.findings = exchange.findings
    moving.faults = (*moving.faults, *exchange.faults)
    moving.estimated = exchange.estimated
    moving.shadow = exchange.shadow
    if exchange.refused is not None:
        moving.reason = exchange.refused.code
        moving.reasons = _refusal(exchange)


def cost_of(exchange: Exchange) -> tuple[int | None, tuple[str, ...]]:
    """Return what the call costs in billionths of the currency, or None with what keeps it unknown."""
    usage, target = exchange.usage, exchange.target
    if target is None:
        return None, ()
    model = target.model
    usual = _usual_cost(usage, model)
    if usual is not None:
        return usual, ()
    return records.cost_nano(
        input_tokens=None if usage is None else records.plausible(usage.input_tokens),
        output_tokens=None if usage is None else records.plausible(usage.output_tokens),
        cached_input_tokens=None if usage is None else records.plausible(usage.cached_input_tokens),
        input_price_nano=model.input_price_nano,
        output_price_nano=model.output_price_nano,
        cached_input_price_nano=model.cached_input_price_nano,
    )


def _reasons(reasons: tuple[Reason, ...]) -> tuple[ReasonRecord, ...]:
    return tuple(
        ReasonRecord(reason.code, reason.message, reason.declaration, reason.who_can_change, reason.next_step)
        for reason in reasons
    )


def _refusal(exchange: Exchange) -> tuple[ReasonRecord, ...]:
    refused = exchange.refused
    if refused is None:
        return ()
    first = ReasonRecord(
        refused.code, refused.message, refused.declaration, refused.who_can_change, refused.next_step
    )
    return (first, *_reasons(refused.reasons))


def _logged(exchange: Exchange) -> LoggedText | None:
    admission = exchange.admission
    if admission is None or admission.admitted.grant.logging != "full":
        return LoggedText(draft=exchange.held_answer) if exchange.held_answer else None
    prompt, prompt_cut = records.clip(exchange.prompt)
    response, response_cut = records.clip(exchange.response)
    return LoggedText(prompt, response, prompt_cut or response_cut, exchange.held_answer)


def _unattempted(exchange: Exchange, ended_s: float) -> CallRecord:
    """Return what is kept of a call that reached no provider."""
    caller, admission, request = exchange.caller, exchange.admission, exchange.request
    grant = admission.admitted.grant if admission is not None else None
    route = admission.admitted.route if admission is not None else None
    key = caller.key if caller is not None else None
    return CallRecord(
        id=exchange.trace_id,
        at=int(exchange.at * 1000),
        decision="allowed" if admission is not None and exchange.refused is None else "refused",
        principal=key.principal if key is not None else "",
        key_id=key.id if key is not None else "",
        use_case=key.use_case if key is not None else "",
        namespace=grant.namespace if grant is not None else "",
        grant_id=grant.id if grant is not None else "",
        revision=exchange.index.revision if exchange.index is not None else 0,
        reason=exchange.refused.code if exchange.refused is not None else "",
        reasons=_refusal(exchange),
        requested_model=request.model if request is not None else "",
        route=route.name if route is not None else "",
        status=exchange.status,
        stream=request.stream if request is not None else False,
        faults=exchange.faults,
        latency_ms=round((ended_s - exchange.started_s) * 1000, 3),
        error=exchange.error,
        client_request_id=exchange.client_request_id,
        retention_days=grant.retention_days if grant is not None else 0,
        text=_logged(exchange),
        dialect=exchange.dialect.name,
        findings=exchange.findings,
        replay_of=exchange.replay_of,
    )
