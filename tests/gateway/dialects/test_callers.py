"""Callers' dialects against the neutral form: nothing is lost on the way there and back."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.gateway.dialects.anthropic_events import AnthropicReader
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.dialects.dialect import (
    CallerDialect,
    MalformedRequestError,
    Problem,
    Request,
    UntranslatableError,
)
from roadworthy.gateway.dialects.events import ChatReader
from roadworthy.gateway.dialects.neutral import (
    Document,
    Embedded,
    Image,
    Message,
    Reasoning,
    Said,
    Text,
    TextDelta,
    ToolBegan,
    ToolCall,
    ToolDelta,
    ToolResult,
    Usage,
)
from roadworthy.gateway.dialects.providers.table import PROVIDERS
from roadworthy.gateway.dialects.responses_events import ResponsesReader
from tests.gateway.dialects import said as drawn

CHAT = CALLERS[b"/v1/chat/completions"]
RESPONSES = CALLERS[b"/v1/responses"]
EMBEDDINGS = CALLERS[b"/v1/embeddings"]
MESSAGES = CALLERS[b"/v1/messages"]
COUNT = CALLERS[b"/v1/messages/count_tokens"]
EVERY = pytest.mark.parametrize("caller", CALLERS.values(), ids=lambda caller: caller.name)
ASKS: dict[str, dict[str, Any]] = {
    CHAT.name: {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    RESPONSES.name: {"model": "m", "input": "hi"},
    EMBEDDINGS.name: {"model": "m", "input": "hi"},
    MESSAGES.name: {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]},
    COUNT.name: {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
}


def read(caller: CallerDialect, **fields: Any) -> Request:
    """Read a small request with more fields."""
    return caller.read(json.dumps({**ASKS[caller.name], **fields}).encode())


def events(stream: bytes) -> list[dict[str, Any]]:
    """Return the data of every event; the named ones are what their name says."""
    found = []
    for event in stream.decode().strip().split("\n\n"):
        lines = dict(line.split(": ", 1) for line in event.split("\n"))
        if lines["data"] != "[DONE]":
            data = json.loads(lines["data"])
            assert lines.get("event", data.get("type")) == data.get("type")
            found.append(data)
    return found


# ------------------------------------------------------------------ answers


@given(said=drawn.answers(signed=False))
def test_a_chat_completion_says_the_answer(said: Said) -> None:
    """Read back by the provider's side of the same dialect."""
    back = PROVIDERS["openai"].read(CHAT.answer(said, read(CHAT)))
    assert drawn.same_calls(back.choices[0].parts) == drawn.same_calls(said.choices[0].parts)
    assert (back.choices[0].finish, back.id, back.model) == (said.choices[0].finish, "msg_1", "m")
    assert said.usage is not None
    assert back.usage == Usage(
        said.usage.input_tokens, said.usage.output_tokens, said.usage.cached_input_tokens
    )


@given(said=drawn.answers())
def test_a_message_says_the_answer(said: Said) -> None:
    """Read back by the provider's side of the same dialect, signatures included."""
    back = PROVIDERS["anthropic"].read(MESSAGES.answer(said, read(MESSAGES)))
    assert drawn.same_calls(back.choices[0].parts) == drawn.same_calls(said.choices[0].parts)
    assert (back.choices[0].finish, back.usage) == (said.choices[0].finish, said.usage)


@given(said=drawn.answers())
def test_a_response_says_the_answer(said: Said) -> None:
    """Its items, sent as the input of the next request, are the conversation again."""
    response = json.loads(RESPONSES.answer(said, read(RESPONSES)))
    assert response["status"] == ("incomplete" if said.choices[0].finish == "length" else "completed")
    again = RESPONSES.ask(read(RESPONSES, input=response["output"]))
    assert [message.parts for message in again.messages] == [said.choices[0].parts]


@given(said=drawn.answers(signed=False), size=st.integers(1, 9))
def test_a_chat_completions_stream_says_the_answer(said: Said, size: int) -> None:
    """Piece by piece, read back by the reader."""
    writer = CHAT.writer(
        read(CHAT, stream=True, stream_options={"include_usage": True}), trace_id="t", created=1
    )
    stream = writer.write(drawn.as_stream(said, size=size)) + writer.end()
    parts, finish, usage = drawn.read_back(ChatReader(), stream)
    assert tuple(parts) == said.choices[0].parts
    assert finish == said.choices[0].finish
    assert usage == Usage(said.usage.input_tokens, said.usage.output_tokens, said.usage.cached_input_tokens)  # type: ignore[union-attr]
    assert stream.endswith(b"data: [DONE]\n\n")


@given(said=drawn.answers(), size=st.integers(1, 9))
def test_a_messages_stream_says_the_answer(said: Said, size: int) -> None:
    """Piece by piece; and every block begins before it ends, once."""
    writer = MESSAGES.writer(read(MESSAGES, stream=True), trace_id="t", created=1)
    stream = writer.write(drawn.as_stream(said, size=size)) + writer.end()
    parts, finish, usage = drawn.read_back(AnthropicReader(), stream)
    assert drawn.same_calls(parts) == drawn.same_calls(said.choices[0].parts)
    assert (finish, usage) == (said.choices[0].finish, said.usage)
    open_blocks: set[int] = set()
    kinds = []
    for event in events(stream):
        kinds.append(event["type"])
        if event["type"] == "content_block_start":
            assert event["index"] not in open_blocks
            open_blocks.add(event["index"])
        elif event["type"] == "content_block_delta":
            assert event["index"] in open_blocks
        elif event["type"] == "content_block_stop":
            open_blocks.remove(event["index"])
    assert not open_blocks
    assert (kinds[0], kinds[1], kinds[-2:]) == ("message_start", "ping", ["message_delta", "message_stop"])


@given(said=drawn.answers(), size=st.integers(1, 9))
def test_a_responses_stream_says_the_answer(said: Said, size: int) -> None:
    """Piece by piece, once more at the end of each item, once more at the end; numbered without a gap."""
    writer = RESPONSES.writer(read(RESPONSES, stream=True), trace_id="t", created=1)
    stream = writer.write(drawn.as_stream(said, size=size)) + writer.end()
    parts, finish, usage = drawn.read_back(ResponsesReader(), stream)
    assert tuple(parts) == said.choices[0].parts
    assert finish == said.choices[0].finish
    assert usage is not None
    assert usage.output_tokens == said.usage.output_tokens  # type: ignore[union-attr]
    told = events(stream)
    assert [event["sequence_number"] for event in told] == list(range(len(told)))
    assert [event["type"] for event in told[:2]] == ["response.created", "response.in_progress"]
    items = [event["item"] for event in told if event["type"] == "response.output_item.done"]
    response = told[-1]["response"]
    assert sorted(map(json.dumps, items)) == sorted(map(json.dumps, response["output"]))
    begun = [event["output_index"] for event in told if event["type"] == "response.output_item.added"]
    assert begun == list(range(len(response["output"])))
    again = RESPONSES.ask(read(RESPONSES, input=response["output"]))
    assert [message.parts for message in again.messages] == [said.choices[0].parts]


@pytest.mark.parametrize(
    ("caller", "reader"), [(CHAT, ChatReader), (MESSAGES, AnthropicReader), (RESPONSES, ResponsesReader)]
)
def test_calls_that_are_written_at_the_same_time(caller: CallerDialect, reader: Any) -> None:
    """Deltas of two calls in turns."""
    writer = caller.writer(read(caller, stream=True), trace_id="t", created=1)
    stream = writer.write(
        [ToolBegan(0, "a", "f"), ToolBegan(1, "b", "g"), ToolDelta(1, '{"y"'), ToolDelta(0, "{"),
         ToolDelta(1, ":2}"), ToolDelta(0, "}"), TextDelta("!")]
    )  # fmt: skip
    parts, _finish, _usage = drawn.read_back(reader(), stream + writer.end())
    assert parts == [ToolCall("a", "f", "{}"), ToolCall("b", "g", '{"y":2}'), Text("!")]


# ------------------------------------------------------------------ requests


@given(
    system=drawn.WORDS,
    user=drawn.WORDS,
    said=drawn.answers(),
    result=drawn.WORDS,
    schema=st.booleans(),
    choice=st.sampled_from(["auto", "none", "required", "tool:f"]),
)
def test_a_request_is_the_same_conversation_in_every_dialect(  # noqa: PLR0917  hypothesis passes them in order
    system: str,
    user: str,
    said: Said,
    result: str,
    schema: bool,  # noqa: FBT001  it is drawn
    choice: str,
) -> None:
    """Chat and messages, written by the provider's side and read by the caller's."""
    calls = [part for part in said.choices[0].parts if isinstance(part, ToolCall)]
    fields: dict[str, Any] = {
        "max_tokens": 50,
        "temperature": 0.5,
        "top_p": 0.25,
        "tools": [
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": {"type": "object"}},
            }
        ],
        "tool_choice": {"type": "function", "function": {"name": "f"}} if choice == "tool:f" else choice,
        "parallel_tool_calls": False,
        "messages": [{"role": "system", "content": system}, {"role": "user", "content": user}],
    }
    if schema:
        wanted = {"name": "n", "schema": {"type": "object"}, "strict": True}
        fields["response_format"] = {"type": "json_schema", "json_schema": wanted}
    ask = CHAT.ask(read(CHAT, **fields))
    if calls:
        results = tuple(ToolResult(call.id, (Text(result),)) for call in calls)
        more = (Message("assistant", said.choices[0].parts), Message("tool", results))
        ask.messages = (*ask.messages, *more)
    for caller, provider in ((CHAT, PROVIDERS["openai"]), (MESSAGES, PROVIDERS["anthropic"])):
        again = caller.ask(caller.read(provider.write(ask, "up")))
        for name in ("max_output_tokens", "temperature", "top_p"):
            assert getattr(again, name) == getattr(ask, name)
        assert again.model == "up"
        assert again.tool_choice == choice
        assert again.parallel_tool_calls is False or (caller is MESSAGES and choice == "none")
        assert [(tool.name, tool.description, bytes(tool.parameters)) for tool in again.tools] == [
            (tool.name, tool.description, bytes(tool.parameters)) for tool in ask.tools
        ]
        assert (again.output_format is not None) == schema
        kept = [
            part for message in again.messages for part in message.parts if not isinstance(part, Reasoning)
        ]
        wanted_parts = [
            part for message in ask.messages for part in message.parts if not isinstance(part, Reasoning)
        ]
        assert drawn.same_calls(kept) == drawn.same_calls(wanted_parts)


def test_pictures_documents_and_results_of_tools() -> None:
    """In the words of all three dialects."""
    picture, page = "data:image/png;base64,AAAA", "data:application/pdf;base64,BBBB"
    chat = CHAT.ask(read(CHAT, messages=[
        {"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": picture, "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "https://e.com/a.png"}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": page}}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "c", "content": [{"type": "text", "text": "42"}]}]))  # fmt: skip
    response = RESPONSES.ask(read(RESPONSES, input=[
        {"role": "user", "content": [
            {"type": "input_image", "image_url": picture, "detail": "low"},
            {"type": "input_image", "image_url": "https://e.com/a.png"},
            {"type": "input_file", "filename": "a.pdf", "file_data": page}]},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c",
         "output": [{"type": "input_text", "text": "42"}]}]))  # fmt: skip
    message = MESSAGES.ask(read(MESSAGES, messages=[
        {"role": "user", "content": [
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
            {"type": "image", "source": {"type": "url", "url": "https://e.com/a.png"}},
            {"type": "document", "title": "a.pdf",
             "source": {"type": "base64", "media_type": "application/pdf", "data": "BBBB"}}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "c", "name": "f", "input": {}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c",
             "content": [{"type": "text", "text": "42"}]}]}]))  # fmt: skip
    shown = (Image("", "image/png", "AAAA", "low"), Image("https://e.com/a.png"))
    document = Document(media_type="application/pdf", data="BBBB", name="a.pdf")
    called = Message("assistant", (ToolCall("c", "f", "{}"),))
    result = (ToolResult("c", (Text("42"),)),)
    assert list(chat.messages) == [Message("user", (*shown, document)), called, Message("tool", result)]
    assert response.messages == chat.messages
    assert message.messages[0].parts == (Image("", "image/png", "AAAA"), shown[1], document)
    assert message.messages[1:] == (called, Message("user", result))


def test_thought_and_its_signature_come_back_from_every_dialect() -> None:
    """Where tools are used, a provider wants its thought again, unchanged."""
    signed = Reasoning("hm", "S")
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "S"}]
    chat = [{"role": "assistant", "content": None, "thinking_blocks": blocks, "tool_calls": [call]}]
    assert CHAT.ask(read(CHAT, messages=chat)).messages[0].parts[0] == signed
    assert MESSAGES.ask(read(MESSAGES, messages=[{"role": "assistant", "content": blocks}])).messages[
        0
    ].parts == (signed,)
    item = {
        "type": "reasoning",
        "id": "rs",
        "summary": [{"type": "summary_text", "text": "hm"}],
        "encrypted_content": "S",
    }
    assert RESPONSES.ask(read(RESPONSES, input=[item])).messages[0].parts == (signed,)


def test_how_hard_to_think_and_how_to_answer() -> None:
    """In the words of all three dialects."""
    assert CHAT.ask(read(CHAT, reasoning_effort="low")).reasoning_effort == "low"
    assert RESPONSES.ask(read(RESPONSES, reasoning={"effort": "low"})).reasoning_effort == "low"
    thinking = MESSAGES.ask(read(MESSAGES, thinking={"type": "enabled", "budget_tokens": 2000}))
    assert thinking.reasoning_budget_tokens == 2000
    assert MESSAGES.ask(read(MESSAGES, output_config={"effort": "low"})).reasoning_effort == "low"
    schema = {"type": "object", "properties": {}}
    formats = [
        CHAT.ask(
            read(
                CHAT, response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
            )
        ),
        RESPONSES.ask(
            read(RESPONSES, text={"format": {"type": "json_schema", "name": "n", "schema": schema}})
        ),
        MESSAGES.ask(read(MESSAGES, output_config={"format": {"type": "json_schema", "schema": schema}})),
        MESSAGES.ask(read(MESSAGES, output_format={"type": "json_schema", "schema": schema})),
    ]
    for ask in formats:
        assert ask.output_format is not None
        assert json.loads(bytes(ask.output_format.schema)) == schema
    anyhow = CHAT.ask(read(CHAT, response_format={"type": "json_object"})).output_format
    assert anyhow is not None
    assert not bytes(anyhow.schema)


# ------------------------------------------------------------------ what is refused


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "conv_1"}}, "conversation"),
        ({"store": True}, "store"),
        ({"background": True}, "background"),
    ],
)
def test_what_would_have_to_be_kept_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    """Nothing is kept between calls."""
    with pytest.raises(MalformedRequestError, match=f"`{param}`.*kept") as refused:
        read(RESPONSES, **fields)
    assert refused.value.param == param
    read(RESPONSES, **dict.fromkeys(fields))
    sent = json.loads(RESPONSES.pass_on(read(RESPONSES, store=False), "up"))
    assert sent["store"] is False


@pytest.mark.parametrize(
    ("caller", "fields", "param"),
    [
        (CHAT, {"messages": None}, "messages"),
        (CHAT, {"n": 0}, "n"),
        (CHAT, {"n": 1000}, "n"),
        (CHAT, {"stream": "yes"}, "stream"),
        (CHAT, {"model": ""}, "model"),
        (RESPONSES, {"input": 5}, "input"),
        (EMBEDDINGS, {"input": []}, "input"),
        (EMBEDDINGS, {"encoding_format": "int8"}, "encoding_format"),
        (MESSAGES, {"max_tokens": None}, "max_tokens"),
        (MESSAGES, {"max_tokens": 0}, "max_tokens"),
        (COUNT, {"messages": {}}, "messages"),
    ],
)
def test_a_request_that_nobody_could_serve_is_refused(
    caller: CallerDialect, fields: dict[str, Any], param: str
) -> None:
    """The field is named."""
    with pytest.raises(MalformedRequestError) as refused:
        read(caller, **fields)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("caller", "fields", "param"),
    [
        (
            CHAT,
            {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
            "messages",
        ),
        (CHAT, {"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools"),
        (RESPONSES, {"input": [{"type": "item_reference", "id": "x"}]}, "input"),
        (RESPONSES, {"tools": [{"type": "web_search"}]}, "tools"),
        (MESSAGES, {"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools"),
        (EMBEDDINGS, {"input": [1, 2, 3]}, "input"),
    ],
)
def test_what_only_one_dialect_can_say_is_refused_only_where_it_is_translated(
    caller: CallerDialect, fields: dict[str, Any], param: str
) -> None:
    """It passes between equal dialects as it came."""
    request = read(caller, **fields)
    assert json.loads(caller.pass_on(request, "up"))[param] == fields[param]
    with pytest.raises(UntranslatableError) as refused:
        caller.ask_embeddings(request) if caller is EMBEDDINGS else caller.ask(request)
    assert refused.value.param == param


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(
        ["user", "assistant", "tool", "text", "image_url", "function", "message", "tool_use", "tool_result"]
    ),
    lambda held: st.lists(held, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["role", "content", "type", "text", "tool_calls", "function", "name", "id", "arguments", "input",
             "source", "image_url", "url", "tool_use_id", "call_id", "output", "format", "schema"]
        ),
        held,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip
FIELDS = [
    *(
        "messages",
        "input",
        "system",
        "instructions",
        "tools",
        "tool_choice",
        "stop",
        "response_format",
        "text",
    ),
    *("thinking", "reasoning", "metadata", "output_config", "user", "temperature", "n", "max_tokens", "seed"),
    *("stream", "stream_options", "max_output_tokens", "output_format", "stop_sequences", "top_k", "store"),
]


@EVERY
@settings(max_examples=60)
@given(fields=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6))
def test_any_request_is_read_or_refused_by_name(caller: CallerDialect, fields: dict[str, Any]) -> None:
    """And its texts can always be found and put back."""
    try:
        request = read(caller, **fields)
    except MalformedRequestError:
        return
    texts = caller.texts(request)
    assert caller.texts(caller.with_texts(request, [text + "!" for text in texts])) == [
        f"{text}!" for text in texts
    ]
    assert json.loads(caller.pass_on(caller.with_texts(request, texts), "m")) == json.loads(
        caller.pass_on(request, "m")
    )
    try:
        caller.ask_embeddings(request) if caller is EMBEDDINGS else caller.ask(request)
    except (MalformedRequestError, UntranslatableError):
        return


@EVERY
@given(body=st.binary(max_size=60))
def test_noise_is_refused(caller: CallerDialect, body: bytes) -> None:
    """By the one error there is for it."""
    with pytest.raises(MalformedRequestError):
        caller.read(body)


# ------------------------------------------------------------------ embeddings, counts, errors


def test_vectors_in_numbers_and_packed() -> None:
    """As OpenAI's clients ask for them."""
    vectors = Embedded("e", ((1.0, -0.5), (0.25, 0.0)), Usage(4))
    plain = json.loads(EMBEDDINGS.answer_embeddings(vectors, read(EMBEDDINGS)))
    assert [one["embedding"] for one in plain["data"]] == [[1.0, -0.5], [0.25, 0.0]]
    assert plain["usage"] == {"prompt_tokens": 4, "total_tokens": 4}
    packed = json.loads(EMBEDDINGS.answer_embeddings(vectors, read(EMBEDDINGS, encoding_format="base64")))
    assert struct.unpack("<2f", base64.b64decode(packed["data"][0]["embedding"])) == (1.0, -0.5)
    ask = EMBEDDINGS.ask_embeddings(read(EMBEDDINGS, input=["a", "b"], dimensions=2))
    assert (ask.texts, ask.dimensions) == (("a", "b"), 2)
    assert EMBEDDINGS.answer_texts(json.dumps(plain).encode()) == []


def test_a_count_of_tokens() -> None:
    """One number."""
    assert json.loads(COUNT.answer_count(7)) == {"input_tokens": 7}
    assert COUNT.ask(read(COUNT)).max_output_tokens is None


PROBLEM = Problem(
    403,
    "no_grant",
    "Not allowed.",
    "tr_1",
    3,
    declaration="use-case/a",
    next_step="Ask.",
    appeal="/appeals/1",
)


@EVERY
def test_an_error_is_said_in_the_callers_own_words(caller: CallerDialect) -> None:
    """With what a person needs to get on beside it; inside a stream too."""
    said = json.loads(caller.error(PROBLEM))
    error = said["error"]
    assert error["type"] == "permission_error"
    assert error["message"] == "Not allowed. Ask. Appeal: /appeals/1"
    assert error["roadworthy"]["declaration"] == "use-case/a"
    if caller.name.startswith("anthropic"):
        assert (said["type"], said["request_id"]) == ("error", "tr_1")
    else:
        assert error["code"] == "no_grant"
    (event,) = events(caller.error_event(PROBLEM))
    assert event["error"]["message"] == error["message"]
    if caller is not CHAT and caller is not EMBEDDINGS:
        assert event["type"] == "error"
