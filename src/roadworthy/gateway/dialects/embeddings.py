"""Pure: OpenAI's embeddings, as callers speak them."""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from roadworthy.gateway.dialects import errors, reading, texts
from roadworthy.gateway.dialects.dialect import MalformedRequestError, Operation, Problem, Request
from roadworthy.gateway.dialects.neutral import Embedded, EmbeddingsAsk
from roadworthy.gateway.dialects.reading import ENCODER, encoded, untranslatable
from roadworthy.gateway.dialects.unasked import Unasked

_TRANSLATED = frozenset({"model", "input", "dimensions", "encoding_format", "user"})
_INPUTS_MAX = 2048
_PURPOSES = {"query": "query", "search_query": "query", "retrieval_query": "query"}


class OpenAIEmbeddings(Unasked):
    """Vectors of texts."""

    name = "openai-embeddings"
    operation: Operation = "embeddings"
    ending = b""
    provider_dialects = frozenset({"openai", "openai-chat", "azure-openai", "azure-openai-chat"})
    answer_field = ""
    repeats = False

    def read(self, body: bytes) -> Request:
        """Read a request; `MalformedRequestError` says what is wrong with it."""
        fields = reading.read_fields(body)
        model = reading.model_in(fields)
        given = fields.get("input")
        if given is None or bytes(given)[:1] not in {b"[", b'"'}:
            raise MalformedRequestError(
                "`input` is missing: give a text, a list of texts, or tokens.", "input"
            )
        if bytes(given) == b"[]":
            raise MalformedRequestError("`input` is empty.", "input")
        if reading.word(fields, "encoding_format") not in {"", "float", "base64"}:
            raise MalformedRequestError("`encoding_format` must be float or base64.", "encoding_format")
        return Request(self, fields, model, asks_usage=True)

    def texts(self, request: Request) -> list[str]:
        """Return every text of the request; tokens are none."""
        return texts.request_texts(request.fields)

    def with_texts(self, request: Request, changed: Sequence[str]) -> Request:
        """Return the request with other texts."""
        return msgspec.structs.replace(request, fields=texts.with_request_texts(request.fields, changed))

    def cap(self, request: Request, max_output_tokens: int) -> Request:
        """Return the request: nothing is written for it."""
        return request

    def pass_on(self, request: Request, upstream_model: str) -> bytes:
        """Return the request for a provider: its model's name, all else as it came."""
        fields = dict(request.fields)
        fields["model"] = encoded(upstream_model)
        return ENCODER.encode(fields)

    def ask_embeddings(self, request: Request) -> EmbeddingsAsk:
        """Return the request in neutral form."""
        fields = request.fields
        given = reading.anything(fields, "input")
        if isinstance(given, str):
            given = [given]
        if any(not isinstance(one, str) for one in given):
            if all(isinstance(one, int | list) for one in given):
                raise untranslatable("Tokens, which mean something to one family of models alone,", "input")
            raise MalformedRequestError("`input` must be a text, a list of texts, or tokens.", "input")
        if len(given) > _INPUTS_MAX:
            raise MalformedRequestError(f"`input` must have at most {_INPUTS_MAX} texts.", "input")
        purpose = reading.word(fields, "input_type") if b'"' in bytes(fields.get("input_type", b"")) else ""
        return EmbeddingsAsk(
            model=request.model,
            texts=tuple(given),
            dimensions=reading.count(fields, "dimensions"),
            purpose=_PURPOSES.get(purpose.lower(), "document" if purpose else ""),
            user=reading.word(fields, "user"),
            extras=reading.without(fields, _TRANSLATED),
        )

    def answer_embeddings(self, embedded: Embedded, request: Request) -> bytes:
        """Say vectors, as base64 where that was asked for."""
        packed = reading.word(request.fields, "encoding_format") == "base64"
        used = embedded.usage.input_tokens or 0 if embedded.usage is not None else 0
        data: list[dict[str, Any]] = [
            {"object": "embedding", "index": place, "embedding": _packed(vector) if packed else vector}
            for place, vector in enumerate(embedded.vectors)
        ]
        return ENCODER.encode(
            {
                "object": "list",
                "data": data,
                "model": embedded.model or request.model,
                "usage": {"prompt_tokens": used, "total_tokens": used},
            }
        )

    def answer_texts(self, body: bytes) -> list[str]:
        """Return nothing: vectors are no texts."""
        return []

    def with_answer_texts(self, body: bytes, changed: Sequence[str]) -> bytes:
        """Return the answer as it is."""
        return body

    def error(self, problem: Problem) -> bytes:
        """Say an error."""
        return errors.openai_body(problem)

    def error_event(self, problem: Problem) -> bytes:
        """Say an error inside a stream."""
        return b"data: %b\n\n" % errors.openai_body(problem)


def _packed(vector: tuple[float, ...]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
