"""Pure: OpenAI's chat completions, as callers speak them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from roadworthy.gateway.dialects import chat_answers, errors, reading, texts
from roadworthy.gateway.dialects.chat_asks import ask_of
from roadworthy.gateway.dialects.dialect import MalformedRequestError, Operation, Problem, Request, Writer
from roadworthy.gateway.dialects.events import data_of
from roadworthy.gateway.dialects.neutral import Ask, Said
from roadworthy.gateway.dialects.reading import ENCODER, TRUE, encoded
from roadworthy.gateway.dialects.unasked import Unasked

_INCLUDE_USAGE = msgspec.Raw(b'{"include_usage":true}')
_CHOICES_MAX = 128
_NEW_LIMIT = re.compile(r"(?:^|/)(?:gpt-(?:[5-9]|\d\d)|o\d|chatgpt)")
"""Models that refuse `max_tokens`, which most compatible servers know best."""


class OpenAIChat(Unasked):
    """Chat completions."""

    name = "openai-chat"
    operation: Operation = "chat"
    ending = chat_answers.DONE
    provider_dialects = frozenset({"openai", "openai-chat", "azure-openai", "azure-openai-chat"})
    answer_field = "choices"
    repeats = False

    def read(self, body: bytes) -> Request:
        """Read a request; `MalformedRequestError` says what is wrong with it."""
        fields = reading.read_fields(body)
        model = reading.model_in(fields)
        messages = fields.get("messages")
        if messages is None or not bytes(messages).startswith(b"["):
            raise MalformedRequestError("`messages` is missing or not a list.", "messages")
        stream = reading.flag(fields, "stream")
        asks_usage = False
        if stream and "stream_options" in fields:
            asks_usage = reading.flag(reading.inner(fields, "stream_options"), "include_usage")
        newer, older = reading.count(fields, "max_completion_tokens"), reading.count(fields, "max_tokens")
        choices = reading.count(fields, "n") or 1
        if choices > _CHOICES_MAX:
            raise MalformedRequestError(f"`n` must be at most {_CHOICES_MAX}.", "n")
        return Request(
            self, fields, model, stream, asks_usage, newer if newer is not None else older, choices
        )

    def texts(self, request: Request) -> list[str]:
        """Return every text of the request."""
        return texts.request_texts(request.fields)

    def with_texts(self, request: Request, changed: Sequence[str]) -> Request:
        """Return the request with other texts."""
        return msgspec.structs.replace(request, fields=texts.with_request_texts(request.fields, changed))

    def cap(self, request: Request, max_output_tokens: int) -> Request:
        """Bound the answer."""
        known = request.max_output_tokens
        if known is not None and known <= max_output_tokens:
            return request
        fields = dict(request.fields)
        newer = not reading.absent(fields, "max_completion_tokens")
        for name in ("max_tokens", "max_completion_tokens"):
            fields.pop(name, None)
        fields["max_completion_tokens" if newer else "max_tokens"] = encoded(max_output_tokens)
        return msgspec.structs.replace(
            request, fields=fields, max_output_tokens=max_output_tokens, capped=not newer
        )

    def pass_on(self, request: Request, upstream_model: str) -> bytes:
        """Return the request for a provider: its model's name, usage asked for, all else as it came.

        Written anew from the fields as read, so that a name given twice cannot mean one thing here and
        another at the provider.
        """
        fields = dict(request.fields)
        fields["model"] = encoded(upstream_model)
        if request.capped and _NEW_LIMIT.search(upstream_model):
            fields["max_completion_tokens"] = fields.pop("max_tokens")
        if request.stream and not request.asks_usage:
            if reading.absent(fields, "stream_options"):
                fields["stream_options"] = _INCLUDE_USAGE
            else:
                options = dict(reading.inner(fields, "stream_options"))
                options["include_usage"] = TRUE
                fields["stream_options"] = encoded(options)
        return ENCODER.encode(fields)

    def ask(self, request: Request) -> Ask:
        """Return the request in neutral form."""
        return ask_of(request.fields)

    def answer(self, said: Said, request: Request) -> bytes:
        """Say a whole answer."""
        return chat_answers.answer_of(said, model=request.model, id_="chatcmpl", created=0)

    def answer_texts(self, body: bytes) -> list[str]:
        """Return the texts of a whole answer."""
        return texts.answer_texts(body, self.answer_field)

    def with_answer_texts(self, body: bytes, changed: Sequence[str]) -> bytes:
        """Return the answer with other texts."""
        return texts.with_answer_texts(
            body, self.answer_field, changed, tidy=chat_answers.without_other_tellings
        )

    def writer(self, request: Request, *, trace_id: str, created: int) -> Writer:
        """Return what says a stream."""
        return chat_answers.ChatWriter(
            id_=f"chatcmpl-{trace_id}", model=request.model, created=created, asks_usage=request.asks_usage
        )

    def rewrite(self, raw: bytes, changed: Mapping[tuple[int, int], str]) -> bytes:
        """Return a chunk with other texts."""
        return chat_answers.rewritten(data_of(raw), changed)

    def error(self, problem: Problem) -> bytes:
        """Say an error."""
        return errors.openai_body(problem)

    def error_event(self, problem: Problem) -> bytes:
        """Say an error inside a stream."""
        return b"data: %b\n\n" % errors.openai_body(problem)
