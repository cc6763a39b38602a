"""Pure: credentials of this product where none belongs: in a body, a header, an error, a record.

People paste a key into the wrong field. It goes to no provider, into no record and back in no error: its
secret part is masked, byte for byte, so that JSON and MessagePack around it stay as they were framed. The
public part stays: it says which key has to be revoked.
"""

from __future__ import annotations

import re

_KEY = re.compile(rb"(rw[ktsl]_[0-9A-Za-z]{8}_)([A-Za-z0-9_-]{16,})")
_first = _KEY.search


def masked(data: bytes) -> bytes:
    """Return these bytes, as many, with the secret part of every credential of ours masked."""
    return data if _first(data) is None else _KEY.sub(_mask, data)  # one pass: every call's body comes here


def _mask(found: re.Match[bytes]) -> bytes:
    return found[1] + b"*" * len(found[2])
