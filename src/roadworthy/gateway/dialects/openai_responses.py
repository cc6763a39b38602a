"""Pure: OpenAI's responses, as callers speak them; what needs anything kept between calls is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from roadworthy.gateway.dialects import errors, reading, responses_answers, texts
from roadworthy.gateway.dialects.dialect import MalformedRequestError, Operation, Problem, Request, Writer
from roadworthy.gateway.dialects.events import data_of, loosely
from roadworthy.gateway.dialects.neutral import Ask, Said
from roadworthy.gateway.dialects.reading import ENCODER, FALSE, Fields, encoded
from roadworthy.gateway.dialects.responses_asks import ask_of
from roadworthy.gateway.dialects.responses_writer import ResponseWriter
from roadworthy.gateway.dialects.unasked import Unasked

_KEPT = {
    "previous_response_id": "send the earlier items in `input`",
    "conversation": "send the earlier items in `input`",
}


class OpenAIResponses(Unasked):
    """Responses."""

    name = "openai-responses"
    operation: Operation = "responses"
    ending = b""
    provider_dialects = frozenset({"openai", "azure-openai"})
    answer_field = "output"
    repeats = True

    def read(self, body: bytes) -> Request:
        """Read a request; `MalformedRequestError` says what is wrong with it."""
        fields = reading.read_fields(body)
        model = reading.model_in(fields)
        _refuse_what_is_kept(fields)
        given = bytes(fields.get("input", b""))
        if given[:1] not in {b"[", b'"'} and reading.absent(fields, "prompt"):
            raise MalformedRequestError("`input` is missing: give a text or a list of items.", "input")
        limit = reading.count(fields, "max_output_tokens")
        return Request(self, fields, model, reading.flag(fields, "stream"), True, limit)

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
        fields = {**request.fields, "max_output_tokens": encoded(max_output_tokens)}
        return msgspec.structs.replace(
            request, fields=fields, max_output_tokens=max_output_tokens, capped=True
        )

    def pass_on(self, request: Request, upstream_model: str) -> bytes:
        """Return the request for a provider: its model's name, nothing to be kept, all else as it came."""
        fields = dict(request.fields)
        fields["model"] = encoded(upstream_model)
        fields["store"] = FALSE
        return ENCODER.encode(fields)

    def ask(self, request: Request) -> Ask:
        """Return the request in neutral form."""
        return ask_of(request.fields)

    def answer(self, said: Said, request: Request) -> bytes:
        """Say a whole answer."""
        return responses_answers.answer_of(said, request.fields, model=request.model)

    def answer_texts(self, body: bytes) -> list[str]:
        """Return the texts of a whole answer."""
        return texts.answer_texts(body, self.answer_field)

    def with_answer_texts(self, body: bytes, changed: Sequence[str]) -> bytes:
        """Return the answer with other texts."""
        return texts.with_answer_texts(
            body, self.answer_field, changed, tidy=responses_answers.without_other_tellings
        )

    def writer(self, request: Request, *, trace_id: str, created: int) -> Writer:
        """Return what says a stream."""
        return ResponseWriter(request.fields, id_=trace_id, model=request.model, created=created)

    def rewrite(self, raw: bytes, changed: Mapping[tuple[int, int], str]) -> bytes:
        """Return a delta with another text."""
        event = loosely(data_of(raw))
        event["delta"] = next(iter(changed.values()))
        if event.get("logprobs"):
            event["logprobs"] = []
        event.pop("obfuscation", None)
        return b"event: %b\ndata: %b\n\n" % (str(event.get("type")).encode(), ENCODER.encode(event))

    def error(self, problem: Problem) -> bytes:
        """Say an error."""
        return errors.openai_body(problem)

    def error_event(self, problem: Problem) -> bytes:
        """Say an error inside a stream; it comes last, whatever number the last event had."""
        error = errors.openai_error(problem)
        said = {
            "type": "error",
            "code": problem.code,
            "message": error["message"],
            "param": problem.param,
            "sequence_number": 0,
            "error": error,
        }
        return b"event: error\ndata: %b\n\n" % ENCODER.encode(said)


def _refuse_what_is_kept(fields: Fields) -> None:
    for name, instead in _KEPT.items():
        if not reading.absent(fields, name):
            raise MalformedRequestError(
                f"`{name}` names something kept from an earlier call; nothing is kept here: {instead}.", name
            )
    if reading.flag(fields, "store"):
        raise MalformedRequestError(
            "`store` asks for the response to be kept; nothing is kept here: leave it out, or say false.",
            "store",
        )
    if reading.flag(fields, "background"):
        raise MalformedRequestError(
            "`background` asks for an answer that is fetched later; nothing is kept here: leave it out.",
            "background",
        )
