"""Pure: callers' bodies read with care: what makes parsers behind us stumble is refused here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from roadworthy.gateway.dialects.dialect import MalformedRequestError, UntranslatableError

DEPTH_MAX = 64
BRACKETS_MAX = 200_000  # 100,000 items, each opened and closed
DIGITS_MAX = 4_300
COUNT_MAX = 1_000_000_000
MODEL_NAME_MAX = 256

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_BRACKETS = bytes.maketrans(b"[]{}", b"()()")
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_LONG_NUMBER = b"0" * (DIGITS_MAX + 1)

T = TypeVar("T")
Fields = dict[str, msgspec.Raw]
_FIELDS = msgspec.json.Decoder(Fields)
_TEXT = msgspec.json.Decoder(str)
_COUNT: msgspec.json.Decoder[int | None] = msgspec.json.Decoder(int | None)
_OBJECT: msgspec.json.Decoder[Fields | None] = msgspec.json.Decoder(Fields | None)
_NUMBER: msgspec.json.Decoder[float | None] = msgspec.json.Decoder(float | None)
_WORD: msgspec.json.Decoder[str | None] = msgspec.json.Decoder(str | None)
_ANY = msgspec.json.Decoder()
ENCODER = msgspec.json.Encoder()
TRUE = msgspec.Raw(b"true")
FALSE = msgspec.Raw(b"false")


def check_shape(body: bytes) -> None:
    """Refuse what makes parsers behind us stumble: depth, item counts, endless numbers, broken text."""
    try:
        body.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequestError(f"The body is not valid UTF-8 (byte {error.start}).") from None
    opening = body.count(b"{") + body.count(b"[")
    bare = b""
    if opening > DEPTH_MAX:
        bare = _STRINGS.sub(b"", body)
        brackets = bare.translate(_BRACKETS, _NOT_BRACKETS)
        if len(brackets) > BRACKETS_MAX:
            raise MalformedRequestError("The body holds more than 100,000 objects and lists.")
        for _ in range(DEPTH_MAX):  # each pass takes the innermost level away
            brackets = brackets.replace(b"()", b"")
            if not brackets:
                break
        if brackets:
            raise MalformedRequestError(f"The body is nested more than {DEPTH_MAX} levels deep.")
    if len(body) > DIGITS_MAX and _LONG_NUMBER in body.translate(_DIGITS):
        bare = bare or _STRINGS.sub(b"", body)
        if _LONG_NUMBER in bare.translate(_DIGITS):
            raise MalformedRequestError(f"The body holds a number of more than {DIGITS_MAX} digits.")


def read_fields(body: bytes) -> Fields:
    """Return the fields of a body, each as it came; a name given twice counts once, as it came last."""
    check_shape(body)
    try:
        return _FIELDS.decode(body)
    except RecursionError:
        raise MalformedRequestError(f"The body is nested more than {DEPTH_MAX} levels deep.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise MalformedRequestError(
            f"The body is not a JSON object this gateway can read: {error}."
        ) from None


def model_in(fields: Fields) -> str:
    """Return the model's or route's name."""
    try:
        model = _TEXT.decode(fields["model"])
    except KeyError:
        raise MalformedRequestError("`model` is missing: name a model or route.", "model") from None
    except (msgspec.DecodeError, ValueError):
        raise MalformedRequestError("`model` must be a text.", "model") from None
    if not model or len(model) > MODEL_NAME_MAX:
        raise MalformedRequestError(f"`model` must have 1 to {MODEL_NAME_MAX} characters.", "model")
    return model


def flag(fields: Fields, name: str) -> bool:
    """Return a truth; absent and null are false."""
    value = fields.get(name)
    if value is None:
        return False
    word = bytes(value)
    if word == b"true":
        return True
    if word in {b"false", b"null"}:
        return False
    raise MalformedRequestError(f"`{name}` must be true or false.", name)


def choice_of_truth(fields: Fields, name: str) -> bool | None:
    """Return a truth, or None where nothing was said."""
    if absent(fields, name):
        return None
    return flag(fields, name)


def absent(fields: Fields, name: str) -> bool:
    """Was nothing said?"""
    value = fields.get(name)
    return value is None or bytes(value) == b"null"


def count(fields: Fields, name: str, *, least: int = 1) -> int | None:
    """Return a whole number."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        found = _COUNT.decode(value)
    except (msgspec.DecodeError, ValueError):
        raise MalformedRequestError(f"`{name}` must be a whole number.", name) from None
    if found is not None and found < least:
        raise MalformedRequestError(f"`{name}` must be at least {least}.", name)
    if found is not None and found > COUNT_MAX:
        raise MalformedRequestError(f"`{name}` must be at most {COUNT_MAX}.", name)
    return found


def whole(fields: Fields, name: str) -> int | None:
    """Return a whole number of any sign; one that no provider could read is refused."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        found = _COUNT.decode(value)
    except (msgspec.DecodeError, ValueError):
        raise MalformedRequestError(f"`{name}` must be a whole number.", name) from None
    if found is not None and not -(1 << 63) <= found < 1 << 63:
        raise MalformedRequestError(f"`{name}` must fit into 64 bits.", name)
    return found


def number(fields: Fields, name: str) -> float | None:
    """Return a number."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        return _NUMBER.decode(value)
    except (msgspec.DecodeError, ValueError):
        raise MalformedRequestError(f"`{name}` must be a number.", name) from None


def word(fields: Fields, name: str) -> str:
    """Return a text; absent and null are empty."""
    value = fields.get(name)
    if value is None:
        return ""
    try:
        return _WORD.decode(value) or ""
    except (msgspec.DecodeError, ValueError):
        raise MalformedRequestError(f"`{name}` must be a text.", name) from None


def inner(fields: Fields, name: str) -> Fields:
    """Return an object's fields; absent and null have none."""
    value = fields.get(name)
    if value is None:
        return {}
    try:
        return _OBJECT.decode(value) or {}
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise MalformedRequestError(f"`{name}` must be an object.", name) from None


def anything(fields: Fields, name: str) -> Any:
    """Return a field's value, whatever it is."""
    value = fields.get(name)
    if value is None:
        return None
    try:
        return _ANY.decode(value)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedRequestError(f"`{name}` cannot be read: {error}.", name) from None


def typed(fields: Fields, name: str, decoder: msgspec.json.Decoder[T]) -> T | None:
    """Return a field read into a form; None where nothing was said."""
    if absent(fields, name):
        return None
    try:
        return decoder.decode(fields[name])
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MalformedRequestError(f"`{name}` cannot be read: {error}.", name) from None


def words_in(fields: Fields, name: str) -> tuple[str, ...]:
    """Return one text or several."""
    found = anything(fields, name)
    if found is None:
        return ()
    if isinstance(found, str):
        return (found,)
    if isinstance(found, list) and all(isinstance(one, str) for one in found):
        return tuple(found)
    raise MalformedRequestError(f"`{name}` must be a text or a list of texts.", name)


def listed(fields: Fields, name: str) -> msgspec.Raw:
    """Make sure that a field is there and is a list."""
    value = fields.get(name)
    if value is None or not bytes(value).startswith(b"["):
        raise MalformedRequestError(f"`{name}` is missing or not a list.", name)
    return value


def without(fields: Mapping[str, msgspec.Raw], known: frozenset[str]) -> Fields:
    """Return the fields that were not translated, without those that say nothing."""
    return {
        name: raw for name, raw in fields.items() if name not in known and bytes(raw) not in {b"null", b""}
    }


def untranslatable(what: str, param: str) -> UntranslatableError:
    """Say what only a provider of the caller's own dialect can be asked for."""
    return UntranslatableError(
        f"{what} can only be sent to a provider that speaks the request's own dialect.", param
    )


def encoded(value: Any) -> msgspec.Raw:
    """Return a value as a field."""
    return msgspec.Raw(ENCODER.encode(value))
