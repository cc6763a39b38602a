"""What happens to a call, in order: up to date, who, what, may it, is there room to record it, deliver."""

from __future__ import annotations

from collections.abc import Callable

from roadworthy.gateway import access, listing
from roadworthy.gateway.access import Caller, Refused
from roadworthy.gateway.delivery import Delivery, Ports, trace_lines
from roadworthy.gateway.dialects import openai
from roadworthy.gateway.exchange import JSON, Course, Exchange, Reply, bearer
from roadworthy.gateway.ledger import record_of
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.snapshot import Index
from roadworthy.gateway.waiting import WaitingRoom

_RETRY = b"retry-after: 1\r\n"
_LATER = "Try again in a moment."

Step = Callable[[Index, Exchange, Reply], Course | None]


class Pipeline:
    """Takes exchanges from any transport, and answers them through its reply."""

    def __init__(
        self, *, holder: SnapshotHolder, ports: Ports, pepper: bytes, ask_refresh: Callable[[], None]
    ) -> None:
        self._holder = holder
        self._ports = ports
        self._pepper = pepper
        self._room = WaitingRoom(holder, monotonic=ports.monotonic, ask_refresh=ask_refresh)
        self.wake = self._room.wake

    def chat(self, exchange: Exchange, reply: Reply) -> Course | None:
        """A chat completion."""
        return self._when_current(exchange, reply, self._chat)

    def models(self, exchange: Exchange, reply: Reply, *, name: str | None = None) -> Course | None:
        """What this key may call: all of it, or one by name."""

        def step(index: Index, exchange: Exchange, reply: Reply) -> None:
            self._models(index, exchange, reply, name=name)

        return self._when_current(exchange, reply, step)

    def _when_current(
        self, exchange: Exchange, reply: Reply, step: Step, *, waited: bool = False
    ) -> Course | None:
        """Decide on nothing older than what has been announced: a revocation holds on the next call."""
        holder = self._holder
        index = holder.index
        if index is None or holder.stale(now=self._ports.monotonic()):
            message = "The gateway has no current snapshot of what is allowed."
            self._refuse(exchange, reply, Refused(503, "not_ready", message, next_step=_LATER))
            return None
        if not holder.behind():
            exchange.index = index
            return step(index, exchange, reply)
        if waited:
            message = "A change was announced that the gateway has not received yet."
            self._refuse(exchange, reply, Refused(503, "snapshot_behind", message, next_step=_LATER))
            return None
        return self._room.enter(lambda: self._when_current(exchange, reply, step, waited=True))

    def _identify(self, index: Index, exchange: Exchange) -> Caller | Refused:
        token = bearer(exchange.authorization)
        caller = access.identify(index, key_hash=access.hash_key(self._pepper, token), now=exchange.at)
        if isinstance(caller, Caller):
            exchange.caller = caller
            return caller
        looks_like_ours = caller.code == "invalid_api_key" and token.startswith("rwk_")
        if looks_like_ours and self._holder.unsure(now=self._ports.monotonic()):
            message = "This key is not known here, and newer keys cannot be looked up at the moment."
            return Refused(503, "key_not_verifiable", message, next_step=_LATER)
        return caller

    def _chat(self, index: Index, exchange: Exchange, reply: Reply) -> Course | None:
        caller = self._identify(index, exchange)
        if isinstance(caller, Refused):
            self._refuse(exchange, reply, caller)
            return None
        try:
            request = exchange.request = openai.read_chat(exchange.body)
        except openai.MalformedRequestError as error:
            refused = Refused(400, "malformed_request", error.message, next_step="Correct the request.")
            self._refuse(exchange, reply, refused, param=error.param)
            return None
        verdict = access.decide_for(
            index, caller, use_case_header=exchange.use_case_header, model=request.model, now=exchange.at
        )
        if isinstance(verdict, Refused):
            param = "model" if verdict.code.startswith("model_") else None
            self._refuse(exchange, reply, verdict, param=param)
            return None
        if self._ports.ledger.full:
            message = "The gateway cannot record more calls until its records are taken over."
            self._refuse(exchange, reply, Refused(503, "spool_full", message, next_step=_LATER))
            return None
        exchange.admitted = verdict
        delivery = Delivery(self._ports, exchange, reply)
        delivery.start()
        return delivery

    def _models(self, index: Index, exchange: Exchange, reply: Reply, *, name: str | None) -> None:
        caller = self._identify(index, exchange)
        found = caller if isinstance(caller, Refused) else listing.body(index, caller, name, now=exchange.at)
        if isinstance(found, Refused):
            self._refuse(exchange, reply, found)
        else:
            reply.answer(200, JSON, found, trace_lines(exchange))

    def _refuse(
        self, exchange: Exchange, reply: Reply, refused: Refused, *, param: str | None = None
    ) -> None:
        exchange.refused = refused
        exchange.status = refused.status
        body = openai.error_body(
            status=refused.status,
            code=refused.code,
            message=refused.message,
            param=param,
            trace_id=exchange.trace_id,
            revision=exchange.index.revision if exchange.index is not None else 0,
            declaration=refused.declaration,
            who_can_change=refused.who_can_change,
            next_step=refused.next_step,
            reasons=refused.reasons,
        )
        extra = trace_lines(exchange) + (_RETRY if refused.status == 503 else b"")
        ledger = self._ports.ledger
        stranger = exchange.caller is None
        if ledger.full or (stranger and not ledger.room_for_stranger(at=exchange.at)):
            reply.answer(refused.status, JSON, body, extra)
            return
        # A refusal stands whether or not it could be written down: withholding it would help nobody.
        record = record_of(exchange, ended_s=self._ports.monotonic())
        ledger.commit(record, lambda _safe: reply.answer(refused.status, JSON, body, extra))
