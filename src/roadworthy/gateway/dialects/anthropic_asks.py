"""Pure: a request of Anthropic's Messages API in neutral form."""

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
from roadworthy.gateway.dialects.reading import Fields, untranslatable

_TRANSLATED = frozenset(
    {
        *("model", "messages", "system", "stream", "max_tokens", "temperature", "top_p", "top_k"),
        *("stop_sequences", "tools", "tool_choice", "thinking", "metadata", "output_config", "output_format"),
        *("service_tier", "cache_control", "inference_geo", "speed"),
    }
)
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}
_EFFORTS = {"low": "low", "medium": "medium", "high": "high", "xhigh": "xhigh", "max": "xhigh"}


class _Message(msgspec.Struct):
    role: str
    content: str | list[dict[str, Any]]


class _Tool(msgspec.Struct):
    name: str
    type: str | None = None
    description: str | None = None
    input_schema: msgspec.Raw = msgspec.Raw()
    strict: bool | None = None


class _ToolChoice(msgspec.Struct):
    type: str
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


_MESSAGES = msgspec.json.Decoder(list[_Message])
_TOOLS = msgspec.json.Decoder(list[_Tool])
_TOOL_CHOICES = msgspec.json.Decoder(_ToolChoice)


def ask_of(fields: Fields) -> Ask:
    """Translate a request."""
    messages = [_message(one) for one in reading.typed(fields, "messages", _MESSAGES) or ()]
    if system := tuple(_system(reading.anything(fields, "system"))):
        messages.insert(0, Message("system", system))
    choice = reading.typed(fields, "tool_choice", _TOOL_CHOICES)
    output = reading.inner(fields, "output_config")
    thinking = reading.inner(fields, "thinking")
    kind = reading.word(thinking, "type")
    return Ask(
        model=reading.model_in(fields),
        messages=tuple(messages),
        stream=reading.flag(fields, "stream"),
        max_output_tokens=reading.count(fields, "max_tokens"),
        temperature=reading.number(fields, "temperature"),
        top_p=reading.number(fields, "top_p"),
        top_k=reading.whole(fields, "top_k"),
        stop=reading.words_in(fields, "stop_sequences"),
        tools=tuple(_tool(one) for one in reading.typed(fields, "tools", _TOOLS) or ()),
        tool_choice=_tool_choice(choice),
        parallel_tool_calls=False if choice is not None and choice.disable_parallel_tool_use else None,
        output_format=_format(output if "format" in output else fields),
        reasoning_effort=_EFFORTS.get(reading.word(output, "effort"), ""),
        reasoning_budget_tokens=reading.count(thinking, "budget_tokens") if kind == "enabled" else None,
        user=reading.word(reading.inner(fields, "metadata"), "user_id"),
        extras=reading.without(fields, _TRANSLATED),
    )


def _bad(what: str, param: str = "messages") -> MalformedRequestError:
    return MalformedRequestError(what, param)


def _system(system: Any) -> Iterator[Text]:
    if isinstance(system, str):
        if system:
            yield Text(system)
    elif isinstance(system, list):
        for block in system:
            if not isinstance(block, dict) or not isinstance(block.get("text"), str):
                raise _bad("`system` must be a text or a list of blocks of text.", "system")
            yield Text(block["text"])
    elif system is not None:
        raise _bad("`system` must be a text or a list of blocks of text.", "system")


def _message(message: _Message) -> Message:
    role = _ROLES.get(message.role)
    if role is None:
        raise _bad(f"A message has the role {message.role[:40]!r}, which there is not.")
    if isinstance(message.content, str):
        return Message(role, (Text(message.content),))
    return Message(role, tuple(_part(block) for block in message.content))


def _word(block: dict[str, Any], name: str) -> str:
    value = block.get(name)
    if not isinstance(value, str):
        raise _bad(f"A block of type {str(block.get('type'))[:40]!r} must have a text `{name}`.")
    return value


def _part(block: dict[str, Any]) -> Part:
    kind = kind_of(block)
    if kind == "text":
        return Text(_word(block, "text"))
    if kind == "image":
        return _image(block)
    if kind == "document":
        return _document(block)
    if kind == "tool_use":
        given = block.get("input")
        arguments = msgspec.json.encode({} if given is None else given).decode()
        return ToolCall(_word(block, "id"), _word(block, "name"), arguments)
    if kind == "tool_result":
        failed = block.get("is_error") is True
        return ToolResult(_word(block, "tool_use_id"), tuple(_result(block.get("content"))), failed)
    if kind == "thinking":
        signature = block.get("signature")
        return Reasoning(_word(block, "thinking"), signature if isinstance(signature, str) else "")
    if kind == "redacted_thinking":
        return Reasoning(redacted=_word(block, "data"))
    if kind == "search_result":
        return Text("\n".join([_word(block, "title"), _word(block, "source"), *_texts(block.get("content"))]))
    if not kind:
        raise _bad("A block must have a `type`.")
    raise untranslatable(f"A block of type {kind[:40]!r}", "messages")


def _source(block: dict[str, Any]) -> dict[str, Any]:
    source = block.get("source")
    if not isinstance(source, dict):
        raise _bad(f"A block of type {block['type']!r} must have a `source`.")
    return source


def _image(block: dict[str, Any]) -> Image:
    source = _source(block)
    kind = kind_of(source)
    if kind == "base64":
        return Image(media_type=_word(source, "media_type"), data=_word(source, "data"))
    if kind == "url":
        return Image(_word(source, "url"))
    raise untranslatable("A picture kept at a provider", "messages")


def _document(block: dict[str, Any]) -> Document | Text:
    source, title = _source(block), block.get("title")
    name = title if isinstance(title, str) else ""
    kind = kind_of(source)
    if kind == "base64":
        return Document(media_type=_word(source, "media_type"), data=_word(source, "data"), name=name)
    if kind == "url":
        return Document(_word(source, "url"), name=name)
    if kind == "text":
        return Text("\n".join([name, _word(source, "data")]) if name else _word(source, "data"))
    if kind == "content":
        return Text("\n".join([*([name] if name else []), *_texts(source.get("content"))]))
    raise untranslatable("A document kept at a provider", "messages")


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for block in content if isinstance(content, list) else ():
        if not isinstance(block, dict) or not isinstance(block.get("text"), str):
            raise untranslatable("Content that is not only text here", "messages")
        yield block["text"]


def _result(content: Any) -> Iterator[Text | Image]:
    if isinstance(content, str):
        yield Text(content)
    elif isinstance(content, list):
        for block in content:
            if not isinstance(block, dict):
                raise _bad("A tool's result must be a text or a list of blocks.")
            part = _part(block)
            if not isinstance(part, Text | Image):
                raise untranslatable(f"A tool's result of type {str(block.get('type'))[:40]!r}", "messages")
            yield part
    elif content is not None:
        raise _bad("A tool's result must be a text or a list of blocks.")


def _tool(tool: _Tool) -> Tool:
    if tool.type not in {None, "custom"}:
        raise untranslatable(f"A tool of type {str(tool.type)[:40]!r}", "tools")
    if not bytes(tool.input_schema).startswith(b"{"):
        raise _bad(f"The tool {tool.name[:40]!r} has no `input_schema`.", "tools")
    return Tool(tool.name, tool.description or "", tool.input_schema, tool.strict)


def _tool_choice(choice: _ToolChoice | None) -> str:
    if choice is None:
        return ""
    if choice.type == "tool" and choice.name:
        return f"tool:{choice.name}"
    word = {"auto": "auto", "any": "required", "none": "none"}.get(choice.type)
    if word is None:
        raise _bad("`tool_choice` must be auto, any, none, or a tool with its `name`.", "tool_choice")
    return word


def _format(holder: Fields) -> OutputFormat | None:
    name = "format" if "format" in holder else "output_format"
    wanted = reading.inner(holder, name)
    if not wanted:
        return None
    schema = wanted.get("schema")
    if reading.word(wanted, "type") != "json_schema" or not bytes(schema or b"").startswith(b"{"):
        raise _bad(
            "The format of the output must be of type json_schema and have a `schema`.", "output_config"
        )
    assert schema is not None
    return OutputFormat(name=reading.word(wanted, "name"), schema=schema, strict=True)
