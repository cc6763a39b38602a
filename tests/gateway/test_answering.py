"""Streams on their way to the caller: filters see everything, and nothing waits that need not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from roadworthy.gateway.answering import BlockedError, Stream
from roadworthy.gateway.dialects.dialect import Request
from roadworthy.gateway.dialects.neutral import (
    Began,
    Done,
    Event,
    Finished,
    Piece,
    TextDelta,
    ToolDelta,
    Usage,
    Used,
)

Channel = tuple[int, int]


class Script:
    """A reader that gives the events of a script, one per feed."""

    def __init__(self, *events: Event) -> None:
        self._events = list(events)

    def feed(self, data: bytes) -> list[Event]:
        return [self._events.pop(0)] if self._events else []

    def finish(self) -> list[Event]:
        return []


class Secrets:
    """Holds back everything from `#` on until it ends with a blank, and masks it; `!` blocks."""

    def __init__(self) -> None:
        self.blocked: object | None = None
        self.records = ()
        self._held: dict[Channel, str] = {}

    def feed(self, channel: Channel, text: str) -> str:
        if "!" in text:
            self.blocked = object()
            return ""
        text = self._held.pop(channel, "") + text
        head, mark, tail = text.partition("#")
        if not mark:
            return text
        if " " not in tail:
            self._held[channel] = mark + tail
            return head
        return head + "[secret]" + tail[tail.index(" ") :]

    def finish(self, channel: Channel) -> str:
        return "[secret]" if self._held.pop(channel, "") else ""


class Dialect:
    """Says events as plain words."""

    ending = b"END"

    def rewrite(self, raw: bytes, texts: Mapping[Channel, str]) -> bytes:
        return "".join(texts.values()).encode()


class Words:
    """A writer that says texts alone."""

    def write(self, pieces: Sequence[Piece]) -> bytes:
        return "".join(one.text for one in pieces if isinstance(one, TextDelta)).encode()

    def end(self) -> bytes:
        return b"."


def words(text: str, index: int = 0) -> Event:
    """Return an event that says words."""
    return Event(text.encode(), (TextDelta(text, index),))


def stream(*events: Event, translated: bool = False, filtered: bool = True, keep: int = 100) -> Stream:
    """Return a stream that will see these events."""
    return Stream(
        Script(*events),
        Request(Dialect(), {}, "m", stream=True),  # type: ignore[arg-type]
        writer=Words() if translated else None,
        stream_filter=Secrets() if filtered else None,  # type: ignore[arg-type]
        keep_chars=keep,
    )


def run(one: Stream, count: int) -> list[bytes]:
    """Feed as many times."""
    return [one.feed(b"") for _ in range(count)]


@pytest.mark.parametrize("translated", [False, True])
def test_words_pass_as_they_came(*, translated: bool) -> None:
    """Each event goes on at once, unchanged."""
    one = stream(words("Hello "), words("world"), translated=translated)
    assert run(one, 2) == [b"Hello ", b"world"]
    assert (one.text(), one.chars, one.started) == ("Hello world", 11, True)


@pytest.mark.parametrize("translated", [False, True])
def test_secret_across_events_is_masked(*, translated: bool) -> None:
    """What is held back comes with the event that decides it; the record has what the caller saw."""
    one = stream(words("a #12"), words("34 b"), words("c"), translated=translated)
    assert b"".join(run(one, 3)) == b"a [secret] bc"
    assert one.text() == "a [secret] bc"


@pytest.mark.parametrize("translated", [False, True])
def test_what_is_held_back_goes_out_before_what_follows(*, translated: bool) -> None:
    """An event of another kind ends the waiting: nothing can follow the held text any more."""
    end = Event(b"<end>", (Finished("stop"),))
    one = stream(words("a #12"), end, translated=translated)
    out = b"".join(run(one, 2))
    assert out.startswith(b"a [secret]")
    assert out == (b"a [secret]" if translated else b"a [secret]<end>")


def test_what_is_held_back_at_the_end_of_the_connection_goes_out() -> None:
    """Some providers just stop."""
    one = stream(words("a #12"))
    assert [*run(one, 1), one.finish()] == [b"a ", b"[secret]"]


def test_channels_do_not_mix() -> None:
    """Half a secret in one answer and half in another is none; each is filtered for itself."""
    one = stream(words("x #1", 0), words("2 y", 1), words("3 z", 0))
    assert b"".join(run(one, 3)) == b"x [secret]2 y3 z"


def test_tool_arguments_are_filtered() -> None:
    """What a model hands to a tool leaves the gateway as well."""
    events = [Event(b"raw", (ToolDelta(0, '{"a": "#12"', 0),)), Event(b"rest", (ToolDelta(0, " }", 0),))]
    assert b"".join(run(stream(*events), 2)) == b'{"a": "[secret] }'


def test_block_ends_the_stream() -> None:
    """Nothing of the event that is blocked goes on."""
    one = stream(words("fine"), words("not!"))
    assert one.feed(b"") == b"fine"
    with pytest.raises(BlockedError):
        one.feed(b"")


def test_usage_is_kept_and_hidden_from_who_did_not_ask() -> None:
    """Later words on usage replace earlier ones, field by field."""
    one = stream(
        words("a"),
        Event(b"u1", (Used(Usage(10, None, 3)),)),
        Event(b"u2", (Used(Usage(None, 7)),)),
        Event(b"[DONE]", (Done(),)),
    )
    assert b"".join(run(one, 4)) == b"a"
    assert one.usage == Usage(10, 7, 3)
    assert one.done
    assert one.end() == b"[DONE]"


def test_stream_has_not_started_before_something_is_said() -> None:
    """Until then another target may answer."""
    one = stream(Event(b"hi", (Began("1", "m"),)), words("a"))
    one.feed(b"")
    assert not one.started
    one.feed(b"")
    assert one.started


def test_unfiltered_stream_counts_what_went_out() -> None:
    """A stream that breaks off is metered by it."""
    one = stream(words("abc"), words("de"), filtered=False, keep=0)
    run(one, 2)
    assert (one.chars, one.text()) == (5, "")
