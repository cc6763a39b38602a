"""Pure: one call as a fact, and what it cost."""

from __future__ import annotations

import msgspec

TEXT_BYTES_MAX = 16 * 1024
DRAFT_BYTES_MAX = 512 * 1024
"""The largest answer that can wait for a person: a record with it has to fit into a frame of the spool."""
TOKENS_PLAUSIBLE_MAX = 1_000_000_000


class AttemptRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One try at one model."""

    model: str
    status: int = 0
    error: str = ""
    ms: float = 0.0


class FindingRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a filter found on one side of a call, and what was done about it; never the text itself."""

    filter: str
    kind: str = ""
    side: str = "input"
    action: str = "allow"
    count: int = 1


class ReasonRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Why a call was decided as it was."""

    code: str
    message: str
    declaration: str = ""
    who_can_change: tuple[str, ...] = ()
    next_step: str = ""


class LoggedText(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What was said, where the grant asks for full logging; each side is cut at 16 KiB."""

    prompt: str = ""
    response: str = ""
    cut: bool = False
    draft: str = ""
    """A whole answer that waits for a person, in the caller's dialect: kept whatever the grant logs."""


class CallRecord(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One call through the gateway, allowed or refused. `cost_nano` is None, never zero, when unknown."""

    id: str
    at: int
    decision: str
    principal: str = ""
    key_id: str = ""
    use_case: str = ""
    namespace: str = ""
    grant_id: str = ""
    revision: int = 0
    reason: str = ""
    reasons: tuple[ReasonRecord, ...] = ()
    requested_model: str = ""
    route: str = ""
    model: str = ""
    provider: str = ""
    upstream_model: str = ""
    attempts: tuple[AttemptRecord, ...] = ()
    status: int = 0
    stream: bool = False
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_input_tokens: int | None = None
    cost_nano: int | None = None
    currency: str = ""
    price_source: str = ""
    faults: tuple[str, ...] = ()
    latency_ms: float = 0.0
    first_byte_ms: float | None = None
    error: str = ""
    client_request_id: str = ""
    retention_days: int = 0
    suppressed: int = 0
    text: LoggedText | None = None
    dialect: str = ""
    findings: tuple[FindingRecord, ...] = ()
    why: str = ""
    estimated: bool = False
    shadow: bool = False
    leases: tuple[str, ...] = ()
    open: bool = False
    """A mark that a stream begins: no record of a call, but what is known of it should its end never come."""
    replay_of: str = ""
    text_commitment: str = ""
    """Written on arrival: what the record says of a text that is kept apart from it."""
    draft: str = ""
    """`marked` or `withheld` for an answer a person has to release, `sample` for one to be reviewed."""
    basis: str = ""
    """Of such an answer: the digest of what it came from, as its use case and models were declared then."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(CallRecord)


def encode(record: CallRecord) -> bytes:
    """Return the record as bytes."""
    return _ENCODER.encode(record)


def decode(data: bytes) -> CallRecord:
    """Return the record that `encode` wrote; `msgspec.DecodeError` for anything else."""
    return _DECODER.decode(data)


def tag_of(record: CallRecord) -> str:
    """Return what sets a call apart from production: `shadow`, `replay`, or nothing."""
    return "replay" if record.replay_of else "shadow" if record.shadow else ""


def interrupted(mark: CallRecord) -> CallRecord:
    """Return the record of a call whose gateway died while it streamed: nobody knows what it used."""
    return msgspec.structs.replace(
        mark,
        open=False,
        status=502,
        error="interrupted",
        faults=(*mark.faults, "usage_unknown"),
        estimated=False,
        input_tokens=None,
        output_tokens=None,
        cost_nano=None,
    )


def cost_nano(
    *,
    input_tokens: int | None,
    output_tokens: int | None,
    cached_input_tokens: int | None,
    input_price_nano: int | None,
    output_price_nano: int | None,
    cached_input_price_nano: int | None,
) -> tuple[int | None, tuple[str, ...]]:
    """Return the cost in billionths of the currency, or None with the faults that keep it unknown."""
    faults = []
    if input_tokens is None or output_tokens is None:
        faults.append("usage_unknown")
    if input_price_nano is None or output_price_nano is None:
        faults.append("price_unknown")
    if faults or input_tokens is None or output_tokens is None:
        return None, tuple(faults)
    assert input_price_nano is not None
    assert output_price_nano is not None
    cached = min(cached_input_tokens or 0, input_tokens)
    cached_price = input_price_nano if cached_input_price_nano is None else cached_input_price_nano
    fresh = (input_tokens - cached) * input_price_nano
    return fresh + cached * cached_price + output_tokens * output_price_nano, ()


def plausible(tokens: int | None) -> int | None:
    """Return a provider's count of tokens if it can be true, else None."""
    return tokens if tokens is not None and 0 <= tokens <= TOKENS_PLAUSIBLE_MAX else None


def clip(text: str) -> tuple[str, bool]:
    """Cut a text at 16 KiB of UTF-8, never inside a character; say whether anything was cut."""
    if len(text) * 4 <= TEXT_BYTES_MAX:
        return text, False
    data = text.encode("utf-8", "replace")
    if len(data) <= TEXT_BYTES_MAX:
        return text, False
    return data[:TEXT_BYTES_MAX].decode("utf-8", "ignore"), True
