"""Streams say what the whole text would have said, wherever the network cuts them."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import pytest
from hypothesis import given

from roadworthy.gateway.filter_rules import HOUSE_FILTERS, Rule
from roadworthy.gateway.filters import generating
from roadworthy.gateway.filters.guard import Guard, compiled_of
from roadworthy.gateway.filters.stream import LOOK_BACK

CUTS = st.lists(st.integers(1, 40), min_size=1, max_size=200)
WORDS = st.sampled_from(
    [
        "It",
        "is",
        "Ada",
        "A",
        "a.b",
        "12",
        "34-5",
        "(0",
        "+4",
        "sk",
        "eyJ",
        "-----",
        "born",
        "on",
        "é",
        "今日",
        "DE",
        "@",
    ]
)
MARKS = st.sampled_from([" ", "  ", ", ", "\n", ". ", "-"])


def _guard(action: str) -> Guard:
    rules = [Rule(one.name, one, action, action) for one in HOUSE_FILTERS.values()]
    return Guard(compiled_of(rules), approved={}, scope="")


MASKING, BLOCKING = _guard("mask"), _guard("block")


def _cut(text: str, sizes: list[int]) -> list[str]:
    out: list[str] = []
    at = 0
    while at < len(text):
        size = sizes[len(out) % len(sizes)]
        out.append(text[at : at + size])
        at += size
    return out


@given(st.lists(st.tuples(WORDS, MARKS), min_size=1, max_size=60), CUTS)
def test_nothing_is_lost_or_said_twice(parts: list[tuple[str, str]], sizes: list[int]) -> None:
    """Where nothing is found every character arrives, in its place, and never much later than it came."""
    text = "".join(word + mark for word, mark in parts)
    if MASKING.inspect([text], side="output") is not None:
        return
    stream, out, came = MASKING.stream(), "", 0
    for piece in _cut(text, sizes):
        out += stream.feed((0, 0), piece)
        came += len(piece)
        if stream.records:
            return  # a beginning that turned out to be something, such as a number that went on
        assert text.startswith(out)
        assert came - len(out) <= LOOK_BACK
    assert out + stream.finish((0, 0)) == text


MAKERS = sorted(set(generating.MAKERS) - {"private-key"})
"""What goes on until a mark is in the tests of secrets."""


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_masked_in_a_text_is_masked_in_a_stream(name: str) -> None:
    """For each recogniser, in forty cuts: not six characters together of the half that makes it one."""
    drawn = random.Random(name)
    for _ in range(40):
        value = generating.MAKERS[name](drawn)
        text = f"Note: {value}, said the caller about their own."
        whole = MASKING.inspect([text], side="output")
        if whole is None or whole.texts is None:
            continue  # recall is measured elsewhere
        stream = MASKING.stream()
        said = "".join(
            stream.feed((0, 0), piece) for piece in _cut(text, [drawn.randint(1, 30) for _ in range(50)])
        )
        said += stream.finish((0, 0))
        assert said.endswith("said the caller about their own.")
        kept = whole.texts[0]
        for at in range(len(value) // 2, len(value) - 5):
            assert value[at : at + 6] not in said or value[at : at + 6] in kept, (value, said, kept)


@pytest.mark.parametrize("name", MAKERS)
def test_a_blocked_stream_says_nothing_of_it(name: str) -> None:
    """It ends before the value; what stood before it may be out."""
    drawn = random.Random(name)
    value = generating.MAKERS[name](drawn)
    text = f"Note: {value}, said the caller."
    if BLOCKING.inspect([text], side="output") is None:
        return
    stream, said = BLOCKING.stream(), ""
    for piece in _cut(text, [3]):
        said += stream.feed((0, 0), piece)
        if stream.blocked is not None:
            break
    else:
        said += stream.finish((0, 0))
    assert stream.blocked is not None
    assert value[len(value) // 2 :] not in said
