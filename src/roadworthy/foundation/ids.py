"""Time-sortable random identifiers and secrets."""

from __future__ import annotations

import secrets
from datetime import datetime

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford base 32: nothing to misread aloud


def _base32(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def new_id(prefix: str, *, at: datetime) -> str:
    """Return `prefix_` + 10 characters of time (milliseconds) + 16 random ones (80 bits)."""
    millis = int(at.timestamp() * 1000)
    return f"{prefix}_{_base32(millis, 10)}{_base32(secrets.randbits(80), 16)}"


def short_id() -> str:
    """Return eight random characters (40 bits): a public handle, never a secret."""
    return _base32(secrets.randbits(40), 8)


def secret_text() -> str:
    """Return 256 random bits as 43 URL-safe characters."""
    return secrets.token_urlsafe(32)
