"""Pure: the streams of Anthropic's messages, followed."""

from __future__ import annotations

from typing import Any

import msgspec

from roadworthy.gateway.dialects.events import NOTHING, EventCutter, json_in, kind_of, loosely, text_in
from roadworthy.gateway.dialects.failure import error_of
from roadworthy.gateway.dialects.metering import AnthropicUsage, anthropic_counts, anthropic_usage
from roadworthy.gateway.dialects.neutral import (
    Began,
    Done,
    Event,
    Failed,
    Finish,
    Finished,
    Piece,
    ReasoningDelta,
    TextDelta,
    ToolBegan,
    ToolDelta,
    Used,
)

ANTHROPIC_FINISH: dict[str, Finish] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "tool_use": "tool_calls",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "pause",
    "refusal": "refusal",
}


class _Delta(msgspec.Struct):
    type: str | None = None
    text: str | None = None
    partial_json: str | None = None
    thinking: str | None = None
    signature: str | None = None
    stop_reason: str | None = None


class _Line(msgspec.Struct):
    type: str
    delta: _Delta | None = None
    index: int = 0
    message: msgspec.Raw = NOTHING
    content_block: msgspec.Raw = NOTHING
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class _Message(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    usage: msgspec.Raw = NOTHING


_LINES = msgspec.json.Decoder(_Line)
_MESSAGES = msgspec.json.Decoder(_Message)
_TOOL_OF_PROVIDER = frozenset({"server_tool_use", "mcp_tool_use"})


class AnthropicReader:
    """Follows the stream of a message."""

    __slots__ = ("_calls", "_count", "_cutter", "_used")

    def __init__(self) -> None:
        self._cutter = EventCutter()
        self._calls: dict[int, int] = {}
        self._count = 0
        self._used = AnthropicUsage()

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that are whole now."""
        return [self._event(raw, data) for raw, data in self._cutter.feed(data)]

    def finish(self) -> list[Event]:
        """The connection has ended."""
        return [self._event(raw, data) for raw, data in self._cutter.finish()]

    def _event(self, raw: bytes, data: bytes) -> Event:
        try:
            line = _LINES.decode(data)
        except (msgspec.DecodeError, ValueError, RecursionError):
            if not data.strip():
                return Event(raw)
            if data.strip() == b"[DONE]":
                return Event(raw, (Done(),))
            line = _tidied(loosely(data))
        delta = line.delta
        if line.type == "content_block_delta" and delta is not None:
            return Event(raw, self._delta(delta, line.index))
        return Event(raw, self._rich(data, line))

    def _delta(self, delta: _Delta, index: int) -> tuple[Piece, ...]:
        if delta.text is not None:
            return (TextDelta(delta.text),) if delta.text else ()
        if delta.partial_json is not None:
            if not delta.partial_json:
                return ()
            call = self._calls.get(index)
            # What a provider asks of its own tools is no call to the caller; it is read like thought.
            return (
                (ReasoningDelta(delta.partial_json),)
                if call is None
                else (ToolDelta(call, delta.partial_json),)
            )
        if delta.thinking is not None:
            return (ReasoningDelta(delta.thinking),) if delta.thinking else ()
        if delta.signature is not None:
            return (ReasoningDelta(signature=delta.signature),)
        return ()

    def _rich(self, data: bytes, line: _Line) -> tuple[Piece, ...]:
        kind = line.type
        if kind == "message_start":
            return self._start(bytes(line.message))
        if kind == "content_block_start":
            return self._block(bytes(line.content_block), line.index)
        if kind == "message_delta":
            pieces: list[Piece] = []
            if line.delta is not None and line.delta.stop_reason:
                pieces.append(Finished(ANTHROPIC_FINISH.get(line.delta.stop_reason, "stop")))
            pieces.extend(self._use(bytes(line.usage)))
            return tuple(pieces)
        if kind == "message_stop":
            return (Done(),)
        if kind == "error" or bytes(line.error) not in {b"", b"null"}:
            return (Failed(error_of(0, data)),)
        return ()

    def _start(self, raw: bytes) -> tuple[Piece, ...]:
        try:
            message = _MESSAGES.decode(raw)
        except (msgspec.DecodeError, ValueError, RecursionError):
            message = _Message()
        return (Began(message.id or "", message.model or ""), *self._use(bytes(message.usage)))

    def _use(self, raw: bytes) -> tuple[Piece, ...]:
        """Add what is said now to what was said before: later numbers are totals, absent ones unchanged."""
        found = anthropic_counts(raw)
        if found is None:
            return ()
        known = self._used
        self._used = now = AnthropicUsage(
            *(
                new if new is not None else old
                for new, old in (
                    (found.input_tokens, known.input_tokens),
                    (found.output_tokens, known.output_tokens),
                    (found.cache_read_input_tokens, known.cache_read_input_tokens),
                    (found.cache_creation_input_tokens, known.cache_creation_input_tokens),
                )
            )
        )
        return (Used(anthropic_usage(now)),)

    def _block(self, raw: bytes, index: int) -> tuple[Piece, ...]:
        block = loosely(raw or b"{}")
        kind = kind_of(block)
        if kind == "tool_use":
            call = self._calls[index] = self._count
            self._count += 1
            began = ToolBegan(call, text_in(block.get("id")), text_in(block.get("name")))
            given = block.get("input")
            return (began, ToolDelta(call, json_in(given))) if given else (began,)
        if kind in _TOOL_OF_PROVIDER:
            given = block.get("input")
            return (ReasoningDelta(json_in(given)),) if given else ()
        if kind == "redacted_thinking":
            return (ReasoningDelta(redacted=text_in(block.get("data"))),)
        if kind == "thinking":
            thought, signature = text_in(block.get("thinking")), text_in(block.get("signature"))
            return (ReasoningDelta(thought, signature),) if thought or signature else ()
        text = text_in(block.get("text")) if kind == "text" else ""
        return (TextDelta(text),) if text else ()


def _tidied(found: dict[str, Any]) -> _Line:
    """Bring an event with unusual fields into the usual shape."""

    def raw(name: str) -> msgspec.Raw:
        value = found.get(name)
        return msgspec.Raw(msgspec.json.encode(value)) if isinstance(value, dict) else NOTHING

    delta, index = found.get("delta"), found.get("index")
    tidy = None
    if isinstance(delta, dict):
        tidy = _Delta(
            *(
                text_in(delta[name]) if isinstance(delta.get(name), str) else None
                for name in ("type", "text", "partial_json", "thinking", "signature", "stop_reason")
            )
        )
    whole = isinstance(index, int) and not isinstance(index, bool)
    return _Line(
        kind_of(found) or ("error" if found.get("error") else ""),
        tidy,
        index if whole else 0,  # type: ignore[arg-type]
        raw("message"),
        raw("content_block"),
        raw("usage"),
        raw("error"),
    )
