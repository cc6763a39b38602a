"""Pure: what answers say was used, in the words of OpenAI and of Anthropic."""

from __future__ import annotations

import msgspec

from roadworthy.gateway.dialects.neutral import Usage


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class OpenAIUsage(msgspec.Struct):
    """Chat says prompt and completion, responses say input and output."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None
    input_tokens_details: _Details | None = None
    output_tokens_details: _Details | None = None
    prompt_cache_hit_tokens: int | None = None


class AnthropicUsage(msgspec.Struct):
    """What came from the cache is counted beside the input."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


_NO_DETAILS = _Details()
_OPENAI = msgspec.json.Decoder(OpenAIUsage)
_ANTHROPIC = msgspec.json.Decoder(AnthropicUsage)


def openai_usage(raw: bytes) -> Usage | None:
    """Read what a chat completion, a response or an embedding used; nonsense is no usage."""
    if not raw:
        return None
    try:
        found = _OPENAI.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    return openai_counts(found)


def openai_counts(found: OpenAIUsage) -> Usage | None:
    """Return what was used in neutral form; nonsense is no usage."""
    put_in = found.prompt_tokens if found.prompt_tokens is not None else found.input_tokens
    came_out = found.completion_tokens if found.completion_tokens is not None else found.output_tokens
    if put_in is None or put_in < 0 or (came_out is not None and came_out < 0):
        return None
    before = found.prompt_tokens_details or found.input_tokens_details or _NO_DETAILS
    after = found.completion_tokens_details or found.output_tokens_details or _NO_DETAILS
    cached = before.cached_tokens if before.cached_tokens is not None else found.prompt_cache_hit_tokens
    return Usage(put_in, came_out, cached, None, after.reasoning_tokens)


def anthropic_counts(raw: bytes) -> AnthropicUsage | None:
    """Read what a message says of its use, as it says it; nonsense is no usage."""
    if not raw:
        return None
    try:
        found = _ANTHROPIC.decode(raw)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    counts = (
        found.input_tokens,
        found.output_tokens,
        found.cache_read_input_tokens,
        found.cache_creation_input_tokens,
    )
    return None if any(one is not None and one < 0 for one in counts) else found


def anthropic_usage(found: AnthropicUsage) -> Usage:
    """Return all input in one number, as the neutral form has it."""
    read, written = found.cache_read_input_tokens, found.cache_creation_input_tokens
    whole = found.input_tokens
    if whole is not None:
        whole += (read or 0) + (written or 0)
    return Usage(whole, found.output_tokens, read, written)
