"""Streams followed: however they are cut, and whatever is in them."""

from __future__ import annotations

import contextlib
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway.dialects.anthropic_events import AnthropicReader
from roadworthy.gateway.dialects.dialect import BrokenStreamError, Reader
from roadworthy.gateway.dialects.events import EVENT_BYTES_MAX, ChatReader, EventCutter
from roadworthy.gateway.dialects.neutral import (
    Began,
    Done,
    Event,
    Failed,
    Finished,
    Piece,
    ReasoningDelta,
    TextDelta,
    ToolBegan,
    ToolDelta,
    Usage,
    Used,
)
from roadworthy.gateway.dialects.responses_events import ResponsesReader

READERS: list[Callable[[], Reader]] = [ChatReader, AnthropicReader, ResponsesReader]
WORDS = st.text(max_size=12)


def chunk(*, space: str = " ", **delta: Any) -> bytes:
    """Return a chunk of a chat completion as servers write it."""
    event = {"id": "c1", "created": 7, "model": "m", "choices": [{"index": 0, "delta": delta}], "usage": None}
    return b"data:" + space.encode() + json.dumps(event, separators=(",", ":")).encode() + b"\n\n"


def named(kind: str, **fields: Any) -> bytes:
    """Return an event as Anthropic's API and OpenAI's responses write it."""
    body = json.dumps({"type": kind, **fields})
    return f"event: {kind}\ndata: {body}\n\n".encode()


def follow(reader: Reader, data: bytes, cuts: list[int] | None = None) -> list[Event]:
    """Feed a stream in pieces cut at these places."""
    events = []
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts or [])})
    for start, end in itertools.pairwise(places):
        events.extend(reader.feed(data[start:end]))
    return events + reader.finish()


def pieces(events: list[Event]) -> list[Piece]:
    """Return all that was said."""
    return [piece for event in events for piece in event.pieces]


CHAT = (
    b": keep-alive\n\n"
    + chunk(role="assistant", content="")
    + chunk(content="Grüße")
    + chunk(space="", content=' and "[DONE]" \\ \u2028 \U0001f600')
    + chunk(content="!").replace(b"\n\n", b"\r\n\r\n")
    + chunk(reasoning_content="hm")
    + chunk(
        tool_calls=[{"index": 0, "id": "t0", "type": "function", "function": {"name": "f", "arguments": ""}}]
    )
    + chunk(tool_calls=[{"index": 0, "function": {"arguments": '{"a":'}}])
    + chunk(tool_calls=[{"index": 1, "id": "t1", "function": {"name": "g", "arguments": "{}"}}])
    + chunk(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}])
    + b'event: x\r\ndata: {"choices":[{"index":0,"delta":{},\r\ndata: "finish_reason":"tool_calls"}]}\r\n\n'
    + b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,'
    + b'"prompt_tokens_details":{"cached_tokens":3}}}\n\n'
    + b"data: [DONE]\n\n"
)
CHAT_SAYS: list[Piece] = [
    Began("c1", "m", 7),
    TextDelta("Grüße"),
    TextDelta(' and "[DONE]" \\ \u2028 \U0001f600'),
    TextDelta("!"),
    ReasoningDelta("hm"),
    ToolBegan(0, "t0", "f"),
    ToolDelta(0, '{"a":'),
    ToolBegan(1, "t1", "g"),
    ToolDelta(1, "{}"),
    ToolDelta(0, "1}"),
    Finished("tool_calls"),
    Used(Usage(5, 2, 3)),
    Done(),
]
MESSAGE = (
    named(
        "message_start",
        message={
            "id": "msg_1",
            "model": "c",
            "usage": {"input_tokens": 9, "output_tokens": 1, "cache_read_input_tokens": 4},
        },
    )
    + named(
        "content_block_start", index=0, content_block={"type": "thinking", "thinking": "", "signature": ""}
    )
    + named("ping")
    + named("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "hm"})
    + named("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "S"})
    + named("content_block_stop", index=0)
    + named("content_block_start", index=1, content_block={"type": "text", "text": ""})
    + named("content_block_delta", index=1, delta={"type": "text_delta", "text": "Grüße"})
    + named("content_block_stop", index=1)
    + named(
        "content_block_start",
        index=2,
        content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}},
    )
    + named("content_block_delta", index=2, delta={"type": "input_json_delta", "partial_json": '{"a":1}'})
    + named("content_block_stop", index=2)
    + named(
        "message_delta", delta={"stop_reason": "tool_use", "stop_sequence": None}, usage={"output_tokens": 20}
    )
    + named("message_stop")
)
MESSAGE_SAYS: list[Piece] = [
    Began("msg_1", "c"),
    Used(Usage(13, 1, 4)),
    ReasoningDelta("hm"),
    ReasoningDelta(signature="S"),
    TextDelta("Grüße"),
    ToolBegan(0, "t", "f"),
    ToolDelta(0, '{"a":1}'),
    Finished("tool_calls"),
    Used(Usage(13, 20, 4)),
    Done(),
]
RESPONSE = (
    named(
        "response.created", response={"id": "resp_1", "model": "g", "created_at": 3, "status": "in_progress"}
    )
    + named("response.in_progress", response={"id": "resp_1"})
    + named(
        "response.output_item.added", output_index=0, item={"type": "reasoning", "id": "rs", "summary": []}
    )
    + named("response.reasoning_summary_text.delta", output_index=0, summary_index=0, delta="hm")
    + named(
        "response.output_item.done",
        output_index=0,
        item={
            "type": "reasoning",
            "encrypted_content": "S",
            "summary": [{"type": "summary_text", "text": "hm"}],
        },
    )
    + named("response.output_text.delta", output_index=1, content_index=0, delta="Grüße")
    + named("response.output_text.done", output_index=1, content_index=0, text="Grüße")
    + named(
        "response.output_item.done",
        output_index=1,
        item={"type": "message", "content": [{"type": "output_text", "text": "Grüße"}]},
    )
    + named(
        "response.output_item.added",
        output_index=2,
        item={"type": "function_call", "id": "fc", "call_id": "t", "name": "f", "arguments": ""},
    )
    + named("response.function_call_arguments.delta", output_index=2, delta='{"a":1}')
    + named("response.function_call_arguments.done", output_index=2, arguments='{"a":1}')
    + named(
        "response.completed",
        response={
            "id": "resp_1",
            "status": "completed",
            "usage": {
                "input_tokens": 5,
                "output_tokens": 2,
                "output_tokens_details": {"reasoning_tokens": 1},
            },
        },
    )
)
RESPONSE_SAYS: list[Piece] = [
    Began("resp_1", "g", 3),
    ReasoningDelta("hm"),
    ReasoningDelta(signature="S"),
    TextDelta("Grüße"),
    ToolBegan(0, "t", "f"),
    ToolDelta(0, '{"a":1}'),
    Finished("tool_calls"),
    Used(Usage(5, 2, None, None, 1)),
    Done(),
]
STREAMS = [
    pytest.param(ChatReader, CHAT, CHAT_SAYS, id="chat"),
    pytest.param(AnthropicReader, MESSAGE, MESSAGE_SAYS, id="messages"),
    pytest.param(ResponsesReader, RESPONSE, RESPONSE_SAYS, id="responses"),
]


@pytest.mark.parametrize(("reader", "stream", "says"), STREAMS)
@given(cuts=st.lists(st.integers(0, 5000), max_size=40))
def test_a_stream_says_the_same_however_it_is_cut(
    reader: Callable[[], Reader], stream: bytes, says: list[Piece], cuts: list[int]
) -> None:
    """Also through the middle of a letter; and every byte goes on."""
    events = follow(reader(), stream, cuts)
    assert pieces(events) == says
    assert b"".join(event.raw for event in events) == stream


@pytest.mark.parametrize(("reader", "stream", "says"), STREAMS)
def test_a_stream_cut_at_every_byte_and_without_its_last_blank_line(
    reader: Callable[[], Reader], stream: bytes, says: list[Piece]
) -> None:
    """Some servers close the connection before the last line ends."""
    for ending in (stream, stream[:-1], stream[:-2]):
        assert pieces(follow(reader(), ending, list(range(len(ending))))) == says


@pytest.mark.parametrize(("reader", "stream", "says"), STREAMS)
@pytest.mark.parametrize("line_end", [b"\r\n", b"\r"])
def test_lines_may_end_as_the_standard_allows(
    reader: Callable[[], Reader], stream: bytes, says: list[Piece], line_end: bytes
) -> None:
    """CR LF, LF and CR."""
    plain = stream.replace(b"\r\n", b"\n").replace(b"\n", line_end)
    assert pieces(follow(reader(), plain)) == says
    assert pieces(follow(reader(), plain, list(range(0, len(plain), 3)))) == says


@given(said=st.lists(WORDS, max_size=12), rest=st.dictionaries(WORDS, WORDS, max_size=2))
def test_words_are_read_alike_on_the_short_way_and_on_the_long(said: list[str], rest: dict[str, str]) -> None:
    """The short way reads what differs from the last event; the long way reads the whole event."""
    events = [chunk(content=text, **{f"x{name}": value for name, value in rest.items()}) for text in said]
    found = [piece.text for piece in pieces(follow(ChatReader(), b"".join(events)))[1:]]  # type: ignore[union-attr]
    one_by_one = ChatReader()
    short = [piece for event in events for one in one_by_one.feed(event) for piece in one.pieces][1:]
    assert found == [text for text in said if text]
    assert [piece.text for piece in short] == found  # type: ignore[union-attr]


EVIL = (
    b'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n',
    b'data: {"x":{"content":"a"},"choices":[{"index":0,"delta":{"content":"b"}}]}\n\n',
    b'data: {"x":{"content":"c"},"choices":[{"index":0,"delta":{"content":"b"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"a"}}],"y":"\\u0063"}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"a","cont\\u0065nt":"z"}}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}]}\n\n',
    b'data: {"choices":[{"index":0,"delta":{"content":"a\\",\\"content\\":\\"q"}}]}\n\n',
)


@given(order=st.lists(st.sampled_from(EVIL), min_size=2, max_size=8))
def test_the_short_way_cannot_be_led_astray(order: list[bytes]) -> None:
    """What an event says is what JSON says that it says."""
    reader = ChatReader()
    found = [piece for event in order for one in reader.feed(event) for piece in one.pieces]
    said = "".join(piece.text for piece in found if isinstance(piece, TextDelta))
    wanted = [json.loads(event[6:])["choices"][0]["delta"]["content"] for event in order]
    assert said == "".join(wanted)


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=200), cuts=st.lists(st.integers(0, 300), max_size=5))
def test_noise_breaks_a_stream_only_by_name(
    reader: Callable[[], Reader], data: bytes, cuts: list[int]
) -> None:
    """No other error than the one that says so."""
    with contextlib.suppress(BrokenStreamError):
        follow(reader(), data, cuts)


NAMES = [
    *("choices", "delta", "content", "tool_calls", "function", "arguments", "index", "id", "name"),
    *("error", "usage", "message", "text", "item", "response", "output_index", "content_block", "input"),
    *("partial_json", "thinking", "finish_reason", "status", "signature", "data"),
]
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda held: (
        st.lists(held, max_size=3)
        | st.dictionaries(
            st.sampled_from([*NAMES, "type"]) | st.text(max_size=3),
            held,
            max_size=4,
        )
    ),
    max_leaves=12,
)
KINDS = st.sampled_from(
    [
        *("message_start", "content_block_start", "content_block_delta", "message_delta", "error", "x"),
        *("response.created", "response.output_item.added", "response.output_item.done"),
        *("response.completed", "response.failed"),
    ]
)


@pytest.mark.parametrize("reader", READERS)
@given(
    events=st.lists(
        st.fixed_dictionaries(
            {"type": KINDS | VALUES},
            optional=dict.fromkeys(NAMES, VALUES),
        ),
        max_size=4,
    )
)  # fmt: skip
def test_events_of_any_shape_break_a_stream_only_by_name(
    reader: Callable[[], Reader], events: list[dict[str, Any]]
) -> None:
    """Providers write what they like."""
    stream = b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)
    with contextlib.suppress(BrokenStreamError):
        for piece in pieces(follow(reader(), stream)):
            assert isinstance(piece, Piece)


@pytest.mark.parametrize("reader", READERS)
def test_what_cannot_be_read_cannot_be_filtered_and_breaks_the_stream(reader: Callable[[], Reader]) -> None:
    """No words pass unread."""
    for data in (b"not json", b"[1]", b'"text"', b"{", b'{"a":' * 5000, b"[" * 100_000):
        with pytest.raises(BrokenStreamError):
            follow(reader(), b"data: " + data + b"\n\n")


def test_empty_lines_at_the_end_are_passed_on_wherever_they_are_cut() -> None:
    """A carriage return may end a line, or be the first half of an end: every byte arrives all the same."""
    data = b"data: 1\r\n" + b"\r\n" * 9
    for at in range(len(data)):
        cutter = EventCutter()
        events = cutter.feed(data[:at]) + cutter.feed(data[at:]) + cutter.finish()
        assert b"".join(event for event, _ in events) == data


@pytest.mark.parametrize("reader", READERS)
def test_no_byte_between_events_is_lost(reader: Callable[[], Reader]) -> None:
    """Empty lines more than the standard asks for arrive too, in one packet or in many."""
    data = chunk(content="a") + b"\n" + chunk(content="b") + b"\n"
    for size in (1, 7, len(data)):
        read = reader()
        events = [one for at in range(0, len(data), size) for one in read.feed(data[at : at + size])]
        assert b"".join(one.raw for one in [*events, *read.finish()]) == data


@pytest.mark.parametrize("reader", READERS)
def test_half_a_surrogate_pair_is_no_text(reader: Callable[[], Reader]) -> None:
    """JSON can write it, UTF-8 cannot: in whatever field it stands, the stream goes on without it."""
    message = {"id": "\ud800", "model": "m", "usage": {"input_tokens": 1}}
    events = [
        chunk(content="a\ud83d"),
        named("message_start", message=message, delta={"text": 7}),
        named("content_block_start", index=0, content_block={"type": "text", "text": "\udc00"}),
        named("response.created", response={"id": "\ud800", "output": [{"x": "\ud800"}]}),
    ]
    read = reader()
    for event in events:
        for one in read.feed(event):
            assert not any(half in repr(one.pieces) for half in ("\\ud83d", "\\ud800", "\\udc00"))


@pytest.mark.parametrize("reader", READERS)
def test_an_event_without_an_end_is_bounded(reader: Callable[[], Reader]) -> None:
    """One MiB, whether it comes at once or in pieces."""
    with pytest.raises(BrokenStreamError):
        reader().feed(b"data: " + b"x" * EVENT_BYTES_MAX)
    whole = b'data: {"choices":[{"delta":{"content":"' + b"x" * EVENT_BYTES_MAX + b'"}}]}\n\n'
    with pytest.raises(BrokenStreamError):
        reader().feed(whole)
    patient = reader()
    for _ in range(EVENT_BYTES_MAX // 20_000):
        patient.feed(b"x" * 20_000)
    with pytest.raises(BrokenStreamError):
        patient.feed(b"x" * 20_000)


def test_a_stream_in_single_bytes_takes_no_longer_than_its_length_allows() -> None:
    """Two hundred thousand pieces of one event: joined again each time, they would take minutes."""
    cutter = EventCutter()
    began = time.perf_counter()
    for _ in range(200_000):
        cutter.feed(b"x")
    assert time.perf_counter() - began < 10


def test_many_events_in_one_packet_take_no_longer_than_their_length_allows() -> None:
    """Half a MiB of empty lines, and as much of small events."""
    for data in (b"\n" * 500_000, b"data: {}\n\n" * 50_000, b"\r\n\r" * 100_000):
        began = time.perf_counter()
        with contextlib.suppress(BrokenStreamError):
            follow(ChatReader(), data)
        assert time.perf_counter() - began < 10


def test_errors_inside_streams_are_heard() -> None:
    """As OpenAI's chat, Anthropic and responses say them."""
    said = pieces(follow(ChatReader(), b'data: {"error":{"message":"full","code":"busy"}}\n\n'))
    assert isinstance(said[0], Failed)
    assert (said[0].error.message, said[0].error.code) == ("full", "busy")
    error = {"type": "overloaded_error", "message": "full"}
    said = pieces(follow(AnthropicReader(), named("error", error=error)))
    assert isinstance(said[0], Failed)
    assert (said[0].error.message, said[0].error.kind) == ("full", "overloaded_error")
    failed = {"id": "r", "status": "failed", "error": {"code": "server_error", "message": "full"}}
    said = pieces(follow(ResponsesReader(), named("response.failed", response=failed)))
    assert isinstance(said[-1], Failed)
    assert said[-1].error.message == "full"
    said = pieces(follow(ResponsesReader(), named("error", code="x", message="full", param=None)))
    assert isinstance(said[0], Failed)
    assert said[0].error.message == "full"


def test_ways_of_providers_that_are_nobodys_standard() -> None:
    """Content in parts, arguments as objects, calls without numbers, half a surrogate pair, no usage."""
    parts = [
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "a"},
    ]
    assert pieces(follow(ChatReader(), chunk(content=parts)))[1:] == [ReasoningDelta("hm"), TextDelta("a")]
    calls = chunk(tool_calls=[{"id": "a", "function": {"name": "f", "arguments": {"x": 1}}}])
    more = chunk(tool_calls=[{"id": "b", "function": {"name": "g", "arguments": "{}"}}])
    assert pieces(follow(ChatReader(), calls + more))[1:] == [
        ToolBegan(0, "a", "f"),
        ToolDelta(0, '{"x":1}'),
        ToolBegan(1, "b", "g"),
        ToolDelta(1, "{}"),
    ]
    half = b'data: {"choices":[{"delta":{"content":"\\ud83d"}}]}\n\n'
    assert pieces(follow(ChatReader(), half))[1:] == [TextDelta("?")]
    negative = chunk(tool_calls=[{"index": -1, "id": "a", "function": {"name": "f", "arguments": "{}"}}])
    assert pieces(follow(ChatReader(), negative))[1:] == [ToolBegan(0, "a", "f"), ToolDelta(0, "{}")]
    odd = b'data: {"choices":null,"usage":{"prompt_tokens":"x"}}\n\n'
    assert pieces(follow(ChatReader(), odd)) == [Began("", "")]
