"""Pure: the keys of a gateway that runs from a folder: their hash is all the folder holds of them."""

from __future__ import annotations

import hashlib

DOMAIN = b"roadworthy edge gateway key"
"""Keyed into every hash, so that it is the hash of a key of an edge and of nothing else."""


def key_hash(token: str) -> str:
    """Return what stands in the file for a key; the same hash the gateway looks a caller's key up by."""
    return hashlib.blake2b(token.encode("utf-8", "surrogatepass"), key=DOMAIN, digest_size=32).hexdigest()
