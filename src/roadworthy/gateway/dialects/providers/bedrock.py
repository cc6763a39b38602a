"""Pure: Amazon Bedrock: Converse, its stream, and the embedding models behind InvokeModel."""

from __future__ import annotations

import hashlib
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec

from roadworthy.gateway.dialects.dialect import Operation, Reader, UntranslatableError
from roadworthy.gateway.dialects.failure import error_of
from roadworthy.gateway.dialects.neutral import (
    Ask,
    Began,
    Choice,
    Done,
    Embedded,
    EmbeddingsAsk,
    Event,
    Failed,
    Finish,
    Finished,
    Part,
    Piece,
    ProviderError,
    Reasoning,
    ReasoningDelta,
    Said,
    Text,
    TextDelta,
    ToolBegan,
    ToolCall,
    ToolDelta,
    Usage,
    Used,
)
from roadworthy.gateway.dialects.providers import phrasing
from roadworthy.gateway.dialects.providers.converse import request_of
from roadworthy.gateway.dialects.providers.eventstream import Framed, FrameReader

_FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
    "refusal": "refusal",
}
_PURPOSES = {"query": "search_query", "document": "search_document"}


class _Usage(msgspec.Struct, rename="camel"):
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None


class _ToolUse(msgspec.Struct, rename="camel"):
    tool_use_id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw(b"{}")


class _ReasoningText(msgspec.Struct):
    text: str = ""
    signature: str | None = None


class _Reasoning(msgspec.Struct, rename="camel"):
    reasoning_text: _ReasoningText | None = None
    redacted_content: str | None = None


class _Block(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolUse | None = None
    reasoning_content: _Reasoning | None = None


class _Message(msgspec.Struct):
    content: list[_Block] = []


class _Output(msgspec.Struct):
    message: _Message


class _Answer(msgspec.Struct, rename="camel"):
    output: _Output
    stop_reason: str = "end_turn"
    usage: msgspec.Raw = msgspec.Raw()


class _OnlyUsage(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()


class _ReasoningDelta(msgspec.Struct, rename="camel"):
    text: str | None = None
    signature: str | None = None
    redacted_content: str | None = None


class _ToolUseDelta(msgspec.Struct):
    input: str = ""


class _Delta(msgspec.Struct, rename="camel"):
    text: str | None = None
    tool_use: _ToolUseDelta | None = None
    reasoning_content: _ReasoningDelta | None = None


class _Start(msgspec.Struct, rename="camel"):
    tool_use: _ToolUse | None = None


class _Payload(msgspec.Struct, rename="camel"):
    """Everything that the events of a stream can hold; each holds its own part of it."""

    content_block_index: int = 0
    start: _Start | None = None
    delta: _Delta | None = None
    stop_reason: str = ""
    usage: msgspec.Raw = msgspec.Raw()


_Vectors: TypeAlias = tuple[tuple[float, ...], ...]


class _Titan(msgspec.Struct, rename="camel"):
    embedding: tuple[float, ...]
    input_text_token_count: int | None = None


class _Cohere(msgspec.Struct):
    embeddings: msgspec.Raw


class _Count(msgspec.Struct, rename="camel"):
    input_tokens: int


_ANSWERS = msgspec.json.Decoder(_Answer)
_ONLY_USAGE = msgspec.json.Decoder(_OnlyUsage)
_USAGES = msgspec.json.Decoder(_Usage)
_PAYLOADS = msgspec.json.Decoder(_Payload)


def _usage(raw: msgspec.Raw) -> Usage | None:
    """Read what was used; nonsense is no usage. What came from the cache is counted beside the input."""
    if not bytes(raw):
        return None
    try:
        found = _USAGES.decode(raw)
    except (msgspec.DecodeError, ValueError):
        return None
    counts = (
        found.input_tokens,
        found.output_tokens,
        found.cache_read_input_tokens,
        found.cache_write_input_tokens,
    )
    if found.input_tokens is None or any(one is not None and one < 0 for one in counts):
        return None
    read, written = found.cache_read_input_tokens or 0, found.cache_write_input_tokens or 0
    return Usage(found.input_tokens + read + written, found.output_tokens, read, written)


class BedrockDialect:
    """Amazon Bedrock."""

    name = "bedrock"
    stream_type = b"application/vnd.amazon.eventstream"

    def path(self, upstream_model: str, operation: Operation, *, stream: bool) -> str:
        """Return the operation's path; a model's name may be an ARN, slashes and colons included."""
        place = f"/model/{quote(upstream_model, safe='')}"
        if operation == "embeddings":
            return f"{place}/invoke"
        if operation == "count_tokens":
            return f"{place}/count-tokens"
        return f"{place}/converse-stream" if stream else f"{place}/converse"

    def write(self, ask: Ask, upstream_model: str) -> bytes:
        """Return the body of Converse; whether it streams is said by the path."""
        return phrasing.ENCODER.encode(request_of(ask, upstream_model))

    def read(self, body: bytes) -> Said:
        """Read a whole answer."""
        answer = _ANSWERS.decode(body)
        parts = tuple(_parts(answer.output.message.content))
        called = any(isinstance(part, ToolCall) for part in parts)
        finish = phrasing.finish_of(_FINISH.get(answer.stop_reason, "error"), called=called)
        choice = phrasing.without_json_tool(Choice(parts, finish))
        # Neither an id nor the model is said; an id made of the answer is the same for the same answer.
        id_ = f"msg_{hashlib.blake2b(body, digest_size=12).hexdigest()}"
        return Said(id=id_, model="", choices=(choice,), usage=_usage(answer.usage))

    def usage(self, body: bytes, operation: Operation) -> Usage | None:
        """Return what was used."""
        if operation == "embeddings":
            try:
                return self.read_embeddings(body).usage
            except (ValueError, RecursionError):
                return None
        try:
            return _usage(_ONLY_USAGE.decode(body).usage)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None

    def check(self, body: bytes, operation: Operation) -> None:
        """Make sure that this is an answer."""
        if operation == "embeddings":
            self.read_embeddings(body)
        elif operation == "count_tokens":
            self.read_count(body)
        else:
            self.read(body)

    def reader(self, operation: Operation) -> Reader:
        """Return what follows ConverseStream."""
        return _Reader()

    def error(self, status: int, body: bytes) -> ProviderError:
        """Return what an error says."""
        return error_of(status, body)

    def write_embeddings(self, ask: EmbeddingsAsk, upstream_model: str) -> bytes:
        """Return the body for Titan or Cohere, which is all that Bedrock has."""
        if "titan-embed" in upstream_model:
            if len(ask.texts) != 1:
                raise UntranslatableError(
                    "Amazon's Titan takes one text to a request; send the texts one by one.", "input"
                )
            body: dict[str, Any] = {"inputText": ask.texts[0]}
            if ask.dimensions is not None:
                body["dimensions"] = ask.dimensions
            return phrasing.ENCODER.encode(body)
        if "cohere.embed" in upstream_model:
            purpose = _PURPOSES.get(ask.purpose, "search_document")
            body = {"texts": list(ask.texts), "input_type": purpose, "embedding_types": ["float"]}
            if ask.dimensions is not None:
                body["output_dimension"] = ask.dimensions
            return phrasing.ENCODER.encode(body)
        raise UntranslatableError(
            f"{upstream_model!r} is no embedding model that is known on Bedrock: Titan's and Cohere's are.",
            "model",
        )

    def read_embeddings(self, body: bytes) -> Embedded:
        """Read the vectors of Titan or Cohere."""
        if b'"embedding"' in body:
            titan = msgspec.json.decode(body, type=_Titan)
            tokens = titan.input_text_token_count
            return Embedded("", (titan.embedding,), Usage(tokens, 0) if tokens is not None else None)
        raw = msgspec.json.decode(body, type=_Cohere).embeddings
        if bytes(raw).lstrip().startswith(b"{"):
            return Embedded("", msgspec.json.decode(raw, type=dict[str, _Vectors]).get("float", ()))
        return Embedded("", msgspec.json.decode(raw, type=_Vectors))

    def write_count(self, ask: Ask, upstream_model: str) -> bytes:
        """Return the body of CountTokens."""
        request = request_of(ask, upstream_model)
        request.pop("inferenceConfig", None)
        return phrasing.ENCODER.encode({"input": {"converse": request}})

    def read_count(self, body: bytes) -> int:
        """Read the number of tokens."""
        return msgspec.json.decode(body, type=_Count).input_tokens


def _parts(blocks: list[_Block]) -> list[Part]:
    parts: list[Part] = []
    for block in blocks:
        if block.text:
            parts.append(Text(block.text))
        elif block.tool_use is not None:
            use = block.tool_use
            parts.append(ToolCall(use.tool_use_id, use.name, bytes(use.input).decode() or "{}"))
        elif block.reasoning_content is not None:
            thought = block.reasoning_content.reasoning_text
            if thought is not None:
                parts.append(Reasoning(thought.text, thought.signature or ""))
            elif block.reasoning_content.redacted_content:
                parts.append(Reasoning(redacted=block.reasoning_content.redacted_content))
    return parts


class _Reader:
    """Follows ConverseStream."""

    __slots__ = ("_calls", "_done", "_frames", "_json_tool", "_stopped")

    def __init__(self) -> None:
        self._frames = FrameReader()
        self._json_tool = phrasing.JsonToolStream()
        self._calls: dict[int, int] = {}
        self._stopped = False
        self._done = False

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that are whole now."""
        return [self._json_tool.turn(Event(b"", self._pieces(framed))) for framed in self._frames.feed(data)]

    def finish(self) -> list[Event]:
        """The connection has ended; usage comes after the stop, but it is no part of the answer."""
        self._frames.finish()
        if self._stopped and not self._done:
            self._done = True
            return [Event(b"", (Done(),))]
        return []

    def _pieces(self, framed: Framed) -> tuple[Piece, ...]:
        headers = framed.headers
        if headers.get(":message-type") in {"exception", "error"}:
            return (Failed(_failure(framed)),)
        try:
            said = _PAYLOADS.decode(framed.payload)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return (Failed(ProviderError("An event of the stream cannot be read.", kind="protocol_error")),)
        kind = headers.get(":event-type", "")
        if kind == "contentBlockDelta" and said.delta is not None:
            return self._delta(said.content_block_index, said.delta)
        if kind == "contentBlockStart" and said.start is not None and said.start.tool_use is not None:
            use = said.start.tool_use
            number = self._calls[said.content_block_index] = len(self._calls)
            return (ToolBegan(number, use.tool_use_id, use.name),)
        if kind == "messageStart":
            return (Began("", ""),)
        if kind == "messageStop":
            self._stopped = True
            finish = _FINISH.get(said.stop_reason, "error")
            return (Finished(phrasing.finish_of(finish, called=bool(self._calls))),)
        if kind == "metadata":
            self._done = True
            usage = _usage(said.usage)
            return (Done(),) if usage is None else (Used(usage), Done())
        return ()

    def _delta(self, block: int, delta: _Delta) -> tuple[Piece, ...]:
        if delta.text is not None:
            return (TextDelta(delta.text),)
        if delta.tool_use is not None:
            return (ToolDelta(self._calls.get(block, 0), delta.tool_use.input),)
        thought = delta.reasoning_content
        if thought is not None:
            redacted = thought.redacted_content or ""
            return (ReasoningDelta(thought.text or "", thought.signature or "", redacted),)
        return ()


def _failure(framed: Framed) -> ProviderError:
    found = error_of(0, framed.payload)
    kind = framed.headers.get(":exception-type") or framed.headers.get(":error-code") or found.kind
    message = found.message or framed.headers.get(":error-message") or kind or "The stream broke off."
    return ProviderError(message, kind=kind, code=found.code)
