"""Pure: every text in a request or an answer, found and put back, for the filters to read."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec

from roadworthy.gateway.dialects.dialect import MalformedRequestError

Slot: TypeAlias = tuple[Any, Any]
"""A list or an object, and where in it the text stands."""

_DECODER = msgspec.json.Decoder()
_ENCODER = msgspec.json.Encoder()
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_READERS: dict[str, msgspec.json.Decoder[Any]] = {}
_RAW_READERS: dict[str, msgspec.json.Decoder[Any]] = {}
_OPENING = frozenset({b"[", b"{", b'"'})
_MARKS = frozenset(
    {
        *(
            "type",
            "role",
            "id",
            "object",
            "status",
            "name",
            "detail",
            "format",
            "finish_reason",
            "stop_reason",
        ),
        *("tool_call_id", "call_id", "tool_use_id", "item_id", "file_id", "media_type", "mime_type", "ttl"),
        *("signature", "encrypted_content", "encrypted_index", "$ref", "$schema", "phase"),
    }
)
"""Fields that steer; in what a person or program wrote freely, a field of the same name is text."""
_SKIPPED = frozenset({"logprobs", "usage", "required"})
_FREE = frozenset({"metadata"})
_CALLS = frozenset({"tool_use", "server_tool_use", "mcp_tool_use"})
_BLOBS = frozenset({"data", "file_data", "b64_json", "partial_image_b64", "image_url", "url"})
_STEERING = frozenset(
    {
        *("model", "stop", "stop_sequences", "tool_choice", "service_tier", "reasoning_effort", "verbosity"),
        *("encoding_format", "truncation", "prompt_cache_key", "prompt_cache_retention", "include", "stream"),
        *(
            "modalities",
            "thinking",
            "reasoning",
            "stream_options",
            "logit_bias",
            "cache_control",
            "container",
        ),
    }
)


LITERAL_MAX = 64 << 10
"""Longer ones are mostly pictures, which only a parser tells from texts."""


def slots(value: Any, *, free: bool = False) -> list[Slot]:
    """Return where the texts in a value stand, in order; pictures and marks are none."""
    found: list[Slot] = []
    _gather(value, found, free)
    return found


def _gather(value: Any, found: list[Slot], free: bool) -> None:  # noqa: FBT001  asked for every object of a call
    if type(value) is dict:
        kind = value.get("type")
        for name, held in value.items():
            if type(held) is str:
                if free or (name not in _MARKS and (name not in _BLOBS or not _is_blob(name, held, kind))):
                    found.append((value, name))
            elif (type(held) is list or type(held) is dict) and (free or name not in _SKIPPED):
                _gather(held, found, free or _is_free(name, kind))
    elif type(value) is list:
        for place, held in enumerate(value):
            if type(held) is str:
                found.append((value, place))
            elif type(held) is list or type(held) is dict:
                _gather(held, found, free)


def _is_free(name: str, kind: object) -> bool:
    return (
        name in _FREE or name == "arguments" or (name == "input" and isinstance(kind, str) and kind in _CALLS)
    )


def _is_blob(name: str, held: str, kind: object) -> bool:
    """Is this the content of a file or picture, under one of their names? A document's plain text is none."""
    if name in {"url", "image_url", "file_data"}:
        return held.startswith("data:") or name == "file_data"
    return kind != "text"


def _holds_text(name: str, raw: msgspec.Raw) -> bool:
    return name not in _STEERING and bytes(raw)[:1] in _OPENING


def _root(name: str, raw: msgspec.Raw) -> list[Any]:
    try:
        return [_DECODER.decode(raw)]
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedRequestError(f"`{name}` cannot be read: {error}.", name) from None


def request_texts(fields: Mapping[str, msgspec.Raw]) -> list[str]:
    """Return the texts of a request; `MalformedRequestError` when a field cannot be read."""
    found: list[Slot] = []
    for name, raw in fields.items():
        if _holds_text(name, raw):
            _gather(_root(name, raw), found, name in _FREE)
    return [holder[place] for holder, place in found]


def with_request_texts(fields: Mapping[str, msgspec.Raw], texts: Sequence[str]) -> dict[str, msgspec.Raw]:
    """Return the fields with other texts, in the order of `request_texts`; what has none stays as it came."""
    result = dict(fields)
    at = 0
    for name, raw in fields.items():
        if not _holds_text(name, raw):
            continue
        root = _root(name, raw)
        found = slots(root, free=name in _FREE)
        changed = False
        for holder, place in found:
            if holder[place] != texts[at]:
                holder[place] = texts[at]
                changed = True
            at += 1
        if changed:
            result[name] = msgspec.Raw(_ENCODER.encode(root[0]))
    if at != len(texts):
        raise ValueError(f"there are {at} texts, not {len(texts)}")
    return result


def _literal(raw: bytes) -> bytes | None:
    """Return JSON with every string in it as it reads; None where that takes a parser."""
    if not raw.isascii() or len(raw) > LITERAL_MAX:
        return None
    if b"\\" not in raw:
        return raw
    if b"\\\\" in raw:  # with none of these, each backslash begins an escape of its own
        return None
    read = raw.replace(b"\\n", b"\n").replace(b'\\"', b'"').replace(b"\\t", b"\t")
    return read if b"\\" not in read else None


def literal_request(fields: Mapping[str, msgspec.Raw]) -> bytes | None:
    """Return bytes in which each text of a request stands as it reads, or None where that is unknown.

    What is not found in them is in none of the texts, which spares nearly every call the parsing. Around a
    text stand quotation marks, so what begins or ends a word there does so here.
    """
    parts = []
    for name, raw in fields.items():
        if name not in _STEERING:
            held = bytes(raw)
            if held[:1] in _OPENING:
                parts.append(held)
    return _literal(parts[0] if len(parts) == 1 else b"\n".join(parts))


def literal_answer(body: bytes, field: str) -> bytes | None:
    """Return bytes in which each text of an answer's field stands as it reads; None for unknown."""
    reader = _RAW_READERS.get(field)
    if reader is None:
        reader = _RAW_READERS[field] = _reader(field, msgspec.Raw)
    try:
        held = reader.decode(body).held
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return _literal(bytes(held)) if held is not None else None


def _reader(field: str, kind: Any = Any) -> msgspec.json.Decoder[Any]:
    """Return what reads one field of an answer and steps over all others."""
    return msgspec.json.Decoder(msgspec.defstruct("_Answer", [("held", kind, None)], rename={"held": field}))


def answer_texts(body: bytes, field: str) -> list[str]:
    """Return the texts in one field of an answer; ValueError when the answer cannot be read."""
    reader = _READERS.get(field)
    if reader is None:
        reader = _READERS[field] = _reader(field)
    try:
        body.decode()  # the reader steps over names, whatever they are; whoever writes the answer anew cannot
        held = reader.decode(body).held
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise ValueError("the answer is no JSON object") from None
    return [holder[place] for holder, place in slots([held])]


def with_answer_texts(
    body: bytes, field: str, texts: Sequence[str], *, tidy: Callable[[Any], None] | None = None
) -> bytes:
    """Return the answer with other texts; `tidy` takes away what would still tell the old ones."""
    fields = _FIELDS.decode(body)
    if field not in fields:
        return body
    root = [_DECODER.decode(fields[field])]
    for (holder, place), text in zip(slots(root), texts, strict=True):
        holder[place] = text
    if tidy is not None:
        tidy(root[0])
    fields[field] = msgspec.Raw(_ENCODER.encode(root[0]))
    return _ENCODER.encode(fields)
