"""Pure: how many tokens a text probably is, where nobody has counted them."""

from __future__ import annotations

BYTES_PER_TOKEN = 4
"""Of English prose in the tokenizers in use; code and other scripts have fewer to a token."""


def tokens_of(size: int) -> int:
    """Return the estimate for so many bytes or characters; never zero for something."""
    return -(-size // BYTES_PER_TOKEN)
