"""What the tests of callers' dialects draw: conversations, answers and streams in neutral form."""

from __future__ import annotations

import json
import string
from collections.abc import Sequence

import msgspec
from hypothesis import strategies as st

from roadworthy.gateway.dialects.dialect import Reader
from roadworthy.gateway.dialects.neutral import (
    Began,
    Choice,
    Finished,
    Part,
    Piece,
    Reasoning,
    ReasoningDelta,
    Said,
    Text,
    TextDelta,
    ToolBegan,
    ToolCall,
    ToolDelta,
    Usage,
    Used,
)

NAMES = st.text(string.ascii_letters + "_", min_size=1, max_size=12)
WORDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30).filter(lambda text: not text.isspace())
ARGUMENTS = st.dictionaries(st.text(max_size=6), st.integers() | st.text(max_size=10), max_size=3).map(
    json.dumps
)
SIGNATURES = st.text(string.ascii_letters, min_size=4, max_size=12)


@st.composite
def answers(draw: st.DrawFn, *, signed: bool = True) -> Said:
    """Draw an answer: thought at times, words at times, calls at times."""
    parts: list[Part] = []
    if draw(st.booleans()):
        parts.append(Reasoning(draw(WORDS), draw(SIGNATURES) if signed else ""))
    calls = draw(st.lists(st.tuples(NAMES, ARGUMENTS), max_size=3))
    if not calls or draw(st.booleans()):
        parts.append(Text(draw(WORDS)))
    parts.extend(ToolCall(f"call_{place}", name, text) for place, (name, text) in enumerate(calls))
    usage = Usage(draw(st.integers(10, 99)), draw(st.integers(0, 99)), draw(st.integers(0, 9)), 0)
    finish = "tool_calls" if calls else draw(st.sampled_from(["stop", "length"]))
    return Said("msg_1", "m", (Choice(tuple(parts), finish),), usage, 7)  # type: ignore[arg-type]


def as_stream(said: Said, *, size: int) -> list[Piece]:
    """Return the pieces in which a provider might say an answer."""
    pieces: list[Piece] = [Began(said.id, said.model, said.created)]
    call = 0
    for part in said.choices[0].parts:
        if isinstance(part, Text):
            pieces.extend(TextDelta(text) for text in _cut(part.text, size))
        elif isinstance(part, Reasoning):
            pieces.extend(ReasoningDelta(text) for text in _cut(part.text, size))
            if part.signature:
                pieces.append(ReasoningDelta(signature=part.signature))
        elif isinstance(part, ToolCall):
            pieces.append(ToolBegan(call, part.id, part.name))
            pieces.extend(ToolDelta(call, text) for text in _cut(part.arguments, size))
            call += 1
    pieces.append(Finished(said.choices[0].finish))
    assert said.usage is not None
    pieces.append(Used(said.usage))
    return pieces


def _cut(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def gathered(pieces: Sequence[Piece]) -> tuple[list[Part], str, Usage | None]:
    """Put the pieces of a stream together again: its parts, why it ended, what was used."""
    parts: list[Part] = []
    calls: dict[int, ToolCall] = {}
    finish, usage = "", None
    for piece in pieces:
        last = parts[-1] if parts else None
        if isinstance(piece, TextDelta):
            if isinstance(last, Text):
                last.text += piece.text
            else:
                parts.append(Text(piece.text))
        elif isinstance(piece, ReasoningDelta):
            if not isinstance(last, Reasoning):
                last = Reasoning()
                parts.append(last)
            last.text += piece.text
            last.signature += piece.signature
        elif isinstance(piece, ToolBegan):
            calls[piece.call] = ToolCall(piece.id, piece.name, "")
            parts.append(calls[piece.call])
        elif isinstance(piece, ToolDelta):
            calls[piece.call].arguments += piece.arguments
        elif isinstance(piece, Finished):
            finish = piece.finish
        elif isinstance(piece, Used):
            usage = piece.usage
    return parts, finish, usage


def read_back(reader: Reader, stream: bytes) -> tuple[list[Part], str, Usage | None]:
    """Follow a stream and put it together."""
    return gathered([piece for event in reader.feed(stream) + reader.finish() for piece in event.pieces])


def same_calls(parts: Sequence[Part]) -> list[object]:
    """Return the parts with the arguments of calls as values: some dialects write them anew."""
    return [
        (part.id, part.name, msgspec.json.decode(part.arguments)) if isinstance(part, ToolCall) else part
        for part in parts
    ]
