"""Pure: what the dialects of providers have in common when they write: parts, ids, and what none can say."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from roadworthy.gateway.dialects.dialect import UntranslatableError
from roadworthy.gateway.dialects.neutral import (
    Ask,
    Choice,
    Document,
    Event,
    Finish,
    Finished,
    Image,
    Part,
    Piece,
    Text,
    TextDelta,
    ToolBegan,
    ToolCall,
    ToolDelta,
    ToolResult,
)

ENCODER = msgspec.json.Encoder()
JSON_TOOL = "answer_in_json"
"""The tool a model is made to call where its provider has no other way to make it answer in JSON."""
JSON_TOOL_SAYS = "Give the whole answer as the arguments of this call."
ANY_OBJECT = msgspec.Raw(b'{"type":"object"}')
GEMINI_MARK = "gemini:"
"""Before a signature that only Gemini can read."""
_SIGNED_ID = "__sig__"

_DATA_URL = re.compile(r"data:([A-Za-z0-9.+/-]{1,100})(?:;[a-z]+=[^;,]{0,40})*;base64,", re.ASCII)
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]")
_EMPTY = frozenset({b"", b"null", b"false", b"{}", b"[]", b"0", b'""'})
_NEEDED = {
    "logprobs": "probabilities of tokens",
    "top_logprobs": "probabilities of tokens",
    "logit_bias": "a bias of tokens",
    "audio": "spoken answers",
    "web_search_options": "a search of the web",
    "functions": "functions in the form that tools replaced",
    "function_call": "functions in the form that tools replaced",
    "mcp_servers": "tools that the provider calls itself",
    "container": "a container at the provider",
    "previous_response_id": "a conversation kept at the provider",
    "conversation": "a conversation kept at the provider",
    "prompt": "a prompt kept at the provider",
    "background": "answers that are fetched later",
}


def refuse_extras(ask: Ask, dialect: str, *, known: frozenset[str] = frozenset()) -> None:
    """Refuse what would be lost and be missed; what only advises the provider may be lost."""
    for name, what in _NEEDED.items():
        raw = ask.extras.get(name)
        if raw is not None and name not in known and bytes(raw) not in _EMPTY:
            raise UntranslatableError(f"`{name}` asks for {what}, which {dialect} cannot be asked for.", name)
    modalities = ask.extras.get("modalities")
    if modalities is not None and b"audio" in bytes(modalities):
        raise UntranslatableError(f"{dialect} cannot be asked for spoken answers.", "modalities")


def refuse_many(ask: Ask, dialect: str) -> None:
    """Refuse several answers at once."""
    if ask.count > 1:
        raise UntranslatableError(f"{dialect} gives one answer to a request, not {ask.count}.", "n")


def data_of(part: Image | Document) -> tuple[str, str] | None:
    """Return a part's media type and base64 data; None when it is only an address."""
    if part.data:
        return part.media_type, part.data
    match = _DATA_URL.match(part.url)
    return (match[1], part.url[match.end() :]) if match else None


def url_of(part: Image | Document) -> str:
    """Return a part's address, with the data inside it if there is no other."""
    return part.url or f"data:{part.media_type};base64,{part.data}"


def said(text: str) -> bool:
    """Does this text hold anything? Several providers refuse an empty or blank one."""
    return bool(text) and not text.isspace()


def arguments_of(call: ToolCall) -> msgspec.Raw:
    """Return a call's arguments as a JSON object, also where a model wrote something else."""
    text = call.arguments.strip()
    if not text:
        return msgspec.Raw(b"{}")
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return msgspec.Raw(text.encode())
    return msgspec.Raw(ENCODER.encode({"arguments": call.arguments}))


def plain_id(id_: str) -> str:
    """Return a call's id as every provider takes it, without what Gemini was to get back."""
    return _NOT_IN_ID.sub("_", id_.partition(_SIGNED_ID)[0])[:64] or "call"


def signed_id(id_: str, signature: str) -> str:
    """Put Gemini's signature under a call into its id: every caller's dialect brings that back."""
    if not signature:
        return id_
    return id_ + _SIGNED_ID + signature.rstrip("=").replace("+", "-").replace("/", "_")


def unsigned_id(id_: str) -> str:
    """Return an id as Gemini gave it."""
    return id_.partition(_SIGNED_ID)[0]


def signature_in(id_: str) -> str:
    """Return the signature that `signed_id` put into an id."""
    signature = id_.partition(_SIGNED_ID)[2].replace("-", "+").replace("_", "/")
    return signature + "=" * (-len(signature) % 4)


def words(parts: Sequence[Part]) -> str:
    """Return the texts of these parts, a line each."""
    return "\n".join(part.text for part in parts if isinstance(part, Text) and part.text)


def system_texts(ask: Ask) -> list[str]:
    """Return what the system says, wherever in the conversation it stands."""
    texts: list[str] = []
    for message in ask.messages:
        if message.role == "system":
            texts.extend(part.text for part in message.parts if isinstance(part, Text) and said(part.text))
    return texts


def turns(ask: Ask) -> Iterator[tuple[str, list[Part]]]:
    """Yield (user or assistant, parts): one entry a turn, a tool's results in the user's turn."""
    role, parts = "", list[Part]()
    for message in ask.messages:
        if message.role == "system":
            continue
        now = "assistant" if message.role == "assistant" else "user"
        if now != role:
            if parts:
                yield role, parts
            role, parts = now, []
        parts.extend(message.parts)
    if parts:
        yield role, parts


def called_names(ask: Ask) -> dict[str, str]:
    """Return the name of the tool behind every call's id."""
    return {
        part.id: part.name for message in ask.messages for part in message.parts if isinstance(part, ToolCall)
    }


def uses_tools(ask: Ask) -> bool:
    """Does the conversation hold calls of tools, or their results?"""
    return any(isinstance(part, ToolCall | ToolResult) for message in ask.messages for part in message.parts)


def chosen_tool(ask: Ask) -> str:
    """Return the name of the tool that has to be called, or nothing."""
    return ask.tool_choice.removeprefix("tool:") if ask.tool_choice.startswith("tool:") else ""


def finish_of(finish: Finish, *, called: bool) -> Finish:
    """Say that tools are to be called where the provider only says that it stopped."""
    return "tool_calls" if called and finish == "stop" else finish


# ------------------------------------------------------------------ JSON through a forced tool


def without_json_tool(choice: Choice) -> Choice:
    """Turn the call of the JSON tool back into the words of the answer."""
    if not any(isinstance(part, ToolCall) and part.name == JSON_TOOL for part in choice.parts):
        return choice
    parts = tuple(
        Text(part.arguments) if isinstance(part, ToolCall) and part.name == JSON_TOOL else part
        for part in choice.parts
        if not isinstance(part, Text)  # what a model says beside its answer would make it no JSON
    )
    others = any(isinstance(part, ToolCall) for part in parts)
    finish: Finish = "stop" if choice.finish == "tool_calls" and not others else choice.finish
    return Choice(parts, finish, choice.index)


class JsonToolStream:
    """Turns the JSON tool's deltas back into words, event by event; no arguments at all become `{}`."""

    __slots__ = ("_json_calls", "_others", "_silent")

    def __init__(self) -> None:
        self._json_calls: set[tuple[int, int]] = set()
        self._silent: set[tuple[int, int]] = set()
        self._others = False

    def turn(self, event: Event) -> Event:
        """Return the event with words where the JSON tool was called."""
        if not self._json_calls and not self._silent:  # nearly all events of nearly all streams
            for piece in event.pieces:
                if type(piece) is ToolBegan:
                    break
            else:
                return event
        pieces: list[Piece] = []
        for piece in event.pieces:
            self._piece(piece, pieces)
        return Event(event.raw, tuple(pieces))

    def _piece(self, piece: Piece, out: list[Piece]) -> None:
        if isinstance(piece, ToolBegan):
            if piece.name == JSON_TOOL:
                self._json_calls.add((piece.index, piece.call))
                return
            self._others = True
            self._silent.add((piece.index, piece.call))
        elif isinstance(piece, ToolDelta):
            if (piece.index, piece.call) in self._json_calls:
                out.append(TextDelta(piece.arguments, piece.index))
                return
            if piece.arguments:
                self._silent.discard((piece.index, piece.call))
        elif isinstance(piece, Finished):
            # Callers read arguments as JSON, and nothing is none.
            out.extend(ToolDelta(call, "{}", index) for index, call in sorted(self._silent))
            self._silent.clear()
            if self._json_calls and piece.finish == "tool_calls" and not self._others:
                out.append(Finished("stop", piece.index))
                return
        out.append(piece)


def json_tool(ask: Ask) -> dict[str, Any]:
    """Return name, description and schema of the JSON tool for this request."""
    wanted = ask.output_format
    assert wanted is not None
    schema = wanted.schema if bytes(wanted.schema) else ANY_OBJECT
    return {"name": JSON_TOOL, "description": wanted.description or JSON_TOOL_SAYS, "schema": schema}
