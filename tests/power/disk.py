"""What a disk holds after a power cut: synced writes surely, the others each perhaps, whole or torn.

Pessimistic on purpose: unsynced writes survive independently of their order and are torn at sectors; a file
made, renamed or deleted is so only once its directory was synced.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct

_HEAD = Struct("<cQIIq")
SECTOR = 512


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a process did to a file."""

    kind: str
    number: int
    path: str
    offset: int
    data: bytes


def read_log(data: bytes) -> Iterator[Operation]:
    """Read what the recorder wrote."""
    at = 0
    while at + _HEAD.size <= len(data):
        kind, number, path_size, data_size, offset = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        path = data[at : at + path_size].decode()
        at += path_size
        yield Operation(kind.decode(), number, path, offset, data[at : at + data_size])
        at += data_size


@dataclass(eq=False, slots=True)
class File:
    """A file's bytes on the platter, and what was done to it since it was last synced."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Operation] = field(default_factory=list)

    def settle(self, operation: Operation) -> None:
        """Carry out on the platter."""
        apply(self.durable, operation, None)


def apply(content: bytearray, operation: Operation, rng: random.Random | None) -> None:
    """Carry an operation out; with `rng`, a write may be torn: each sector of it is there or not."""
    if operation.kind == "t":
        del content[operation.offset :]
    if operation.kind in "ta":
        content.extend(bytes(max(0, operation.offset - len(content))))
        return
    data, start = operation.data, operation.offset
    end = start + len(data)
    old = bytes(content[start:end]).ljust(len(data), b"\0")
    content.extend(bytes(max(0, end - len(content))))
    if rng is not None and rng.random() < 0.5:
        parts = []
        at = start
        while at < end:
            following = min(end, (at // SECTOR + 1) * SECTOR)
            chosen = data if rng.random() < 0.5 else old
            parts.append(chosen[at - start : following - start])
            at = following
        data = b"".join(parts)
    content[start:end] = data


class Disk:
    """Follows a log, and can say at any point what a power cut would leave."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._durable: dict[str, File] = {path: File(bytearray(data)) for path, data in files.items()}
        self._names: dict[str, File] = dict(self._durable)
        self._changes: list[tuple[str, str, File | None]] = []
        """Unsynced changes of names: directory, name, and the file it stands for or None."""
        self._syncing: dict[int, tuple[File | str, int]] = {}

    def follow(self, operation: Operation) -> None:
        """Take one operation in."""
        kind, path = operation.kind, operation.path
        if kind in "wta":
            self._file(path).pending.append(operation)
        elif kind == "c":
            self._names[path] = File()
            self._change(path, self._names[path])
        elif kind == "u":
            self._names.pop(path, None)
            self._change(path, None)
        elif kind == "r":
            file = self._names.pop(path)
            self._names[operation.data.decode()] = file
            self._change(operation.data.decode(), file)
            self._change(path, None)
        elif kind == "s":
            if path in self._names:
                file = self._names[path]
                self._syncing[operation.number] = (file, len(file.pending))
            else:
                self._syncing[operation.number] = (path, len(self._changes))
        elif kind == "f":
            self._synced(*self._syncing.pop(operation.number))

    def _file(self, path: str) -> File:
        return self._names.setdefault(path.removesuffix(" (deleted)"), File())

    def _change(self, path: str, file: File | None) -> None:
        self._changes.append((path.rpartition("/")[0], path, file))

    def _synced(self, what: File | str, count: int) -> None:
        """What was pending when the sync began is on the platter now that it is done."""
        if isinstance(what, File):
            settled = what.pending[:count]
            del what.pending[:count]
            for operation in settled:
                what.settle(operation)
            # Syncs may overlap: what this one settled, another must not count on.
            for number, (other, other_count) in list(self._syncing.items()):
                if other is what:
                    self._syncing[number] = (other, max(0, other_count - len(settled)))
            return
        kept = []
        for place, change in enumerate(self._changes):
            if place < count and change[0] == what:
                self._rename(change)
            else:
                kept.append(change)
        self._changes = kept

    def _rename(self, change: tuple[str, str, File | None]) -> None:
        _, name, file = change
        if file is None:
            self._durable.pop(name, None)
        else:
            self._durable[name] = file

    def cut(self, rng: random.Random) -> dict[str, bytes]:
        """Return what is on the disk when the power fails now."""
        names = dict(self._durable)
        for _, name, file in self._changes:
            if rng.random() < 0.5:
                if file is None:
                    names.pop(name, None)
                else:
                    names[name] = file
        left = {}
        for name, file in names.items():
            content = bytearray(file.durable)
            for operation in file.pending:
                if rng.random() < 0.5:
                    apply(content, operation, rng)
            left[name] = bytes(content)
        return left


def write_down(files: dict[str, bytes], *, source: Path, target: Path) -> None:
    """Put what is left of `source` into an empty directory; shared memory does not outlive the power."""
    for name, content in files.items():
        if name.endswith("-shm"):
            continue
        path = target / Path(name).relative_to(source)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
