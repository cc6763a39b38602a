"""What stands around the attempts of one call: filters on both sides, and the quota it counts against."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from roadworthy.gateway import drafting, policed_plan, refusing, routing
from roadworthy.gateway.access import Refused
from roadworthy.gateway.admission import Admission
from roadworthy.gateway.answering import Stream
from roadworthy.gateway.dialects import texts as texts_of
from roadworthy.gateway.dialects.dialect import Problem, Request
from roadworthy.gateway.dialects.neutral import Usage
from roadworthy.gateway.exchange import Exchange
from roadworthy.gateway.filters.stand_ins import Restorer
from roadworthy.gateway.policies import Inspection, Reservation, StreamFilter
from roadworthy.gateway.ports import Checked, Checking, Ports
from roadworthy.gateway.recording import cost_of
from roadworthy.gateway.routing import Facts, Plan
from roadworthy.usage.estimate import tokens_of

_ANSWERS = frozenset({"chat", "responses", "messages"})

Then = Callable[[Refused | None], None]


class Gate(msgspec.Struct):
    """Opens once the request has been filtered and its cost reserved; settles when the call is over."""

    _ports: Ports
    _exchange: Exchange
    keeps_text: bool
    lines: bytes = b""
    _then: Then | None = None
    _checking: Checking | None = None
    _filter: StreamFilter | None = None
    _blocked: Inspection | None = None
    _held: Reservation | None = None
    plan: Plan | None = None
    _restore: dict[str, str] = {}

    def enter(self, then: Then) -> Refused | None:
        """Filter the request and reserve what it may cost; `then` is called, now or later, with the outcome.

        Return a refusal that is certain at once: then `then` is not called.
        """
        self._then = then
        exchange = self._exchange
        admission = exchange.admission
        assert admission is not None
        if admission.oversight is not None:
            refused = drafting.prepare(exchange, releasable=self._ports.drafts is not None)
            if refused is not None:
                self._then = None
                return refused
        request = exchange.request
        assert request is not None
        guard = admission.guard
        if guard is None:
            if self.keeps_text:
                exchange.prompt = "\n".join(exchange.dialect.texts(request))
            return self._reserve()
        if not self.keeps_text and not guard.slow:
            literal = texts_of.literal_request(request.fields)
            if literal is not None and guard.finds_nothing(literal):  # nearly always
                return self._reserve()
        texts = exchange.dialect.texts(request)
        inspection = guard.inspect(texts, side="input")
        if inspection is not None:
            exchange.findings = inspection.records
            exchange.faults = (*exchange.faults, *inspection.faults)
            if inspection.action in {"block", "hold"}:
                self._then = None
                return inspection.refused("input", exchange.trace_id)
            if inspection.texts is not None:
                texts = list(inspection.texts)
                request = exchange.request = exchange.dialect.with_texts(request, texts)
                self._restore = dict(inspection.restore)
        if self.keeps_text:
            exchange.prompt = "\n".join(texts)
        if guard.slow and self._ports.checks is not None:
            self._checking = self._ports.checks.run(guard, texts, exchange, self._checked)
            return None
        return self._reserve()

    def _checked(self, checked: Checked) -> None:
        self._checking = None
        exchange = self._exchange
        exchange.findings = (*exchange.findings, *checked.records)
        exchange.faults = (*exchange.faults, *checked.faults)
        refused = checked.refused or self._reserve()
        if refused is not None:
            self._open(refused)

    def _reserve(self) -> Refused | None:
        exchange, quotas = self._exchange, self._ports.quotas
        admission, request = exchange.admission, exchange.request
        assert admission is not None
        assert request is not None
        plan = self.plan = self._plan(admission, request)
        exchange.why = plan.why
        if plan.refused is not None:
            self._then = None
            return plan.refused
        scopes = admission.scopes
        if quotas is None or scopes is None:
            self._open(None)
            return None
        output = request.max_output_tokens
        if output is None and scopes.output_cap is not None and exchange.dialect.operation in _ANSWERS:
            output = scopes.output_cap
            request = exchange.request = exchange.dialect.cap(request, output)
        answer = quotas.reserve(
            scopes, size=len(exchange.body), output_tokens=output, count=request.count, then=self._reserved
        )
        if answer is None:
            return None
        if isinstance(answer, Refused):
            self.lines = quotas.header_lines(scopes)
            self._then = None
            return answer
        self._held = answer
        self._open(None)
        return None

    def _plan(self, admission: Admission, request: Request) -> Plan:
        exchange = self._exchange
        looking = bool(admission.admitted.policed.looking)
        # Policies that look at each call come after every way to a plan, the short one included.
        plain = None if looking else routing.plain_plan(admission.course, exchange.task, self._ports.live)
        if plain is not None:
            return plain
        facts = Facts(
            exchange.trace_id,
            exchange.task,
            exchange.cohort,
            tokens_of(len(exchange.body)),
            request.max_output_tokens,
        )
        plan = routing.plan(admission.course, facts, self._ports.live)
        if looking:
            return policed_plan.for_call(plan, admission.admitted, facts, exchange.at, request)
        return plan

    def _reserved(self, answer: Reservation | Refused) -> None:
        """The store has answered."""
        if isinstance(answer, Refused):
            admission, quotas = self._exchange.admission, self._ports.quotas
            if admission is not None and admission.scopes is not None and quotas is not None:
                self.lines = quotas.header_lines(admission.scopes)
            self._open(answer)
        else:
            self._held = answer
            self._plan_again()

    def _plan_again(self) -> None:
        """The store took its time: who rests or is busy is looked at anew, just before the first attempt."""
        admission, request = self._exchange.admission, self._exchange.request
        assert admission is not None
        assert request is not None
        plan = self.plan = self._plan(admission, request)
        self._exchange.why = plan.why
        if plan.refused is not None:
            self.leave(None)
        self._open(plan.refused)

    def _open(self, refused: Refused | None) -> None:
        # Let go of the delivery before it goes on: a cycle would make work for the garbage collector.
        then, self._then = self._then, None
        if then is not None:
            then(refused)

    @property
    def leases(self) -> tuple[str, ...]:
        """What the opening mark of a stream names: all that is reserved, as if it were spent."""
        return self._held.leases if self._held is not None else ()

    def cancel(self) -> None:
        """The caller has left."""
        if self._checking is not None:
            self._checking.cancel()

    # ------------------------------------------------------------------ the answer

    def stream_filter(self) -> StreamFilter | None:
        """Return what reads this call's stream; a new one for every attempt."""
        admission = self._exchange.admission
        assert admission is not None
        guard = admission.guard
        self._filter = guard.stream() if guard is not None and guard.reads_output else None
        return self._filter

    def restorer(self) -> Restorer | None:
        """Return what puts back into a stream what this caller sent and the provider did not see."""
        return Restorer(self._restore) if self._restore else None

    @property
    def changes_answers(self) -> bool:
        """May an answer reach the caller in other words than the provider's?"""
        return self._filter is not None or bool(self._restore)

    def inspect_answer(self, body: bytes) -> bytes | None:
        """Return the answer as this caller may see it, None if it is blocked; ValueError if it is none."""
        exchange = self._exchange
        admission, dialect = exchange.admission, exchange.dialect
        assert admission is not None
        guard = admission.guard
        reads = guard is not None and guard.reads_output
        if not self.keeps_text and not self._restore:
            if guard is None or not reads:
                return body
            literal = texts_of.literal_answer(body, dialect.answer_field) if dialect.answer_field else None
            if literal is not None and guard.finds_nothing(literal):  # nearly always
                return body
        texts = dialect.answer_texts(body)
        if guard is not None and reads:
            inspection = guard.inspect(texts, side="output")
            if inspection is not None:
                exchange.findings = (*exchange.findings, *inspection.records)
                exchange.faults = (*exchange.faults, *inspection.faults)
                if inspection.action in {"block", "hold"}:
                    self._blocked = inspection
                    return None
                if inspection.texts is not None:
                    texts = list(inspection.texts)
                    body = dialect.with_answer_texts(body, texts)
        if self.keeps_text:
            exchange.response = "\n".join(texts)
        if self._restore:
            restored = [self._restored(text) for text in texts]
            if restored != texts:
                body = dialect.with_answer_texts(body, restored)
        return body

    def _restored(self, text: str) -> str:
        for stand_in, original in self._restore.items():
            text = text.replace(stand_in, original)
        return text

    def blocked(self) -> Refused:
        """Say why the answer does not go through."""
        found = self._blocked or (self._filter.blocked if self._filter is not None else None)
        assert found is not None
        return found.refused("output", self._exchange.trace_id)

    def problem(self, refused: Refused) -> Problem:
        """Return a refusal as a dialect says it."""
        return refusing.problem_of(self._exchange, refused)

    # ------------------------------------------------------------------ the end

    def leave(self, stream: Stream | None, *, broke_off: bool = True) -> None:
        """Settle what was reserved with what was used; estimate what was sent where nobody says."""
        exchange, quotas = self._exchange, self._ports.quotas
        if self._filter is not None and (self._filter.records or self._filter.faults):
            exchange.findings = (*exchange.findings, *self._filter.records)
            exchange.faults = (*exchange.faults, *self._filter.faults)
        usage = exchange.usage
        sent = stream.chars if stream is not None else 0
        if broke_off and sent and (usage is None or usage.output_tokens is None):
            # The provider worked and will ask for its money, whoever left first.
            known = usage.input_tokens if usage is not None else None
            inputs = known if known is not None else tokens_of(len(exchange.body))
            exchange.usage = Usage(inputs, tokens_of(sent))
            exchange.estimated = True
        held, self._held = self._held, None
        if held is None or quotas is None:
            return
        usage = exchange.usage
        # An answer that is withheld was given all the same: the provider will ask for its money.
        if usage is None and not sent and exchange.status != 200 and not exchange.draft:
            quotas.void(held)
            return
        exchange.leases = quotas.settle(
            held,
            input_tokens=usage.input_tokens if usage is not None else None,
            output_tokens=usage.output_tokens if usage is not None else None,
            cost_nano=cost_of(exchange)[0],
            model=exchange.target.model.name if exchange.target is not None else "",
        )
