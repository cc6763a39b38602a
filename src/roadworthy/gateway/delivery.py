"""One admitted call on its way: attempts until one answers; the record is safe before the answer ends."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from roadworthy.gateway import routing
from roadworthy.gateway.circuit import Circuits
from roadworthy.gateway.dialects import openai
from roadworthy.gateway.exchange import EVENTS, JSON, Exchange, Reply, Sending, Upstream
from roadworthy.gateway.ledger import Ledger, record_of
from roadworthy.gateway.routing import Attempt, Failure
from roadworthy.gateway.snapshot import Target
from roadworthy.usage.record import TEXT_BYTES_MAX, AttemptRecord

ANSWER_BYTES_MAX = 64 << 20
PRELUDE_BYTES_MAX = 64 << 10
ERROR_BYTES_MAX = 64 << 10
DONE = b"data: [DONE]\n\n"

# The caller's own mistakes, as the provider sees them: only the caller can mend them.
_CALLERS_FAULT = frozenset({400, 409, 413, 415, 422})


class Ports:
    """What a delivery works with."""

    __slots__ = ("circuits", "ledger", "monotonic", "upstream")

    def __init__(
        self, *, upstream: Upstream, ledger: Ledger, circuits: Circuits, monotonic: Callable[[], float]
    ) -> None:
        self.upstream = upstream
        self.ledger = ledger
        self.circuits = circuits
        self.monotonic = monotonic


def trace_lines(exchange: Exchange) -> bytes:
    """Return the header lines that every governed answer carries."""
    trace = exchange.trace_id.encode()
    return b"x-request-id: %b\r\nx-roadworthy-trace-id: %b\r\n" % (trace, trace)


def failure_of_status(status: int, body: bytes, retry_after: str, target: Target) -> Failure:
    """Say what a provider's error status means for the call."""
    provider, model = target.provider.name, target.model.name
    if status in {401, 403}:
        return Failure(
            "provider_refused_credentials",
            f"provider/{provider} does not accept the credential that Roadworthy has for it.",
            status,
        )
    if status == 404:
        return Failure(
            "provider_unknown_model",
            f"provider/{provider} does not know {target.model.upstream_model!r}, which model/{model} names.",
            status,
        )
    if 300 <= status < 400:
        message = f"provider/{provider} answered with a redirect ({status}), which is never followed."
        return Failure("provider_redirected", message, status)
    if status == 429:
        return Failure("provider_rate_limited", f"provider/{provider} limits the rate.", status, retry_after)
    if status in _CALLERS_FAULT:
        return Failure("provider_refused_request", body.decode("utf-8", "replace"), status)
    return Failure("provider_error", f"provider/{provider} answered {status}.", status, retry_after)


class Delivery:
    """Listens to the provider, speaks to the caller."""

    __slots__ = (
        "_attempts",
        "_begun",
        "_buffer",
        "_exchange",
        "_finished",
        "_paused",
        "_payload",
        "_payload_for",
        "_ports",
        "_position",
        "_prelude",
        "_reader",
        "_reply",
        "_retry_after",
        "_sending",
        "_size",
        "_status",
        "_tried_s",
    )

    def __init__(self, ports: Ports, exchange: Exchange, reply: Reply) -> None:
        assert exchange.admitted is not None
        self._ports = ports
        self._exchange = exchange
        self._reply = reply
        self._attempts: tuple[Attempt, ...] = routing.plan(exchange.admitted, tripped=ports.circuits.tripped)
        self._position = 0
        self._payload = b""
        self._payload_for: Target | None = None
        self._begun = False
        self._finished = False
        self._paused = False
        self._prelude: list[bytes] = []
        self._reader: openai.StreamReader | None = None
        self._sending: Sending | None = None
        self._buffer: list[bytes] = []
        self._size = 0
        self._status = 0
        self._retry_after = ""
        self._tried_s = 0.0

    def start(self) -> None:
        """Make the attempt that is next."""
        exchange = self._exchange
        attempt = self._attempts[self._position]
        target = exchange.target = attempt.target
        request = exchange.request
        assert request is not None
        if self._payload_for is not target:
            self._payload = openai.write_chat(request, target.model.upstream_model)
            self._payload_for = target
        self._buffer = []
        self._prelude = []
        self._reader = None
        self._size = self._status = 0
        self._tried_s = self._ports.monotonic()
        self._sending = self._ports.upstream.send(
            target, self._payload, self, first_byte_timeout_s=attempt.first_byte_timeout_s
        )

    # ------------------------------------------------------------------ what the provider does

    def on_head(self, status: int, content_type: bytes, retry_after: bytes) -> None:
        self._status = status
        self._retry_after = retry_after.decode("latin-1")
        exchange = self._exchange
        request = exchange.request
        assert request is not None
        if status == 200 and request.stream and content_type.lower().startswith(b"text/event-stream"):
            assert exchange.admitted is not None
            keep = 8 * TEXT_BYTES_MAX if exchange.admitted.grant.logging == "full" else 0
            self._reader = openai.StreamReader(hide_usage=not request.asks_usage, keep_bytes=keep)

    def on_body(self, data: bytes) -> None:
        if self._finished:
            return
        reader = self._reader
        if reader is not None:
            try:
                out = reader.feed(data)
            except openai.BrokenStreamError as error:
                self._broke(Failure("protocol_error", f"The provider's answer is broken: {error}."))
                return
            self._follow(reader, out)
            return
        self._size += len(data)
        if self._status == 200:
            if self._size > ANSWER_BYTES_MAX:
                self._broke(Failure("too_large", "The provider's answer is larger than 64 MiB."))
                return
        elif self._size > ERROR_BYTES_MAX:
            return  # an error's beginning says enough
        self._buffer.append(data)

    def _follow(self, reader: openai.StreamReader, out: bytes) -> None:
        if not self._begun:
            if not self._may_begin(reader, out):
                return
            self._begun = True
            exchange = self._exchange
            exchange.first_byte_s = self._ports.monotonic()
            exchange.status = 200
            lines = trace_lines(exchange) + b"cache-control: no-cache\r\n"
            self._reply.begin(200, EVENTS, lines)
            out = b"".join((*self._prelude, out))
        if out:
            self._reply.write(out)
        if reader.error:
            self._exchange.error = "error_in_stream"
        if reader.done:
            self._succeed(DONE)

    def _may_begin(self, reader: openai.StreamReader, out: bytes) -> bool:
        """Nothing reaches the caller before the first content: until then another target may answer."""
        if reader.error:
            self._broke(_error_in_answer(reader.error))
        elif reader.started:
            return True
        elif reader.done:
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
        if self._reader is not None:
            self._stream_ended(self._reader)
            return
        body = self._buffer[0] if len(self._buffer) == 1 else b"".join(self._buffer)
        target = self._exchange.target
        assert target is not None
        if self._status != 200:
            self._failed(failure_of_status(self._status, body, self._retry_after, target))
            return
        self._whole(body)

    def _stream_ended(self, reader: openai.StreamReader) -> None:
        out = reader.finish()
        if reader.error and not self._begun:
            self._failed(_error_in_answer(reader.error))
        elif reader.started:
            self._follow(reader, out)
            if not self._finished:  # some providers end without [DONE]; callers count on it
                self._succeed(DONE)
        else:
            self._failed(Failure("empty_stream", "The provider ended the stream without any content."))

    def _whole(self, body: bytes) -> None:
        exchange = self._exchange
        assert exchange.request is not None
        assert exchange.admitted is not None
        answer = openai.read_answer(body)
        if answer is None or (not answer.choices and not answer.failed()):
            self._failed(Failure("protocol_error", "The provider's answer is not a chat completion."))
        elif answer.failed():
            self._failed(_error_in_answer(body))
        elif exchange.request.stream:
            self._failed(Failure("protocol_error", "The provider did not stream although it was asked to."))
        else:
            exchange.usage = answer.usage
            exchange.first_byte_s = self._ports.monotonic()
            exchange.status = 200
            if exchange.admitted.grant.logging == "full":
                exchange.response = openai.answer_text(body)
            self._succeed(body)

    def on_fail(self, failure: Failure) -> None:
        if not self._finished:
            self._failed(failure)

    # ------------------------------------------------------------------ what the caller does

    def cancel(self) -> None:
        """The caller has left: the provider is told, the call is recorded."""
        if self._finished:
            return
        self._finished = True
        if self._sending is not None:
            self._sending.cancel()
        exchange = self._exchange
        # Clients leave at once when they read an error: then the error is what happened, not the leaving.
        exchange.status = 502 if exchange.error else 499
        exchange.error = exchange.error or "client_disconnected"
        if self._reader is not None:
            exchange.usage = self._reader.usage
            exchange.response = self._reader.text()
        self._attempt_ended("client_disconnected")
        self._ports.ledger.commit(record_of(exchange, ended_s=self._ports.monotonic()), lambda _safe: None)

    def pause(self) -> None:
        self._paused = True
        if self._sending is not None and not self._finished:
            self._sending.pause()

    def resume(self) -> None:
        self._paused = False
        if self._sending is not None and not self._finished:
            self._sending.resume()

    # ------------------------------------------------------------------ how it ends

    def _attempt_ended(self, error: str, status: int = 0) -> None:
        model = self._attempts[self._position].target.model.name
        took_ms = round((self._ports.monotonic() - self._tried_s) * 1000, 3)
        self._exchange.attempts.append(AttemptRecord(model, status or self._status, error, took_ms))

    def _succeed(self, last: bytes) -> None:
        self._finished = True
        exchange = self._exchange
        reader = self._reader
        if reader is not None:
            exchange.usage = reader.usage
            exchange.response = reader.text()
        assert exchange.target is not None
        self._attempt_ended(exchange.error)
        self._ports.circuits.succeeded(exchange.target.model.name)
        begun = self._begun

        def then(safe: bool) -> None:  # noqa: FBT001  the ledger says it by place
            if not safe and begun:
                self._reply.abort()
            elif not safe:
                self._unrecorded()
            elif begun:
                self._reply.finish(last)
            else:
                self._reply.answer(200, JSON, last, trace_lines(exchange))

        self._ports.ledger.commit(record_of(exchange, ended_s=self._ports.monotonic()), then)

    def _broke(self, failure: Failure) -> None:
        if self._sending is not None:
            self._sending.cancel()
        self._failed(failure)

    def _failed(self, failure: Failure) -> None:
        exchange = self._exchange
        attempt = self._attempts[self._position]
        self._attempt_ended(failure.code, failure.status)
        if routing.may_go_on(failure):
            self._ports.circuits.failed(attempt.target.model.name, at=self._ports.monotonic())
        if not self._begun:
            position = routing.next_position(self._attempts, self._position, failure)
            if position is not None:
                self._position = position
                self.start()
                return
        self._finished = True
        exchange.error = failure.code
        if self._reader is not None:
            exchange.usage = self._reader.usage
            exchange.response = self._reader.text()
        status = exchange.status = _status_for(failure)
        body = self._error_body(status, failure)
        extra = trace_lines(exchange) + _retry_line(failure)
        begun = self._begun

        def then(safe: bool) -> None:  # noqa: FBT001  the ledger says it by place
            if not begun:
                self._reply.answer(status, JSON, body, extra) if safe else self._unrecorded()
            elif safe:
                self._reply.finish(b"data: " + body + b"\n\n")
            else:
                self._reply.abort()

        self._ports.ledger.commit(record_of(exchange, ended_s=self._ports.monotonic()), then)

    def _error_body(self, status: int, failure: Failure) -> bytes:
        exchange = self._exchange
        assert exchange.target is not None
        assert exchange.index is not None
        if failure.code == "provider_refused_request":
            message, param = _provider_said(failure.message)
            step = "Change the request as the provider asks."
        else:
            message, param = failure.message, None
            step = "Try again; if it stays, ask the owner of the provider."
        return openai.error_body(
            status=status,
            code=failure.code,
            message=message,
            param=param,
            trace_id=exchange.trace_id,
            revision=exchange.index.revision,
            declaration=f"provider/{exchange.target.provider.name}",
            next_step=step,
        )

    def _unrecorded(self) -> None:
        exchange = self._exchange
        body = openai.error_body(
            status=503,
            code="call_not_recorded",
            message="The answer is withheld because the call could not be recorded.",
            trace_id=exchange.trace_id,
            revision=exchange.index.revision if exchange.index is not None else 0,
            next_step="Try again; if it stays, the gateway's disk is full or failing.",
        )
        self._reply.answer(503, JSON, body, trace_lines(exchange) + b"retry-after: 5\r\n")


def _status_for(failure: Failure) -> int:
    if failure.code == "provider_refused_request" or failure.status == 429:
        return failure.status
    return 504 if failure.code.endswith("timeout") else 502


def _retry_line(failure: Failure) -> bytes:
    """Pass the provider's wait on when it is a sane number of seconds."""
    wait = failure.retry_after
    if wait.isascii() and wait.isdigit() and len(wait) <= 4 and int(wait) <= 3600:
        return b"retry-after: %d\r\n" % int(wait)
    return b""


class _ProviderError(msgspec.Struct):
    message: str = ""
    param: str | None = None


class _ProviderErrorBody(msgspec.Struct):
    error: _ProviderError | str | None = None


def _provider_said(body: str) -> tuple[str, str | None]:
    """Find the provider's own words in its error, whatever shape it has."""
    try:
        error = msgspec.json.decode(body, type=_ProviderErrorBody).error
    except (msgspec.DecodeError, ValueError, RecursionError):
        return f"The provider refused the request: {body[:500]}", None
    if isinstance(error, _ProviderError):
        return f"The provider refused the request: {error.message[:2000]}", error.param
    return f"The provider refused the request: {(error or body)[:500]}", None


def _error_in_answer(data: bytes) -> Failure:
    said, _ = _provider_said(data.decode("utf-8", "replace"))
    return Failure("error_in_answer", said.replace("refused the request", "answered with an error"))
