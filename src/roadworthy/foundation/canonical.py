"""Pure: canonical JSON (RFC 8785) and the digests taken over it."""

from __future__ import annotations

import hashlib
from typing import Any

import rfc8785


def canonical(value: Any) -> bytes:
    """Encode a JSON value so that equal values give equal bytes (RFC 8785)."""
    return rfc8785.dumps(value)


def digest(value: Any) -> str:
    """Return the SHA-256 of the canonical encoding, as 64 hexadecimal characters."""
    return hashlib.sha256(canonical(value)).hexdigest()
