"""Pure: a request for a response in neutral form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from roadworthy.gateway.dialects import reading
from roadworthy.gateway.dialects.chat_asks import document_at, image_at, schema_format
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
from roadworthy.gateway.dialects.reading import Fields, untranslatable

_TRANSLATED = frozenset(
    {
        *("model", "input", "instructions", "stream", "stream_options", "max_output_tokens", "temperature"),
        *("top_p", "tools", "tool_choice", "parallel_tool_calls", "text", "reasoning", "user", "store"),
        *("include", "truncation", "metadata", "prompt_cache_key", "prompt_cache_retention"),
        *("safety_identifier", "service_tier"),
    }
)
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}
_TEXTS = frozenset({"input_text", "output_text", "text", "summary_text", "reasoning_text"})


class _Tool(msgspec.Struct):
    type: str
    name: str | None = None
    description: str | None = None
    parameters: msgspec.Raw = msgspec.Raw(b"{}")
    strict: bool | None = None


_TOOLS = msgspec.json.Decoder(list[_Tool])


def ask_of(fields: Fields) -> Ask:
    """Translate a request."""
    messages = list(_gathered(_items(reading.anything(fields, "input"))))
    instructions = reading.anything(fields, "instructions")
    if isinstance(instructions, str) and instructions:
        messages.insert(0, Message("system", (Text(instructions),)))
    elif isinstance(instructions, list):
        messages[:0] = _gathered(_items(instructions))
    text = reading.inner(fields, "text")
    extras = reading.without(fields, _TRANSLATED)
    if not reading.absent(text, "verbosity"):
        extras["verbosity"] = text["verbosity"]
    return Ask(
        model=reading.model_in(fields),
        messages=tuple(messages),
        stream=reading.flag(fields, "stream"),
        max_output_tokens=reading.count(fields, "max_output_tokens"),
        temperature=reading.number(fields, "temperature"),
        top_p=reading.number(fields, "top_p"),
        tools=tuple(_tool(one) for one in reading.typed(fields, "tools", _TOOLS) or ()),
        tool_choice=_tool_choice(reading.anything(fields, "tool_choice")),
        parallel_tool_calls=reading.choice_of_truth(fields, "parallel_tool_calls"),
        output_format=_format(reading.inner(text, "format")),
        reasoning_effort=reading.word(reading.inner(fields, "reasoning"), "effort"),
        user=reading.word(fields, "user") or reading.word(fields, "safety_identifier"),
        extras=extras,
    )


def _bad(what: str) -> MalformedRequestError:
    return MalformedRequestError(what, "input")


def _items(given: Any) -> Iterator[Message]:
    """Yield one message for every item."""
    if isinstance(given, str):
        yield Message("user", (Text(given),))
        return
    if not isinstance(given, list):
        raise _bad("`input` must be a text or a list of items.")
    for item in given:
        if not isinstance(item, dict):
            raise _bad("An item of `input` must be an object.")
        yield _item(item)


def _item(item: dict[str, Any]) -> Message:
    kind = item.get("type", "message")
    if kind == "message":
        said = item.get("role")
        role = _ROLES.get(said) if isinstance(said, str) else None
        if role is None:
            raise _bad(f"An item has the role {str(said)[:40]!r}, which there is not.")
        return Message(role, tuple(_parts(item.get("content"))))
    if kind == "function_call":
        name, id_, arguments = item.get("name"), item.get("call_id"), item.get("arguments")
        if not isinstance(name, str) or not isinstance(id_, str) or not isinstance(arguments, str):
            raise _bad("A `function_call` must have `name`, `call_id` and `arguments`.")
        return Message("assistant", (ToolCall(id_, name, arguments),))
    if kind == "function_call_output":
        id_ = item.get("call_id")
        if not isinstance(id_, str):
            raise _bad("A `function_call_output` must have a `call_id`.")
        shown = tuple(part for part in _parts(item.get("output")) if isinstance(part, Text | Image))
        return Message("tool", (ToolResult(id_, shown),))
    if kind == "reasoning":
        return Message("assistant", (_reasoning(item),))
    raise untranslatable(f"An item of type {str(kind)[:40]!r}", "input")


def _reasoning(item: dict[str, Any]) -> Reasoning:
    thought = ""
    for name in ("summary", "content"):
        held = item.get(name)
        if isinstance(held, list) and not thought:
            thought = "".join(
                part["text"] for part in held if isinstance(part, dict) and isinstance(part.get("text"), str)
            )
    sealed = item.get("encrypted_content")
    return Reasoning(thought, sealed if isinstance(sealed, str) else "")


def _gathered(messages: Iterator[Message]) -> Iterator[Message]:
    """Join what an assistant thought, said and called: one turn each, as other dialects have it."""
    last: Message | None = None
    for message in messages:
        if last is not None and last.role == message.role and message.role in {"assistant", "tool"}:
            last = Message(last.role, (*last.parts, *message.parts))
            continue
        if last is not None:
            yield last
        last = message
    if last is not None:
        yield last


def _parts(content: Any) -> Iterator[Part]:
    if content is None:
        return
    if isinstance(content, str):
        yield Text(content)
        return
    if not isinstance(content, list):
        raise _bad("`content` must be a text or a list of parts.")
    for part in content:
        if not isinstance(part, dict):
            raise _bad("A part must be an object.")
        yield _part(part)


def _part(part: dict[str, Any]) -> Part:
    kind = kind_of(part)
    if kind in _TEXTS or kind == "refusal":
        text = part.get("refusal" if kind == "refusal" else "text")
        if not isinstance(text, str):
            raise _bad(f"A part of type {kind!r} must have a text.")
        return Text(text)
    if kind == "input_image":
        url, detail = part.get("image_url"), part.get("detail")
        if not isinstance(url, str):
            raise untranslatable("A picture kept at a provider (`file_id`)", "input")
        return image_at(url, detail if isinstance(detail, str) else "")
    if kind == "input_file":
        name, data, url = part.get("filename"), part.get("file_data"), part.get("file_url")
        name = name if isinstance(name, str) else ""
        if isinstance(data, str):
            return document_at(data, name)
        if isinstance(url, str):
            return Document(url, name=name)
        raise untranslatable("A file kept at a provider (`file_id`)", "input")
    if not kind:
        raise _bad("A part must have a `type`.")
    raise untranslatable(f"A part of type {kind[:40]!r}", "input")


def _tool(tool: _Tool) -> Tool:
    if tool.type != "function":
        raise untranslatable(f"A tool of type {tool.type[:40]!r}", "tools")
    if not tool.name:
        raise MalformedRequestError("A function must have a `name`.", "tools")
    parameters = tool.parameters if bytes(tool.parameters) != b"null" else msgspec.Raw(b"{}")
    return Tool(tool.name, tool.description or "", parameters, tool.strict)


def _tool_choice(choice: Any) -> str:
    if choice is None:
        return ""
    if choice in ("auto", "none", "required"):
        return str(choice)
    if isinstance(choice, dict) and choice.get("type") == "function" and isinstance(choice.get("name"), str):
        return f"tool:{choice['name']}"
    if isinstance(choice, dict) and isinstance(choice.get("type"), str):
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
            "`text.format` must be of the type text, json_object or json_schema.", "text"
        )
    return schema_format(wanted, "text.format")
