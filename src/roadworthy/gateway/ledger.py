"""Records calls: one write per turn of the event loop, before the answers it stands for are complete."""

from __future__ import annotations

from collections.abc import Callable

from roadworthy.gateway.dialects import openai
from roadworthy.gateway.exchange import Exchange
from roadworthy.gateway.snapshot import Reason
from roadworthy.usage import record as records
from roadworthy.usage import spool as spools
from roadworthy.usage.record import CallRecord, LoggedText, ReasonRecord
from roadworthy.usage.spool import Spool, SpoolFullError

Then = Callable[[bool], None]


class Ledger:
    """Puts call records into the spool; `then` hears whether the record is safe, and only then answers."""

    def __init__(
        self,
        spool: Spool,
        *,
        call_soon: Callable[[Callable[[], None]], object],
        unauthenticated_per_s: int = 10,
    ) -> None:
        self._spool = spool
        self._call_soon = call_soon
        self._unauthenticated_per_s = unauthenticated_per_s
        self._frames: list[bytes] = []
        self._thens: list[Then] = []
        self._second = 0
        self._unauthenticated = 0
        self._suppressed = 0
        self.recorded = 0
        self.error = ""

    @property
    def full(self) -> bool:
        """Has the spool reached its limit?"""
        return self._spool.full

    def commit(self, record: CallRecord, then: Then) -> None:
        """Write the record with all others of this turn, then tell."""
        if not self._thens:
            self._call_soon(self.flush)
        self._frames.append(spools.frame(records.encode(record)))
        self._thens.append(then)

    def flush(self) -> None:
        """Write what this turn has collected."""
        frames, self._frames = self._frames, []
        thens, self._thens = self._thens, []
        if not frames:
            return
        try:
            self._spool.append(frames)
        except (OSError, SpoolFullError) as error:
            self.error = f"call records cannot be written: {type(error).__name__}: {error}"
            safe = False
        else:
            self.error = ""
            self.recorded += len(frames)
            safe = True
        for then in thens:
            then(safe)

    def room_for_stranger(self, *, at: float) -> bool:
        """May another call without a known key be recorded in this second? If not, it is counted."""
        second = int(at)
        if second != self._second:
            self.tick(at=at)
            self._second = second
            self._unauthenticated = 0
        self._unauthenticated += 1
        if self._unauthenticated <= self._unauthenticated_per_s:
            return True
        self._suppressed += 1
        return False

    def tick(self, *, at: float) -> None:
        """Record how many calls of strangers went unrecorded."""
        if self._suppressed and int(at) != self._second:
            count, self._suppressed = self._suppressed, 0
            summary = Exchange(
                at=at, started_s=0.0, authorization="", use_case_header=None, client_request_id="", body=b""
            )
            record = CallRecord(
                id=summary.trace_id,
                at=int(at * 1000),
                decision="refused",
                reason="invalid_api_key",
                status=401,
                suppressed=count,
            )
            self.commit(record, lambda _safe: None)


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
    admitted = exchange.admitted
    if admitted is None or admitted.grant.logging != "full" or exchange.request is None:
        return None
    prompt, prompt_cut = records.clip(openai.prompt_text(exchange.request))
    response, response_cut = records.clip(exchange.response)
    return LoggedText(prompt, response, prompt_cut or response_cut)


def record_of(exchange: Exchange, *, ended_s: float) -> CallRecord:
    """Return what is kept of a call that has come to its end."""
    caller, admitted, request = exchange.caller, exchange.admitted, exchange.request
    grant = admitted.grant if admitted is not None else None
    model = exchange.target.model if exchange.target is not None else None
    usage = exchange.usage
    input_tokens = records.plausible(usage.prompt_tokens) if usage is not None else None
    output_tokens = records.plausible(usage.completion_tokens) if usage is not None else None
    cached = records.plausible(usage.cached()) if usage is not None else None
    cost: int | None = None
    faults: tuple[str, ...] = ()
    if model is not None and admitted is not None:
        cost, faults = records.cost_nano(
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            cached_input_tokens=cached,
            input_price_nano=model.input_price_nano,
            output_price_nano=model.output_price_nano,
            cached_input_price_nano=model.cached_input_price_nano,
        )
    first_byte_s = exchange.first_byte_s
    return CallRecord(
        id=exchange.trace_id,
        at=int(exchange.at * 1000),
        decision="allowed" if admitted is not None else "refused",
        principal=caller.key.principal if caller is not None else "",
        key_id=caller.key.id if caller is not None else "",
        use_case=caller.key.use_case if caller is not None else "",
        namespace=grant.namespace if grant is not None else "",
        grant_id=grant.id if grant is not None else "",
        revision=exchange.index.revision if exchange.index is not None else 0,
        reason=exchange.refused.code if exchange.refused is not None else "",
        reasons=_refusal(exchange),
        requested_model=request.model if request is not None else "",
        route=admitted.route.name if admitted is not None and admitted.route is not None else "",
        model=model.name if model is not None else "",
        provider=model.provider if model is not None else "",
        upstream_model=model.upstream_model if model is not None else "",
        attempts=tuple(exchange.attempts),
        status=exchange.status,
        stream=request.stream if request is not None else False,
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_input_tokens=cached,
        cost_nano=cost,
        currency=model.currency if model is not None else "",
        price_source=model.price_source if model is not None else "",
        faults=faults,
        latency_ms=round((ended_s - exchange.started_s) * 1000, 3),
        first_byte_ms=round((first_byte_s - exchange.started_s) * 1000, 3) if first_byte_s else None,
        error=exchange.error,
        client_request_id=exchange.client_request_id,
        retention_days=grant.retention_days if grant is not None else 0,
        text=_logged(exchange),
    )
