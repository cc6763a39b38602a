"""Pure: answers as Anthropic's Messages API says them, whole and in pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from roadworthy.gateway.dialects.chat_answers import later
from roadworthy.gateway.dialects.events import kind_of, loosely
from roadworthy.gateway.dialects.neutral import (
    Began,
    Finish,
    Finished,
    Part,
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

STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_PING = b'event: ping\ndata: {"type":"ping"}\n\n'
_STOP_REASONS: dict[Finish, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "refusal": "refusal",
    "pause": "pause_turn",
    "error": "end_turn",
}


_UNSAID: dict[str, None] = {
    "cache_creation": None,
    "inference_geo": None,
    "output_tokens_details": None,
    "server_tool_use": None,
    "service_tier": None,
}
"""What only Anthropic itself could say of a call, and what its clients' types want to be there."""


def usage_said(usage: Usage | None) -> dict[str, Any]:
    """Say what was used: what came from the cache stands beside the input here."""
    known = usage if usage is not None else Usage()
    read, written = known.cached_input_tokens or 0, known.cache_write_tokens or 0
    return {
        "input_tokens": max(0, (known.input_tokens or 0) - read - written),
        "output_tokens": known.output_tokens or 0,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        **_UNSAID,
    }


def message_id(id_: str) -> str:
    """Return an id that looks like one of Anthropic's."""
    return id_ if id_.startswith("msg_") else f"msg_{id_}"


def answer_of(said: Said, *, model: str) -> bytes:
    """Say a whole answer: the first of those given."""
    choice = said.choices[0]
    blocks = [block for part in choice.parts if (block := _block(part)) is not None]
    return ENCODER.encode(
        {
            "id": message_id(said.id),
            "type": "message",
            "role": "assistant",
            "model": said.model or model,
            "content": blocks,
            "stop_reason": _STOP_REASONS[choice.finish],
            "stop_sequence": None,
            "stop_details": None,
            "container": None,
            "usage": usage_said(said.usage),
        }
    )


def _block(part: Part) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, "citations": None} if part.text else None
    if isinstance(part, ToolCall):
        return {"type": "tool_use", "id": part.id, "name": part.name, "input": _arguments(part.arguments)}
    if isinstance(part, Reasoning):
        if part.redacted:
            return {"type": "redacted_thinking", "data": part.redacted}
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    return None


def _arguments(text: str) -> Any:
    """Return a call's arguments as an object, also where a model wrote something else."""
    try:
        found = msgspec.json.decode(text.strip() or "{}")
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {"arguments": text}


class MessageWriter:
    """Says one answer's stream as a message's events: block after block, each begun and ended."""

    __slots__ = ("_begun", "_calls", "_finish", "_id", "_model", "_next", "_open", "_open_kind", "_usage")

    def __init__(self, *, id_: str, model: str) -> None:
        self._id = id_
        self._model = model
        self._begun = False
        self._next = 0
        self._open = -1
        self._open_kind = ""
        self._calls: dict[int, int] = {}
        self._finish: Finish = "stop"
        self._usage: Usage | None = None

    def write(self, pieces: Sequence[Piece]) -> bytes:
        """Return the events that say these pieces."""
        return b"".join([self._piece(piece) for piece in pieces])

    def end(self) -> bytes:
        """Return what ends the message: its blocks, why it stopped, what was used."""
        out = [self._begin(), self._close()]
        out.extend(self._stop(block) for block in self._calls.values())
        self._calls = {}
        delta = {"stop_reason": _STOP_REASONS[self._finish], "stop_sequence": None}
        out.append(_event("message_delta", {"delta": delta, "usage": usage_said(self._usage)}))
        out.append(STOP)
        return b"".join(out)

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        message: dict[str, Any] = {
            "id": message_id(self._id),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_said(self._usage),
        }
        return _event("message_start", {"message": message}) + _PING

    def _piece(self, piece: Piece) -> bytes:
        if isinstance(piece, TextDelta):
            if piece.index or not piece.text:
                return b""
            begin = self._open_block("text", {"type": "text", "text": ""})
            return begin + self._delta(self._open, {"type": "text_delta", "text": piece.text})
        if isinstance(piece, ToolDelta):
            block = self._calls.get(piece.call) if not piece.index else None
            delta = {"type": "input_json_delta", "partial_json": piece.arguments}
            return self._delta(block, delta) if block is not None else b""
        if isinstance(piece, ReasoningDelta):
            return self._reasoning(piece) if not piece.index else b""
        if isinstance(piece, ToolBegan):
            return self._call(piece) if not piece.index else b""
        if isinstance(piece, Used):
            self._usage = later(self._usage, piece.usage)
        elif isinstance(piece, Finished):
            if not piece.index:
                self._finish = piece.finish
        elif isinstance(piece, Began) and not self._begun:
            self._id, self._model = piece.id or self._id, piece.model or self._model
            return self._begin()
        return b""

    def _call(self, piece: ToolBegan) -> bytes:
        """Begin a call. Calls stay open to the end: some providers write several at a time."""
        out = self._begin() + self._close()
        block = self._calls[piece.call] = self._next
        self._next += 1
        began = {"type": "tool_use", "id": piece.id, "name": piece.name, "input": {}}
        return out + _event("content_block_start", {"index": block, "content_block": began})

    def _reasoning(self, piece: ReasoningDelta) -> bytes:
        if piece.redacted:
            block = {"type": "redacted_thinking", "data": piece.redacted}
            return self._close() + self._open_block("redacted_thinking", block) + self._close()
        if not piece.text and not piece.signature:
            return b""
        out = self._open_block("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        if piece.text:
            out += self._delta(self._open, {"type": "thinking_delta", "thinking": piece.text})
        if piece.signature:
            out += self._delta(self._open, {"type": "signature_delta", "signature": piece.signature})
            out += self._close()
        return out

    def _open_block(self, kind: str, block: dict[str, Any]) -> bytes:
        if self._open_kind == kind:
            return b""
        out = self._begin() + self._close()
        self._open, self._open_kind = self._next, kind
        self._next += 1
        return out + _event("content_block_start", {"index": self._open, "content_block": block})

    def _close(self) -> bytes:
        if self._open < 0:
            return b""
        out = self._stop(self._open)
        self._open, self._open_kind = -1, ""
        return out

    def _stop(self, block: int) -> bytes:
        return _event("content_block_stop", {"index": block})

    def _delta(self, block: int, delta: dict[str, Any]) -> bytes:
        return _event("content_block_delta", {"index": block, "delta": delta})


def _event(kind: str, fields: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), ENCODER.encode({"type": kind, **fields}))


_PLACES = ("text", "thinking", "partial_json")


def rewritten(data: bytes, texts: Mapping[tuple[int, int], str]) -> bytes:
    """Return an event with another text: none of these events holds more than one."""
    event = loosely(data)
    text = next(iter(texts.values()))
    for name in ("delta", "content_block"):
        held = event.get(name)
        if not isinstance(held, dict):
            continue
        place = next((one for one in _PLACES if held.get(one)), "")
        if place:
            held[place] = text
            held.pop("citations", None)
        elif held.get("input"):
            held["input"] = _arguments(text)
    name = kind_of(event) or "message"
    return b"event: %b\ndata: %b\n\n" % (name.encode(), ENCODER.encode(event))
