"""One admitted call on its way: attempts until one answers; the record is safe before the answer ends."""

from __future__ import annotations

import msgspec

from roadworthy.gateway import answering, drafting, failures, recording, routing
from roadworthy.gateway.access import Refused, killed
from roadworthy.gateway.answering import BlockedError, Stream, UnreadableAnswerError
from roadworthy.gateway.dialects.dialect import (
    BrokenStreamError,
    MalformedRequestError,
    Problem,
    ProviderDialect,
    UntranslatableError,
)
from roadworthy.gateway.dialects.neutral import ProviderError
from roadworthy.gateway.exchange import EVENTS, JSON, Exchange, Reply, Sending
from roadworthy.gateway.gate import Gate
from roadworthy.gateway.own_keys import masked
from roadworthy.gateway.ports import Ports
from roadworthy.gateway.refusing import refuse, trace_lines
from roadworthy.gateway.routing import Attempt, Failure
from roadworthy.gateway.snapshot import Index, Target
from roadworthy.gateway.stopping import Involved, stopped
from roadworthy.usage.record import TEXT_BYTES_MAX, AttemptRecord

ANSWER_BYTES_MAX = 64 << 20
PRELUDE_BYTES_MAX = 64 << 10
ERROR_BYTES_MAX = 64 << 10


class Delivery(msgspec.Struct, eq=False):
    """Listens to the provider, speaks to the caller."""

    _ports: Ports
    _exchange: Exchange
    _reply: Reply
    _gate: Gate
    _attempts: tuple[Attempt, ...] = ()
    _position: int = 0
    _payload: bytes = b""
    _path: str = ""
    _payload_for: Target | None = None
    _begun: bool = False
    _finished: bool = False
    _prelude: list[bytes] = []
    _stream: Stream | None = None
    _speech: ProviderDialect | None = None
    _sending: Sending | None = None
    _buffer: list[bytes] = []
    _size: int = 0
    _status: int = 0
    _retry_after: bytes = b""
    _tried_s: float = 0.0
    _until_s: float = float("inf")
    _last: bytes = b""

    def begin(self) -> None:
        """Have the request filtered and its cost reserved, then make the first attempt."""
        try:
            refused = self._gate.enter(self._entered)
        except BaseException:
            self._mistaken()
            raise
        if refused is not None:
            self._turned_away(refused)

    def _entered(self, refused: Refused | None) -> None:
        if self._finished:
            self._gate.leave(None)  # the caller left while the call waited
        elif refused is not None:
            self._turned_away(refused)
        else:
            plan = self._gate.plan
            assert plan is not None
            self._until_s = self._exchange.started_s + plan.total_timeout_s
            self.attempt(plan.attempts)

    def attempt(self, attempts: tuple[Attempt, ...]) -> None:
        """Make the first of these attempts, and the others as long as they fail."""
        self._attempts = attempts
        self._start()

    def _turned_away(self, refused: Refused) -> None:
        self._finished = True
        ports = self._ports
        refuse(
            self._exchange, self._reply, refused,
            ledger=ports.ledger, ended_s=ports.monotonic(), extra=self._gate.lines,
        )  # fmt: skip

    def _start(self) -> None:
        """Make the attempt that is next."""
        attempt = self._attempts[self._position]
        target = self._exchange.target = attempt.target
        if self._position:
            self._buffer = []
            self._prelude = []
            self._stream = None
            self._size = self._status = 0
        self._tried_s = self._ports.monotonic()
        self._ports.live.began(attempt)
        if self._payload_for is not target:
            try:
                self._payload, self._path = self._write(target)
            except (MalformedRequestError, UntranslatableError) as error:
                self._failed(Failure("untranslatable", error.message, param=error.param))
                return
            self._payload_for = target
        wait_s = min(attempt.first_byte_timeout_s, max(self._until_s - self._tried_s, 0.05))
        self._sending = self._ports.upstream.send(
            target, self._path, self._payload, self, first_byte_timeout_s=wait_s
        )

    def _write(self, target: Target) -> tuple[bytes, str]:
        """Return the request as this provider reads it, untouched between equal dialects, and its path."""
        request, caller = self._exchange.request, self._exchange.dialect
        assert request is not None
        model, operation = target.model.upstream_model, caller.operation
        speech = self._speech = self._ports.providers[target.provider.dialect]
        path = speech.path(model, operation, stream=request.stream)
        if speech.name in caller.provider_dialects:
            return caller.pass_on(request, model), path
        if operation == "embeddings":
            return speech.write_embeddings(caller.ask_embeddings(request), model), path
        if operation == "count_tokens":
            return speech.write_count(caller.ask(request), model), path
        return speech.write(caller.ask(request), model), path

    # ------------------------------------------------------------------ what the provider does

    def on_head(self, status: int, content_type: bytes, retry_after: bytes) -> None:
        self._status = status
        self._retry_after = retry_after
        exchange = self._exchange
        request = exchange.request
        assert request is not None
        if status == 200 and request.stream:
            speech, caller = self._speech, exchange.dialect
            assert speech is not None
            if not content_type.lower().startswith(speech.stream_type):
                return
            stream_filter = self._gate.stream_filter()
            writer = None
            if speech.name not in caller.provider_dialects or (caller.repeats and self._gate.changes_answers):
                writer = caller.writer(request, trace_id=exchange.trace_id, created=int(exchange.at))
            self._stream = Stream(
                speech.reader(caller.operation),
                request,
                writer=writer,
                stream_filter=stream_filter,
                keep_chars=TEXT_BYTES_MAX if self._gate.keeps_text else 0,
                restorer=self._gate.restorer(),
            )

    def on_body(self, data: bytes) -> None:
        if self._finished:
            return
        try:
            self._take(data)
        except BaseException:
            self._mistaken()
            raise

    def _take(self, data: bytes) -> None:
        stream = self._stream
        if stream is not None:
            try:
                out = stream.feed(data)
            except BrokenStreamError as error:
                self._broke(Failure("protocol_error", f"The provider's answer is broken: {error}."))
            except BlockedError:
                self._blocked()
            else:
                if self._begun and out and not stream.done and stream.error is None:
                    self._reply.write(out)
                else:
                    self._follow(stream, out)
            return
        self._size += len(data)
        if self._status == 200:
            if self._size > ANSWER_BYTES_MAX:
                self._broke(Failure("too_large", "The provider's answer is larger than 64 MiB."))
                return
        elif self._size > ERROR_BYTES_MAX:
            return  # an error's beginning says enough
        self._buffer.append(data)

    def _follow(self, stream: Stream, out: bytes) -> None:
        if not self._begun:
            if not self._may_begin(stream, out):
                return
            self._begin_answer()
            out = b"".join((*self._prelude, out)) if self._prelude else out
        if out:
            self._reply.write(out if stream.error is None else self._scrubbed(out))
        if stream.error is not None:
            if stream.translated:
                self._broke(failures.error_in_answer(self._quotable(stream.error)))
                return
            self._exchange.error = "error_in_stream"
        if stream.done:
            self._succeed(stream.end())

    def _begin_answer(self) -> None:
        self._begun = True
        exchange = self._exchange
        exchange.first_byte_s = self._ports.monotonic()
        exchange.status = 200
        drafting.mark(exchange)
        self._ports.streaming.add(self)
        self._ports.ledger.opened(recording.opening(exchange, self._gate.leases))
        lines = b"%b%bcache-control: no-cache\r\n" % (trace_lines(exchange), self._gate.lines)
        self._reply.begin(200, EVENTS, lines)

    def _may_begin(self, stream: Stream, out: bytes) -> bool:
        """Nothing reaches the caller before the first content: until then another target may answer."""
        if stream.error is not None:
            self._broke(failures.error_in_answer(self._quotable(stream.error)))
        elif stream.started:
            return True
        elif stream.done:
            self._broke(Failure("empty_stream", "The provider ended the stream without any content."))
        elif out:
            self._prelude.append(out)
            self._size += len(out)
            if self._size > PRELUDE_BYTES_MAX:
                self._broke(Failure("protocol_error", "The provider sends a stream without content."))
        return False

    def on_end(self) -> None:
        if self._finished:
            return
        try:
            self._ended()
        except BaseException:
            self._mistaken()
            raise

    def _ended(self) -> None:
        stream = self._stream
        if stream is not None:
            self._stream_ended(stream)
            return
        body = self._buffer[0] if len(self._buffer) == 1 else b"".join(self._buffer)
        target, speech = self._exchange.target, self._speech
        assert target is not None
        assert speech is not None
        if self._status != 200:
            said = speech.error(self._status, self._scrubbed(body))
            self._failed(
                failures.failure_of_status(self._status, said, self._retry_after.decode("latin-1"), target)
            )
        else:
            self._whole(body, speech)

    def _stream_ended(self, stream: Stream) -> None:
        try:
            out = stream.finish()
        except BrokenStreamError as error:
            self._failed(Failure("protocol_error", f"The provider's answer is broken: {error}."))
            return
        except BlockedError:
            self._blocked()
            return
        if stream.error is not None and not self._begun:
            self._failed(failures.error_in_answer(self._quotable(stream.error)))
        elif not stream.started:
            self._failed(Failure("empty_stream", "The provider ended the stream without any content."))
        else:
            self._follow(stream, out)
            if self._finished:
                return
            last = stream.end()
            if last:  # some providers end without the mark; callers count on it
                self._succeed(last)
            else:
                self._failed(Failure("closed_early", "The provider ended the stream before its end."))

    def _whole(self, body: bytes, speech: ProviderDialect) -> None:
        exchange = self._exchange
        request = exchange.request
        assert request is not None
        if request.stream:
            try:
                said = speech.error(200, body)
            except ValueError:
                said = None
            failure = Failure("protocol_error", "The provider did not stream although it was asked to.")
            self._failed(
                failures.error_in_answer(self._quotable(said))
                if said is not None and said.message
                else failure
            )
            return
        try:
            body, exchange.usage = answering.whole(body, speech, exchange.dialect, request)
        except UnreadableAnswerError as error:
            self._failed(failures.error_in_answer(self._quotable(error.error)))
            return
        exchange.first_byte_s = self._ports.monotonic()
        try:
            passed = self._gate.inspect_answer(body)
        except ValueError:  # what a filter cannot read goes to nobody
            self._failed(failures.error_in_answer(None))
            return
        if passed is None:
            self._blocked()
        elif (refused := drafting.take(exchange, passed)) is not None:
            self._attempt_ended("", failed=False)
            exchange.refused = refused
            exchange.status, exchange.error = refused.status, refused.code
            self._conclude(self._gate.problem(refused))
        else:
            exchange.status = 200
            self._succeed(passed)

    def _scrubbed(self, said: bytes) -> bytes:
        return self._sending.scrub(said) if self._sending is not None else said

    def _quotable(self, error: ProviderError | None) -> ProviderError | None:
        """Take the provider's credential out of an error: some repeat it."""
        if error is None:
            return None
        message = self._scrubbed(error.message.encode("utf-8", "replace")).decode("utf-8", "replace")
        return msgspec.structs.replace(error, message=message)

    def on_fail(self, failure: Failure) -> None:
        if not self._finished:
            self._failed(failure)

    def _blocked(self) -> None:
        """A filter does not let the answer through."""
        if self._sending is not None:
            self._sending.cancel()
        self._attempt_ended("answer_blocked", failed=None)
        exchange = self._exchange
        refused = exchange.refused = self._gate.blocked()
        exchange.status, exchange.error = refused.status, refused.code
        self._conclude(self._gate.problem(refused))

    # ------------------------------------------------------------------ what the caller does

    def cancel(self) -> None:
        """The caller has left: the provider is told, the call is recorded."""
        if self._finished:
            return
        self._finished = True
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None
        self._gate.cancel()
        exchange = self._exchange
        # Clients leave at once when they read an error: then the error is what happened, not the leaving.
        exchange.status = 502 if exchange.error else 499
        exchange.error = exchange.error or "client_disconnected"
        if self._attempts:
            self._attempt_ended("client_disconnected", failed=None)
        self._meter(broke_off=True)
        self._ports.ledger.commit(
            recording.payload(exchange, ended_s=self._ports.monotonic()), lambda _safe: None
        )

    def pause(self) -> None:
        if self._sending is not None and not self._finished:
            self._sending.pause()

    def resume(self) -> None:
        if self._sending is not None and not self._finished:
            self._sending.resume()

    # ------------------------------------------------------------------ how it ends

    def _attempt_ended(self, error: str, status: int = 0, *, failed: bool | None) -> None:
        attempt = self._attempts[self._position]
        exchange = self._exchange
        ended_s, first_s = self._ports.monotonic(), exchange.first_byte_s
        tried_s = self._tried_s
        first_ms = (first_s - tried_s) * 1000 if first_s is not None else None
        self._ports.live.ended(attempt, failed=failed, at=ended_s, first_byte_ms=first_ms)
        took_ms = round((ended_s - tried_s) * 1000, 3)
        record = AttemptRecord(attempt.target.model.name, status or self._status, error, took_ms)
        exchange.attempts = (*exchange.attempts, record) if exchange.attempts else (record,)

    def end_if_stopped(self, index: Index, *, now: float) -> None:
        """End the answer if a kill switch was thrown for anything it rests on."""
        exchange = self._exchange
        admission, target = exchange.admission, exchange.target
        assert admission is not None
        assert target is not None
        admitted = admission.admitted
        key, route = admitted.caller.key, admitted.route
        involved = Involved(
            key.use_case, key.principal, key.id, route.name if route is not None else "",
            target.model.name, target.provider.name,
        )  # fmt: skip
        stop = stopped(index, involved, now=now)
        if stop is not None and not self._finished:
            exchange.refused = killed(stop)
            exchange.status, exchange.error = 403, "killed"
            if self._sending is not None:
                self._sending.cancel()
            self._attempt_ended("killed", failed=None)
            self._conclude(self._gate.problem(exchange.refused))

    def _meter(self, *, broke_off: bool) -> None:
        """Count what was used; where only the provider could say and did not, estimate what was sent."""
        if self._begun:
            self._ports.streaming.discard(self)
        exchange, stream = self._exchange, self._stream
        if stream is not None:
            exchange.usage = stream.usage
            exchange.response = stream.text()
        self._gate.leave(stream, broke_off=broke_off)

    def _succeed(self, last: bytes) -> None:
        self._finished = True
        self._sending = None
        exchange = self._exchange
        broke_off = bool(exchange.error)  # by the provider's own error, which the caller has read
        self._attempt_ended(exchange.error, failed=broke_off)
        self._meter(broke_off=broke_off)
        self._last = last
        self._ports.ledger.commit(
            recording.payload(exchange, ended_s=self._ports.monotonic()), self._recorded
        )

    def _recorded(self, safe: bool) -> None:  # noqa: FBT001  the ledger says it by place
        plan = self._gate.plan
        if plan is not None and plan.shadow is not None and self._ports.shadows is not None:
            self._ports.shadows.cast(self._ports, self._exchange, plan.shadow)
        if self._begun:
            if safe:
                self._reply.finish(self._last)
            else:
                self._reply.abort()
        elif safe:
            exchange = self._exchange
            self._reply.answer(200, JSON, self._last, trace_lines(exchange) + self._gate.lines)
        else:
            self._unrecorded()

    def _broke(self, failure: Failure) -> None:
        if self._sending is not None:
            self._sending.cancel()
        self._failed(failure)

    def _failed(self, failure: Failure) -> None:
        exchange = self._exchange
        self._attempt_ended(failure.code, failure.status, failed=routing.blames_target(failure))
        if not self._begun and self._ports.monotonic() < self._until_s:
            full = self._ports.live.full
            position = routing.next_position(self._attempts, self._position, failure, full=full)
            if position is not None:
                self._position = position
                self._start()
                return
        exchange.error = failure.code
        exchange.status = failures.status_for(failure)
        self._conclude(failures.problem_of_failure(exchange, failure), failures.retry_line(failure))

    def _conclude(self, problem: Problem, extra: bytes = b"") -> None:
        """Record the call, then tell the caller what became of it."""
        self._finished = True
        self._sending = None
        exchange = self._exchange
        self._meter(broke_off=True)
        begun = self._begun

        def then(safe: bool) -> None:  # noqa: FBT001  the ledger says it by place
            if not begun and safe:
                body = masked(exchange.dialect.error(problem))
                self._reply.answer(problem.status, JSON, body, extra + trace_lines(exchange))
            elif not begun:
                self._unrecorded()
            elif safe:
                self._reply.finish(masked(exchange.dialect.error_event(problem)))
            else:
                self._reply.abort()

        self._ports.ledger.commit(recording.payload(exchange, ended_s=self._ports.monotonic()), then)

    def _mistaken(self) -> None:
        """A mistake of ours is raised on; but nobody waits for ever, and nothing stays reserved."""
        if self._finished:
            self._reply.abort()
            return
        exchange = self._exchange
        exchange.status, exchange.error = 500, "internal_error"
        if self._attempts:
            self._attempt_ended("internal_error", failed=None)
        self._conclude(failures.internal(exchange))

    def _unrecorded(self) -> None:
        exchange = self._exchange
        body = exchange.dialect.error(failures.unrecorded(exchange))
        self._reply.answer(503, JSON, body, trace_lines(exchange) + b"retry-after: 5\r\n")
