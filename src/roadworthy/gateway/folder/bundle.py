"""Pure: what a control plane signs for an edge: its verdicts, without keys and without secrets, to a date."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from roadworthy.gateway.grant_seal import GrantSigner
from roadworthy.gateway.snapshot import GrantEntry, Snapshot

MAGIC = b"rwedge1\n"
DAYS = 7
DAYS_MAX = 90
_SIGNATURE_BYTES = 64


class BundleError(ValueError):
    """The bundle cannot be used; the text says why."""


class Bundle(msgspec.Struct, frozen=True):
    """A snapshot to be enforced elsewhere until a date, and which account may hold keys for what."""

    origin: str
    issued_at: float
    valid_until: float
    snapshot: Snapshot
    accounts: dict[str, tuple[str, ...]]
    """`service-account/x` -> the use cases it may hold keys for."""


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Bundle)


def build(
    snapshot: Snapshot,
    *,
    use_cases: frozenset[str] | None,
    accounts: Mapping[str, tuple[str, ...]],
    origin: str,
    now: float,
    valid_until: float,
) -> Bundle:
    """Take out of a snapshot what an edge needs for these use cases (None for all); nothing outlives it."""
    chosen = [one for one in snapshot.grants if use_cases is None or one.use_case in use_cases]
    named = {one.use_case for one in chosen}
    kept = {name: tuple(one for one in own if one in named) for name, own in accounts.items()}
    kept = {name: own for name, own in kept.items() if own}
    bounded = msgspec.structs.replace(
        snapshot,
        keys={},
        principals={name: one for name, one in snapshot.principals.items() if name in kept},
        grants=tuple(_bounded(one, valid_until) for one in chosen),
        blocks={name: one for name, one in snapshot.blocks.items() if use_cases is None or name in use_cases},
        providers={name: msgspec.structs.replace(one, sealed="") for name, one in snapshot.providers.items()},
    )
    return Bundle(origin, now, valid_until, bounded, kept)


def _bounded(grant: GrantEntry, until: float) -> GrantEntry:
    ends = until if grant.expires_at is None else min(until, grant.expires_at)
    return msgspec.structs.replace(grant, expires_at=ends)


def issued(bundle: Bundle, signer: GrantSigner) -> Bundle:
    """Return the bundle with every grant signed by itself, until the bundle's end."""
    made = signer.snapshot(bundle.snapshot, now=bundle.issued_at, until=bundle.valid_until)
    return msgspec.structs.replace(bundle, snapshot=made)


def signed_part(bundle: Bundle) -> bytes:
    """Return what is signed."""
    return MAGIC + _ENCODER.encode(bundle)


def seal(bundle: Bundle, signature: bytes) -> bytes:
    """Return the file."""
    assert len(signature) == _SIGNATURE_BYTES, "an Ed25519 signature"
    return signature + signed_part(bundle)


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return (signature, what was signed); nothing is decoded before its signature was checked."""
    signature, body = data[:_SIGNATURE_BYTES], data[_SIGNATURE_BYTES:]
    if not body.startswith(MAGIC):
        raise BundleError("It is not a bundle, or one of a format that this version does not know.")
    return signature, body


def decode(body: bytes, *, now: float) -> Bundle:
    """Read what was signed; a bundle that has ended is refused."""
    try:
        bundle = _DECODER.decode(body[len(MAGIC) :])
    except msgspec.DecodeError as error:
        raise BundleError(f"It cannot be read: {error}.") from error
    if bundle.valid_until <= now:
        raise BundleError("It has ended and has to be exported anew.")
    return bundle
