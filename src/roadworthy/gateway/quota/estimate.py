"""Pure: how many tokens there can be at most, and how many there probably were."""

from __future__ import annotations

from roadworthy.usage.estimate import tokens_of

IMAGE_TOKENS_MAX = 6_144
"""The most that an image given by its address costs at any provider; one sent along is counted as bytes."""


def most_input_tokens(size: int, *, images: int = 0, context_tokens: int | None = None) -> int:
    """Return how many tokens a request of so many bytes can have at most.

    Tokenizers in use fall back to single bytes, so a text never has more tokens than bytes; what providers
    wrap around each message is less than the JSON around it, which is counted too.
    """
    most = size + images * IMAGE_TOKENS_MAX
    return most if context_tokens is None or most < context_tokens else context_tokens


def sent_tokens(size: int) -> int:
    """Return how many tokens a stream that broke off probably held: what was sent is paid for."""
    return tokens_of(size)
