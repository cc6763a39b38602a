"""Asking all texts of a call at once, as they stand in its JSON, never hides what reading each would find."""

from __future__ import annotations

import json
import re
from re import _parser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway.dialects import texts
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.dialects.dialect import CallerDialect
from roadworthy.gateway.filters.reading import BUILT_IN, Reader, built_in_reader

CHAT = CALLERS[b"/v1/chat/completions"]
MESSAGES = CALLERS[b"/v1/messages"]
RESPONSES = CALLERS[b"/v1/responses"]
WANTED = list(BUILT_IN)
WORDS = st.sampled_from(
    [
        "some words ",
        "\n",
        "\t",
        '"',
        "\\",
        "\\n",
        "/",
        "ä",
        "\u2028",
        "\x07",
        "4111 1111 1111 1111",
        "me@example.com",
    ]
)
FOUND = st.sampled_from(BUILT_IN).flatmap(
    lambda one: st.from_regex(re.compile(one.pattern), fullmatch=True).map(
        lambda data: data.decode("latin-1")
    )
)
TEXT = st.lists(st.one_of(WORDS, WORDS, FOUND), max_size=5).map("".join)


def request_of(dialect: CallerDialect, said: list[str]) -> dict[str, Any]:
    """Return a request that says these texts, in places where this dialect has some."""
    messages = [{"role": "user", "content": one} for one in said]
    if dialect is RESPONSES:
        return {"model": "m", "input": messages, "instructions": said[0] if said else "x", "user": "u"}
    if dialect is MESSAGES:
        return {"model": "m", "max_tokens": 5, "messages": messages, "system": said[0] if said else "x"}
    call = {"id": "c", "type": "function", "function": {"name": "f", "arguments": said[0] if said else "{}"}}
    return {"model": "m", "messages": [*messages, {"role": "assistant", "tool_calls": [call]}], "user": "u"}


def answer_of(dialect: CallerDialect, said: list[str]) -> dict[str, Any]:
    """Return an answer that says these texts."""
    if dialect is RESPONSES:
        return {
            "output": [{"type": "message", "content": [{"type": "output_text", "text": one}]} for one in said]
        }
    if dialect is MESSAGES:
        return {"content": [{"type": "text", "text": one} for one in said], "usage": {"input_tokens": 1}}
    return {"created": 1760000000, "choices": [{"index": 0, "message": {"content": one}} for one in said]}


@pytest.mark.parametrize("dialect", [CHAT, MESSAGES, RESPONSES], ids=lambda one: one.name)
@given(said=st.lists(TEXT, max_size=4), escape=st.sampled_from(["all", "least"]))
def test_what_is_quiet_together_is_quiet_one_by_one(
    dialect: CallerDialect, said: list[str], escape: str
) -> None:
    """Each text stands in the bytes as it reads; where the engine is silent on all, so it is on each."""
    reader = built_in_reader()
    request = dialect.read(json.dumps(request_of(dialect, said), ensure_ascii=escape == "all").encode())
    body = json.dumps(answer_of(dialect, said), ensure_ascii=escape == "all").encode()
    for literal, found in (
        (texts.literal_request(request.fields), dialect.texts(request)),
        (texts.literal_answer(body, dialect.answer_field), dialect.answer_texts(body)),
    ):
        if literal is None:
            continue
        for text in found:
            assert text.encode("ascii") in literal
        if reader.is_quiet(literal):
            assert all(reader.spans(text, WANTED) is None for text in found)


def test_usual_words_need_no_parser() -> None:
    """Lines, tabs and quotation marks are read as they are; what else is escaped is left to the parser."""
    said = CHAT.read(json.dumps(request_of(CHAT, ['He said "yes".\n\tThen he left.'])).encode())
    literal = texts.literal_request(said.fields)
    assert literal is not None
    assert b'He said "yes".\n\tThen he left.' in literal
    for odd in ("caf\u00e9", "a\\b", "a\x07"):
        fields = CHAT.read(json.dumps(request_of(CHAT, [odd])).encode()).fields
        assert texts.literal_request(fields) is None
    large = CHAT.read(json.dumps(request_of(CHAT, ["word " * 20_000])).encode())
    assert texts.literal_request(large.fields) is None


def test_an_engine_that_errs_is_not_quiet() -> None:
    """The texts are then read one by one, and the failure is answered by the filter's policy."""

    class Broken:
        def hits(self, data: bytes) -> None:
            raise RuntimeError(data)

    assert not Reader(BUILT_IN[:1], engine=Broken()).is_quiet(b"x")


@pytest.mark.parametrize("one", BUILT_IN, ids=lambda one: one.name)
def test_no_gate_asks_where_a_text_begins_or_ends(one: Any) -> None:
    """Among others a text has other neighbours than alone: only whether they are letters may matter."""
    boundaries = {"AT_BOUNDARY", "AT_NON_BOUNDARY"}

    def walk(node: Any) -> None:
        for code, held in node:
            name = str(code)
            assert name not in {"ASSERT", "ASSERT_NOT"}, "a look around"
            assert name != "AT" or str(held) in boundaries, held
            for part in _parts(held):
                walk(part)

    walk(_parser.parse(one.gate or one.pattern))


def _parts(held: Any) -> list[Any]:
    if isinstance(held, _parser.SubPattern):
        return [held]
    if isinstance(held, list | tuple):
        return [part for one in held for part in _parts(one)]
    return []
