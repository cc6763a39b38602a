"""Pure: OpenAI's API as a provider, compatible servers and Azure: chat, responses and embeddings."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import msgspec

from roadworthy.gateway.dialects.dialect import Operation, Reader, UntranslatableError
from roadworthy.gateway.dialects.events import CHAT_FINISH, ChatReader
from roadworthy.gateway.dialects.failure import error_of
from roadworthy.gateway.dialects.metering import OpenAIUsage, openai_counts, openai_usage
from roadworthy.gateway.dialects.neutral import (
    Ask,
    Choice,
    Document,
    Embedded,
    EmbeddingsAsk,
    Finish,
    Image,
    Message,
    Part,
    ProviderError,
    Reasoning,
    Said,
    Text,
    ToolCall,
    ToolResult,
    Usage,
)
from roadworthy.gateway.dialects.providers import phrasing
from roadworthy.gateway.dialects.responses_events import ResponsesReader

_NEW_LIMIT = re.compile(r"(?:^|/)(?:gpt-(?:[5-9]|\d\d)|o\d|chatgpt)")
_KEPT = frozenset({"presence_penalty", "frequency_penalty", "service_tier", "metadata", "store", "verbosity"})
_EFFORTS = ((2048, "low"), (8192, "medium"))


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    id: str | None = None
    function: _Function | None = None


class _Message(msgspec.Struct):
    content: str | list[dict[str, Any]] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    tool_calls: list[_ToolCall] | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None
    index: int = 0


class _Answer(msgspec.Struct):
    choices: list[_Choice]
    id: str | None = None
    model: str | None = None
    created: float | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _OnlyUsage(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()


class _UsualUsage(msgspec.Struct):
    usage: OpenAIUsage | None = None


class _Checked(msgspec.Struct):
    choices: msgspec.Raw = msgspec.Raw()
    output: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()


class _Vector(msgspec.Struct):
    embedding: tuple[float, ...]
    index: int = 0


class _Vectors(msgspec.Struct):
    data: list[_Vector]
    model: str = ""
    usage: msgspec.Raw = msgspec.Raw()


_ANSWERS = msgspec.json.Decoder(_Answer)
_USUAL_USAGE = msgspec.json.Decoder(_UsualUsage)
_ONLY_USAGE = msgspec.json.Decoder(_OnlyUsage)
_CHECKED = msgspec.json.Decoder(_Checked)
_VECTORS = msgspec.json.Decoder(_Vectors)


class OpenAIDialect:
    """OpenAI, and every server that is compatible with it."""

    name = "openai"
    stream_type = b"text/event-stream"

    def path(self, upstream_model: str, operation: Operation, *, stream: bool) -> str:
        """Return the path; whether it streams is said by the body."""
        if operation == "embeddings":
            return "/embeddings"
        if operation == "count_tokens":
            raise UntranslatableError("OpenAI's API does not count the tokens of a request.", "model")
        return "/responses" if operation == "responses" else "/chat/completions"

    def write(self, ask: Ask, upstream_model: str) -> bytes:
        """Return the body of a chat completion."""
        return phrasing.ENCODER.encode(self._request(ask, upstream_model))

    def _limit(self, upstream_model: str) -> str:
        """Name the field that bounds the answer: OpenAI's newer models refuse what most servers know."""
        return "max_completion_tokens" if _NEW_LIMIT.search(upstream_model) else "max_tokens"

    def _request(self, ask: Ask, upstream_model: str) -> dict[str, Any]:
        request: dict[str, Any] = {
            "model": upstream_model,
            "messages": [said for message in ask.messages for said in _messages(message)],
        }
        optional = {
            self._limit(upstream_model): ask.max_output_tokens,
            "temperature": ask.temperature,
            "top_p": ask.top_p,
            "top_k": ask.top_k,
            "seed": ask.seed,
            "n": ask.count if ask.count > 1 else None,
            "stop": list(ask.stop) or None,
            "parallel_tool_calls": ask.parallel_tool_calls if ask.tools else None,
            "reasoning_effort": _effort(ask) or None,
            "user": ask.user or None,
            "response_format": _format(ask),
            "tools": [_tool(tool) for tool in ask.tools] or None,
            "tool_choice": _choice_of(ask) if ask.tools else None,
        }
        request.update({name: value for name, value in optional.items() if value is not None})
        if ask.stream:
            request["stream"] = True
            request["stream_options"] = {"include_usage": True}
        phrasing.refuse_extras(
            ask, "OpenAI", known=frozenset({"logprobs", "top_logprobs", "logit_bias", "audio", "prompt"})
        )
        request.update({name: raw for name, raw in ask.extras.items() if name in _KEPT})
        return request

    def read(self, body: bytes) -> Said:
        """Read a whole answer."""
        answer = _ANSWERS.decode(body)
        if not answer.choices:
            raise ValueError("there is no choice in the answer")
        return Said(
            id=answer.id or "",
            model=answer.model or "",
            choices=tuple(_said(choice) for choice in answer.choices),
            usage=openai_usage(bytes(answer.usage)),
            created=int(answer.created or 0),
        )

    def usage(self, body: bytes, operation: Operation) -> Usage | None:
        """Return what was used."""
        try:
            usage = _USUAL_USAGE.decode(body).usage
            return openai_counts(usage) if usage is not None else None
        except (msgspec.DecodeError, ValueError, RecursionError):
            pass  # something in it has another shape than usual
        try:
            return openai_usage(bytes(_ONLY_USAGE.decode(body).usage))
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None

    def check(self, body: bytes, operation: Operation) -> None:
        """Make sure that this is an answer."""
        found = _CHECKED.decode(body)
        raw = {"responses": found.output, "embeddings": found.data}.get(operation, found.choices)
        if not bytes(raw).startswith(b"[") or (operation != "responses" and bytes(raw) == b"[]"):
            raise ValueError("the answer holds nothing of what was asked for")

    def reader(self, operation: Operation) -> Reader:
        """Return what follows a stream."""
        return ResponsesReader() if operation == "responses" else ChatReader()

    def error(self, status: int, body: bytes) -> ProviderError:
        """Return what an error says."""
        return error_of(status, body)

    def write_embeddings(self, ask: EmbeddingsAsk, upstream_model: str) -> bytes:
        """Return the body that asks for vectors."""
        request: dict[str, Any] = {
            "model": upstream_model,
            "input": list(ask.texts),
            "encoding_format": "float",
        }
        if ask.dimensions is not None:
            request["dimensions"] = ask.dimensions
        if ask.user:
            request["user"] = ask.user
        return phrasing.ENCODER.encode(request)

    def read_embeddings(self, body: bytes) -> Embedded:
        """Read the vectors."""
        found = _VECTORS.decode(body)
        ordered = sorted(found.data, key=lambda one: one.index)
        return Embedded(
            found.model, tuple(one.embedding for one in ordered), openai_usage(bytes(found.usage))
        )

    def write_count(self, ask: Ask, upstream_model: str) -> bytes:
        """Refuse: this API does not count."""
        raise UntranslatableError("OpenAI's API does not count the tokens of a request.", "model")

    def read_count(self, body: bytes) -> int:
        """Refuse: this API does not count."""
        raise ValueError("there is no count here")


class AzureOpenAIDialect(OpenAIDialect):
    """OpenAI's models at Microsoft: the deployment is part of the path."""

    name = "azure-openai"

    def path(self, upstream_model: str, operation: Operation, *, stream: bool) -> str:
        """Return the path; the version of the API is added from the declaration."""
        path = super().path(upstream_model, operation, stream=stream)
        if operation == "responses":
            return f"/openai{path}"
        return f"/openai/deployments/{quote(upstream_model, safe='')}{path}"

    def _limit(self, upstream_model: str) -> str:
        """Return the newer name: a deployment's name does not tell which model it is."""
        return "max_completion_tokens"


class _WithoutResponses(OpenAIDialect):
    """Has no responses: they are translated, and asked for as chat completions."""

    def path(self, upstream_model: str, operation: Operation, *, stream: bool) -> str:
        """Return the path of chat completions for responses."""
        asked: Operation = "chat" if operation == "responses" else operation
        return super().path(upstream_model, asked, stream=stream)

    def reader(self, operation: Operation) -> Reader:
        """Return what follows a stream of chat completions: there is no other."""
        return ChatReader()


class OpenAIChatDialect(_WithoutResponses):
    """A server compatible with OpenAI that has chat completions and no responses."""

    name = "openai-chat"


class AzureOpenAIChatDialect(_WithoutResponses, AzureOpenAIDialect):
    """A resource of Azure OpenAI whose version of the API has no responses."""

    name = "azure-openai-chat"


# ------------------------------------------------------------------ what is read


def _said(choice: _Choice) -> Choice:
    message = choice.message
    parts: list[Part] = []
    thought = message.reasoning_content or (message.reasoning if isinstance(message.reasoning, str) else "")
    if thought:
        parts.append(Reasoning(thought))
    if isinstance(message.content, str):
        if message.content:
            parts.append(Text(message.content))
    elif message.content:
        parts.extend(
            Text(one["text"]) for one in message.content if isinstance(one.get("text"), str) and one["text"]
        )
    if message.refusal:
        parts.append(Text(message.refusal))
    for number, call in enumerate(message.tool_calls or ()):
        made = call.function or _Function()
        parts.append(ToolCall(call.id or f"call_{number}", made.name or "", made.arguments or "{}"))
    if message.function_call is not None:
        call_ = message.function_call
        parts.append(ToolCall("call_0", call_.name or "", call_.arguments or "{}"))
    finish: Finish = "refusal" if message.refusal else CHAT_FINISH.get(choice.finish_reason or "stop", "stop")
    called = any(isinstance(part, ToolCall) for part in parts)
    return Choice(tuple(parts), phrasing.finish_of(finish, called=called), choice.index)


# ------------------------------------------------------------------ what is written


def _effort(ask: Ask) -> str:
    if ask.reasoning_effort or ask.reasoning_budget_tokens is None:
        return ask.reasoning_effort
    return next((word for most, word in _EFFORTS if ask.reasoning_budget_tokens <= most), "high")


def _format(ask: Ask) -> dict[str, Any] | None:
    wanted = ask.output_format
    if wanted is None:
        return None
    if not bytes(wanted.schema):
        return {"type": "json_object"}
    schema: dict[str, Any] = {"name": wanted.name or "answer", "schema": wanted.schema}
    if wanted.description:
        schema["description"] = wanted.description
    if wanted.strict is not None:
        schema["strict"] = wanted.strict
    return {"type": "json_schema", "json_schema": schema}


def _tool(tool: Any) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters}
    if bytes(tool.parameters) in {b"", b"null"}:
        del function["parameters"]
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def _choice_of(ask: Ask) -> Any:
    if only := phrasing.chosen_tool(ask):
        return {"type": "function", "function": {"name": only}}
    return ask.tool_choice or None


def _messages(message: Message) -> Iterator[dict[str, Any]]:
    """Yield what one message is here: results of tools are messages of their own, and stand first."""
    results = [part for part in message.parts if isinstance(part, ToolResult)]
    for result in results:
        text = phrasing.words(result.parts)
        yield {"role": "tool", "tool_call_id": _id(result.id), "content": text}
    shown = [part for result in results for part in result.parts if isinstance(part, Image)]
    others = [part for part in message.parts if not isinstance(part, ToolResult)]
    if message.role == "assistant":
        yield _assistant(others)
    elif others or shown or not results:
        content = _content([*shown, *others])
        said: dict[str, Any] = {
            "role": "user" if message.role == "tool" else message.role,
            "content": content,
        }
        if message.name:
            said["name"] = message.name
        yield said


def _id(id_: str) -> str:
    """Return an id as short as OpenAI wants it; without what another provider put into it."""
    return phrasing.plain_id(id_)[:40]


def _assistant(parts: Sequence[Part]) -> dict[str, Any]:
    """Say an assistant's turn; thought has no place in it."""
    calls = [
        {
            "id": _id(part.id),
            "type": "function",
            "function": {"name": part.name, "arguments": part.arguments or "{}"},
        }
        for part in parts
        if isinstance(part, ToolCall)
    ]
    text = "".join(part.text for part in parts if isinstance(part, Text))
    said: dict[str, Any] = {"role": "assistant", "content": text or (None if calls else "")}
    if calls:
        said["tool_calls"] = calls
    return said


def _content(parts: Sequence[Part]) -> Any:
    if all(isinstance(part, Text) for part in parts):
        return "\n\n".join(part.text for part in parts if isinstance(part, Text))
    content: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Text):
            content.append({"type": "text", "text": part.text})
        elif isinstance(part, Image):
            image: dict[str, Any] = {"url": phrasing.url_of(part)}
            if part.detail:
                image["detail"] = part.detail
            content.append({"type": "image_url", "image_url": image})
        elif isinstance(part, Document):
            content.append(_document(part))
    return content


def _document(part: Document) -> dict[str, Any]:
    held = phrasing.data_of(part)
    if held is None:
        raise UntranslatableError(
            "OpenAI's chat takes documents as data, not by address; send the document itself.", "messages"
        )
    name = part.name or "document"
    return {"type": "file", "file": {"filename": name, "file_data": f"data:{held[0]};base64,{held[1]}"}}
