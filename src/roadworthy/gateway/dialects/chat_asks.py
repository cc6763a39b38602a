"""Pure: a chat completions request in neutral form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from roadworthy.gateway.dialects import reading
from roadworthy.gateway.dialects.dialect import MalformedRequestError
from roadworthy.gateway.dialects.events import kind_of
from roadworthy.gateway.dialects.neutral import (
    Ask,
    Document,
    Image,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Role,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from roadworthy.gateway.dialects.reading import Fields, encoded, untranslatable

TRANSLATED = frozenset(
    {
        *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"),
        *("temperature", "top_p", "top_k", "seed", "n", "stop", "tools", "tool_choice", "user"),
        *("parallel_tool_calls", "response_format", "reasoning_effort"),
    }
)
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}


class _Message(msgspec.Struct):
    role: str
    content: Any = None
    name: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    function_call: dict[str, Any] | None = None
    refusal: str | None = None
    reasoning_content: str | None = None
    reasoning: Any = None
    thinking_blocks: list[dict[str, Any]] | None = None


class _ToolFunction(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    strict: bool | None = None


class _Tool(msgspec.Struct):
    type: str = "function"
    function: _ToolFunction | None = None


_MESSAGES = msgspec.json.Decoder(list[_Message])
_TOOLS = msgspec.json.Decoder(list[_Tool])


def ask_of(fields: Fields) -> Ask:
    """Translate a request."""
    limit = reading.count(fields, "max_completion_tokens")
    return Ask(
        model=reading.model_in(fields),
        messages=tuple(_message(one) for one in reading.typed(fields, "messages", _MESSAGES) or ()),
        stream=reading.flag(fields, "stream"),
        max_output_tokens=limit if limit is not None else reading.count(fields, "max_tokens"),
        temperature=reading.number(fields, "temperature"),
        top_p=reading.number(fields, "top_p"),
        top_k=reading.whole(fields, "top_k"),
        seed=reading.whole(fields, "seed"),
        count=reading.count(fields, "n") or 1,
        stop=reading.words_in(fields, "stop"),
        tools=tuple(_tool(one) for one in reading.typed(fields, "tools", _TOOLS) or ()),
        tool_choice=_tool_choice(reading.anything(fields, "tool_choice")),
        parallel_tool_calls=reading.choice_of_truth(fields, "parallel_tool_calls"),
        output_format=_format(reading.inner(fields, "response_format")),
        reasoning_effort=reading.word(fields, "reasoning_effort"),
        user=reading.word(fields, "user"),
        extras=reading.without(fields, TRANSLATED),
    )


def _bad(what: str) -> MalformedRequestError:
    return MalformedRequestError(what, "messages")


def _message(message: _Message) -> Message:
    role = _ROLES.get(message.role)
    if role is None:
        raise _bad(f"A message has the role {message.role[:40]!r}, which there is not.")
    if role == "tool":
        id_ = message.tool_call_id or message.name
        if not id_:
            raise _bad("A tool's message must say `tool_call_id`.")
        shown = tuple(part for part in _parts(message.content) if isinstance(part, Text | Image))
        return Message("tool", (ToolResult(id_, shown),))
    parts: list[Part] = list(_thoughts(message)) if role == "assistant" else []
    parts.extend(_parts(message.content))
    if message.refusal:
        parts.append(Text(message.refusal))
    parts.extend(_call(call) for call in message.tool_calls or ())
    if message.function_call is not None:
        parts.append(_call({"id": message.function_call.get("name"), "function": message.function_call}))
    return Message(role, tuple(parts), message.name or "")


def _thoughts(message: _Message) -> Iterator[Reasoning]:
    """Yield thought, with its signature where a caller brings back what `thinking_blocks` said."""
    if message.thinking_blocks:
        for block in message.thinking_blocks:
            if kind_of(block) == "redacted_thinking":
                yield Reasoning(redacted=str(block.get("data") or ""))
            else:
                yield Reasoning(str(block.get("thinking") or ""), str(block.get("signature") or ""))
        return
    thought = message.reasoning_content or (message.reasoning if isinstance(message.reasoning, str) else "")
    if thought:
        yield Reasoning(thought)


def _call(call: dict[str, Any]) -> ToolCall:
    function = call.get("function")
    if not isinstance(function, dict):
        raise untranslatable("A call of a tool that is no function", "messages")
    name, arguments, id_ = function.get("name"), function.get("arguments"), call.get("id")
    if not isinstance(name, str) or not isinstance(id_, str):
        raise _bad("A tool call must have an `id` and a function's `name`.")
    if not isinstance(arguments, str):
        arguments = encoded(arguments if arguments is not None else {})
        return ToolCall(id_, name, bytes(arguments).decode())
    return ToolCall(id_, name, arguments)


def _parts(content: Any) -> Iterator[Part]:
    if content is None:
        return
    if isinstance(content, str):
        yield Text(content)
        return
    if not isinstance(content, list):
        raise _bad("A message's `content` must be a text or a list of parts.")
    for one in content:
        if isinstance(one, str):
            yield Text(one)
        elif isinstance(one, dict):
            yield _part(one)
        else:
            raise _bad("A part of a message must be an object.")


def _part(part: dict[str, Any]) -> Part:
    kind = kind_of(part)
    if kind in {"text", "refusal"}:
        text = part.get(kind)
        if not isinstance(text, str):
            raise _bad(f"A part of type {kind!r} must have a text of that name.")
        return Text(text)
    if kind == "image_url":
        place = part.get("image_url")
        place = {"url": place} if isinstance(place, str) else place
        if not isinstance(place, dict) or not isinstance(place.get("url"), str):
            raise _bad("A part of type 'image_url' must have an `image_url` with a `url`.")
        detail = place.get("detail")
        return image_at(place["url"], detail if isinstance(detail, str) else "")
    if kind == "file" and isinstance(part.get("file"), dict):
        file = part["file"]
        name, data = file.get("filename"), file.get("file_data")
        if not isinstance(data, str):
            raise untranslatable("A file kept at a provider (`file_id`)", "messages")
        return document_at(data, name if isinstance(name, str) else "")
    if kind in {"thinking", "reasoning"}:
        return Reasoning(str(part.get("thinking") or part.get("text") or ""))
    if not kind:
        raise _bad("A part of a message must have a `type`.")
    raise untranslatable(f"A part of type {kind[:40]!r}", "messages")


def image_at(url: str, detail: str = "") -> Image:
    """Return a picture by its address, its data taken out where the address holds them."""
    media_type, data = split_data_url(url)
    return Image("" if data else url, media_type, data, detail)


def document_at(url: str, name: str = "") -> Document:
    """Return a file by its address, or from base64 data alone."""
    if "://" not in url[:16] and not url.startswith("data:"):
        return Document(media_type="application/pdf", data=url, name=name)
    media_type, data = split_data_url(url)
    return Document("" if data else url, media_type, data, name)


def split_data_url(url: str) -> tuple[str, str]:
    """Return media type and base64 data; empty when the address holds none."""
    if not url.startswith("data:"):
        return "", ""
    head, comma, data = url[5:].partition(",")
    if not comma or not head.endswith(";base64"):
        return "", ""
    return head.partition(";")[0], data


def _tool(tool: _Tool) -> Tool:
    if tool.function is None:
        raise untranslatable(f"A tool of type {tool.type[:40]!r}", "tools")
    function = tool.function
    return Tool(function.name, function.description or "", function.parameters, function.strict)


def _tool_choice(choice: Any) -> str:
    if choice is None:
        return ""
    if choice in ("auto", "none", "required"):
        return str(choice)
    function = choice.get("function") if isinstance(choice, dict) else None
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return f"tool:{function['name']}"
    if isinstance(choice, dict) and choice.get("type") is not None and kind_of(choice) != "function":
        raise untranslatable("This `tool_choice`", "tool_choice")
    raise MalformedRequestError("`tool_choice` must be auto, none, required or a function.", "tool_choice")


def _format(wanted: Fields) -> OutputFormat | None:
    if not wanted:
        return None
    kind = reading.word(wanted, "type")
    if kind == "text":
        return None
    if kind == "json_object":
        return OutputFormat()
    if kind != "json_schema":
        raise MalformedRequestError(
            "`response_format` must be of the type text, json_object or json_schema.", "response_format"
        )
    return schema_format(reading.inner(wanted, "json_schema"), "response_format")


def schema_format(said: Fields, param: str) -> OutputFormat:
    """Read a schema with its name."""
    schema = said.get("schema")
    if schema is None or not bytes(schema).startswith(b"{"):
        raise MalformedRequestError(f"`{param}` must have a `schema`.", param)
    return OutputFormat(
        reading.word(said, "name"),
        reading.word(said, "description"),
        schema,
        reading.choice_of_truth(said, "strict"),
    )
