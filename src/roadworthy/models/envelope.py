"""Pure: secrets sealed at rest: each under a key of its own, that key under a key-encryption key."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
NONCE_BYTES = 12
RANDOM_BYTES = KEY_BYTES + 2 * NONCE_BYTES
"""How much randomness one sealing takes: the data key and two nonces."""
_FORMAT = "rwseal1"


class EnvelopeError(Exception):
    """What is sealed cannot be opened: another key, another name, or changed since."""


class OtherDestinationError(EnvelopeError):
    """The secret was sealed for another address."""


class Envelope(msgspec.Struct, frozen=True):
    """A sealed secret. `destination` is where it may be sent; it is bound in, so is the name."""

    format: str
    key_id: str
    destination: str
    wrapped: str
    sealed: str


_DECODER = msgspec.json.Decoder(Envelope)


def key_id(key: bytes) -> str:
    """Return the name of a key-encryption key: says which, tells nothing of it."""
    return hashlib.blake2b(key, digest_size=6, person=b"roadworthy-kek").hexdigest()


def _bound(name: str, destination: str, word: str) -> bytes:
    return f"{_FORMAT}\n{word}\n{name}\n{destination}".encode()


def _b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def seal(secret: str, *, name: str, destination: str, key: bytes, randomness: bytes) -> str:
    """Return the secret sealed; `randomness` are `RANDOM_BYTES` fresh random bytes."""
    assert len(randomness) == RANDOM_BYTES
    data_key = randomness[:KEY_BYTES]
    nonce = randomness[KEY_BYTES : KEY_BYTES + NONCE_BYTES]
    wrap_nonce = randomness[KEY_BYTES + NONCE_BYTES :]
    wrapped = AESGCM(key).encrypt(wrap_nonce, data_key, _bound(name, destination, "key"))
    sealed = AESGCM(data_key).encrypt(nonce, secret.encode(), _bound(name, destination, "secret"))
    made = Envelope(_FORMAT, key_id(key), destination, _b64(wrap_nonce + wrapped), _b64(nonce + sealed))
    return msgspec.json.encode(made).decode()


def read(text: str) -> Envelope:
    """Read what `seal` wrote; `EnvelopeError` for anything else."""
    try:
        found = _DECODER.decode(text)
    except (msgspec.DecodeError, ValueError):
        raise EnvelopeError("this is no sealed secret") from None
    if found.format != _FORMAT:
        raise EnvelopeError("this version does not know how the secret was sealed")
    return found


def _opened(key: bytes, text: str, bound: bytes) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], bound)
    except (InvalidTag, binascii.Error, ValueError):
        raise EnvelopeError("the secret does not open: another key, or changed since") from None


def _data_key(found: Envelope, *, name: str, destination: str, keys: Mapping[str, bytes]) -> bytes:
    key = keys.get(found.key_id)
    if key is None:
        raise EnvelopeError(f"the key {found.key_id} is not here")
    return _opened(key, found.wrapped, _bound(name, destination, "key"))


def open_sealed(text: str, *, name: str, destination: str, keys: Mapping[str, bytes]) -> str:
    """Return the secret, for use at this very destination; `EnvelopeError` when that is refused."""
    found = read(text)
    if found.destination != destination:
        raise OtherDestinationError(f"the secret was set for {found.destination}")
    data_key = _data_key(found, name=name, destination=destination, keys=keys)
    return _opened(data_key, found.sealed, _bound(name, destination, "secret")).decode()


def rewrap(text: str, *, name: str, keys: Mapping[str, bytes], key: bytes, nonce: bytes) -> str:
    """Put the data key under another key-encryption key; the secret itself is not opened."""
    found = read(text)
    data_key = _data_key(found, name=name, destination=found.destination, keys=keys)
    wrapped = AESGCM(key).encrypt(nonce, data_key, _bound(name, found.destination, "key"))
    again = msgspec.structs.replace(found, key_id=key_id(key), wrapped=_b64(nonce + wrapped))
    return msgspec.json.encode(again).decode()
