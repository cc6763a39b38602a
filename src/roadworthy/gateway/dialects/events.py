"""Pure: server-sent events cut apart, and the streams of chat completions followed."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from roadworthy.gateway.dialects.dialect import BrokenStreamError
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

EVENT_BYTES_MAX = 1 << 20
NOTHING = msgspec.Raw()  # `Raw | None` reads nothing but null: absence is an empty Raw instead
_BOUNDARY = re.compile(rb"\r\n(?:\r\n|\n|\r)|\n(?:\r\n|\n|\r)|\r(?!\n)(?:\r\n|\n|\r)")
_LOOK_BACK = 4
_NESTED_MAX = 100
_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS = re.compile(rb"[\[\]{}]")
_TOO_LONG = "an event of the stream is longer than 1 MiB"


def data_of(event: bytes) -> bytes:
    """Return the data of one event, its lines joined."""
    lines = event.splitlines()
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines if line.startswith(b"data:"))


class EventCutter:
    """Cuts a stream into (event as it came, its data); takes time in proportion to the bytes, however cut."""

    __slots__ = ("_buffer", "_searched")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0

    @property
    def clean(self) -> bool:
        """Is nothing left of an event that is not whole yet?"""
        return not self._buffer

    def feed(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """Return the events that are whole now."""
        buffer = self._buffer
        buffer += data
        found = []
        at = 0
        boundary = _BOUNDARY.search(buffer, max(0, self._searched - _LOOK_BACK))
        while boundary is not None:
            end = boundary.end()
            if end - at > EVENT_BYTES_MAX:
                raise BrokenStreamError(_TOO_LONG)
            event = bytes(memoryview(buffer)[at:end])
            found.append((event, data_of(event)))
            at = end
            boundary = _BOUNDARY.search(buffer, at)
        if at:
            del boundary
            self._buffer = buffer = buffer[at:]
        self._searched = len(buffer)
        if len(buffer) > EVENT_BYTES_MAX:
            raise BrokenStreamError(_TOO_LONG)
        return found

    def finish(self) -> list[tuple[bytes, bytes]]:
        """The connection has ended: what is left counts as an event."""
        rest, self._buffer = bytes(self._buffer), bytearray()
        self._searched = 0
        if not rest.strip():
            return [(rest, b"")] if rest else []  # a caller gets every byte, wherever the network cut them
        event = rest.rstrip(b"\r\n") + b"\n\n"
        return [(event, data_of(event))]


# How JSON writes half a surrogate pair: no text, so nothing that is read may hold one.
_HALF = re.compile(rb"\\u[dD][89a-fA-F]")


def loosely(data: bytes) -> dict[str, Any]:
    """Read an event's data that has not the usual shape; `BrokenStreamError` when it is no JSON object."""
    found = None
    if data.count(b"[") + data.count(b"{") < _NESTED_MAX or _shallow(data):
        try:
            found = json.loads(data.decode("utf-8", "replace"))
            if _HALF.search(data):
                found = json.loads(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            found = None
    if not isinstance(found, dict):
        raise BrokenStreamError("an event of the stream is not a JSON object")
    return found


def _shallow(data: bytes) -> bool:
    """Is nothing nested deeper than can be walked? Only data with many brackets is looked at."""
    depth = deepest = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest < _NESTED_MAX


def text_in(value: Any) -> str:
    """Return the text in a value that may be one, or a list of parts that hold some."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # half a surrogate pair is no text
    if isinstance(value, list):
        return "".join(text_in(one) for one in value)
    if isinstance(value, dict):
        return text_in(next((value[name] for name in ("text", "thinking", "content") if name in value), ""))
    return ""


def kind_of(found: dict[str, Any]) -> str:
    """Return an object's type; nothing where it has none."""
    kind = found.get("type")
    return kind if isinstance(kind, str) else ""


def json_in(value: Any) -> str:
    """Return a call's arguments as text, also where a provider sends them as an object."""
    if isinstance(value, str):
        return text_in(value)
    return "" if value is None else msgspec.json.encode(value).decode()


# ------------------------------------------------------------------ chat completions


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    tool_calls: list[_Call] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    function_call: _Function | None = None


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    index: int = 0
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = NOTHING
    error: msgspec.Raw = NOTHING


class _Head(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    created: float | None = None


_LESSONS = 64
"""How often a stream's shape is learned: some change with every event, and are not worth it."""
_CONTENT = re.compile(rb'"content": ?("(?:[^"\\]|\\.)*")', re.DOTALL)
_TEXTS = msgspec.json.Decoder(str)
_CHUNKS = msgspec.json.Decoder(_Chunk)
_HEADS = msgspec.json.Decoder(_Head)
CHAT_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


class ChatReader:
    """Follows the stream of a chat completion."""

    __slots__ = (
        "_after",
        "_before",
        "_began",
        "_calls",
        "_cutter",
        "_end",
        "_index",
        "_last",
        "_lessons",
        "_refused",
        "_start",
    )

    def __init__(self) -> None:
        self._cutter = EventCutter()
        self._before = b""
        self._after = b""
        self._start = self._end = self._index = 0
        self._lessons = _LESSONS
        self._began = False
        self._calls: set[tuple[int, int]] = set()
        self._last: dict[int, int] = {}
        self._refused = False

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that are whole now."""
        if self._before and data.startswith(self._before) and data.endswith(self._after):
            # The last event but for its words: what stands between has only to be one text of JSON.
            try:
                text = _TEXTS.decode(data[self._start : len(data) - self._end])
            except (msgspec.DecodeError, ValueError):
                text = ""
            if text and self._cutter.clean and len(data) <= EVENT_BYTES_MAX:
                return [Event(data, (TextDelta(text, self._index),))]
        if (  # one event, on one line, alone in its packet: nearly all of nearly all streams
            data[:7] == b"data: {"
            and self._cutter.clean
            and data.find(b"\n") == len(data) - 2
            and data[-1] == 10
            and b"\r" not in data
        ):
            if len(data) > EVENT_BYTES_MAX:
                raise BrokenStreamError(_TOO_LONG)
            return [self._event(data, data[6:-2])]
        if (  # several whole events at once
            data[-2:] == b"\n\n"
            and data.count(b"\n\n") > 1
            and self._cutter.clean
            and b"\r" not in data
            and b"\n\n\n" not in data
        ):
            return [event for one in data.split(b"\n\n")[:-1] for event in self.feed(one + b"\n\n")]
        return [self._event(raw, data) for raw, data in self._cutter.feed(data)]

    def finish(self) -> list[Event]:
        """The connection has ended."""
        return [self._event(raw, data) for raw, data in self._cutter.finish()]

    def _event(self, raw: bytes, data: bytes) -> Event:
        try:
            chunk = _CHUNKS.decode(data)
        except (msgspec.DecodeError, ValueError, RecursionError):
            return self._odd(raw, data)
        choices = chunk.choices
        if self._began and choices is not None and len(choices) == 1:
            choice = choices[0]
            delta = choice.delta
            if (
                delta is not None
                and delta.content
                and choice.finish_reason is None
                and delta.reasoning_content is None
                and delta.reasoning is None
                and delta.tool_calls is None
                and delta.refusal is None
                and not chunk.error
                and delta.function_call is None
                and (not chunk.usage or bytes(chunk.usage) == b"null")
            ):
                if self._lessons:
                    self._learn(raw, choice.index)
                return Event(raw, (TextDelta(delta.content, choice.index),))
        return self._rich(raw, data, chunk)

    def _learn(self, raw: bytes, index: int) -> None:
        """Keep what stands around the words of an event that says nothing but words: the next is like it."""
        self._lessons -= 1
        self._before = b""
        found = _CONTENT.search(raw)
        if found is None or raw.count(b'"content"') != 1 or not raw.startswith(b"data: {"):
            return
        before, after = raw[: found.start(1) + 1], raw[found.end(1) - 1 :]
        if (
            b"\\" in before
            or b"\\" in after
            or b"\n" in before
            or b"\r" in raw
            or after.find(b"\n") < len(after) - 2
        ):
            return
        self._before, self._after = before, after
        self._start, self._end, self._index = len(before) - 1, len(after) - 1, index

    def _rich(self, raw: bytes, data: bytes, chunk: _Chunk) -> Event:
        error = bytes(chunk.error)
        if error not in {b"", b"null"} and not chunk.choices:
            return Event(raw, (Failed(error_of(0, data)),))
        pieces: list[Piece] = []
        if not self._began:
            self._began = True
            pieces.append(_began(data))
        for choice in chunk.choices or ():
            if choice.delta is not None:
                self._delta(pieces, choice.delta, choice.index)
            if choice.finish_reason:
                finish = CHAT_FINISH.get(choice.finish_reason, "stop")
                refused = self._refused and finish == "stop"
                pieces.append(Finished("refusal" if refused else finish, choice.index))
        usage = openai_usage(bytes(chunk.usage))
        if usage is not None:
            pieces.append(Used(usage))
        return Event(raw, tuple(pieces))

    def _delta(self, pieces: list[Piece], delta: _Delta, index: int) -> None:
        thought = delta.reasoning_content or delta.reasoning
        if thought:
            pieces.append(ReasoningDelta(thought, index=index))
        words = (delta.content or "") + (delta.refusal or "")
        if delta.refusal:
            self._refused = True
        if words:
            pieces.append(TextDelta(words, index))
        for place, call in enumerate(delta.tool_calls or ()):
            made = call.function or _Function()
            self._call(pieces, index, self._number(call, place, index), call.id or "", made)
        if delta.function_call is not None:
            self._call(pieces, index, 0, "", delta.function_call)

    def _number(self, call: _Call, place: int, index: int) -> int:
        """Return which call this is: some providers do not number them."""
        if call.index is not None and call.index >= 0:
            number = call.index
        else:
            last = self._last.get(index)
            number = place if last is None else last + 1 if call.id else last
        self._last[index] = number
        return number

    def _call(self, pieces: list[Piece], index: int, number: int, id_: str, made: _Function) -> None:
        if (index, number) not in self._calls:
            self._calls.add((index, number))
            pieces.append(ToolBegan(number, id_ or f"call_{number}", made.name or "", index))
        if made.arguments:
            pieces.append(ToolDelta(number, made.arguments, index))

    def _odd(self, raw: bytes, data: bytes) -> Event:
        """Read what has not the usual shape: an end mark, a comment, a provider's own way."""
        if not data.strip():
            return Event(raw)
        if data.strip() == b"[DONE]":
            return Event(raw, (Done(),))
        found = loosely(data)
        choices = found.get("choices")
        tidy = [
            _tidied(one, place)
            for place, one in enumerate(choices if isinstance(choices, list) else ())
            if isinstance(one, dict)
        ]
        error, usage = found.get("error"), found.get("usage")
        chunk = _Chunk(
            tidy,
            msgspec.Raw(msgspec.json.encode(usage)) if isinstance(usage, dict) else NOTHING,
            msgspec.Raw(b'"error"') if error else NOTHING,
        )
        return self._rich(raw, data, chunk)


def _began(data: bytes) -> Began:
    try:
        head = _HEADS.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return Began("", "")
    created = head.created or 0
    return Began(head.id or "", head.model or "", int(created) if 0 <= created < 1 << 53 else 0)


def _whole_number(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31
    return value if fits else None


def _tidied(choice: dict[str, Any], place: int) -> _Choice:
    """Bring a choice with unusual fields into the usual shape."""
    found = choice.get("delta")
    delta = found if isinstance(found, dict) else {}
    thoughts, words = "", ""
    content = delta.get("content")
    for part in content if isinstance(content, list) else (content,):
        if isinstance(part, dict) and kind_of(part) in {"thinking", "reasoning"}:
            thoughts += text_in(part)
        else:
            words += text_in(part)
    thought = text_in(delta.get("reasoning_content")) or text_in(delta.get("reasoning")) or thoughts
    calls = []
    listed = delta.get("tool_calls")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict):
            id_ = one.get("id")
            function = _function(one.get("function"))
            calls.append(
                _Call(_whole_number(one.get("index")), id_ if isinstance(id_, str) else None, function)
            )
    finish = choice.get("finish_reason")
    index = _whole_number(choice.get("index"))
    return _Choice(
        _Delta(
            words or None,
            calls or None,
            thought or None,
            None,
            text_in(delta.get("refusal")) or None,
            _function(delta["function_call"]) if delta.get("function_call") else None,
        ),
        place if index is None else index,
        finish if isinstance(finish, str) else None,
    )


def _function(value: Any) -> _Function:
    if not isinstance(value, dict):
        return _Function()
    return _Function(text_in(value.get("name")) or None, json_in(value.get("arguments")) or None)
