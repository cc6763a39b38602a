"""The revision counter both planes share: a memory-mapped number that costs nothing to read on every call."""

from __future__ import annotations

import fcntl
import mmap
import os
from pathlib import Path
from struct import Struct

_NUMBER = Struct("<Q")
_BYTES = 8


def _open(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.fstat(file).st_size < _BYTES:
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_size < _BYTES:
            os.ftruncate(file, _BYTES)
        fcntl.flock(file, fcntl.LOCK_UN)
    return file


def bump(path: Path, revision: int) -> None:
    """Tell every gateway on this data directory that the revision is out; it never goes back.

    Written in place: a gateway holds the same pages mapped, and would not see a file put in its stead.
    """
    file = _open(path)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        (current,) = _NUMBER.unpack(os.pread(file, _BYTES, 0))
        if revision > current:
            os.pwrite(file, _NUMBER.pack(revision), 0)
    finally:
        os.close(file)


class RevisionCounter:
    """The reader's side; `read` is one look into memory."""

    __slots__ = ("_map", "_view")

    def __init__(self, path: Path) -> None:
        file = _open(path)
        try:
            self._map = mmap.mmap(file, _BYTES, mmap.MAP_SHARED, mmap.PROT_READ)
        finally:
            os.close(file)
        self._view = memoryview(self._map)

    def read(self) -> int:
        """Return the newest revision that was announced."""
        number: int = _NUMBER.unpack_from(self._view)[0]
        return number

    def close(self) -> None:
        """Let the file go."""
        self._view.release()
        self._map.close()
