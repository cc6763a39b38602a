"""Pure: Anthropic's Messages API, as callers speak it: messages, and the count of a message's tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from roadworthy.gateway.dialects import anthropic_answers, errors, reading, texts
from roadworthy.gateway.dialects.anthropic_asks import ask_of
from roadworthy.gateway.dialects.dialect import MalformedRequestError, Operation, Problem, Request, Writer
from roadworthy.gateway.dialects.events import data_of
from roadworthy.gateway.dialects.neutral import Ask, Said
from roadworthy.gateway.dialects.reading import ENCODER, encoded
from roadworthy.gateway.dialects.unasked import Unasked

_BUDGET_MIN = 1024


class AnthropicMessages(Unasked):
    """Messages."""

    name = "anthropic-messages"
    operation: Operation = "messages"
    ending = anthropic_answers.STOP
    provider_dialects = frozenset({"anthropic"})
    answer_field = "content"
    repeats = False

    def read(self, body: bytes) -> Request:
        """Read a request; `MalformedRequestError` says what is wrong with it."""
        fields = reading.read_fields(body)
        model = reading.model_in(fields)
        reading.listed(fields, "messages")
        limit = reading.count(fields, "max_tokens")
        if limit is None:
            raise MalformedRequestError(
                "`max_tokens` is missing: say how long the answer may be.", "max_tokens"
            )
        return Request(self, fields, model, reading.flag(fields, "stream"), True, limit)

    def texts(self, request: Request) -> list[str]:
        """Return every text of the request."""
        return texts.request_texts(request.fields)

    def with_texts(self, request: Request, changed: Sequence[str]) -> Request:
        """Return the request with other texts."""
        return msgspec.structs.replace(request, fields=texts.with_request_texts(request.fields, changed))

    def cap(self, request: Request, max_output_tokens: int) -> Request:
        """Bound the answer, and the thought that is part of it."""
        known = request.max_output_tokens
        if known is not None and known <= max_output_tokens:
            return request
        fields = dict(request.fields)
        fields["max_tokens"] = encoded(max_output_tokens)
        thinking = dict(reading.inner(fields, "thinking"))
        budget = reading.count(thinking, "budget_tokens")
        if budget is not None and budget >= max_output_tokens:
            if max_output_tokens > _BUDGET_MIN:
                thinking["budget_tokens"] = encoded(max(_BUDGET_MIN, max_output_tokens - 1))
                fields["thinking"] = encoded(thinking)
            else:
                del fields["thinking"]
        return msgspec.structs.replace(
            request, fields=fields, max_output_tokens=max_output_tokens, capped=True
        )

    def pass_on(self, request: Request, upstream_model: str) -> bytes:
        """Return the request for a provider: its model's name, all else as it came."""
        fields = dict(request.fields)
        fields["model"] = encoded(upstream_model)
        return ENCODER.encode(fields)

    def ask(self, request: Request) -> Ask:
        """Return the request in neutral form."""
        return ask_of(request.fields)

    def answer(self, said: Said, request: Request) -> bytes:
        """Say a whole answer."""
        return anthropic_answers.answer_of(said, model=request.model)

    def answer_texts(self, body: bytes) -> list[str]:
        """Return the texts of a whole answer."""
        return texts.answer_texts(body, self.answer_field)

    def with_answer_texts(self, body: bytes, changed: Sequence[str]) -> bytes:
        """Return the answer with other texts."""
        return texts.with_answer_texts(body, self.answer_field, changed)

    def writer(self, request: Request, *, trace_id: str, created: int) -> Writer:
        """Return what says a stream."""
        return anthropic_answers.MessageWriter(id_=trace_id, model=request.model)

    def rewrite(self, raw: bytes, changed: Mapping[tuple[int, int], str]) -> bytes:
        """Return an event with another text."""
        return anthropic_answers.rewritten(data_of(raw), changed)

    def error(self, problem: Problem) -> bytes:
        """Say an error."""
        return errors.anthropic_body(problem)

    def error_event(self, problem: Problem) -> bytes:
        """Say an error inside a stream."""
        return b"event: error\ndata: %b\n\n" % errors.anthropic_body(problem)


class AnthropicCount(AnthropicMessages):
    """How many tokens a message would have."""

    name = "anthropic-count-tokens"
    operation: Operation = "count_tokens"
    ending = b""
    answer_field = ""

    def read(self, body: bytes) -> Request:
        """Read a request; `MalformedRequestError` says what is wrong with it."""
        fields = reading.read_fields(body)
        model = reading.model_in(fields)
        reading.listed(fields, "messages")
        return Request(self, fields, model, asks_usage=True)

    def cap(self, request: Request, max_output_tokens: int) -> Request:
        """Return the request: nothing is written for it."""
        return request

    def answer_count(self, tokens: int) -> bytes:
        """Say how many tokens it has."""
        return ENCODER.encode({"input_tokens": tokens})

    def answer_texts(self, body: bytes) -> list[str]:
        """Return nothing: a number is no text."""
        return []

    def with_answer_texts(self, body: bytes, changed: Sequence[str]) -> bytes:
        """Return the answer as it is."""
        return body
