"""What filters read is all that was written, and what they change is all that changes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway.dialects.anthropic_events import AnthropicReader
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.dialects.dialect import CallerDialect, MalformedRequestError, Reader
from roadworthy.gateway.dialects.events import ChatReader
from roadworthy.gateway.dialects.neutral import ReasoningDelta, TextDelta, ToolDelta
from roadworthy.gateway.dialects.responses_events import ResponsesReader

CHAT = CALLERS[b"/v1/chat/completions"]
RESPONSES = CALLERS[b"/v1/responses"]
MESSAGES = CALLERS[b"/v1/messages"]
EMBEDDINGS = CALLERS[b"/v1/embeddings"]
PNG = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
PICTURE = "data:image/png;base64,AAAA"
REQUESTS: list[tuple[CallerDialect, dict[str, Any], list[str]]] = [
    (
        CHAT,
        {
            "model": "m",
            "messages": [
                {"role": "developer", "content": "one"},
                {"role": "user", "name": "n", "content": [{"type": "text", "text": "two"},
                    {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}}]},
                {"role": "assistant", "reasoning_content": "three", "content": None, "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":"four"}'}}]},
                {"role": "tool", "tool_call_id": "c", "content": "five"},
            ],
            "tools": [{"type": "function", "function": {"name": "f", "description": "six",
                "parameters": {"type": "object", "required": ["a"]}}}],
            "user": "seven",
            "x": {"y": "eight"},
            "reasoning_effort": "low",
        },
        ["one", "two", "three", '{"a":"four"}', "five", "six", "seven", "eight"],
    ),
    (
        RESPONSES,
        {
            "model": "m",
            "instructions": "one",
            "input": [
                {"role": "user", "content": [{"type": "input_text", "text": "two"},
                    {"type": "input_image", "image_url": PICTURE}]},
                {"type": "reasoning", "id": "r", "summary": [{"type": "summary_text", "text": "three"}],
                    "encrypted_content": "sealed"},
                {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":"four"}'},
                {"type": "function_call_output", "call_id": "c", "output": "five"},
            ],
            "metadata": {"id": "six"},
        },
        ["one", "two", "three", '{"a":"four"}', "five", "six"],
    ),
    (
        MESSAGES,
        {
            "model": "m",
            "max_tokens": 9,
            "system": [{"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}}],
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "two"},
                    {"type": "image", "source": PNG},
                    {"type": "document", "source": {"type": "text", "data": "three"}}]},
                {"role": "assistant", "content": [{"type": "thinking", "thinking": "four", "signature": "S"},
                    {"type": "tool_use", "id": "c", "name": "f", "input": {"id": "five", "n": {"type":
                        "six"}}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c", "content": "seven"}]},
            ],
            "stop_sequences": ["STOP"],
        },
        ["one", "two", "three", "four", "five", "six", "seven"],
    ),
    (EMBEDDINGS, {"model": "m", "input": ["one", "two"]}, ["one", "two"]),
    (EMBEDDINGS, {"model": "m", "input": [[1, 2], [3]]}, []),
]  # fmt: skip


@pytest.mark.parametrize(("caller", "body", "texts"), REQUESTS)
def test_every_text_of_a_request_is_read(
    caller: CallerDialect, body: dict[str, Any], texts: list[str]
) -> None:
    """In order; names, marks, ids, pictures and signatures are none."""
    assert caller.texts(caller.read(json.dumps(body).encode())) == texts


@pytest.mark.parametrize(("caller", "body", "texts"), REQUESTS)
def test_nothing_but_the_texts_changes(caller: CallerDialect, body: dict[str, Any], texts: list[str]) -> None:
    """Every field that no text stands in goes on as it came."""
    request = caller.read(json.dumps(body).encode())
    changed = caller.with_texts(request, [f"<{number}>" for number in range(len(texts))])
    wanted = json.dumps(body)
    for number, text in enumerate(texts):
        wanted = wanted.replace(json.dumps(text), f'"<{number}>"', 1)
    sent = json.loads(caller.pass_on(changed, "m"))
    sent.pop("store", None)
    assert sent == json.loads(wanted)
    assert caller.pass_on(caller.with_texts(request, texts), "m") == caller.pass_on(request, "m")


def test_a_text_that_cannot_be_read_is_refused() -> None:
    """Half a surrogate pair, which no filter could look at."""
    with pytest.raises(MalformedRequestError):
        CHAT.read(b'{"model":"m","messages":[{"role":"user","content":"\\ud800"}]}')


def test_another_number_of_texts_is_a_mistake() -> None:
    """Nothing may slip by one place."""
    request = CHAT.read(b'{"model":"m","messages":[{"role":"user","content":"a"}]}')
    with pytest.raises(ValueError, match="there are 1 texts, not 2"):
        CHAT.with_texts(request, ["a", "b"])


ANSWERS: list[tuple[CallerDialect, dict[str, Any], list[str]]] = [
    (
        CHAT,
        {
            "id": "i",
            "choices": [
                {"index": 0, "finish_reason": "stop", "logprobs": {"content": [{"token": "one"}]},
                 "message": {"role": "assistant", "content": "one", "reasoning_content": "two",
                   "tool_calls": [
                    {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}},
                {"index": 1, "message": {"role": "assistant", "content": "three"}},
            ],
            "usage": {"prompt_tokens": 1},
        },
        ["one", "two", "{}", "three"],
    ),
    (
        MESSAGES,
        {"id": "i", "content": [{"type": "thinking", "thinking": "one", "signature": "S"},
            {"type": "text", "text": "two"},
            {"type": "tool_use", "id": "c", "name": "f", "input": {"a": "three"}}],
              "stop_reason": "end_turn"},
        ["one", "two", "three"],
    ),
    (
        RESPONSES,
        {"id": "i", "output": [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "one"}]},
            {"type": "message", "id": "m", "content": [{"type": "output_text", "text": "two",
                "logprobs": [{"token": "two"}]}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}]},
        ["one", "two", "{}"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("caller", "body", "texts"), ANSWERS)
def test_every_text_of_an_answer_is_read_and_put_back(
    caller: CallerDialect, body: dict[str, Any], texts: list[str]
) -> None:
    """And nothing is left that would still tell the old words."""
    said = json.dumps(body).encode()
    assert caller.answer_texts(said) == texts
    changed = json.loads(caller.with_answer_texts(said, [f"<{number}>" for number in range(len(texts))]))
    for number, text in enumerate(texts):
        assert f'"<{number}>"' in json.dumps(changed)
        assert text == "{}" or f'"{text}"' not in json.dumps(changed)
    assert changed["id"] == "i"
    assert changed.get("usage") == body.get("usage")
    assert json.loads(caller.with_answer_texts(said, texts)).keys() == body.keys()


@pytest.mark.parametrize("caller", CALLERS.values(), ids=lambda caller: caller.name)
@pytest.mark.parametrize("body", [b"", b"x", b"[]", b"{}", b'{"choices":5,"content":"a","output":{}}'])
def test_an_answer_that_is_none_has_no_texts_or_those_it_shows(caller: CallerDialect, body: bytes) -> None:
    """It is refused elsewhere; reading it does not break, and what cannot be read is not called empty."""
    try:
        assert caller.answer_texts(body) in ([], ["a"])
    except ValueError:
        assert not body.startswith(b"{")


def chunk(**delta: Any) -> bytes:
    """Return a chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "logprobs": {"content": [{"token": "secret"}]}}
    return b"data: " + json.dumps({"id": "i", "choices": [choice], "x": 1}).encode() + b"\n\n"


def named(kind: str, **fields: Any) -> bytes:
    """Return a named event."""
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def block(kind: str, **fields: Any) -> bytes:
    """Return an event of a message's first block."""
    return named(kind, index=0, **fields)


CALL = [{"index": 1, "id": "c", "function": {"name": "f", "arguments": "secret"}}]
EVENTS: list[tuple[CallerDialect, type[Reader], bytes, tuple[int, int]]] = [
    (CHAT, ChatReader, chunk(content="secret"), (0, -1)),
    (CHAT, ChatReader, chunk(content=[{"type": "text", "text": "secret"}]), (0, -1)),
    (CHAT, ChatReader, chunk(refusal="secret"), (0, -1)),
    (CHAT, ChatReader, chunk(reasoning_content="secret", reasoning_details=[{"text": "secret"}]), (0, -2)),
    (CHAT, ChatReader, chunk(reasoning="secret"), (0, -2)),
    (CHAT, ChatReader, chunk(tool_calls=CALL), (0, 1)),
    (CHAT, ChatReader, chunk(function_call={"name": "f", "arguments": "secret"}), (0, 0)),
    (MESSAGES, AnthropicReader, block("content_block_delta", delta={"type": "text_delta", "text": "secret"}),
     (0, -1)),
    (MESSAGES, AnthropicReader, block("content_block_delta", delta={"type": "thinking_delta",
      "thinking": "secret"}), (0, -2)),
    (MESSAGES, AnthropicReader, block("content_block_start", content_block={"type": "text",
      "text": "secret"}),
     (0, -1)),
    (MESSAGES, AnthropicReader, block("content_block_start", content_block={"type": "tool_use", "id": "c",
      "name": "f", "input": {"a": "secret"}}), (0, 0)),
    (RESPONSES, ResponsesReader, named("response.output_text.delta", delta="secret"), (0, -1)),
    (RESPONSES, ResponsesReader, named("response.function_call_arguments.delta", delta="secret"),
     (0, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("caller", "reader", "event", "channel"), EVENTS)
@given(text=st.text(st.characters(codec="utf-8"), max_size=5))
def test_an_event_is_rewritten_with_another_text(
    caller: CallerDialect, reader: type[Reader], event: bytes, channel: tuple[int, int], text: str
) -> None:
    """It then says that text and nothing of the old one."""
    said = json.dumps({"a": text}) if b'"input"' in event else text
    rewritten = caller.rewrite(event, {channel: said})
    assert b"secret" not in rewritten
    (again,) = [one for one in reader().feed(rewritten) if one.raw]
    found = "".join(
        piece.arguments if isinstance(piece, ToolDelta) else piece.text
        for piece in again.pieces
        if isinstance(piece, ToolDelta | TextDelta | ReasoningDelta)
    )
    assert (json.loads(found) == {"a": text}) if b'"input"' in event else (found == text)
    assert again.raw == rewritten


@pytest.mark.parametrize("dialect", [CHAT, RESPONSES, MESSAGES], ids=lambda one: one.name)
def test_an_answer_that_is_no_text_is_not_read(dialect: CallerDialect) -> None:
    """Found by the fuzzer: a name with a broken character was stepped over, and could not be written anew."""
    field = dialect.answer_field.encode()
    with pytest.raises(ValueError, match="no JSON object"):
        dialect.answer_texts(b'{"a\xd8": 1, "%b": [{"text": "hello"}]}' % field)
