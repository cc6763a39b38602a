"""What happens to a call, in order: up to date, who, what, may it, is there room to record it, deliver."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from roadworthy.gateway import listing
from roadworthy.gateway.access import Caller, Refused
from roadworthy.gateway.admission import Admissions
from roadworthy.gateway.delivery import Delivery
from roadworthy.gateway.dialects.dialect import MalformedRequestError
from roadworthy.gateway.exchange import JSON, Course, Exchange, Reply
from roadworthy.gateway.gate import Gate
from roadworthy.gateway.ports import Ports
from roadworthy.gateway.refresh import SnapshotHolder
from roadworthy.gateway.refusing import refuse, trace_lines
from roadworthy.gateway.snapshot import Index
from roadworthy.gateway.waiting import REFRESH_WAIT_S, LookAgainError, WaitingRoom

_LATER = "Try again in a moment."

Step = Callable[[Index, Exchange, Reply], Course | None]


class Pipeline:
    """Takes exchanges from any transport, and answers them through its reply."""

    def __init__(
        self,
        *,
        holder: SnapshotHolder,
        ports: Ports,
        admissions: Admissions,
        ask_refresh: Callable[[], None],
    ) -> None:
        self._holder = holder
        self._ports = ports
        self._admissions = admissions
        self._room = WaitingRoom(holder, monotonic=ports.monotonic, ask_refresh=ask_refresh)
        self.wake = self._room.wake

    def converse(self, exchange: Exchange, reply: Reply) -> Course | None:
        """A request to a model, in any dialect."""
        return self._when_current(exchange, reply, self._converse)

    def step(self, exchange: Exchange, reply: Reply, step: Step) -> Course | None:
        """Anything else that has to be decided on nothing older than what was announced."""
        return self._when_current(exchange, reply, step)

    def models(self, exchange: Exchange, reply: Reply, *, name: str | None = None) -> Course | None:
        """What this key may call: all of it, or one by name."""

        def step(index: Index, exchange: Exchange, reply: Reply) -> None:
            self._models(index, exchange, reply, name=name)

        return self._when_current(exchange, reply, step)

    def _when_current(
        self, exchange: Exchange, reply: Reply, step: Step, *, needed: int | None = None
    ) -> Course | None:
        """Decide on nothing older than what was announced when the call came (`needed`).

        A revocation holds on the next call; what is announced while a call waits does not hold it back again,
        or a steady stream of changes would refuse it.
        """
        holder = self._holder
        index = holder.index
        if index is None or holder.stale(now=self._ports.monotonic()):
            message = "The gateway has no current snapshot of what is allowed."
            self._refuse(exchange, reply, Refused(503, "not_ready", message, next_step=_LATER))
            return None
        waited, needed = needed is not None, holder.counter.read() if needed is None else needed
        if holder.holds(needed):
            exchange.index = index
            try:
                return step(index, exchange, reply)
            except LookAgainError:
                again = partial(self._when_current, exchange, reply, step)
                return self._room.enter(again, since_s=exchange.started_s)
        if waited:
            message = "A change was announced that the gateway has not received yet."
            self._refuse(exchange, reply, Refused(503, "snapshot_behind", message, next_step=_LATER))
            return None
        again = partial(self._when_current, exchange, reply, step, needed=needed)
        return self._room.enter(again, revision=needed)

    def identify(self, index: Index, exchange: Exchange) -> Caller | Refused:
        """Say whose key came with a call; one that may be newer than what is known is looked up first."""
        token = exchange.token
        caller = self._admissions.identify(index, token, now=exchange.at)
        if isinstance(caller, Caller):
            exchange.caller = caller
            return caller
        looks_like_ours = caller.code == "invalid_api_key" and token.startswith("rwk_")
        if not looks_like_ours or self._holder.asked_s >= exchange.started_s:
            return caller
        # The key may be newer than what is known here: unknown is said only by a source asked since it came.
        now_s = self._ports.monotonic()
        if self._holder.unsure(now=now_s) or now_s - exchange.started_s >= REFRESH_WAIT_S:
            message = "This key is not known here, and newer keys cannot be looked up at the moment."
            return Refused(503, "key_not_verifiable", message, next_step=_LATER)
        raise LookAgainError

    def _converse(self, index: Index, exchange: Exchange, reply: Reply) -> Course | None:
        caller = self.identify(index, exchange)
        if isinstance(caller, Refused):
            self._refuse(exchange, reply, caller)
            return None
        try:
            request = exchange.request = exchange.dialect.read(exchange.body)
        except MalformedRequestError as error:
            refused = Refused(400, "malformed_request", error.message, next_step="Correct the request.")
            self._refuse(exchange, reply, refused, param=error.param)
            return None
        admission = self._admissions.decide(
            index, caller, use_case_header=exchange.use_case_header, model=request.model, now=exchange.at
        )
        if isinstance(admission, Refused):
            param = "model" if admission.code.startswith("model_") else None
            self._refuse(exchange, reply, admission, param=param)
            return None
        if self._ports.ledger.full:
            message = "The gateway cannot record more calls until its records are taken over."
            self._refuse(exchange, reply, Refused(503, "spool_full", message, next_step=_LATER))
            return None
        exchange.admission = admission
        gate = Gate(self._ports, exchange, admission.admitted.grant.logging == "full")
        delivery = Delivery(self._ports, exchange, reply, gate)
        delivery.begin()
        return delivery

    def _models(self, index: Index, exchange: Exchange, reply: Reply, *, name: str | None) -> None:
        caller = self.identify(index, exchange)
        anthropic = exchange.dialect.operation == "messages"
        found = (
            caller
            if isinstance(caller, Refused)
            else listing.body(index, caller, name, now=exchange.at, anthropic=anthropic)
        )
        if isinstance(found, Refused):
            self._refuse(exchange, reply, found)
        else:
            reply.answer(200, JSON, found, trace_lines(exchange))

    def _refuse(
        self, exchange: Exchange, reply: Reply, refused: Refused, *, param: str | None = None
    ) -> None:
        ports = self._ports
        refuse(exchange, reply, refused, ledger=ports.ledger, ended_s=ports.monotonic(), param=param)
