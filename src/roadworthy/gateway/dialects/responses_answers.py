"""Pure: answers as OpenAI's responses say them whole; their streams are in `responses_writer`."""

from __future__ import annotations

from typing import Any

from roadworthy.gateway.dialects import reading
from roadworthy.gateway.dialects.neutral import Finish, Part, Reasoning, Said, Text, ToolCall, Usage
from roadworthy.gateway.dialects.reading import ENCODER, Fields

_ECHOED: dict[str, Any] = {
    "instructions": None,
    "max_output_tokens": None,
    "metadata": {},
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "truncation": "disabled",
    "user": None,
    "service_tier": "default",
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "top_logprobs": 0,
    "max_tool_calls": None,
    "safety_identifier": None,
    "prompt_cache_key": None,
}
"""What a response repeats of its request, and what it says where the request said nothing."""
_INCOMPLETE: dict[Finish, str] = {
    "length": "max_output_tokens",
    "content_filter": "content_filter",
    "refusal": "content_filter",
}


def response_id(id_: str) -> str:
    """Return an id that looks like a response's."""
    return id_ if id_.startswith("resp_") else f"resp_{id_}"


def usage_said(usage: Usage) -> dict[str, Any]:
    """Say what was used."""
    put_in, came_out = usage.input_tokens or 0, usage.output_tokens or 0
    return {
        "input_tokens": put_in,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens or 0},
        "output_tokens": came_out,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
        "total_tokens": put_in + came_out,
    }


def frame(fields: Fields, *, id_: str, model: str, created: int) -> dict[str, Any]:
    """Return a response as it stands before anything was said."""
    reasoning = reading.inner(fields, "reasoning")
    text = reading.inner(fields, "text")
    echoed = {
        name: fields[name] if not reading.absent(fields, name) else default
        for name, default in _ECHOED.items()
    }
    tools = reading.anything(fields, "tools")
    if isinstance(tools, list):
        echoed["tools"] = [
            {"strict": None, "description": None, **tool} if isinstance(tool, dict) else tool
            for tool in tools
        ]
    return {
        "id": response_id(id_),
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": False,
        "completed_at": None,
        "error": None,
        "incomplete_details": None,
        "model": model,
        "output": [],
        "previous_response_id": None,
        "reasoning": {
            "effort": reasoning.get("effort"),
            "summary": reasoning.get("summary"),
        },
        "store": False,
        "text": text if "format" in text else {**text, "format": {"type": "text"}},
        **echoed,
        "usage": None,
    }


def ended(response: dict[str, Any], finish: Finish, usage: Usage | None) -> dict[str, Any]:
    """Return the response as it stands at its end."""
    reason = _INCOMPLETE.get(finish)
    response["status"] = "completed" if reason is None else "incomplete"
    response["incomplete_details"] = None if reason is None else {"reason": reason}
    response["usage"] = usage_said(usage) if usage is not None else None
    if reason is None:
        response["completed_at"] = response["created_at"]
    return response


def message_item(id_: str, text: str, status: str) -> dict[str, Any]:
    """Return words as an item."""
    content = [] if status == "in_progress" else [text_part(text)]
    return {"id": id_, "type": "message", "status": status, "role": "assistant", "content": content}


def text_part(text: str) -> dict[str, Any]:
    """Return words as a part of an item."""
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def reasoning_item(id_: str, thought: str, sealed: str) -> dict[str, Any]:
    """Return thought as an item; `sealed` goes back to where it came from."""
    summary = [{"type": "summary_text", "text": thought}] if thought else []
    item: dict[str, Any] = {"id": id_, "type": "reasoning", "summary": summary}
    if sealed:
        item["encrypted_content"] = sealed
    return item


def call_item(id_: str, call_id: str, name: str, arguments: str, status: str) -> dict[str, Any]:
    """Return a call as an item."""
    return {
        "id": id_,
        "type": "function_call",
        "status": status,
        "arguments": arguments,
        "call_id": call_id,
        "name": name,
    }


def answer_of(said: Said, fields: Fields, *, model: str) -> bytes:
    """Say a whole answer: the first of those given."""
    choice = said.choices[0]
    response = frame(fields, id_=said.id, model=said.model or model, created=said.created)
    response["output"] = _items(said.id, choice.parts)
    return ENCODER.encode(ended(response, choice.finish, said.usage))


def _items(id_: str, parts: tuple[Part, ...]) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    words: list[str] = []

    def say() -> None:
        if words:
            items.append(message_item(f"msg_{id_}_{len(items)}", "".join(words), "completed"))
            words.clear()

    for part in parts:
        if isinstance(part, Text):
            words.append(part.text)
            continue
        say()
        if isinstance(part, Reasoning):
            items.append(reasoning_item(f"rs_{id_}_{len(items)}", part.text, part.signature))
        elif isinstance(part, ToolCall):
            items.append(
                call_item(f"fc_{id_}_{len(items)}", part.id, part.name, part.arguments or "{}", "completed")
            )
    say()
    return items


def without_other_tellings(output: Any) -> None:
    """Take away what would still tell words that were changed."""
    for item in output if isinstance(output, list) else ():
        content = item.get("content") if isinstance(item, dict) else None
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict) and part.get("logprobs"):
                part["logprobs"] = []
