"""Has a folder changed, and what exactly does it hold? Cheap enough to ask every second."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

Fingerprint = tuple[tuple[str, int, int, int], ...]


def visible(directory: Path) -> Iterator[Path]:
    """Yield what counts, in order; what begins with a dot does not (editors keep drafts so)."""
    for path in sorted(directory.rglob("*")):
        if not any(part.startswith(".") for part in path.relative_to(directory).parts):
            yield path


def fingerprint(directory: Path) -> Fingerprint:
    """Return what changes when anything in the folder does, at the price of a look at its directory."""
    return tuple(sorted(_looks(str(directory))))


def _looks(directory: str) -> Iterator[tuple[str, int, int, int]]:
    with os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            try:
                stat = entry.stat()
                inside = entry.is_dir(follow_symlinks=False)
                yield entry.path, stat.st_mtime_ns, stat.st_size, stat.st_ino
                if inside:
                    yield from _looks(entry.path)
            except (FileNotFoundError, NotADirectoryError):  # went away; the next look sees it gone
                continue


def content_digest(directory: Path, *more: str) -> bytes:
    """Return the digest of every file's name and bytes, and of what else the reading depends on."""
    digest = hashlib.sha256("\0".join(more).encode())
    for path in visible(directory):
        if path.is_file():
            data = path.read_bytes()
            digest.update(f"\0{path.relative_to(directory)}\0{len(data)}\0".encode() + data)
    return digest.digest()
