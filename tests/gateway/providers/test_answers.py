"""Whole answers and errors of providers: read as what they are, whatever their shape."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import msgspec
import pytest

from roadworthy.gateway.dialects.neutral import Reasoning, Text, ToolCall, Usage
from roadworthy.gateway.dialects.providers.table import PROVIDERS
from tests.gateway.providers import shapes

ANSWERS: dict[str, Any] = {
    "openai": shapes.OPENAI_TOOLS,
    "openai-chat": shapes.OPENAI_TOOLS,
    "azure-openai": shapes.OPENAI_ANSWER,
    "azure-openai-chat": shapes.OPENAI_ANSWER,
    "anthropic": shapes.ANTHROPIC_ANSWER,
    "gemini": shapes.GEMINI_ANSWER,
    "bedrock": shapes.BEDROCK_ANSWER,
}


def test_an_answer_of_openai() -> None:
    """Words and usage, with what came from the cache and what was thought."""
    said = PROVIDERS["openai"].read(shapes.body(shapes.OPENAI_ANSWER))
    assert (said.id, said.model, said.created) == (
        "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT",
        "gpt-4.1-2025-04-14",
        1741569952,
    )
    assert said.choices[0].parts == (Text("Hello! How can I help?"),)
    assert said.choices[0].finish == "stop"
    assert said.usage == Usage(19, 10, 8, None, 4)


def test_two_calls_of_openai() -> None:
    """Arguments stay as the model wrote them."""
    (choice,) = PROVIDERS["openai"].read(shapes.body(shapes.OPENAI_TOOLS)).choices
    assert choice.parts == (
        ToolCall("call_abc123", "get_weather", '{\n"city": "Boston"\n}'),
        ToolCall("call_abc124", "get_weather", '{"city":"Rome"}'),
    )
    assert choice.finish == "tool_calls"


def test_an_answer_of_anthropic() -> None:
    """Thought with its signature, hidden thought, words, a call; all input in one number."""
    said = PROVIDERS["anthropic"].read(shapes.body(shapes.ANTHROPIC_ANSWER))
    assert said.choices[0].parts == (
        Reasoning("They greet.", "EqQBCkYIARgCKkA="),
        Reasoning(redacted="EmwKAhgBEgy3va3pzix/LafPsn4a"),
        Text("Hi! My name is Claude."),
        ToolCall("toolu_01A09q90qw90lq917835lq9", "get_weather", '{"city": "Rome"}'),
    )
    assert said.choices[0].finish == "tool_calls"
    assert said.usage == Usage(2245, 503, 50, 100)


def test_an_answer_of_gemini() -> None:
    """The signature under a call is in its id, and comes back from there."""
    said = PROVIDERS["gemini"].read(shapes.body(shapes.GEMINI_ANSWER))
    thought, signed, words, first, second = said.choices[0].parts
    assert (thought, words) == (Reasoning("The user greets."), Text("Hello!"))
    assert signed == Reasoning("", "gemini:CiQB0e2Kb8+/==")
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert first.id == "call_mAitaLmkHPPlz7IPvtfUqQ4_0__sig__Ci8B_x-1ww"
    assert (second.id, second.arguments) == ("fc-7", '{"city": "Oslo"}')
    assert said.choices[0].finish == "tool_calls"
    assert said.usage == Usage(25, 37, 10, None, 30)


def test_an_answer_of_bedrock() -> None:
    """As Anthropic's, in Amazon's words; no id is said, so it is made of the answer."""
    data = shapes.body(shapes.BEDROCK_ANSWER)
    said = PROVIDERS["bedrock"].read(data)
    assert said.choices[0].parts == (
        Reasoning("They greet.", "EqQBCkYIARgC"),
        Reasoning(redacted="cmVkYWN0ZWQ="),
        Text("Hello."),
        ToolCall("tooluse_kZJMlvQmRJ6eAyJE5GIl7Q", "get_weather", '{"city": "Rome"}'),
    )
    assert said.usage == Usage(42, 628, 5, 7)
    assert said.id == PROVIDERS["bedrock"].read(data).id != ""


@pytest.mark.parametrize(
    ("dialect", "where", "words"),
    [
        (
            "openai",
            ("choices", 0, "finish_reason"),
            {"stop": "stop", "length": "length", "content_filter": "content_filter"},
        ),
        (
            "anthropic",
            ("stop_reason",),
            {
                "max_tokens": "length",
                "model_context_window_exceeded": "length",
                "refusal": "refusal",
                "pause_turn": "pause",
                "something_new": "error",
            },
        ),
        (
            "gemini",
            ("candidates", 0, "finishReason"),
            {
                "MAX_TOKENS": "length",
                "SAFETY": "content_filter",
                "RECITATION": "content_filter",
                "PROHIBITED_CONTENT": "content_filter",
                "SPII": "content_filter",
                "MALFORMED_FUNCTION_CALL": "error",
            },
        ),
        (
            "bedrock",
            ("stopReason",),
            {
                "max_tokens": "length",
                "guardrail_intervened": "content_filter",
                "content_filtered": "content_filter",
                "model_context_window_exceeded": "length",
                "malformed_tool_use": "error",
            },
        ),
    ],
)
def test_why_an_answer_ended(dialect: str, where: tuple[Any, ...], words: dict[str, str]) -> None:
    """Every reason has its neutral word; one nobody knows is no success."""
    source = shapes.OPENAI_ANSWER if dialect == "openai" else ANSWERS[dialect]
    for word, finish in words.items():
        answer = copy.deepcopy(source)
        at: Any = answer
        for step in where[:-1]:
            at = at[step]
        at[where[-1]] = word
        assert PROVIDERS[dialect].read(shapes.body(answer)).choices[0].finish == finish


def test_a_refusal_of_openai() -> None:
    """The words of a refusal are the answer, and it is told as one."""
    answer = copy.deepcopy(shapes.OPENAI_ANSWER)
    answer["choices"][0]["message"].update(content=None, refusal="I can't help with that.")  # type: ignore[index]
    (choice,) = PROVIDERS["openai"].read(shapes.body(answer)).choices
    assert (choice.parts, choice.finish) == ((Text("I can't help with that."),), "refusal")


@pytest.mark.parametrize(("field", "value"), [("reasoning_content", "Hm."), ("reasoning", "Hm.")])
def test_thought_of_compatible_servers(field: str, value: str) -> None:
    """Two names are about for it."""
    answer = copy.deepcopy(shapes.OPENAI_ANSWER)
    answer["choices"][0]["message"][field] = value  # type: ignore[index]
    (choice,) = PROVIDERS["openai"].read(shapes.body(answer)).choices
    assert choice.parts == (Reasoning("Hm."), Text("Hello! How can I help?"))


def test_a_prompt_that_gemini_blocked() -> None:
    """There is no candidate, and yet it is an answer."""
    said = PROVIDERS["gemini"].read(shapes.body({"promptFeedback": {"blockReason": "SAFETY"}}))
    assert said.choices[0].finish == "content_filter"


@pytest.mark.parametrize(
    ("dialect", "call"),
    [
        ("anthropic", {"type": "tool_use", "id": "t", "name": "answer_in_json", "input": {"a": 1}}),
        ("bedrock", {"toolUse": {"toolUseId": "t", "name": "answer_in_json", "input": {"a": 1}}}),
    ],
)
def test_json_that_came_as_a_call_is_words(dialect: str, call: dict[str, Any]) -> None:
    """What the model says beside it is left out: it would make the answer no JSON."""
    answer = copy.deepcopy(ANSWERS[dialect])
    content = answer["content"] if dialect == "anthropic" else answer["output"]["message"]["content"]
    content[-1] = call
    (choice,) = PROVIDERS[dialect].read(shapes.body(answer)).choices
    assert [json.loads(part.text) for part in choice.parts if isinstance(part, Text)] == [{"a": 1}]
    assert choice.finish == "stop"


@pytest.mark.parametrize("dialect", ANSWERS)
def test_usage_is_read_without_the_rest(dialect: str) -> None:
    """It is what reading the whole answer says; nonsense is no usage, and no error either."""
    provider = PROVIDERS[dialect]
    data = shapes.body(ANSWERS[dialect])
    assert provider.usage(data, "chat") == provider.read(data).usage is not None
    for nonsense in ('"many"', "[]", "null", '{"input_tokens": "x"}', '{"input_tokens": -4}'):
        for field in ("usage", "usageMetadata"):
            assert provider.usage(f'{{"{field}": {nonsense}}}'.encode(), "chat") is None
    assert provider.usage(b"<html>", "chat") is None


@pytest.mark.parametrize("dialect", ANSWERS)
@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b"null", b"<html>", b'{"error": {"message": "x"}}', b'"x"']
)
def test_what_is_no_answer_is_not_read_as_one(dialect: str, data: bytes) -> None:
    """A ValueError, and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011  the messages are msgspec's
        PROVIDERS[dialect].read(data)
    with pytest.raises(ValueError):  # noqa: PT011
        PROVIDERS[dialect].check(data, "chat")


@pytest.mark.parametrize("dialect", ANSWERS)
def test_noise_never_crashes_the_reading(dialect: str) -> None:
    """Whatever is wrong with an answer, it is a ValueError."""
    dice = random.Random(5)
    data = shapes.body(ANSWERS[dialect])
    for _ in range(500):
        broken = bytearray(data)
        for _ in range(dice.randrange(1, 5)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        for read in (PROVIDERS[dialect].read, lambda one: PROVIDERS[dialect].error(500, one)):
            try:
                read(bytes(broken))
            except ValueError:
                continue


ERRORS = [
    (
        (
            b'{"error": {"message": "Incorrect API key", "type": "invalid_request_error", "param": "model", '
            b'"code": "invalid_api_key"}}'
        ),
        ("Incorrect API key", "invalid_request_error", "invalid_api_key", "model"),
    ),
    (
        (
            b'{"error": {"code": "content_filter", "message": "Filtered", "param": "prompt", "type": null, '
            b'"innererror": {"code": "ResponsibleAIPolicyViolation"}}}'
        ),
        ("Filtered", "", "content_filter", "prompt"),
    ),
    (b'{"error": {"code": "429", "message": "Slow"}}', ("Slow", "", "429", None)),
    (
        b'{"type": "error", "error": {"type": "rate_limit_error", "message": "Slow"}, "request_id": "req_1"}',
        ("Slow", "rate_limit_error", "", None),
    ),
    (
        b'{"error": {"code": 400, "message": "API key not valid", "status": "INVALID_ARGUMENT"}}',
        ("API key not valid", "INVALID_ARGUMENT", "400", None),
    ),
    (b'[{"error": {"code": 400, "message": "Bad", "status": "X"}}]', ("Bad", "X", "400", None)),
    (b'{"message": "The security token is invalid."}', ("The security token is invalid.", "", "", None)),
    (b'{"Message": "Denied"}', ("Denied", "", "", None)),
    (
        b'{"__type": "com.amazon.coral.service#ValidationException:http://x/", "message": "Bad"}',
        ("Bad", "ValidationException", "", None),
    ),
    (b'{"error": "model not found"}', ("model not found", "", "", None)),
    (b'{"error": "invalid_grant", "error_description": "Expired"}', ("Expired", "", "", None)),
    (b'{"detail": "Not Found"}', ("Not Found", "", "", None)),
    (
        b'{"detail": [{"loc": ["body", "model"], "msg": "field required"}]}',
        ("body.model: field required", "", "", None),
    ),
    (
        b'{"object": "error", "message": "No such model", "type": "NotFoundError", "code": 404}',
        ("No such model", "NotFoundError", "404", None),
    ),
    (b'{"errors": [{"message": "First", "code": 7}]}', ("First", "", "7", None)),
    (b"<html><head><title>502 Bad Gateway</title></head></html>", ("502 Bad Gateway", "", "", None)),
    (b"upstream connect error\n", ("upstream connect error", "", "", None)),
    (b"\x00\xff\xfe", ("��", "", "", None)),
    (b"", ("", "", "", None)),
    (b"{}", ("", "", "", None)),
    (b'"only words"', ("only words", "", "", None)),
    (b'{"error": {}}', ("", "", "", None)),
    (b'{"error": null}', ("", "", "", None)),
    (b'{"error": {"message": 7, "type": []}}', ("", "", "", None)),
    (b"[" * 100_000, ("[" * 300, "", "", None)),
]


@pytest.mark.parametrize(("data", "said"), ERRORS, ids=range(len(ERRORS)))
@pytest.mark.parametrize("dialect", ANSWERS)
def test_an_error_says_what_it_says(
    dialect: str, data: bytes, said: tuple[str, str, str, str | None]
) -> None:
    """Every shape that providers, compatible servers and the proxies before them are known to use."""
    error = PROVIDERS[dialect].error(418, data)
    assert (error.message, error.kind, error.code, error.param) == said
    assert error.status == 418


@pytest.mark.parametrize("dialect", ANSWERS)
def test_an_answer_is_no_error(dialect: str) -> None:
    """With status 200 only what calls itself an error is one."""
    assert PROVIDERS[dialect].error(200, shapes.body(ANSWERS[dialect])).message == ""
    assert PROVIDERS[dialect].error(200, b"<html><title>Welcome</title>").message == ""
    assert PROVIDERS[dialect].error(200, b'{"error": {"message": "Late"}}').message == "Late"


def test_vectors_are_read() -> None:
    """From every provider that has some."""
    openai = {
        "object": "list",
        "data": [{"index": 1, "embedding": [0.5]}, {"index": 0, "embedding": [1, -2.5]}],
        "model": "text-embedding-3-small",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
    }
    for name in ("openai", "azure-openai"):
        read = PROVIDERS[name].read_embeddings(shapes.body(openai))
        assert (read.vectors, read.usage) == (((1.0, -2.5), (0.5,)), Usage(8))
    gemini = PROVIDERS["gemini"].read_embeddings(b'{"embeddings": [{"values": [1, 2]}, {"values": [3, 4]}]}')
    assert gemini.vectors == ((1.0, 2.0), (3.0, 4.0))
    bedrock = PROVIDERS["bedrock"]
    titan = bedrock.read_embeddings(b'{"embedding": [1, 2], "inputTextTokenCount": 3}')
    assert (titan.vectors, titan.usage) == (((1.0, 2.0),), Usage(3, 0))
    assert bedrock.read_embeddings(b'{"embeddings": [[1], [2]]}').vectors == ((1.0,), (2.0,))
    assert bedrock.read_embeddings(b'{"embeddings": {"float": [[1]]}, "id": "x"}').vectors == ((1.0,),)


def test_counts_are_read() -> None:
    """From every provider that counts."""
    assert PROVIDERS["anthropic"].read_count(b'{"input_tokens": 14}') == 14
    assert PROVIDERS["gemini"].read_count(b'{"totalTokens": 31, "promptTokensDetails": []}') == 31
    assert PROVIDERS["bedrock"].read_count(b'{"inputTokens": 9}') == 9
    with pytest.raises(msgspec.DecodeError):
        PROVIDERS["anthropic"].read_count(b"{}")
