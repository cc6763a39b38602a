"""What became of a draft: asked by the key that made the call, answered from the desk."""

from __future__ import annotations

from functools import partial

from roadworthy.gateway.access import Caller, Refused, killed
from roadworthy.gateway.exchange import JSON, Course, Exchange, Reply
from roadworthy.gateway.pipeline import Pipeline
from roadworthy.gateway.ports import Ports
from roadworthy.gateway.refusing import refuse, trace_lines
from roadworthy.gateway.snapshot import Index
from roadworthy.gateway.stopping import stop_of

_NO_STORE = b"cache-control: no-store\r\n"


class Inquiry:
    """Answers `GET /v1/drafts/{id}`: the state of a draft, and its answer once a person has released it."""

    def __init__(self, pipeline: Pipeline, ports: Ports) -> None:
        self._pipeline = pipeline
        self._ports = ports

    def __call__(self, exchange: Exchange, reply: Reply, draft_id: str) -> Course | None:
        """Decide on nothing older than what was announced: a key that was revoked asks in vain."""
        return self._pipeline.step(exchange, reply, partial(self._step, draft_id))

    def _step(self, draft_id: str, index: Index, exchange: Exchange, reply: Reply) -> None:
        caller, desk = self._pipeline.identify(index, exchange), self._ports.drafts
        if isinstance(caller, Refused):
            self._refuse(exchange, reply, caller)
        elif (stop := stop_of(index, f"use-case/{caller.key.use_case}", now=exchange.at)) is not None:
            self._refuse(exchange, reply, killed(stop))
        elif desk is None:
            message = "This gateway runs without the place where people release drafts."
            step = "Ask a gateway of the installation itself."
            self._refuse(exchange, reply, Refused(404, "drafts_elsewhere", message, next_step=step))
        else:
            self._ask(draft_id, caller, exchange, reply)

    def _ask(self, draft_id: str, caller: Caller, exchange: Exchange, reply: Reply) -> None:
        def then(found: bytes | Refused) -> None:
            if isinstance(found, Refused):
                self._refuse(exchange, reply, found)
            else:
                reply.answer(200, JSON, found, _NO_STORE + trace_lines(exchange))

        desk = self._ports.drafts
        assert desk is not None
        desk.ask(draft_id, caller, then)

    def _refuse(self, exchange: Exchange, reply: Reply, refused: Refused) -> None:
        ports = self._ports
        refuse(exchange, reply, refused, ledger=ports.ledger, ended_s=ports.monotonic())
