"""Pure: what the control plane hands a gateway to have a past call run again, under a seal they share."""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from roadworthy.gateway.snapshot import Snapshot
from roadworthy.usage.record import CallRecord

PATH = b"/v1/replays"
LASTS_S = 30.0
_SEAL_BYTES = 32


class Ticket(msgspec.Struct, frozen=True):
    """One replay: of which call, as whom, asking what. It is good once, and for half a minute."""

    id: str
    """The trace id of the replay."""
    replay_of: str
    expires_at: float
    principal: str
    key_id: str
    use_case: str
    body: bytes
    """A chat completion."""
    task: str = ""
    candidate: Snapshot | None = None
    """Models, routes, filters and policies that stand in for those in force."""


class Told(msgspec.Struct, frozen=True):
    """What a gateway says of a replay: the record it kept, and the answer's text."""

    record: CallRecord
    response: str = ""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Ticket)
_TOLD = msgspec.msgpack.Decoder(Told)


def _sealed(secret: bytes, body: bytes) -> bytes:
    # A key of its own: no hash of an API key can ever be taken for a seal.
    key = hashlib.blake2b(secret, digest_size=32, person=b"rw-replay-ticket").digest()
    return hashlib.blake2b(body, key=key, digest_size=_SEAL_BYTES).digest()


def seal(ticket: Ticket, *, secret: bytes) -> bytes:
    """Return the ticket as it travels."""
    body = _ENCODER.encode(ticket)
    return _sealed(secret, body) + body


def unseal(data: bytes, *, secret: bytes, now: float) -> Ticket | None:
    """Return a ticket of the control plane's that still holds; None for anything else."""
    sent, body = data[:_SEAL_BYTES], data[_SEAL_BYTES:]
    if not hmac.compare_digest(sent, _sealed(secret, body)):
        return None
    try:
        ticket = _DECODER.decode(body)
    except (msgspec.DecodeError, ValueError):
        return None
    return ticket if now < ticket.expires_at <= now + 2 * LASTS_S else None


def tell(told: Told) -> bytes:
    """Return the answer as it travels."""
    return _ENCODER.encode(told)


def hear(data: bytes) -> Told:
    """Return the answer that `tell` wrote; `msgspec.DecodeError` for anything else."""
    return _TOLD.decode(data)
