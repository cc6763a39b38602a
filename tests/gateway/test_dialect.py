"""OpenAI's wire format, read and written without a network."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway.dialects import openai
from roadworthy.gateway.dialects.openai import MalformedRequestError, StreamReader

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)


OWN: frozenset[str] = frozenset(
    {"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens"}
)


def not_ours(name: str) -> bool:
    """Say whether a field is one that the gateway leaves alone."""
    return name not in OWN


def event(**fields: Any) -> bytes:
    """Return one event of a stream."""
    return b"data: " + json.dumps(fields, separators=(",", ":")).encode() + b"\n\n"


def said(text: str) -> bytes:
    """Return an event that says something."""
    return event(choices=[{"index": 0, "delta": {"content": text}}], usage=None)


USAGE = {"prompt_tokens": 5, "completion_tokens": 2}
STREAM = (
    b": comment\n\n"
    + said("")
    + said("Grüße")
    + b"event: x\r\n" + said('\u2028 and \\" [DONE] "usage"')
    + event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
    + event(choices=[], usage=USAGE)
    + b"data: [DONE]\n\n"
)  # fmt: skip


@given(more=st.dictionaries(st.text().filter(not_ours), JSON, max_size=5))
def test_everything_else_reaches_the_provider_as_it_was(more: dict[str, Any]) -> None:
    """Only the model's name changes."""
    body = json.dumps({**more, "model": "mine", "messages": [{"role": "user", "content": "é"}]}).encode()
    sent = json.loads(openai.write_chat(openai.read_chat(body), "theirs"))
    assert sent == {**json.loads(body), "model": "theirs"}


@given(st.binary(max_size=300) | JSON.map(lambda found: json.dumps(found).encode()))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Nothing but the one error ever comes out."""
    with contextlib.suppress(MalformedRequestError):
        assert openai.read_chat(body).model


@given(cuts=st.lists(st.integers(min_value=0, max_value=len(STREAM)), max_size=30), hide=st.booleans())
def test_where_the_network_cuts_makes_no_difference(cuts: list[int], *, hide: bool) -> None:
    """The caller sees the same bytes, the record the same usage, however the stream was chopped."""
    reader = StreamReader(hide_usage=hide, keep_bytes=10_000)
    edges = sorted({0, len(STREAM), *cuts})
    out = b"".join(reader.feed(STREAM[a:b]) for a, b in itertools.pairwise(edges))
    hidden = event(choices=[], usage=USAGE) if hide else b""
    assert out == STREAM.replace(b"data: [DONE]\n\n", b"").replace(hidden, b"")
    assert reader.done
    assert reader.usage is not None
    assert (reader.usage.prompt_tokens, reader.usage.completion_tokens) == (5, 2)
    assert reader.text() == 'Grüße\u2028 and \\" [DONE] "usage"'  # fmt: skip


def test_stream_without_a_last_blank_line_is_whole() -> None:
    """The end of the connection ends the last event too."""
    reader = StreamReader(hide_usage=True)
    out = reader.feed(said("a") + said("b").rstrip(b"\n"))
    assert out + reader.finish() == said("a") + said("b")


def test_event_without_end_is_broken_at_1_mib() -> None:
    """Nobody makes the gateway hold an endless line."""
    reader = StreamReader(hide_usage=True)
    for _ in range(10):
        assert reader.feed(b"data: " + b"x" * 100_000) == b""
    with pytest.raises(openai.BrokenStreamError):
        reader.feed(b"data: " + b"x" * 100_000)


@pytest.mark.parametrize(
    ("given_options", "sent"),
    [
        (None, {"include_usage": True}),
        ({"include_usage": False, "x": 1}, {"include_usage": True, "x": 1}),
        ({"include_usage": True, "x": 1}, {"include_usage": True, "x": 1}),
    ],
)
def test_usage_is_always_asked_for_in_streams(given_options: Any, sent: Any) -> None:
    """What else the options say is kept."""
    body = {"model": "a", "messages": [], "stream": True, "stream_options": given_options}
    request = openai.read_chat(json.dumps(body).encode())
    assert json.loads(openai.write_chat(request, "b"))["stream_options"] == sent
    assert request.asks_usage == bool(given_options and given_options["include_usage"])


def test_output_limit_is_read_from_either_name() -> None:
    """The newer name goes before the older."""
    body = {"model": "a", "messages": [], "max_tokens": 5}
    assert openai.read_chat(json.dumps(body).encode()).max_output_tokens == 5
    body["max_completion_tokens"] = 7
    assert openai.read_chat(json.dumps(body).encode()).max_output_tokens == 7


def test_prompt_reads_as_a_conversation() -> None:
    """One line a message; what is not plain text is shown as it was sent."""
    messages = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": [{"type": "text"}]}]
    request = openai.read_chat(json.dumps({"model": "a", "messages": messages}).encode())
    assert openai.prompt_text(request) == 'system: Be brief.\nuser: [{"type": "text"}]'
