"""Pure: what a provider's error says, whatever its shape: every provider and every proxy has its own."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from roadworthy.gateway.dialects.neutral import ProviderError

MESSAGE_CHARS_MAX = 2000
_TITLE = re.compile(r"<(?:title|h1)[^>]*>([^<]{1,300})<", re.IGNORECASE)


def _text(value: Any) -> str:
    return value[:MESSAGE_CHARS_MAX] if isinstance(value, str) else ""


def _code(value: Any) -> str:
    return str(value)[:100] if isinstance(value, str | int) and not isinstance(value, bool) else ""


def error_of(status: int, body: bytes) -> ProviderError:
    """Return the error; an empty message when nothing says what went wrong.

    With status 200 only what calls itself an error is one.
    """
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return ProviderError("" if status == 200 else _plain(body), status=status)
    if isinstance(found, list):  # Gemini, outside of event streams
        found = found[0] if found else {}
    if not isinstance(found, dict):
        return ProviderError("" if status == 200 else _text(found), status=status)
    inner = found.get("error")
    if inner is None and isinstance(found.get("errors"), list) and found["errors"]:
        inner = found["errors"][0]
    if isinstance(inner, dict):
        return _of_object(status, inner)
    if isinstance(inner, str) and inner:
        said = _text(found.get("message")) or _text(found.get("error_description")) or _text(inner)
        return ProviderError(
            said, kind=_code(found.get("type")), code=_code(found.get("code")), status=status
        )
    if status != 200 or found.get("object") == "error" or "__type" in found:
        return _of_object(status, found)
    return ProviderError("", status=status)


def _of_object(status: int, said: dict[str, Any]) -> ProviderError:
    message = _text(said.get("message")) or _text(said.get("Message")) or _text(said.get("msg"))
    if not message:
        message = _detail(said.get("detail"))
    # AWS names the kind with its namespace before it and, at times, an address after it.
    kind = _text(said.get("type")) or _text(said.get("status")) or _text(said.get("__type"))
    kind = kind.rpartition("#")[2].partition(":")[0][:100]
    param = said.get("param")
    inner = said.get("innererror")
    code = _code(said.get("code"))
    if isinstance(inner, dict) and _code(inner.get("code")):
        code = code or _code(inner.get("code"))
    if not message:
        message = kind or code
    return ProviderError(
        message, kind=kind, code=code, param=param if isinstance(param, str) else None, status=status
    )


def _detail(value: Any) -> str:
    """Read what FastAPI servers put into `detail`: a text, or a list of complaints."""
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, dict):
        return _text(value.get("message")) or _text(value.get("error"))
    if isinstance(value, list) and value and isinstance(value[0], dict):
        place = value[0].get("loc")
        at = ".".join(str(one) for one in place) if isinstance(place, list) else ""
        said = _text(value[0].get("msg"))
        return f"{at}: {said}" if at and said else said
    return ""


def _plain(body: bytes) -> str:
    """Read an error that is no JSON: a proxy's page, or a line of text."""
    text = body[:MESSAGE_CHARS_MAX].decode("utf-8", "replace").strip()
    if text.startswith("<"):
        title = _TITLE.search(text)
        return title[1].strip() if title else ""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:300].strip()
