"""Pure: the streams of OpenAI's responses, followed."""

from __future__ import annotations

from typing import Any

import msgspec

from roadworthy.gateway.dialects.events import EventCutter, json_in, kind_of, loosely, text_in
from roadworthy.gateway.dialects.failure import error_of
from roadworthy.gateway.dialects.metering import openai_usage
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


class _Line(msgspec.Struct):
    type: str
    delta: str
    output_index: int = 0


_LINES = msgspec.json.Decoder(_Line)
_WORDS = frozenset({"response.output_text.delta", "response.refusal.delta"})
_THOUGHTS = frozenset({"response.reasoning_summary_text.delta", "response.reasoning_text.delta"})
_ARGUMENTS = frozenset({"response.function_call_arguments.delta", "response.custom_tool_call_input.delta"})
_ENDS = frozenset({"response.completed", "response.incomplete"})
_CALLS = frozenset({"function_call", "custom_tool_call"})


class ResponsesReader:
    """Follows the stream of a response."""

    __slots__ = ("_began", "_calls", "_cutter", "_refused", "_spoken")

    def __init__(self) -> None:
        self._cutter = EventCutter()
        self._began = False
        self._calls: dict[int, int] = {}
        self._spoken: set[int] = set()
        self._refused = False

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
            return Event(raw, tuple(self._rich(data, loosely(data))))
        return Event(raw, self._delta(line.type, line.delta, line.output_index))

    def _delta(self, kind: str, text: str, place: int) -> tuple[Piece, ...]:
        if not text:
            return ()
        if kind in _WORDS:
            self._spoken.add(place)
            self._refused = self._refused or kind == "response.refusal.delta"
            return (TextDelta(text),)
        if kind in _THOUGHTS:
            self._spoken.add(place)
            return (ReasoningDelta(text),)
        if kind in _ARGUMENTS:
            self._spoken.add(place)
            if place not in self._calls:
                return self._call(place, {}, text)
            return (ToolDelta(self._calls[place], text),)
        return ()

    def _rich(self, data: bytes, found: dict[str, Any]) -> list[Piece]:
        kind = kind_of(found)
        if isinstance(found.get("delta"), str):
            return list(self._delta(kind, text_in(found["delta"]), _place(found)))
        response = found.get("response")
        response = response if isinstance(response, dict) else {}
        pieces: list[Piece] = []
        if not self._began and response:
            self._began = True
            pieces.append(_began(response))
        if kind == "response.output_item.added":
            pieces.extend(self._item(found, begins=True))
        elif kind == "response.output_item.done":
            pieces.extend(self._item(found, begins=False))
        elif kind in _ENDS:
            pieces.extend(self._end(response))
        elif kind == "response.failed":
            error = response.get("error")
            said = error if isinstance(error, dict) else {"message": "The response failed."}
            pieces.append(Failed(error_of(0, msgspec.json.encode({"error": said}))))
        elif kind == "error" or (not kind and found.get("error")):
            pieces.append(Failed(error_of(0, data)))
        return pieces

    def _item(self, found: dict[str, Any], *, begins: bool) -> tuple[Piece, ...]:
        """Read an item as it begins, or as it is whole: then only if none of it came before."""
        item = found.get("item")
        if not isinstance(item, dict):
            return ()
        place, kind = _place(found), kind_of(item)
        if kind in _CALLS:
            given = json_in(item.get("arguments") or item.get("input"))
            if place not in self._calls:
                if given:
                    self._spoken.add(place)
                return self._call(place, item, given)
            if begins or place in self._spoken or not given:
                return ()
            return (ToolDelta(self._calls[place], given),)
        if begins:
            return ()
        pieces: list[Piece] = []
        if kind == "reasoning":
            thought = (
                "" if place in self._spoken else text_in(item.get("summary")) or text_in(item.get("content"))
            )
            sealed = text_in(item.get("encrypted_content"))
            if thought or sealed:
                pieces.append(ReasoningDelta(thought, sealed))
        elif kind == "message" and place not in self._spoken:
            text = text_in(item.get("content"))
            if text:
                pieces.append(TextDelta(text))
        return tuple(pieces)

    def _call(self, place: int, item: dict[str, Any], given: str) -> tuple[Piece, ...]:
        call = self._calls[place] = len(self._calls)
        id_ = text_in(item.get("call_id")) or text_in(item.get("id")) or f"call_{call}"
        began = ToolBegan(call, id_, text_in(item.get("name")))
        return (began, ToolDelta(call, given)) if given else (began,)

    def _end(self, response: dict[str, Any]) -> list[Piece]:
        why = response.get("incomplete_details")
        reason = why.get("reason") if isinstance(why, dict) else None
        finish: Finish = "tool_calls" if self._calls else "refusal" if self._refused else "stop"
        if reason is not None or response.get("status") == "incomplete":
            finish = "content_filter" if reason == "content_filter" else "length"
        pieces: list[Piece] = [Finished(finish)]
        usage = openai_usage(msgspec.json.encode(response.get("usage")))
        if usage is not None:
            pieces.append(Used(usage))
        pieces.append(Done())
        return pieces


def _place(found: dict[str, Any]) -> int:
    place = found.get("output_index")
    return place if isinstance(place, int) else 0


def _began(response: dict[str, Any]) -> Began:
    created = response.get("created_at")
    fits = isinstance(created, int | float) and 0 <= created < 1 << 53
    return Began(text_in(response.get("id")), text_in(response.get("model")), int(created) if fits else 0)  # type: ignore[arg-type]
