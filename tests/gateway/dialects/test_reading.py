"""Callers' bodies read with care: what parsers stumble over is refused, all else goes on as it came."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway.dialects import catalogue
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.dialects.dialect import MalformedRequestError, Request, UntranslatableError

CHAT = CALLERS[b"/v1/chat/completions"]
MESSAGES = CALLERS[b"/v1/messages"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=20,
)
OWN = frozenset({"model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "n"})


def chat(**fields: Any) -> Request:
    """Read a small chat completions request."""
    return CHAT.read(json.dumps({"model": "a", "messages": [], **fields}).encode())


def sent(request: Request, model: str = "b") -> dict[str, Any]:
    """Return what goes on to a provider."""
    found: dict[str, Any] = json.loads(CHAT.pass_on(request, model))
    return found


@given(more=st.dictionaries(st.text().filter(lambda name: name not in OWN), JSON, max_size=5))
def test_everything_else_reaches_the_provider_as_it_was(more: dict[str, Any]) -> None:
    """Only the model's name changes."""
    assert sent(chat(**more)) == {"model": "b", "messages": [], **more}


@pytest.mark.parametrize("caller", CALLERS.values(), ids=lambda caller: caller.name)
@given(body=st.binary(max_size=200) | JSON.map(lambda found: json.dumps(found).encode()))
def test_any_bytes_are_read_or_refused(caller: Any, body: bytes) -> None:
    """Nothing but the one error ever comes out."""
    with contextlib.suppress(MalformedRequestError):
        assert caller.read(body).model


@pytest.mark.parametrize("caller", CALLERS.values(), ids=lambda caller: caller.name)
@pytest.mark.parametrize(
    "harm",
    [
        b'{"model":"a","x":' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"model":"a","x":[' + b"{}," * 100_001 + b"{}]}",
        b'{"model":"a","x":' + b"9" * 5_000 + b"}",
        b'{"model":"a","x":"\xff"}',
        b'{"model":"a","x":"\\ud800"}',
        b"[]",
        b"",
    ],
)
def test_what_parsers_stumble_over_is_refused(caller: Any, harm: bytes) -> None:
    """Depth, count, digits, broken text; quickly."""
    began = time.perf_counter()
    with pytest.raises(MalformedRequestError):
        caller.read(harm)
    assert time.perf_counter() - began < 2


@pytest.mark.parametrize("kind", [{"name": "f"}, ["text"], 7, True])
def test_a_type_that_is_no_text_is_refused_by_name(kind: Any) -> None:
    """Wherever a part says what it is, it is asked so in every dialect that has to be translated."""
    part = [{"role": "user", "content": [{"type": kind, "text": "a"}]}]
    for request in (
        CHAT.read(json.dumps({"model": "a", "messages": part}).encode()),
        MESSAGES.read(json.dumps({"model": "a", "max_tokens": 5, "messages": part}).encode()),
        CALLERS[b"/v1/responses"].read(json.dumps({"model": "a", "input": part}).encode()),
        chat(tools=[], tool_choice={"type": kind}),
    ):
        with pytest.raises((MalformedRequestError, UntranslatableError)):
            request.dialect.ask(request)


def test_a_name_given_twice_means_one_thing() -> None:
    """Here and at the provider."""
    request = CHAT.read(b'{"model":"a","model":"c","messages":[1],"messages":[]}')
    assert request.model == "c"
    assert CHAT.pass_on(request, "b") == b'{"model":"b","messages":[]}'


@pytest.mark.parametrize(
    ("given_options", "asked"),
    [
        (None, {"include_usage": True}),
        ({"include_usage": False, "x": 1}, {"include_usage": True, "x": 1}),
        ({"include_usage": True, "x": 1}, {"include_usage": True, "x": 1}),
    ],
)
def test_usage_is_always_asked_for_in_streams(given_options: Any, asked: Any) -> None:
    """What else the options say is kept."""
    request = chat(stream=True, stream_options=given_options)
    assert sent(request)["stream_options"] == asked
    assert request.asks_usage == bool(given_options and given_options["include_usage"])


def test_output_limit_is_read_from_either_name() -> None:
    """The newer name goes before the older."""
    assert chat(max_tokens=5).max_output_tokens == 5
    assert chat(max_tokens=5, max_completion_tokens=7).max_output_tokens == 7


def test_a_cap_is_written_as_the_caller_or_the_model_wants_it() -> None:
    """And never raises what the caller asked for."""
    assert sent(CHAT.cap(chat(), 9))["max_tokens"] == 9
    assert sent(CHAT.cap(chat(), 9), "o3-mini") == {
        "model": "o3-mini",
        "messages": [],
        "max_completion_tokens": 9,
    }
    assert sent(CHAT.cap(chat(max_completion_tokens=20), 9))["max_completion_tokens"] == 9
    assert sent(CHAT.cap(chat(max_tokens=5), 9))["max_tokens"] == 5
    body = {
        "model": "a",
        "messages": [],
        "max_tokens": 9000,
        "thinking": {"type": "enabled", "budget_tokens": 8000},
    }
    capped = MESSAGES.cap(MESSAGES.read(json.dumps(body).encode()), 2000)
    found = json.loads(MESSAGES.pass_on(capped, "b"))
    assert (found["max_tokens"], found["thinking"]["budget_tokens"]) == (2000, 1999)
    found = json.loads(MESSAGES.pass_on(MESSAGES.cap(MESSAGES.read(json.dumps(body).encode()), 500), "b"))
    assert "thinking" not in found


def test_the_list_of_models_in_anthropics_form() -> None:
    """As its clients page through it: one page."""
    cards = [catalogue.ModelCard("small", 1_700_000_000, "local"), catalogue.ModelCard("large", 0, "local")]
    found = json.loads(catalogue.anthropic_models_body(cards))
    assert (found["first_id"], found["last_id"], found["has_more"]) == ("small", "large", False)
    assert found["data"][0] == {
        "type": "model",
        "id": "small",
        "display_name": "small",
        "created_at": "2023-11-14T22:13:20Z",
    }
    assert json.loads(catalogue.anthropic_models_body([]))["data"] == []
