"""Streams of providers: whatever way they are cut, they say the same; a broken one is seen as broken."""

from __future__ import annotations

import json
import random

import pytest

from roadworthy.gateway.dialects.dialect import BrokenStreamError
from roadworthy.gateway.dialects.neutral import (
    Began,
    Done,
    Failed,
    Finished,
    Piece,
    ReasoningDelta,
    TextDelta,
    ToolBegan,
    ToolDelta,
    Used,
)
from roadworthy.gateway.dialects.providers.eventstream import frame
from roadworthy.gateway.dialects.providers.table import PROVIDERS
from tests.gateway.providers import shapes


def follow(dialect: str, data: bytes, cuts: list[int]) -> list[Piece]:
    """Return what a stream says when it comes in these pieces."""
    reader = PROVIDERS[dialect].reader("chat")
    pieces: list[Piece] = []
    for begin, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        for event in reader.feed(data[begin:end]):
            pieces.extend(event.pieces)
    for event in reader.finish():
        pieces.extend(event.pieces)
    return pieces


def told(pieces: list[Piece]) -> dict[str, object]:
    """Put the pieces of one choice together."""
    calls: dict[int, list[str]] = {}
    for piece in pieces:
        if isinstance(piece, ToolBegan):
            calls[piece.call] = [piece.name, ""]
        elif isinstance(piece, ToolDelta):
            calls[piece.call][1] += piece.arguments
    used = [piece.usage for piece in pieces if isinstance(piece, Used)]
    return {
        "text": "".join(piece.text for piece in pieces if isinstance(piece, TextDelta)),
        "thought": "".join(piece.text for piece in pieces if isinstance(piece, ReasoningDelta)),
        "calls": {name: json.loads(arguments) for name, arguments in calls.values()},
        "finish": [piece.finish for piece in pieces if isinstance(piece, Finished)],
        "output": used[-1].output_tokens if used else None,
        "done": sum(isinstance(piece, Done) for piece in pieces),
    }


@pytest.mark.parametrize("dialect", shapes.STREAMS)
def test_a_stream_says_what_it_says(dialect: str) -> None:
    """Words, thought, two calls at once (one without arguments), the finish, the usage, the end."""
    said = told(follow(dialect, shapes.STREAMS[dialect], []))
    assert said == {
        "text": "Hello",
        "thought": "" if "openai" in dialect else "Let me",
        "calls": {"f": {"a": 1}, "g": {}},
        "finish": ["tool_calls"],
        "output": 15 if dialect in {"anthropic", "bedrock"} else 7,
        "done": 1,
    }


@pytest.mark.parametrize("dialect", shapes.STREAMS)
def test_a_stream_says_the_same_however_it_is_cut(dialect: str) -> None:
    """Byte by byte, in halves at every place, and at random."""
    data = shapes.STREAMS[dialect]
    whole = told(follow(dialect, data, []))
    assert told(follow(dialect, data, list(range(1, len(data))))) == whole
    dice = random.Random(7)
    for at in dice.sample(range(1, len(data)), 60):
        assert told(follow(dialect, data, [at])) == whole
    for _ in range(30):
        assert told(follow(dialect, data, sorted(dice.sample(range(1, len(data)), 12)))) == whole


@pytest.mark.parametrize(
    ("dialect", "data"),
    [("anthropic", shapes.ANTHROPIC_JSON_STREAM), ("bedrock", shapes.BEDROCK_JSON_STREAM)],
)
def test_json_that_came_as_a_call_is_words_again(dialect: str, data: bytes) -> None:
    """A caller that asked for JSON sees the answer as words, and that the answer is finished."""
    said = told(follow(dialect, data, []))
    assert (said["text"], said["calls"], said["finish"]) == ('{"a":1}', {}, ["stop"])


def test_the_first_event_names_answer_and_model() -> None:
    """Where the provider says them."""
    first = {name: follow(name, data, [])[0] for name, data in shapes.STREAMS.items()}
    assert first["openai"] == Began("chatcmpl-123", "gpt-4o-mini", 1694268190)
    assert first["anthropic"] == Began("msg_1", "claude-sonnet-4-5")
    assert first["gemini"] == Began("abc", "gemini-2.5-flash")
    assert first["bedrock"] == Began("", "")


@pytest.mark.parametrize(
    ("dialect", "data", "kind"),
    [
        ("openai", b'data: {"error": {"message": "Overloaded", "type": "server_error"}}\n\n', "server_error"),
        (
            "anthropic",
            (
                b"event: error\n"
                b'data: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n'
            ),
            "overloaded_error",
        ),
        (
            "gemini",
            b'data: {"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}\n\n',
            "UNAVAILABLE",
        ),
        (
            "bedrock",
            frame(
                {":exception-type": "throttlingException", ":message-type": "exception"},
                b'{"message": "Overloaded"}',
            ),
            "throttlingException",
        ),
        (
            "bedrock",
            frame({":error-code": "internal", ":error-message": "Overloaded", ":message-type": "error"}, b""),
            "internal",
        ),
    ],
)
def test_an_error_inside_a_stream_is_told(dialect: str, data: bytes, kind: str) -> None:
    """As an error, not as an answer."""
    (piece,) = follow(dialect, data, [])
    assert isinstance(piece, Failed)
    assert (piece.error.message, piece.error.kind) == ("Overloaded", kind)


def test_a_stream_of_gemini_ends_only_after_its_reason() -> None:
    """The end of the connection alone is not the end of an answer."""
    cut = shapes.GEMINI_STREAM[: shapes.GEMINI_STREAM.rindex(b"data: ")]
    assert told(follow("gemini", cut, []))["done"] == 0


def test_a_blocked_prompt_is_told_as_filtered() -> None:
    """Gemini then gives no candidate at all."""
    data = shapes.sse({"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 4}})
    assert told(follow("gemini", data, []))["finish"] == ["content_filter"]


def test_every_flipped_bit_of_an_event_stream_is_seen() -> None:
    """Lengths, headers, payload and checksums: none can be wrong without notice."""
    data = shapes.aws(("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}}))
    assert told(follow("bedrock", data, []))["text"] == "Hello"
    for place in range(len(data) * 8):
        broken = bytearray(data)
        broken[place // 8] ^= 1 << place % 8
        with pytest.raises(BrokenStreamError):
            follow("bedrock", bytes(broken), [])


def test_an_event_stream_that_ends_early_is_broken() -> None:
    """At every byte of it."""
    data = shapes.aws(("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "Hello"}}))
    for end in range(1, len(data)):
        with pytest.raises(BrokenStreamError):
            follow("bedrock", data[:end], [])


def test_an_event_beyond_the_limit_is_refused_before_it_comes() -> None:
    """Its length alone is enough; nothing is waited for."""
    reader = PROVIDERS["bedrock"].reader("chat")
    big = frame({":event-type": "contentBlockDelta", ":message-type": "event"}, b"x" * (1 << 20))
    with pytest.raises(BrokenStreamError):
        reader.feed(big[:12])


def test_the_frames_are_those_of_aws() -> None:
    """AWS's own reader takes what we write, and we read what it reads."""
    theirs = pytest.importorskip("botocore.eventstream").EventStreamBuffer()
    theirs.add_data(shapes.BEDROCK_STREAM)
    events = list(theirs)
    assert len(events) == 15
    assert events[0].headers[":event-type"] == "messageStart"
    assert json.loads(events[4].payload)["delta"] == {"text": "Hel"}


@pytest.mark.parametrize("dialect", shapes.STREAMS)
def test_noise_never_crashes_a_reader(dialect: str) -> None:
    """It is broken, or it says nothing of use; no other exception leaves a reader."""
    dice = random.Random(3)
    data = shapes.STREAMS[dialect]
    for _ in range(400):
        broken = bytearray(data)
        for _ in range(dice.randrange(1, 6)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        try:
            follow(dialect, bytes(broken), [])
        except BrokenStreamError:
            continue
