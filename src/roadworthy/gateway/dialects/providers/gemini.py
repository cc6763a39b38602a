"""Pure: Google's Gemini API: `generateContent`, its stream, `batchEmbedContents` and `countTokens`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from roadworthy.gateway.dialects.dialect import Operation, Reader, UntranslatableError
from roadworthy.gateway.dialects.events import EventCutter
from roadworthy.gateway.dialects.failure import error_of
from roadworthy.gateway.dialects.neutral import (
    Ask,
    Began,
    Choice,
    Document,
    Done,
    Embedded,
    EmbeddingsAsk,
    Event,
    Failed,
    Finish,
    Finished,
    Image,
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
    ToolResult,
    Usage,
    Used,
)
from roadworthy.gateway.dialects.providers import phrasing

_FINISH: dict[str, Finish] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "LANGUAGE": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
}
_BUDGETS = {"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24_576, "xhigh": 24_576}
_LEVELS = {"none": "minimal", "minimal": "minimal", "low": "low", "medium": "medium"}
_PURPOSES = {"query": "RETRIEVAL_QUERY", "document": "RETRIEVAL_DOCUMENT"}
_VERSION = re.compile(r"gemini-(\d+)")
_MEDIA = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"} | {
    "gif": "image/gif",
    "heic": "image/heic",
    "pdf": "application/pdf",
}
_NAME = "Gemini"


class _Call(msgspec.Struct):
    name: str = ""
    id: str | None = None
    args: msgspec.Raw = msgspec.Raw()


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    thought_signature: str | None = None
    function_call: _Call | None = None


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    index: int | None = None


class _Usage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    cached_content_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | None = None


class _Answer(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: msgspec.Raw = msgspec.Raw()
    model_version: str = ""
    response_id: str = ""
    error: msgspec.Raw = msgspec.Raw()


class _Vector(msgspec.Struct):
    values: tuple[float, ...] = ()


class _Vectors(msgspec.Struct):
    embeddings: list[_Vector]


class _Count(msgspec.Struct, rename="camel"):
    total_tokens: int


class _OnlyUsage(msgspec.Struct, rename="camel"):
    usage_metadata: msgspec.Raw = msgspec.Raw()


_ANSWERS = msgspec.json.Decoder(_Answer)
_USAGES = msgspec.json.Decoder(_Usage)
_ONLY_USAGE = msgspec.json.Decoder(_OnlyUsage)


def _usage(raw: msgspec.Raw) -> Usage | None:
    """Read what was used; nonsense is no usage."""
    if not bytes(raw):
        return None
    try:
        found = _USAGES.decode(raw)
    except (msgspec.DecodeError, ValueError):
        return None
    counts = (found.prompt_token_count, found.candidates_token_count, found.thoughts_token_count)
    if all(one is None for one in counts) or any(one is not None and one < 0 for one in counts):
        return None
    # What is 0 is left out of the JSON; thinking is counted beside the answer, and paid like it.
    return Usage(
        input_tokens=(found.prompt_token_count or 0) + (found.tool_use_prompt_token_count or 0),
        output_tokens=(found.candidates_token_count or 0) + (found.thoughts_token_count or 0),
        cached_input_tokens=found.cached_content_token_count or 0,
        reasoning_tokens=found.thoughts_token_count or 0,
    )


def _id_of(answer: _Answer, body: bytes) -> str:
    return answer.response_id or hashlib.blake2b(body, digest_size=12).hexdigest()


def _call_of(part: _Part, answer_id: str, number: int) -> ToolCall:
    call = part.function_call
    assert call is not None
    id_ = call.id or f"call_{phrasing.plain_id(answer_id)[:24]}_{number}"
    arguments = bytes(call.args).decode("utf-8", "replace") or "{}"
    signed = phrasing.signed_id(id_, part.thought_signature or "")
    return ToolCall(signed, call.name, "{}" if arguments == "null" else arguments)


def _signature(part: _Part) -> str:
    return phrasing.GEMINI_MARK + part.thought_signature if part.thought_signature else ""


class GeminiDialect:
    """Google's Gemini API."""

    name = "gemini"
    stream_type = b"text/event-stream"

    def path(self, upstream_model: str, operation: Operation, *, stream: bool) -> str:
        """Return the method's path."""
        named = upstream_model if "/" in upstream_model else f"models/{upstream_model}"
        place = f"/{quote(named, safe='/')}"
        if operation == "embeddings":
            return f"{place}:batchEmbedContents"
        if operation == "count_tokens":
            return f"{place}:countTokens"
        return f"{place}:streamGenerateContent?alt=sse" if stream else f"{place}:generateContent"

    def write(self, ask: Ask, upstream_model: str) -> bytes:
        """Return the body of `generateContent`."""
        return phrasing.ENCODER.encode(_request(ask, upstream_model))

    def read(self, body: bytes) -> Said:
        """Read a whole answer."""
        answer = _ANSWERS.decode(body)
        blocked = answer.prompt_feedback is not None and answer.prompt_feedback.block_reason
        if not answer.candidates and not blocked:
            raise ValueError("there is no candidate in the answer")
        answer_id = _id_of(answer, body)
        choices = tuple(
            _choice(candidate, index, answer_id) for index, candidate in enumerate(answer.candidates or ())
        )
        return Said(
            id=answer_id,
            model=answer.model_version,
            choices=choices or (Choice((), "content_filter"),),
            usage=_usage(answer.usage_metadata),
        )

    def usage(self, body: bytes, operation: Operation) -> Usage | None:
        """Return what was used."""
        try:
            return _usage(_ONLY_USAGE.decode(body).usage_metadata)
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
        """Return what follows `streamGenerateContent`."""
        return _Reader()

    def error(self, status: int, body: bytes) -> ProviderError:
        """Return what an error says."""
        return error_of(status, body)

    def write_embeddings(self, ask: EmbeddingsAsk, upstream_model: str) -> bytes:
        """Return the body of `batchEmbedContents`."""
        named = upstream_model if "/" in upstream_model else f"models/{upstream_model}"
        shared: dict[str, Any] = {"model": named}
        if ask.dimensions is not None:
            shared["outputDimensionality"] = ask.dimensions
        if ask.purpose in _PURPOSES:
            shared["taskType"] = _PURPOSES[ask.purpose]
        requests = [{**shared, "content": {"parts": [{"text": text}]}} for text in ask.texts]
        return phrasing.ENCODER.encode({"requests": requests})

    def read_embeddings(self, body: bytes) -> Embedded:
        """Read the vectors; Gemini does not say which model made them, nor of how many tokens."""
        found = msgspec.json.decode(body, type=_Vectors)
        return Embedded("", tuple(one.values for one in found.embeddings), self.usage(body, "embeddings"))

    def write_count(self, ask: Ask, upstream_model: str) -> bytes:
        """Return the body of `countTokens`."""
        named = upstream_model if "/" in upstream_model else f"models/{upstream_model}"
        request = {"model": named, **_request(ask, upstream_model)}
        request.pop("generationConfig", None)
        return phrasing.ENCODER.encode({"generateContentRequest": request})

    def read_count(self, body: bytes) -> int:
        """Read the number of tokens."""
        return msgspec.json.decode(body, type=_Count).total_tokens


def _choice(candidate: _Candidate, index: int, answer_id: str) -> Choice:
    parts: list[Part] = []
    calls = 0
    found = candidate.content.parts if candidate.content is not None else None
    for part in found or ():
        if part.function_call is not None:
            parts.append(_call_of(part, answer_id, calls))
            calls += 1
        elif part.thought:
            parts.append(Reasoning(part.text or "", _signature(part)))
        else:
            if part.thought_signature:
                parts.append(Reasoning("", _signature(part)))
            if part.text:
                parts.append(Text(part.text))
    finish = _FINISH.get(candidate.finish_reason or "STOP", "error")
    return Choice(tuple(parts), phrasing.finish_of(finish, called=calls > 0), candidate.index or index)


class _Reader:
    """Follows `streamGenerateContent?alt=sse`: every event is a small answer of its own."""

    __slots__ = ("_began", "_calls", "_cutter", "_finished", "_id")

    def __init__(self) -> None:
        self._cutter = EventCutter()
        self._began = False
        self._id = ""
        self._calls: dict[int, int] = {}
        self._finished: set[int] = set()

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that are whole now."""
        return [Event(raw, self._pieces(said)) for raw, said in self._cutter.feed(data)]

    def finish(self) -> list[Event]:
        """The connection has ended; after a finish reason that is how a stream ends here."""
        events = [Event(raw, self._pieces(said)) for raw, said in self._cutter.finish()]
        if self._finished:
            events.append(Event(b"", (Done(),)))
        return events

    def _pieces(self, data: bytes) -> tuple[Piece, ...]:
        if not data:
            return ()
        try:
            answer = _ANSWERS.decode(data)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return (Failed(ProviderError("An event of the stream cannot be read.", kind="protocol_error")),)
        if bytes(answer.error) not in {b"", b"null"}:
            return (Failed(error_of(0, data)),)
        pieces: list[Piece] = []
        if not self._began:
            self._began = True
            self._id = _id_of(answer, data)
            pieces.append(Began(self._id, answer.model_version))
        for position, candidate in enumerate(answer.candidates or ()):
            self._candidate(candidate, candidate.index or position, pieces)
        if not answer.candidates and answer.prompt_feedback and answer.prompt_feedback.block_reason:
            self._finished.add(0)
            pieces.append(Finished("content_filter"))
        usage = _usage(answer.usage_metadata)
        if usage is not None:
            pieces.append(Used(usage))
        return tuple(pieces)

    def _candidate(self, candidate: _Candidate, index: int, pieces: list[Piece]) -> None:
        for part in (candidate.content.parts if candidate.content is not None else None) or ():
            if part.function_call is not None:
                number = self._calls.get(index, 0)
                self._calls[index] = number + 1
                call = _call_of(part, f"{self._id}_{index}" if index else self._id, number)
                pieces.append(ToolBegan(number, call.id, call.name, index))
                pieces.append(ToolDelta(number, call.arguments, index))
            elif part.thought:
                pieces.append(ReasoningDelta(part.text or "", _signature(part), index=index))
            else:
                if part.thought_signature:
                    pieces.append(ReasoningDelta("", _signature(part), index=index))
                if part.text:
                    pieces.append(TextDelta(part.text, index))
        if candidate.finish_reason and index not in self._finished:
            self._finished.add(index)
            finish = _FINISH.get(candidate.finish_reason, "error")
            pieces.append(Finished(phrasing.finish_of(finish, called=index in self._calls), index))


# ------------------------------------------------------------------ what is written


def _request(ask: Ask, model: str) -> dict[str, Any]:
    phrasing.refuse_extras(ask, _NAME)
    if ask.parallel_tool_calls is False and ask.tools:
        raise UntranslatableError(
            f"{_NAME} cannot be kept from calling several tools at once.", "parallel_tool_calls"
        )
    names = phrasing.called_names(ask)
    request: dict[str, Any] = {
        "contents": [
            {"role": "model" if role == "assistant" else "user", "parts": _parts(parts, names)}
            for role, parts in phrasing.turns(ask)
        ]
    }
    request["contents"] = [turn for turn in request["contents"] if turn["parts"]]
    if system := phrasing.system_texts(ask):
        request["systemInstruction"] = {"parts": [{"text": text} for text in system]}
    if ask.tools:
        request["tools"] = [{"functionDeclarations": [_declaration(tool) for tool in ask.tools]}]
        request["toolConfig"] = {"functionCallingConfig": _calling(ask)}
    if config := _generation(ask, model):
        request["generationConfig"] = config
    return request


def _declaration(tool: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name}
    if tool.description:
        said["description"] = tool.description
    if bytes(tool.parameters) not in {b"", b"{}", b"null"}:
        said["parametersJsonSchema"] = tool.parameters
    return said


def _calling(ask: Ask) -> dict[str, Any]:
    if only := phrasing.chosen_tool(ask):
        return {"mode": "ANY", "allowedFunctionNames": [only]}
    return {"mode": {"none": "NONE", "required": "ANY"}.get(ask.tool_choice, "AUTO")}


def _generation(ask: Ask, model: str) -> dict[str, Any]:
    config: dict[str, Any] = {
        "maxOutputTokens": ask.max_output_tokens,
        "temperature": ask.temperature,
        "topP": ask.top_p,
        "topK": ask.top_k,
        "seed": ask.seed,
        "candidateCount": ask.count if ask.count > 1 else None,
        "stopSequences": list(ask.stop) or None,
        "presencePenalty": ask.extras.get("presence_penalty"),
        "frequencyPenalty": ask.extras.get("frequency_penalty"),
    }
    if ask.output_format is not None:
        config["responseMimeType"] = "application/json"
        if bytes(ask.output_format.schema):
            config["responseJsonSchema"] = ask.output_format.schema
    config["thinkingConfig"] = _thinking(ask, model)
    return {name: value for name, value in config.items() if value is not None}


def _thinking(ask: Ask, model: str) -> dict[str, Any] | None:
    if ask.reasoning_budget_tokens is not None:
        return {"thinkingBudget": ask.reasoning_budget_tokens, "includeThoughts": True}
    effort = ask.reasoning_effort
    if not effort:
        return None
    version = _VERSION.search(model)
    if version is not None and int(version[1]) >= 3:
        return {"thinkingLevel": _LEVELS.get(effort, "high"), "includeThoughts": effort != "none"}
    return {"thinkingBudget": _BUDGETS.get(effort, 24_576), "includeThoughts": effort != "none"}


def _parts(parts: Sequence[Part], names: dict[str, str]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = []
    signature = ""  # goes with the part that follows the thought it was under
    for part in parts:
        if isinstance(part, Reasoning):
            if part.signature.startswith(phrasing.GEMINI_MARK):
                signature = part.signature.removeprefix(phrasing.GEMINI_MARK)
            continue
        if isinstance(part, ToolResult):
            said.extend(_result(part, names))
            continue
        made = _part(part)
        if isinstance(part, ToolCall):
            signature = phrasing.signature_in(part.id) or signature
        if made is not None:
            if signature:
                made["thoughtSignature"], signature = signature, ""
            said.append(made)
    return said


def _part(part: Part) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"text": part.text} if part.text else None
    if isinstance(part, Image | Document):
        return _media(part)
    assert isinstance(part, ToolCall)
    id_ = phrasing.unsigned_id(part.id)
    call: dict[str, Any] = {"name": part.name, "args": phrasing.arguments_of(part)}
    return {"functionCall": {"id": id_, **call} if id_ and not id_.startswith("call_") else call}


def _media(part: Image | Document) -> dict[str, Any]:
    held = phrasing.data_of(part)
    if held is not None:
        media_type, data = held
        return {"inlineData": {"mimeType": media_type or "application/octet-stream", "data": data}}
    file: dict[str, Any] = {"fileUri": part.url}
    ending = part.url.partition("?")[0].rpartition(".")[2].lower()
    if media_type := part.media_type or _MEDIA.get(ending, ""):
        file["mimeType"] = media_type
    return {"fileData": file}


def _result(part: ToolResult, names: dict[str, str]) -> list[dict[str, Any]]:
    name = names.get(part.id)
    if name is None:
        raise UntranslatableError(
            f"The result {part.id[:80]!r} belongs to no call in the conversation, so {_NAME} cannot be told "
            "which tool it is from.",
            "messages",
        )
    text = phrasing.words(part.parts)
    id_ = phrasing.unsigned_id(part.id)
    answer: dict[str, Any] = {"name": name, "response": _response(text, failed=part.failed)}
    if id_ and not id_.startswith("call_"):
        answer["id"] = id_
    said: list[dict[str, Any]] = [{"functionResponse": answer}]
    said.extend(_media(one) for one in part.parts if isinstance(one, Image))
    return said


def _response(text: str, *, failed: bool) -> Any:
    if failed:
        return {"error": text}
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = None
    return msgspec.Raw(text.encode()) if isinstance(found, dict) else {"result": text}
