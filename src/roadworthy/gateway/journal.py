"""The last known snapshot on disk: signed, written once in full, then one signed line for each change."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from struct import Struct

import msgspec

from roadworthy.gateway.delta import Delta, chunks, joined, merge
from roadworthy.gateway.snapshot import Snapshot

_MAGIC = b"rwsnap2\n"
_FRAME = Struct("<I32s")
_FRAME_BYTES_MAX = 1 << 30
_REWRITE_BYTES = 1 << 20


class LastGoodError(Exception):
    """The snapshot on disk was not written by this installation, or was changed since."""


class _Head(msgspec.Struct, frozen=True, tag="head"):
    revision: int
    compiled_at: str
    parts: int
    by: str


class _Part(msgspec.Struct, frozen=True, tag="part"):
    snapshot: Snapshot


class _Change(msgspec.Struct, frozen=True, tag="change"):
    delta: Delta


class _Confirmed(msgspec.Struct, frozen=True, tag="confirmed"):
    at: float


_Line = _Head | _Part | _Change | _Confirmed
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(_Line)


class Journal:
    """One file, one writer. Each line's signature covers the line before, so none can be taken out."""

    def __init__(self, path: Path, *, secret: bytes) -> None:
        self.path = path
        self._secret = secret
        self._file = -1
        self._last = b""
        self._base_bytes = 0
        self._added_bytes = 0

    def _framed(self, line: _Line) -> bytes:
        payload = _ENCODER.encode(line)
        self._last = hmac.digest(self._secret, self._last + payload, hashlib.sha256)
        return _FRAME.pack(len(payload), self._last) + payload

    def write(self, snapshot: Snapshot, *, confirmed_at: float) -> None:
        """Write a whole snapshot, readable by its owner alone; the old file stays until this one is whole."""
        self.close()
        self._last = _MAGIC
        parts = list(chunks(snapshot))
        temporary = self.path.with_name(f"{self.path.name}.{os.getpid()}.tmp")
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(file, "wb", closefd=False) as out:
                out.write(_MAGIC)
                head = _Head(snapshot.revision, snapshot.compiled_at, len(parts), version("roadworthy"))
                out.write(self._framed(head))
                for part in parts:
                    out.write(self._framed(_Part(part)))
                out.write(self._framed(_Confirmed(confirmed_at)))
                out.flush()
                self._base_bytes = out.tell()
            os.fsync(file)
            temporary.replace(self.path)
        except OSError:
            os.close(file)
            temporary.unlink(missing_ok=True)
            raise
        self._file, self._added_bytes = file, 0

    def add(self, delta: Delta, *, confirmed_at: float) -> bool:
        """Add a change; False when the file has grown so that it should be written anew."""
        return self._append(_Change(delta), _Confirmed(confirmed_at))

    def confirm(self, at: float) -> bool:
        """Note that the source was asked and nothing is newer."""
        return self._append(_Confirmed(at))

    def _append(self, *lines: _Line) -> bool:
        if self._file < 0 or self._added_bytes > max(_REWRITE_BYTES, self._base_bytes // 2):
            return False
        before = self._last
        data = b"".join(self._framed(line) for line in lines)
        end = self._base_bytes + self._added_bytes
        try:
            written = os.pwrite(self._file, data, end)
            os.fdatasync(self._file)
        except OSError:
            self._last = before  # what was half written is written over by the next
            raise
        if written != len(data):
            self._last = before
            raise OSError("the disk took only a part of it")
        self._added_bytes += len(data)
        return True

    def close(self) -> None:
        """Let the file go."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def save(path: Path, snapshot: Snapshot, *, secret: bytes, confirmed_at: float) -> None:
    """Write a snapshot that nothing will be added to."""
    journal = Journal(path, secret=secret)
    journal.write(snapshot, confirmed_at=confirmed_at)
    journal.close()


class LastGood(msgspec.Struct, frozen=True):
    """What the disk held: the snapshot, when its source was last confirmed, whether we wrote it ourselves."""

    snapshot: Snapshot
    confirmed_at: float
    same_version: bool


def load(path: Path, *, secret: bytes) -> LastGood | None:
    """Return what is on disk, or None if there is nothing; a torn end costs what was in it, no more."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    if not data.startswith(_MAGIC):
        raise LastGoodError(f"{path} has a format this version does not know; it is not used")
    lines = _lines(data, secret)
    head = next(lines, None)
    if not isinstance(head, _Head):
        raise LastGoodError(f"{path} carries no signature of this installation; it is not used")
    parts = []
    for line in lines:
        if not isinstance(line, _Part):
            break
        parts.append(line.snapshot)
    else:
        line = None
    if len(parts) != head.parts or not isinstance(line, _Confirmed):
        raise LastGoodError(f"{path} is not whole, or was changed; it is not used")
    snapshot = joined(parts, revision=head.revision, compiled_at=head.compiled_at)
    confirmed_at = line.at
    changes = []
    for more in lines:
        if isinstance(more, _Change):
            changes.append(more.delta)
        elif isinstance(more, _Confirmed):
            confirmed_at = more.at
    return LastGood(merge(snapshot, *changes), confirmed_at, head.by == version("roadworthy"))


def _lines(data: bytes, secret: bytes) -> Iterator[_Line]:
    at, last = len(_MAGIC), _MAGIC
    view = memoryview(data)
    while at + _FRAME.size <= len(data):
        length, digest = _FRAME.unpack_from(data, at)
        start = at + _FRAME.size
        if length > _FRAME_BYTES_MAX or start + length > len(data):
            return
        payload = view[start : start + length]
        if not hmac.compare_digest(digest, hmac.digest(secret, last + bytes(payload), hashlib.sha256)):
            return
        try:
            yield _DECODER.decode(payload)
        except msgspec.DecodeError:
            return
        at, last = start + length, digest
