"""Runs past calls again in a gateway: by its own filters, budgets, routes and records, marked as replays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import msgspec

from roadworthy.gateway import rerun, ticket
from roadworthy.gateway.access import Refused
from roadworthy.gateway.admission import Admission, Admissions
from roadworthy.gateway.delivery import Delivery
from roadworthy.gateway.dialects import errors
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.dialects.dialect import MalformedRequestError, Problem
from roadworthy.gateway.exchange import JSON, Course, Exchange, Reply
from roadworthy.gateway.gate import Gate
from roadworthy.gateway.ledger import Ledger
from roadworthy.gateway.live import Live
from roadworthy.gateway.pipeline import Pipeline
from roadworthy.gateway.ports import Ports
from roadworthy.gateway.refusing import refuse
from roadworthy.gateway.snapshot import Index
from roadworthy.gateway.ticket import Ticket, Told
from roadworthy.usage import record as records
from roadworthy.usage.commit import Committer, Then

_CHAT = CALLERS[b"/v1/chat/completions"]
_TOLD = b"application/octet-stream"


class _Noting(Ledger):
    """Keeps the record of one call beside having it made safe."""

    payload = b""

    def commit(self, payload: bytes, then: Then) -> None:
        """Have it made safe, and remember it."""
        self.payload = payload
        super().commit(payload, then)


class _Teller:
    """Takes the answer to a replay, and tells the control plane what became of it."""

    def __init__(self, reply: Reply, exchange: Exchange, ledger: _Noting) -> None:
        self._reply = reply
        self._exchange = exchange
        self._ledger = ledger

    def answer(self, status: int, content_type: bytes, body: bytes, extra: bytes = b"") -> None:
        """Tell it; a replay that could not be written down did not happen."""
        if not self._ledger.payload:
            self._reply.answer(503, content_type, body, extra)
            return
        record = records.decode(self._ledger.payload)
        said = self._exchange.response if status == 200 else ""
        self._reply.answer(200, _TOLD, ticket.tell(Told(record, said)))

    def begin(self, status: int, content_type: bytes, extra: bytes = b"") -> None:
        """A replay asks for a whole answer: nothing comes in pieces."""

    def write(self, data: bytes) -> None:
        """Nothing comes in pieces."""

    def finish(self, data: bytes = b"") -> None:
        """Nothing comes in pieces."""
        self._reply.abort()

    def abort(self) -> None:
        """It broke off."""
        self._reply.abort()


class _Waiting:
    """A replay whose candidate configuration is being compiled."""

    def __init__(self) -> None:
        self.left = False
        self.then: Course | None = None

    def cancel(self) -> None:
        """The control plane has left."""
        self.left = True
        if self.then is not None:
            self.then.cancel()

    def pause(self) -> None:
        """Nothing comes in pieces."""

    def resume(self) -> None:
        """Nothing comes in pieces."""


class Replayer:
    """Takes tickets of the control plane's, each once."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        ports: Ports,
        committer: Committer,
        admissions: Callable[[], Admissions],
        secret: bytes,
        loop: asyncio.AbstractEventLoop,
        unix_now: Callable[[], float],
    ) -> None:
        self._pipeline = pipeline
        self._ports = ports
        self._committer = committer
        self._admissions = admissions
        self._secret = secret
        self._loop = loop
        self._unix_now = unix_now
        self._used: dict[str, float] = {}

    def __call__(self, body: bytes, reply: Reply) -> Course | None:
        """Run a replay, or say that this is no ticket."""
        now = self._unix_now()
        given = ticket.unseal(body, secret=self._secret, now=now)
        self._used = {name: ends for name, ends in self._used.items() if ends > now}
        if given is None or given.id in self._used:
            message = "Replays are run for the control plane alone, each once."
            step = "Use `roadworthy replay`, or POST /v1/traces/ID/replay at the control plane."
            problem = Problem(403, "no_replay_ticket", message, next_step=step)
            reply.answer(403, JSON, errors.openai_body(problem))
            return None
        self._used[given.id] = given.expires_at
        exchange = Exchange(
            _CHAT, now, self._ports.monotonic(), "", given.body, given.id,
            task=given.task, replay_of=given.replay_of,
        )  # fmt: skip
        ledger = _Noting(self._committer)
        teller = _Teller(reply, exchange, ledger)
        return self._pipeline.step(exchange, teller, partial(self._step, given, ledger))

    def _step(
        self, given: Ticket, ledger: _Noting, index: Index, exchange: Exchange, reply: Reply
    ) -> Course | None:
        """Decide on what is in force, or would be with the candidate; a thread compiles that."""
        waiting = _Waiting()

        def decided(done: asyncio.Future[tuple[Index, Admission | Refused]]) -> None:
            if waiting.left:
                return
            try:
                exchange.index, verdict = done.result()
            except Exception as error:  # noqa: BLE001  what cannot be compiled is answered, never awaited
                message = f"The candidate cannot be compiled: {type(error).__name__}."
                verdict = Refused(422, "candidate_invalid", message, next_step="Correct it, and try again.")
            waiting.then = self._run(verdict, given, ledger, exchange, reply)

        decide = partial(_decide, given, index, self._admissions(), exchange.at)
        self._loop.run_in_executor(None, decide).add_done_callback(decided)
        return waiting

    def _run(
        self, verdict: Admission | Refused, given: Ticket, ledger: _Noting, exchange: Exchange, reply: Reply
    ) -> Course | None:
        ports = self._ports
        # A candidate's failures are no reason to leave a target in force alone.
        live = Live() if given.candidate is not None else ports.live
        own = Ports(
            upstream=ports.upstream, ledger=ledger, live=live, monotonic=ports.monotonic,
            providers=ports.providers, quotas=ports.quotas, checks=ports.checks,
        )  # fmt: skip
        try:
            exchange.request = exchange.dialect.read(exchange.body)
        except MalformedRequestError as error:
            verdict = Refused(400, "malformed_request", error.message)
        if isinstance(verdict, Admission):
            exchange.caller = verdict.admitted.caller
            if ledger.full:
                verdict = Refused(503, "spool_full", "The gateway cannot record more calls.")
        if isinstance(verdict, Refused):
            # Whose call it was is known, whatever has become of their rights.
            exchange.caller = exchange.caller or rerun.shadow_of(given)
            refuse(exchange, reply, verdict, ledger=ledger, ended_s=ports.monotonic())
            return None
        exchange.admission = verdict
        delivery = Delivery(own, exchange, reply, Gate(own, exchange, True))
        delivery.begin()
        return delivery


def _decide(
    given: Ticket, index: Index, admissions: Admissions, now: float
) -> tuple[Index, Admission | Refused]:
    model = msgspec.json.decode(given.body, type=_Named).model
    if given.candidate is not None:
        index = rerun.with_candidate(index, given.candidate)
    caller = rerun.caller_of(index, given, now=now)
    if isinstance(caller, Refused):
        return index, caller
    return index, admissions.decide(index, caller, use_case_header=None, model=model, now=now)


class _Named(msgspec.Struct):
    model: str
