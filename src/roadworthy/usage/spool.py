"""Append-only segment files that call records survive a killed process in.

A record is written to a segment before its answer is complete at the caller, so a record of every
delivered answer is with the operating system; a thread makes it durable on disk some 50 ms later. A segment
carries a lock while a living process writes to it: whoever gets the lock knows that nobody will add to it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
import zlib
from collections.abc import Iterable
from pathlib import Path
from struct import Struct

MAGIC = b"\xf5\x0a"
_FRAME = Struct("<2sII")
FRAME_BYTES_MAX = 1 << 20
SUFFIX = ".seg"


class SpoolFullError(Exception):
    """The spool has reached its size limit; the database has not taken records for too long."""


def frame(payload: bytes) -> bytes:
    """Return the payload with its length and checksum before it."""
    return _FRAME.pack(MAGIC, len(payload), zlib.crc32(payload)) + payload


def read_frames(data: bytes) -> tuple[list[bytes], int]:
    """Return the whole frames, and how many bytes belong to none.

    A torn tail is what a killed writer leaves. Damage in the middle is stepped over to the next frame whose
    checksum holds, so that one bad sector does not take the records after it along.
    """
    payloads: list[bytes] = []
    lost = at = 0
    end = len(data)
    while at < end:
        if at + _FRAME.size <= end:
            magic, length, crc = _FRAME.unpack_from(data, at)
            start = at + _FRAME.size
            if magic == MAGIC and length <= FRAME_BYTES_MAX and start + length <= end:
                payload = data[start : start + length]
                if zlib.crc32(payload) == crc:
                    payloads.append(payload)
                    at = start + length
                    continue
        following = data.find(MAGIC, at + 1)
        step = (following if following >= 0 else end) - at
        lost += step
        at += step
    return payloads, lost


class Spool:
    """Where one process appends; `append` may be called from one thread while `keep` runs in another."""

    def __init__(
        self,
        directory: Path,
        process: str,
        *,
        segment_bytes_max: int = 4 << 20,
        segment_age_s: float = 0.5,
        bytes_max: int = 1 << 30,
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.directory = directory
        self.full = False
        self._process = process
        self._segment_bytes_max = segment_bytes_max
        self._segment_age_s = segment_age_s
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._number = 0
        self._file = -1
        self._size = 0
        self._opened_at = 0.0
        self._dirty = False
        self._measured_at = 0.0

    def append(self, frames: Iterable[bytes]) -> None:
        """Hand frames to the operating system in one write; `OSError` or `SpoolFullError` if it cannot."""
        data = b"".join(frames)
        with self._lock:
            if self.full:
                raise SpoolFullError
            if self._file < 0:
                self._open()
            written = os.write(self._file, data)
            if written != len(data):  # the disk filled up in the middle: leave no half record behind
                os.ftruncate(self._file, self._size)
                raise OSError("the spool took only a part of a record")
            self._size += written
            self._dirty = True
            if self._size >= self._segment_bytes_max:
                self._close()

    def _open(self) -> None:
        while True:
            path = self.directory / f"{self._process}-{self._number:06d}{SUFFIX}"
            self._number += 1
            try:
                file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
            fcntl.flock(file, fcntl.LOCK_EX)
            # The shipper may have taken the empty file between its making and the lock.
            if os.fstat(file).st_nlink:
                break
            os.close(file)
        self._file = file
        self._size = 0
        self._opened_at = time.monotonic()

    def _close(self) -> None:
        file, self._file = self._file, -1
        os.fsync(file)
        self._dirty = False
        os.close(file)

    def keep(self, *, now: float) -> None:
        """Make what was written durable, end a segment that is old enough, and measure the directory."""
        duplicate = -1
        with self._lock:
            if self._file >= 0 and self._size and now - self._opened_at >= self._segment_age_s:
                duplicate, self._file = self._file, -1
            elif self._dirty and self._file >= 0:
                duplicate = os.dup(self._file)
            self._dirty = False
        if duplicate >= 0:
            # Outside the lock: the event loop must never wait for the disk. Closing frees the segment's lock.
            os.fsync(duplicate)
            os.close(duplicate)
        if now - self._measured_at >= 1.0:
            self._measured_at = now
            self.full = self.bytes_used() >= self._bytes_max

    def bytes_used(self) -> int:
        """How much waits to be shipped, by all processes that share the directory."""
        total = 0
        for entry in os.scandir(self.directory):
            try:
                total += entry.stat().st_size
            except FileNotFoundError:  # shipped and deleted just now
                continue
        return total

    def close(self) -> None:
        """End the segment; all that was appended is durable."""
        with self._lock:
            if self._file >= 0:
                self._close()


class SpoolKeeper(threading.Thread):
    """Makes the spool durable every 50 ms, away from the event loop."""

    def __init__(self, spool: Spool, *, every_s: float = 0.05) -> None:
        super().__init__(name="spool-keeper", daemon=True)
        self._spool = spool
        self._every_s = every_s
        self._stop_asked = threading.Event()
        self.error = ""

    def run(self) -> None:
        while not self._stop_asked.wait(self._every_s):
            try:
                self._spool.keep(now=time.monotonic())
                self.error = ""
            except OSError as error:
                self.error = f"the spool cannot be made durable: {error}"

    def stop(self) -> None:
        """Stop, and leave everything durable."""
        self._stop_asked.set()
        self.join(5)
        self._spool.close()
