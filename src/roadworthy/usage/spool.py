"""Append-only segment files that call records survive a killed process and a power cut in.

A segment is preallocated, its name is made durable before anything counts on it, and `sync` makes what was
written durable; who waits for that is decided by `usage.commit`. A segment carries a lock while a living
process writes to it: whoever gets the lock knows that nobody will add to it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import threading
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from struct import Struct
from typing import BinaryIO

MAGIC = b"\xf5\x0a"
_FRAME = Struct("<2sII")
_PACK = _FRAME.pack
FRAME_BYTES_MAX = 1 << 20
SUFFIX = ".seg"
LIFE = ".alive"
"""The ending of a file that a process holds locked as long as it lives."""
_BLOCK = 128 << 10
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class SpoolFullError(Exception):
    """The spool has reached its size limit; the database has not taken records for too long."""


def frame(payload: bytes) -> bytes:
    """Return the payload with its length and checksum before it."""
    return _PACK(MAGIC, len(payload), zlib.crc32(payload)) + payload


def read_frames(data: bytes) -> tuple[list[bytes], int]:
    """Return the whole frames, and how many bytes belong to none.

    A torn tail is what a killed writer leaves; the zeros after it are what was preallocated and never
    written, and no loss. Damage in the middle is stepped over to the next frame whose checksum holds, so that
    one bad sector does not take the records after it along.
    """
    payloads: list[bytes] = []
    lost = at = 0
    end = len(data)
    while at < end:
        if at + _FRAME.size <= end:
            magic, length, crc = _FRAME.unpack_from(data, at)
            start = at + _FRAME.size
            if magic == MAGIC and 0 < length <= FRAME_BYTES_MAX and start + length <= end:
                payload = data[start : start + length]
                if zlib.crc32(payload) == crc:
                    payloads.append(payload)
                    at = start + length
                    continue
        following = data.find(MAGIC, at + 1)
        until = following if following >= 0 else end
        lost += len(data[at:until].rstrip(b"\0"))
        at = until
    return payloads, lost


def read_on(data: bytes, *, whole: bool) -> tuple[list[bytes], int, int]:
    """Return the whole frames, how many bytes are read with them, and how many belong to none.

    In a segment that may still grow, reading stops at the first thing that is no whole frame.
    """
    if whole:
        payloads, lost = read_frames(data)
        return payloads, len(data), lost
    payloads = []
    at, end = 0, len(data)
    while at + _FRAME.size <= end:
        magic, length, crc = _FRAME.unpack_from(data, at)
        start = at + _FRAME.size
        payload = data[start : start + length]
        # A head that broke off in what is still zeros would read as an empty frame, which is never written.
        if magic != MAGIC or not length or len(payload) != length or zlib.crc32(payload) != crc:
            break
        payloads.append(payload)
        at = start + length
    return payloads, at, 0


def read_new(file: BinaryIO, *, block: int = _BLOCK) -> tuple[list[bytes], int]:
    """Return the whole frames from here on in a segment that may still grow, and how many bytes they take.

    A segment has its full length from the beginning: what was not written yet is not read.
    """
    payloads: list[bytes] = []
    used, rest = 0, b""
    while True:
        more = file.read(block)
        rest += more
        found, taken, _ = read_on(rest, whole=False)
        payloads += found
        used += taken
        rest = rest[taken:]
        goes_on = MAGIC.startswith(rest[: len(MAGIC)])  # also where a block ended between two frames
        if not more or not goes_on or len(rest) > FRAME_BYTES_MAX + _FRAME.size:
            return payloads, used


def process_of(segment: Path) -> str:
    """Return the process that wrote a segment."""
    return segment.stem.rpartition("-")[0]


def alive(directory: Path, process: str) -> bool:
    """Does the process that writes under this name live? A dead one's sign of life is removed."""
    path = directory / f"{process}{LIFE}"
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        path.unlink(missing_ok=True)
        return False
    finally:
        os.close(file)


class Spool:
    """Where one process appends; `append` may be called from one thread while `sync` runs in another."""

    def __init__(
        self,
        directory: Path,
        process: str,
        *,
        segment_bytes_max: int = 4 << 20,
        segment_age_s: float = 10.0,
        bytes_max: int = 1 << 30,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory = directory
        self.full = False
        # A process that comes after another may have its number, and must not be taken for it.
        self.process = f"{process}-{secrets.token_hex(4)}"
        self._life = -1
        self._segment_bytes_max = segment_bytes_max
        self._segment_age_s = segment_age_s
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._number = 0
        self._file = -1
        self._spare = -1
        self._retired: list[tuple[int, int]] = []
        self._size = 0
        self._synced = 0
        self._opened_at = 0.0
        self._measured_at = 0.0

    def append(self, frames: Iterable[bytes]) -> None:
        """Hand frames to the operating system in one write; `OSError` or `SpoolFullError` if it cannot."""
        data = b"".join(frames)
        with self._lock:
            if self.full:
                raise SpoolFullError
            if self._file >= 0 and self._size + len(data) > self._segment_bytes_max and self._size:
                self._retired.append((self._file, self._size))
                self._file = -1
            if self._file < 0:
                self._file, self._spare = (self._spare if self._spare >= 0 else self._make()), -1
                self._size = self._synced = 0
                self._opened_at = time.monotonic()
            written = os.pwrite(self._file, data, self._size)
            if written != len(data):  # the disk filled up in the middle: leave no half record behind
                os.pwrite(self._file, bytes(written), self._size)
                raise OSError(errno.ENOSPC, "the spool took only a part of a record")
            self._size += written

    def _live(self) -> None:
        """Show that this process lives, until it closes the spool or dies."""
        path = self.directory / f"{self.process}{LIFE}"
        while self._life < 0:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(file, fcntl.LOCK_EX)
            if os.fstat(file).st_nlink:  # nobody took it for a dead one's between its making and the lock
                self._life = file
            else:
                os.close(file)

    def _make(self) -> int:
        """Make a segment, locked, with its room on the disk and its name durable."""
        self._live()
        while True:
            path = self.directory / f"{self.process}-{self._number:06d}{SUFFIX}"
            self._number += 1
            try:
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                # The shipper may have taken the empty file between its making and the lock.
                if not os.fstat(file).st_nlink:
                    os.close(file)
                    continue
                # With room and length settled, making a record durable writes the record and little else.
                os.posix_fallocate(file, 0, self._segment_bytes_max)
                os.fsync(file)
                _sync_directory(self.directory)
            except OSError:
                path.unlink(missing_ok=True)
                os.close(file)
                raise
            return file

    def sync(self) -> None:
        """Return once everything appended before is durable; `OSError` if that cannot be known."""
        with self._lock:
            retired, self._retired = self._retired, []
            size = self._size
            file = os.dup(self._file) if self._file >= 0 and size != self._synced else -1
        # Outside the lock: the event loop must never wait for the disk.
        try:
            for ended, length in retired:
                _end(ended, length)
            if file >= 0:
                os.fdatasync(file)
        except OSError:
            # After a failed sync the pages may be marked clean although they are not on the disk: trying the
            # same file again could succeed and prove nothing. The next record begins another.
            with self._lock:
                if self._file >= 0:
                    os.close(self._file)
                    self._file = -1
            raise
        finally:
            if file >= 0:
                os.close(file)
        with self._lock:
            self._synced = max(self._synced, min(size, self._size)) if file >= 0 else self._synced

    def prepare(self) -> None:
        """While a segment is in use, make the next one ready, so that no record waits for it."""
        if self._spare < 0 <= self._file and not self.full:
            made = self._make()
            with self._lock:
                self._spare = made

    def keep(self, *, now: float) -> None:
        """End a segment that is old enough, durably, and measure the directory."""
        with self._lock:
            retired, self._retired = self._retired, []
            if self._file >= 0 and self._size and now - self._opened_at >= self._segment_age_s:
                retired.append((self._file, self._size))
                self._file = -1
        for file, size in retired:
            _end(file, size)
        if now - self._measured_at >= 1.0:
            self._measured_at = now
            self.full = self.bytes_used() >= self._bytes_max

    @property
    def idle(self) -> bool:
        """Is no segment begun?"""
        return self._file < 0

    def bytes_used(self) -> int:
        """How much waits to be shipped, by all processes that share the directory."""
        total = 0
        for entry in os.scandir(self.directory):
            try:
                total += entry.stat().st_size
            except FileNotFoundError:  # shipped and deleted just now
                continue
        # What this process has preallocated and not used does not wait for anything.
        with self._lock:
            if self._file >= 0:
                total -= self._segment_bytes_max - self._size
            if self._spare >= 0:
                total -= self._segment_bytes_max
        return max(total, 0)

    def end_segments(self) -> None:
        """End the segment that is written to; all that was appended is durable and can be taken."""
        with self._lock:
            retired, self._retired = self._retired, []
            if self._file >= 0:
                retired.append((self._file, self._size))
            if self._spare >= 0:
                retired.append((self._spare, 0))
            self._file = self._spare = -1
        for file, size in retired:
            _end(file, size)

    def close(self) -> None:
        """End the segment, and say that no more will come."""
        self.end_segments()
        if self._life >= 0:
            (self.directory / f"{self.process}{LIFE}").unlink(missing_ok=True)
            os.close(self._life)
            self._life = -1


def _end(file: int, size: int) -> None:
    """Give back what was preallocated and not used; closing frees the segment's lock."""
    try:
        os.ftruncate(file, size)
        os.fsync(file)
    finally:
        os.close(file)


def _sync_directory(directory: Path) -> None:
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
