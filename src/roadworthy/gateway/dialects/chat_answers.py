"""Pure: answers as chat completions say them, whole and in pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from roadworthy.gateway.dialects.events import loosely
from roadworthy.gateway.dialects.neutral import (
    Began,
    Choice,
    Finish,
    Finished,
    Piece,
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
from roadworthy.gateway.dialects.reading import ENCODER

DONE = b"data: [DONE]\n\n"
_FINISH: dict[Finish, str] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "pause": "stop",
    "error": "stop",
}


def usage_said(usage: Usage) -> dict[str, Any]:
    """Say what was used."""
    put_in, came_out = usage.input_tokens or 0, usage.output_tokens or 0
    said: dict[str, Any] = {
        "prompt_tokens": put_in,
        "completion_tokens": came_out,
        "total_tokens": put_in + came_out,
    }
    if usage.cached_input_tokens is not None:
        said["prompt_tokens_details"] = {"cached_tokens": usage.cached_input_tokens}
    if usage.reasoning_tokens is not None:
        said["completion_tokens_details"] = {"reasoning_tokens": usage.reasoning_tokens}
    return said


def answer_of(said: Said, *, model: str, id_: str, created: int) -> bytes:
    """Say a whole answer."""
    answer: dict[str, Any] = {
        "id": said.id or id_,
        "object": "chat.completion",
        "created": said.created or created,
        "model": said.model or model,
        "choices": [_choice(choice) for choice in said.choices],
    }
    if said.usage is not None:
        answer["usage"] = usage_said(said.usage)
    return ENCODER.encode(answer)


def _choice(choice: Choice) -> dict[str, Any]:
    texts, thoughts, calls, blocks = [], [], [], []
    for part in choice.parts:
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, Reasoning):
            if part.text:
                thoughts.append(part.text)
            if part.signature or part.redacted:
                blocks.append(_block(part.text, part.signature, part.redacted))
        elif isinstance(part, ToolCall):
            function = {"name": part.name, "arguments": part.arguments or "{}"}
            calls.append({"id": part.id, "type": "function", "function": function})
    text = "".join(texts)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or not calls else None,
        "refusal": None,
    }
    if thoughts:
        message["reasoning_content"] = "".join(thoughts)
    if blocks:
        message["thinking_blocks"] = blocks
    if calls:
        message["tool_calls"] = calls
    finish = _FINISH[choice.finish]
    return {"index": choice.index, "message": message, "logprobs": None, "finish_reason": finish}


def _block(thought: str, signature: str, redacted: str) -> dict[str, str]:
    """Say what has to come back with the next request, unchanged, where tools are used."""
    if redacted:
        return {"type": "redacted_thinking", "data": redacted}
    return {"type": "thinking", "thinking": thought, "signature": signature}


class ChatWriter:
    """Says one answer's stream as a chat completion's chunks."""

    __slots__ = ("_asks_usage", "_created", "_head", "_id", "_model", "_thought", "_told", "_usage")

    def __init__(self, *, id_: str, model: str, created: int, asks_usage: bool) -> None:
        self._id = id_
        self._model = model
        self._created = created
        self._asks_usage = asks_usage
        self._head = b""
        self._told: set[int] = set()
        self._thought: dict[int, list[str]] = {}
        self._usage: Usage | None = None

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """Return the chunks that say these pieces."""
        return b"".join([self._piece(piece) for piece in pieces])

    def end(self) -> bytes:
        """Return the chunk with the usage, if it was asked for, and the end's mark."""
        if not self._asks_usage or self._usage is None:
            return DONE
        usage = ENCODER.encode(usage_said(self._usage))
        return b'%b"choices":[],"usage":%b}\n\n%b' % (self._start(), usage, DONE)

    def _start(self) -> bytes:
        if not self._head:
            known = {
                "id": self._id,
                "object": "chat.completion.chunk",
                "created": self._created,
                "model": self._model,
            }
            self._head = b"data: %b," % ENCODER.encode(known)[:-1]
        return self._head

    def _chunk(self, index: int, delta: bytes, finish: str = "") -> bytes:
        role = b""
        if index not in self._told:
            self._told.add(index)
            role = self._chunk(index, b'{"role":"assistant","content":""}')
        return b'%b%b"choices":[{"index":%d,"delta":%b,"logprobs":null,"finish_reason":%b}]}\n\n' % (
            role,
            self._start(),
            index,
            delta,
            b'"%b"' % finish.encode() if finish else b"null",
        )

    def _piece(self, piece: Piece) -> bytes:
        if isinstance(piece, TextDelta):
            return self._chunk(piece.index, b'{"content":%b}' % ENCODER.encode(piece.text))
        if isinstance(piece, ToolDelta):
            call = {"index": piece.call, "function": {"arguments": piece.arguments}}
            return self._chunk(piece.index, ENCODER.encode({"tool_calls": [call]}))
        if isinstance(piece, ReasoningDelta):
            return self._reasoning(piece)
        if isinstance(piece, ToolBegan):
            function = {"name": piece.name, "arguments": ""}
            began = {"index": piece.call, "id": piece.id, "type": "function", "function": function}
            return self._chunk(piece.index, ENCODER.encode({"tool_calls": [began]}))
        if isinstance(piece, Finished):
            return self._chunk(piece.index, b"{}", _FINISH[piece.finish])
        if isinstance(piece, Used):
            self._usage = later(self._usage, piece.usage)
        elif isinstance(piece, Began) and not self._head:
            self._id = piece.id or self._id
            self._model = piece.model or self._model
            self._created = piece.created or self._created
        return b""

    def _reasoning(self, piece: ReasoningDelta) -> bytes:
        thought = self._thought.setdefault(piece.index, [])
        delta: dict[str, Any] = {}
        if piece.text:
            thought.append(piece.text)
            delta["reasoning_content"] = piece.text
        if piece.signature or piece.redacted:
            delta["thinking_blocks"] = [_block("".join(thought), piece.signature, piece.redacted)]
            if piece.signature:
                thought.clear()
        return self._chunk(piece.index, ENCODER.encode(delta)) if delta else b""


def later(known: Usage | None, said: Usage) -> Usage:
    """Take a later word on usage, field by field."""
    if known is None:
        return said
    return Usage(
        *(
            new if new is not None else old
            for new, old in (
                (said.input_tokens, known.input_tokens),
                (said.output_tokens, known.output_tokens),
                (said.cached_input_tokens, known.cached_input_tokens),
                (said.cache_write_tokens, known.cache_write_tokens),
                (said.reasoning_tokens, known.reasoning_tokens),
            )
        )
    )


def without_other_tellings(choices: Any) -> None:
    """Take away what would still tell words that were changed: probabilities of tokens, details."""
    for choice in choices if isinstance(choices, list) else ():
        if not isinstance(choice, dict):
            continue
        if choice.get("logprobs") is not None:
            choice["logprobs"] = None
        said = choice.get("message", choice.get("delta"))
        if isinstance(said, dict):
            said.pop("reasoning_details", None)


def rewritten(data: bytes, texts: Mapping[tuple[int, int], str]) -> bytes:
    """Return a chunk with other texts; what repeats them is left out."""
    event = loosely(data)
    for place, choice in enumerate(event.get("choices") or ()):
        index = choice.get("index", place)
        delta = choice.get("delta")
        if isinstance(delta, dict):
            _rewrite_delta(delta, {call: text for (at, call), text in texts.items() if at == index})
    without_other_tellings(event.get("choices"))
    return b"data: %b\n\n" % ENCODER.encode(event)


def _rewrite_delta(delta: dict[str, Any], texts: Mapping[int, str]) -> None:
    if -1 in texts:
        content, refusal = delta.get("content"), delta.get("refusal")
        if content or not refusal:
            delta["content"] = texts[-1]
            if refusal:
                delta["refusal"] = None
        else:
            delta["refusal"] = texts[-1]
    if -2 in texts:
        names = [name for name in ("reasoning_content", "reasoning") if delta.get(name)]
        for number, name in enumerate(names):
            delta[name] = texts[-2] if number == 0 else None
        if not names:
            delta["reasoning_content"] = texts[-2]
    calls = [one for one in delta.get("tool_calls") or () if isinstance(one, dict)]
    left = {call: text for call, text in texts.items() if call >= 0}
    for call in calls:
        function = call.get("function")
        if not isinstance(function, dict):
            continue
        known = call.get("index")
        if known in left:
            function["arguments"] = left.pop(known)
        elif function.get("arguments") and left and not isinstance(known, int):
            function["arguments"] = left.pop(min(left))
    function_call = delta.get("function_call")
    if isinstance(function_call, dict) and left:
        function_call["arguments"] = left[min(left)]
