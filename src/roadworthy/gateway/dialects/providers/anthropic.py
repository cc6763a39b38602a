"""Pure: Anthropic's Messages API as a provider: messages, their stream, and the count of tokens."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import msgspec

from roadworthy.gateway.dialects.anthropic_events import AnthropicReader
from roadworthy.gateway.dialects.dialect import Operation, Reader, UntranslatableError
from roadworthy.gateway.dialects.failure import error_of
from roadworthy.gateway.dialects.metering import anthropic_counts, anthropic_usage
from roadworthy.gateway.dialects.neutral import (
    Ask,
    Choice,
    Document,
    Embedded,
    EmbeddingsAsk,
    Event,
    Finish,
    Image,
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

_FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "pause",
    "refusal": "refusal",
}
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576}
_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "max", "max": "max"}
_ADAPTIVE_SINCE = (4, 6)
_VERSION = re.compile(r"claude-[a-z]+-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_OUTPUT_TOKENS = 4096
"""What is asked for when nobody said how long the answer may be: the API insists on a number."""
_NAME = "Anthropic"


class _Block(msgspec.Struct):
    type: str
    text: str = ""
    thinking: str = ""
    signature: str = ""
    data: str = ""
    id: str = ""
    name: str = ""
    input: msgspec.Raw = msgspec.Raw()


class _Answer(msgspec.Struct):
    content: list[_Block]
    id: str = ""
    model: str = ""
    stop_reason: str | None = None
    usage: msgspec.Raw = msgspec.Raw()


class _OnlyUsage(msgspec.Struct):
    usage: msgspec.Raw = msgspec.Raw()


class _Checked(msgspec.Struct):
    content: list[msgspec.Raw]


class _Count(msgspec.Struct):
    input_tokens: int


_ANSWERS = msgspec.json.Decoder(_Answer)
_ONLY_USAGE = msgspec.json.Decoder(_OnlyUsage)
_CHECKED = msgspec.json.Decoder(_Checked)


def _usage(raw: msgspec.Raw) -> Usage | None:
    found = anthropic_counts(bytes(raw))
    return None if found is None or found.input_tokens is None else anthropic_usage(found)


class AnthropicDialect:
    """Anthropic's Messages API."""

    name = "anthropic"
    stream_type = b"text/event-stream"

    def path(self, upstream_model: str, operation: Operation, *, stream: bool) -> str:
        """Return the path; whether it streams is said by the body."""
        if operation == "embeddings":
            raise UntranslatableError(f"{_NAME} has no embedding models.", "model")
        return "/messages/count_tokens" if operation == "count_tokens" else "/messages"

    def write(self, ask: Ask, upstream_model: str) -> bytes:
        """Return the body of a message."""
        return phrasing.ENCODER.encode(_request(ask, upstream_model))

    def read(self, body: bytes) -> Said:
        """Read a whole answer."""
        answer = _ANSWERS.decode(body)
        parts = tuple(part for block in answer.content if (part := _part(block)) is not None)
        called = any(isinstance(part, ToolCall) for part in parts)
        finish = phrasing.finish_of(_FINISH.get(answer.stop_reason or "end_turn", "error"), called=called)
        choice = phrasing.without_json_tool(Choice(parts, finish))
        return Said(id=answer.id, model=answer.model, choices=(choice,), usage=_usage(answer.usage))

    def usage(self, body: bytes, operation: Operation) -> Usage | None:
        """Return what was used; counting tokens uses none."""
        try:
            return _usage(_ONLY_USAGE.decode(body).usage)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return None

    def check(self, body: bytes, operation: Operation) -> None:
        """Make sure that this is an answer."""
        if operation == "count_tokens":
            self.read_count(body)
        else:
            _CHECKED.decode(body)

    def reader(self, operation: Operation) -> Reader:
        """Return what follows a message's stream."""
        return _Reader()

    def error(self, status: int, body: bytes) -> ProviderError:
        """Return what an error says."""
        return error_of(status, body)

    def write_embeddings(self, ask: EmbeddingsAsk, upstream_model: str) -> bytes:
        """Refuse: there are no embeddings here."""
        raise UntranslatableError(f"{_NAME} has no embedding models.", "model")

    def read_embeddings(self, body: bytes) -> Embedded:
        """Refuse: there are no embeddings here."""
        raise ValueError("there are no embeddings here")

    def write_count(self, ask: Ask, upstream_model: str) -> bytes:
        """Return the body of a count."""
        request = _request(ask, upstream_model)
        for name in ("max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata"):
            request.pop(name, None)
        return phrasing.ENCODER.encode(request)

    def read_count(self, body: bytes) -> int:
        """Read the number of tokens."""
        return msgspec.json.decode(body, type=_Count).input_tokens


def _part(block: _Block) -> Part | None:
    if block.type == "text":
        return Text(block.text)
    if block.type == "tool_use":
        return ToolCall(block.id, block.name, bytes(block.input).decode() or "{}")
    if block.type == "thinking":
        return Reasoning(block.thinking, block.signature)
    if block.type == "redacted_thinking":
        return Reasoning(redacted=block.data)
    return None


# ------------------------------------------------------------------ what is written


def _request(ask: Ask, model: str) -> dict[str, Any]:
    phrasing.refuse_extras(ask, _NAME, known=frozenset({"mcp_servers", "container"}))
    phrasing.refuse_many(ask, _NAME)
    if ask.temperature is not None and ask.temperature > 1:
        raise UntranslatableError(f"{_NAME} knows temperatures from 0 to 1.", "temperature")
    request: dict[str, Any] = {
        "model": model,
        "max_tokens": ask.max_output_tokens or _OUTPUT_TOKENS,
        "messages": _messages(ask),
    }
    if system := phrasing.system_texts(ask):
        request["system"] = [{"type": "text", "text": text} for text in system]
    optional = {
        "stream": True if ask.stream else None,
        "temperature": ask.temperature,
        "top_p": ask.top_p,
        "top_k": ask.top_k,
        "stop_sequences": list(ask.stop) or None,
        "metadata": {"user_id": ask.user} if ask.user else None,
        **{name: ask.extras.get(name) for name in ("mcp_servers", "container", "context_management")},
    }
    request.update({name: value for name, value in optional.items() if value is not None})
    _add_tools(request, ask)
    _add_thinking(request, ask, model)
    return request


def _messages(ask: Ask) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for role, parts in phrasing.turns(ask):
        # Results stand first: what follows them is what the user says to them.
        ordered = (
            sorted(parts, key=lambda part: not isinstance(part, ToolResult)) if role == "user" else parts
        )
        content = [block for part in ordered for block in _blocks(part)]
        if content:
            messages.append({"role": role, "content": content})
    if messages and messages[-1]["role"] == "assistant":
        last = messages[-1]["content"][-1]
        if last["type"] == "text":  # an answer begun may not end in a blank
            last["text"] = last["text"].rstrip()
    return messages


def _blocks(part: Part) -> Sequence[dict[str, Any]]:
    if isinstance(part, Text):
        return ({"type": "text", "text": part.text},) if phrasing.said(part.text) else ()
    if isinstance(part, Image | Document):
        return (_media(part),)
    if isinstance(part, ToolCall):
        arguments = phrasing.arguments_of(part)
        id_ = phrasing.plain_id(part.id)
        return ({"type": "tool_use", "id": id_, "name": part.name, "input": arguments},)
    if isinstance(part, ToolResult):
        return (_result(part),)
    if part.redacted:
        return ({"type": "redacted_thinking", "data": part.redacted},)
    if part.signature and not part.signature.startswith(phrasing.GEMINI_MARK):
        return ({"type": "thinking", "thinking": part.text, "signature": part.signature},)
    return ()  # a thought that is not signed is not taken back


def _media(part: Image | Document) -> dict[str, Any]:
    kind = "image" if isinstance(part, Image) else "document"
    held = phrasing.data_of(part)
    block: dict[str, Any] = {"type": kind}
    if held is None:
        block["source"] = {"type": "url", "url": part.url}
    elif held[0].startswith("text/"):
        raise UntranslatableError(f"{_NAME} takes texts as words; put the text into the message.", "messages")
    else:
        media_type = held[0] or ("image/png" if kind == "image" else "application/pdf")
        block["source"] = {"type": "base64", "media_type": media_type, "data": held[1]}
    if isinstance(part, Document) and part.name:
        block["title"] = part.name
    return block


def _result(part: ToolResult) -> dict[str, Any]:
    content = [block for one in part.parts for block in _blocks(one)]
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": phrasing.plain_id(part.id)}
    if content:
        result["content"] = content
    if part.failed:
        result["is_error"] = True
    return result


def _add_tools(request: dict[str, Any], ask: Ask) -> None:
    """Add the tools; JSON of any shape is a tool that has to be called, that of a schema has a field."""
    tools = []
    for tool in ask.tools:
        schema = phrasing.ANY_OBJECT if bytes(tool.parameters) in {b"", b"{}", b"null"} else tool.parameters
        said: dict[str, Any] = {"name": tool.name, "input_schema": schema}
        if tool.description:
            said["description"] = tool.description
        if tool.strict:
            said["strict"] = True
        tools.append(said)
    choice: dict[str, Any] = {}
    if only := phrasing.chosen_tool(ask):
        choice = {"type": "tool", "name": only}
    elif ask.tool_choice in {"none", "required"}:
        choice = {"type": "any" if ask.tool_choice == "required" else "none"}
    wanted = ask.output_format
    if wanted is not None and bytes(wanted.schema):
        request["output_config"] = {"format": {"type": "json_schema", "schema": wanted.schema}}
    elif wanted is not None and choice.get("type") != "tool":
        made = phrasing.json_tool(ask)
        offered = tools if choice.get("type") != "none" else []
        tools = [
            *offered,
            {"name": made["name"], "description": made["description"], "input_schema": made["schema"]},
        ]
        choice = {"type": "any"} if offered else {"type": "tool", "name": phrasing.JSON_TOOL}
    if not tools:
        return
    request["tools"] = tools
    if ask.parallel_tool_calls is False and choice.get("type") != "none":
        choice = {**(choice or {"type": "auto"}), "disable_parallel_tool_use": True}
    if choice:
        request["tool_choice"] = choice


def _add_thinking(request: dict[str, Any], ask: Ask, model: str) -> None:
    """Ask for thought: newer models are told how hard to think, older ones how many tokens it may take."""
    if ask.reasoning_budget_tokens is None and ask.reasoning_effort in {"", "none"}:
        return
    forced = request.get("tool_choice", {}).get("type") in {"any", "tool"}
    if forced or _thought_is_lost(ask):
        return  # together these are refused: the answer matters more than the thought before it
    version = _VERSION.search(model)
    number = (int(version[1]), int(version[2] or 0)) if version is not None else (0, 0)
    if ask.reasoning_budget_tokens is None and number >= _ADAPTIVE_SINCE:
        request["thinking"] = {"type": "adaptive"}
        effort = _EFFORTS.get(ask.reasoning_effort, "high")
        request.setdefault("output_config", {})["effort"] = effort
        return
    budget = ask.reasoning_budget_tokens or _BUDGETS.get(ask.reasoning_effort, 16_384)
    budget = min(budget, request["max_tokens"] - 1)
    if budget >= 1024:
        request["thinking"] = {"type": "enabled", "budget_tokens": budget}


def _thought_is_lost(ask: Ask) -> bool:
    """Did the caller not send back the thought that led to the calls whose results it sends?"""
    for message in reversed(ask.messages):
        if message.role == "assistant":
            calls = any(isinstance(part, ToolCall) for part in message.parts)
            signed = any(
                isinstance(part, Reasoning) and (part.signature or part.redacted) for part in message.parts
            )
            return calls and not signed
    return False


class _Reader:
    """Follows a message's stream, with the JSON tool turned back into words."""

    __slots__ = ("_inner", "_json_tool")

    def __init__(self) -> None:
        self._inner = AnthropicReader()
        self._json_tool = phrasing.JsonToolStream()

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that are whole now."""
        return [self._json_tool.turn(event) for event in self._inner.feed(data)]

    def finish(self) -> list[Event]:
        """The connection has ended."""
        return [self._json_tool.turn(event) for event in self._inner.finish()]
