"""Pure: AWS's binary event streams: every message has its lengths, its headers and two checksums."""

from __future__ import annotations

import binascii
from struct import Struct
from struct import error as struct_error

import msgspec

from roadworthy.gateway.dialects.dialect import BrokenStreamError

MESSAGE_BYTES_MAX = 1 << 20
HEADER_BYTES_MAX = 128 << 10
_PRELUDE = Struct(">III")
_CRC = Struct(">I")
_OVERHEAD = _PRELUDE.size + _CRC.size
_FIXED = {2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Bytes of the header values that have a fixed size, by their type; 0 and 1 are true and false."""
_SIZED = frozenset({6, 7})


class Framed(msgspec.Struct, frozen=True):
    """One message: its text headers, and its payload."""

    headers: dict[str, str]
    payload: bytes


def _headers(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        length = data[at]
        name = data[at + 1 : at + 1 + length]
        at += 1 + length
        if not length or at >= len(data):
            raise BrokenStreamError("a header of the event stream is cut off")
        kind = data[at]
        at += 1
        size = _FIXED.get(kind, 0)
        if kind in _SIZED:
            if at + 2 > len(data):
                raise BrokenStreamError("a header of the event stream is cut off")
            size = int.from_bytes(data[at : at + 2], "big")
            at += 2
        elif kind > 9:
            raise BrokenStreamError("a header of the event stream has an unknown type")
        value = data[at : at + size]
        if len(value) < size:
            raise BrokenStreamError("a header of the event stream is cut off")
        at += size
        if kind == 7:
            found[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")
    return found


class FrameReader:
    """Cuts a stream into messages; a checksum that is wrong breaks it off."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[Framed]:
        """Return the messages that are whole now."""
        pending = self._buffer + data if self._buffer else data
        found = []
        at = 0
        while len(pending) - at >= _PRELUDE.size:
            total, header_size, crc = _PRELUDE.unpack_from(pending, at)
            # Before anything is waited for: a wrong length would wait for ever, or for gigabytes.
            if binascii.crc32(pending[at : at + 8]) != crc:
                raise BrokenStreamError("the checksum of an event's beginning is wrong")
            if total > MESSAGE_BYTES_MAX or header_size > HEADER_BYTES_MAX:
                raise BrokenStreamError("an event of the stream is longer than 1 MiB")
            if total < _OVERHEAD + header_size:
                raise BrokenStreamError("the lengths of an event contradict each other")
            if len(pending) - at < total:
                break
            found.append(_message(pending[at : at + total], header_size))
            at += total
        self._buffer = pending[at:]
        return found

    def finish(self) -> None:
        """The connection has ended: it may not have ended inside a message."""
        if self._buffer:
            raise BrokenStreamError("the stream ends inside an event")


def _message(data: bytes, header_size: int) -> Framed:
    (crc,) = _CRC.unpack_from(data, len(data) - _CRC.size)
    if binascii.crc32(data[: -_CRC.size]) != crc:
        raise BrokenStreamError("the checksum of an event is wrong")
    start = _PRELUDE.size
    try:
        headers = _headers(data[start : start + header_size])
    except (IndexError, struct_error):
        raise BrokenStreamError("a header of the event stream is cut off") from None
    return Framed(headers, data[start + header_size : -_CRC.size])


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """Return one message as a provider writes it."""
    head = b"".join(
        bytes((len(name.encode()),))
        + name.encode()
        + b"\x07"
        + len(value.encode()).to_bytes(2, "big")
        + value.encode()
        for name, value in headers.items()
    )
    lengths = (_OVERHEAD + len(head) + len(payload)).to_bytes(4, "big") + len(head).to_bytes(4, "big")
    data = lengths + _CRC.pack(binascii.crc32(lengths)) + head + payload
    return data + _CRC.pack(binascii.crc32(data))
