"""What a model said survives being said to a provider and read back from it, for everything there is."""

from __future__ import annotations

import base64
import json
import string
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.gateway.dialects.dialect import UntranslatableError
from roadworthy.gateway.dialects.neutral import (
    Ask,
    Message,
    OutputFormat,
    Part,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from roadworthy.gateway.dialects.providers.table import PROVIDERS
from tests.gateway.providers import shapes

SETTINGS = settings(max_examples=150, deadline=None)
NAMES = st.text(string.ascii_letters + "_", min_size=1, max_size=20)
SIGNATURES = st.binary(min_size=3, max_size=30).map(lambda data: base64.b64encode(data).decode())
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60).filter(lambda text: not text.isspace())
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
ARGUMENTS = st.dictionaries(st.text(max_size=10), VALUES, max_size=4).map(json.dumps)
CALLS = st.lists(st.tuples(NAMES, ARGUMENTS), max_size=3).map(
    lambda found: [ToolCall(f"toolu_{place}", name, text) for place, (name, text) in enumerate(found)]
)
THOUGHTS = st.builds(Reasoning, text=WORDS, signature=SIGNATURES)


@st.composite
def turns(draw: st.DrawFn) -> tuple[Part, ...]:
    """Draw what an assistant said: a thought at times, words at times, calls; something at least."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(draw(THOUGHTS))
    calls = draw(CALLS)
    if not calls or draw(st.booleans()):
        parts.append(Text(draw(WORDS)))
    return (*parts, *calls)


def echo(dialect: str, request: dict[str, Any]) -> bytes:
    """Answer with what the request says that the assistant said: a provider's words both ways."""
    if dialect == "openai":
        (message,) = [one for one in request["messages"] if one["role"] == "assistant"]
        return shapes.body({"id": "x", "model": "m", "choices": [{"index": 0, "message": message}]})
    if dialect == "anthropic":
        (message,) = [one for one in request["messages"] if one["role"] == "assistant"]
        return shapes.body({"id": "x", "content": message["content"], "stop_reason": "end_turn"})
    if dialect == "gemini":
        (turn,) = [one for one in request["contents"] if one["role"] == "model"]
        return shapes.body({"candidates": [{"content": turn, "finishReason": "STOP"}]})
    (message,) = [one for one in request["messages"] if one["role"] == "assistant"]
    return shapes.body({"output": {"message": message}, "stopReason": "end_turn"})


def plain(parts: tuple[Part, ...], *, thoughts: bool) -> list[Any]:
    """Return parts as they can be compared: arguments by their meaning, ids left out."""
    return [
        ("call", part.name, json.loads(part.arguments)) if isinstance(part, ToolCall) else part
        for part in parts
        if thoughts or not isinstance(part, Reasoning)
    ]


@SETTINGS
@given(turns())
def test_what_was_said_is_read_back(parts: tuple[Part, ...]) -> None:
    """In every dialect; thoughts where the provider takes its own back."""
    ask = Ask(
        "m", (Message("user", (Text("Hi"),)), Message("assistant", parts), Message("user", (Text("Go"),)))
    )
    for dialect in ("openai", "anthropic", "gemini", "bedrock"):
        provider = PROVIDERS[dialect]
        request = json.loads(provider.write(ask, "m"))
        said = provider.read(echo(dialect, request)).choices[0]
        thoughts = dialect in {"anthropic", "bedrock"}
        assert plain(said.parts, thoughts=thoughts) == plain(parts, thoughts=thoughts)
        called = any(isinstance(part, ToolCall) for part in parts)
        assert said.finish == ("tool_calls" if called else "stop")


@SETTINGS
@given(WORDS, SIGNATURES, SIGNATURES, ARGUMENTS)
def test_geminis_signatures_come_back(text: str, first: str, second: str, arguments: str) -> None:
    """To the very part they were under, by way of any caller that keeps ids and thoughts."""
    answer = {
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [
                        {"text": text, "thoughtSignature": first},
                        {
                            "functionCall": {"name": "f", "args": json.loads(arguments)},
                            "thoughtSignature": second,
                        },
                    ],
                },
                "finishReason": "STOP",
            }
        ]
    }
    provider = PROVIDERS["gemini"]
    parts = provider.read(shapes.body(answer)).choices[0].parts
    body = json.loads(provider.write(Ask("m", (Message("assistant", parts),)), "m"))
    assert body["contents"][0]["parts"] == answer["candidates"][0]["content"]["parts"]  # type: ignore[index]


@SETTINGS
@given(
    st.lists(
        st.tuples(st.sampled_from(["system", "user", "assistant"]), st.text(max_size=20)),
        min_size=1,
        max_size=6,
    ),
    st.lists(NAMES, max_size=3, unique=True),
    st.sampled_from(["", "auto", "none", "required"]),
    st.booleans(),
    st.none() | st.integers(1, 100_000),
    st.none() | st.floats(0, 1),
    st.sampled_from(["", "none", "low", "high"]),
)
def test_any_request_is_said_or_refused(  # noqa: PLR0917  hypothesis passes them in order
    messages: list[tuple[Any, str]],
    tools: list[str],
    choice: str,
    wants_json: bool,  # noqa: FBT001
    most: int | None,
    temperature: float | None,
    effort: str,
) -> None:
    """As JSON that holds every word of the user, or by name; nothing else happens."""
    ask = Ask(
        "m",
        tuple(Message(role, (Text(text),)) for role, text in messages),
        tools=tuple(Tool(name) for name in tools),
        tool_choice=choice if tools else "",
        output_format=OutputFormat() if wants_json else None,
        max_output_tokens=most,
        temperature=temperature,
        reasoning_effort=effort,
    )
    for dialect, provider in PROVIDERS.items():
        try:
            written = provider.write(ask, "m")
        except UntranslatableError as error:
            refused = error.message
        else:
            refused = ""
        if refused:
            continue
        body = json.loads(written)
        texts = set(strings(body))
        for role, text in messages:
            wanted = text.rstrip() if role == "assistant" else text
            if not wanted or wanted.isspace():
                continue
            assert any(wanted in one for one in texts), (dialect, role, text)


def strings(value: Any) -> list[str]:
    """Return every text in a JSON value."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings(one)]
    return [text for one in value for text in strings(one)] if isinstance(value, list) else []


@SETTINGS
@given(st.text(max_size=30))
def test_odd_arguments_never_break_a_conversation(arguments: str) -> None:
    """A weak model's arguments that are no JSON object are carried as text."""
    ask = Ask(
        "m",
        (
            Message("assistant", (ToolCall("c", "f", arguments),)),
            Message("tool", (ToolResult("c", (Text("x"),)),)),
        ),
    )
    for dialect in ("anthropic", "gemini", "bedrock"):
        body = PROVIDERS[dialect].write(ask, "m")
        found = next(value for value in arguments_in(json.loads(body)))
        try:
            meant = msgspec.json.decode(arguments.strip() or "{}")
        except (msgspec.DecodeError, ValueError):
            meant = None
        assert found == (meant if isinstance(meant, dict) else {"arguments": arguments})


def arguments_in(value: Any) -> list[Any]:
    """Return the arguments of every call in a request."""
    found: list[Any] = []
    if isinstance(value, dict):
        found.extend(value[key] for key in ("input", "args") if key in value)
        for one in value.values():
            found.extend(arguments_in(one))
    elif isinstance(value, list):
        for one in value:
            found.extend(arguments_in(one))
    return found
