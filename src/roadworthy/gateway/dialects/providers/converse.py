"""Pure: how a request is said to Amazon Bedrock's Converse."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from roadworthy.gateway.dialects.dialect import UntranslatableError
from roadworthy.gateway.dialects.neutral import (
    Ask,
    Document,
    Image,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from roadworthy.gateway.dialects.providers import phrasing

_NAME = "Bedrock"
_BUDGETS = {"minimal": 1024, "low": 2048, "medium": 8192, "high": 16_384, "xhigh": 24_576}
_IMAGES = {"png": "png", "jpeg": "jpeg", "jpg": "jpeg", "gif": "gif", "webp": "webp"}
_DOCUMENTS = {
    "application/pdf": "pdf",
    "text/plain": "txt",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
_NOT_IN_DOCUMENT = re.compile(r"[^A-Za-z0-9\s\-()\[\]]|\s(?=\s)")


def request_of(ask: Ask, model: str) -> dict[str, Any]:
    """Return the body of Converse."""
    phrasing.refuse_extras(ask, _NAME)
    phrasing.refuse_many(ask, _NAME)
    request: dict[str, Any] = {"messages": _messages(ask)}
    if system := phrasing.system_texts(ask):
        request["system"] = [{"text": text} for text in system]
    inference = {
        "maxTokens": ask.max_output_tokens,
        "temperature": ask.temperature,
        "topP": ask.top_p,
        "stopSequences": list(ask.stop) or None,
    }
    if kept := {name: value for name, value in inference.items() if value is not None}:
        request["inferenceConfig"] = kept
    if tools := _tools(ask):
        request["toolConfig"] = tools
    if more := _additional(ask, model):
        request["additionalModelRequestFields"] = more
    return request


def _messages(ask: Ask) -> list[dict[str, Any]]:
    messages = []
    for role, parts in phrasing.turns(ask):
        # Results stand first: what follows them is what the user says to them.
        ordered = (
            sorted(parts, key=lambda part: not isinstance(part, ToolResult)) if role == "user" else parts
        )
        content = [block for part in ordered for block in _blocks(part)]
        if content:
            messages.append({"role": role, "content": content})
    return messages


def _blocks(part: Part) -> Sequence[dict[str, Any]]:
    if isinstance(part, Text):
        return ({"text": part.text},) if phrasing.said(part.text) else ()
    if isinstance(part, Image):
        return (_image(part),)
    if isinstance(part, Document):
        return (_document(part),)
    if isinstance(part, ToolCall):
        use = {
            "toolUseId": phrasing.plain_id(part.id),
            "name": part.name,
            "input": phrasing.arguments_of(part),
        }
        return ({"toolUse": use},)
    if isinstance(part, ToolResult):
        return (_result(part),)
    return _reasoning(part)


def _reasoning(part: Reasoning) -> Sequence[dict[str, Any]]:
    """Say a thought that comes from here; one that is not signed is not taken back."""
    if part.redacted:
        return ({"reasoningContent": {"redactedContent": part.redacted}},)
    if part.signature and not part.signature.startswith(phrasing.GEMINI_MARK):
        said = {"text": part.text, "signature": part.signature}
        return ({"reasoningContent": {"reasoningText": said}},)
    return ()


def _image(part: Image) -> dict[str, Any]:
    held = phrasing.data_of(part)
    if held is None:
        raise UntranslatableError(
            f"{_NAME} takes pictures as data, not by address; send the picture itself.", "messages"
        )
    media_type, data = held
    form = _IMAGES.get(media_type.rpartition("/")[2].lower())
    if form is None:
        raise UntranslatableError(f"{_NAME} takes no pictures of the type {media_type[:60]!r}.", "messages")
    return {"image": {"format": form, "source": {"bytes": data}}}


def _document(part: Document) -> dict[str, Any]:
    held = phrasing.data_of(part)
    if held is None:
        raise UntranslatableError(
            f"{_NAME} takes documents as data, not by address; send the document itself.", "messages"
        )
    media_type, data = held
    form = _DOCUMENTS.get(media_type)
    if form is None:
        raise UntranslatableError(f"{_NAME} takes no documents of the type {media_type[:60]!r}.", "messages")
    name = _NOT_IN_DOCUMENT.sub("-", part.name.rpartition(".")[0] or part.name)[:200] or "document"
    return {"document": {"format": form, "name": name, "source": {"bytes": data}}}


def _result(part: ToolResult) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for one in part.parts:
        if isinstance(one, Image):
            content.append(_image(one))
        elif phrasing.said(one.text):
            content.append({"text": one.text})
    result: dict[str, Any] = {
        "toolUseId": phrasing.plain_id(part.id),
        "content": content or [{"text": "(nothing)"}],
    }
    if part.failed:
        result["status"] = "error"
    return {"toolResult": result}


def _spec(name: str, description: str, schema: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"name": name, "inputSchema": {"json": schema}}
    if description:
        spec["description"] = description
    return {"toolSpec": spec}


def _schema_of(tool: Tool) -> Any:
    return phrasing.ANY_OBJECT if bytes(tool.parameters) in {b"", b"{}", b"null"} else tool.parameters


def _tools(ask: Ask) -> dict[str, Any] | None:
    """Return the tools and the choice among them; JSON as output is a tool that has to be called."""
    forced = phrasing.chosen_tool(ask)
    wants_json = ask.output_format is not None and not forced
    if ask.parallel_tool_calls is False and ask.tools:
        raise UntranslatableError(
            f"{_NAME} cannot be kept from calling several tools at once.", "parallel_tool_calls"
        )
    past = phrasing.uses_tools(ask)
    if ask.tool_choice == "none" and ask.tools and past:
        raise UntranslatableError(
            f"{_NAME} cannot be kept from calling tools in a conversation that has called some.",
            "tool_choice",
        )
    offered = () if ask.tool_choice == "none" else ask.tools
    specs = [_spec(tool.name, tool.description, _schema_of(tool)) for tool in offered]
    if not specs and past:
        # A conversation that has called tools is refused unless it names them.
        known = sorted(set(phrasing.called_names(ask).values())) or ["tool"]
        specs = [_spec(name, "", phrasing.ANY_OBJECT) for name in known]
    if wants_json:
        wanted = phrasing.json_tool(ask)
        specs.append(_spec(wanted["name"], wanted["description"], wanted["schema"]))
        only_json = not offered
        choice: dict[str, Any] = {"tool": {"name": phrasing.JSON_TOOL}} if only_json else {"any": {}}
        return {"tools": specs, "toolChoice": choice}
    if not specs:
        return None
    config: dict[str, Any] = {"tools": specs}
    if forced:
        config["toolChoice"] = {"tool": {"name": forced}}
    elif ask.tool_choice == "required":
        config["toolChoice"] = {"any": {}}
    return config


def _additional(ask: Ask, model: str) -> dict[str, Any]:
    """Return what only some families of models understand."""
    fields: dict[str, Any] = {}
    claude, nova = "anthropic.claude" in model, "amazon.nova" in model
    if ask.top_k is not None:
        if claude:
            fields["top_k"] = ask.top_k
        elif nova:
            fields["inferenceConfig"] = {"topK": ask.top_k}
        else:
            raise UntranslatableError(f"{_NAME} has no `top_k` for {model!r}.", "top_k")
    budget = ask.reasoning_budget_tokens
    effort = ask.reasoning_effort
    if budget is None and effort in {"", "none"}:
        return fields
    if claude:
        budget = budget if budget is not None else _BUDGETS.get(effort, 16_384)
        if ask.max_output_tokens is not None:
            budget = min(budget, ask.max_output_tokens - 1)
        if budget >= 1024:
            fields["thinking"] = {"type": "enabled", "budget_tokens": budget}
    elif nova:
        level = effort if effort in {"low", "medium", "high"} else "low" if effort == "minimal" else "high"
        fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": level}
    elif "openai.gpt-oss" in model:
        fields["reasoning_effort"] = effort or "medium"
    else:
        raise UntranslatableError(f"{_NAME} has no way to ask {model!r} to think.", "reasoning_effort")
    return fields
