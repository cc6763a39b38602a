"""The keys that sealed secrets are wrapped with: a file only its owner may read, or the environment."""

from __future__ import annotations

import base64
import binascii
import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from roadworthy.foundation.errors import ConflictError, InvalidError
from roadworthy.models.envelope import KEY_BYTES, key_id

KEYRING_SOCKET = "models.keyring"


class Keyring:
    """The key-encryption keys. The first wraps, all of them unwrap; the others are on their way out."""

    def __init__(self, path: Path, *, given: str = "") -> None:
        self._path = path
        self._given = (
            _parsed(given.replace(",", " ").split(), where="ROADWORTHY_SECRETS_KEY") if given else ()
        )
        self._read_at: tuple[int, int] = (0, 0)
        self._from_file: tuple[bytes, ...] = ()

    def keys(self) -> Mapping[str, bytes]:
        """Return every key by its id."""
        return {key_id(key): key for key in self._all()}

    def current(self) -> bytes:
        """Return the key that wraps what is sealed now; the first one makes it."""
        found = self._all()
        if not found:
            self._write((secrets.token_bytes(KEY_BYTES),))
            found = self._all()
        return found[0]

    def add(self) -> bytes:
        """Make a new key the first; the ones before still unwrap."""
        if self._given:
            if len(self._given) < 2:
                raise ConflictError(
                    "There is no new key to change over to.",
                    why="The keys are in ROADWORTHY_SECRETS_KEY, so they are changed there.",
                    fix="Make a key (`openssl rand -base64 32`), put it before the old one with a comma "
                    "between, restart every process, and repeat this command.",
                )
            return self._given[0]
        self._write((secrets.token_bytes(KEY_BYTES), *self._all()))
        return self._all()[0]

    def forget(self, needed: Iterable[str]) -> tuple[str, ...]:
        """Forget every key but the first and those still needed; return the ids of the forgotten."""
        if self._given:
            return ()
        wanted = set(needed)
        found = self._all()
        kept = tuple(key for number, key in enumerate(found) if number == 0 or key_id(key) in wanted)
        if kept != found:
            self._write(kept)
        return tuple(key_id(key) for key in found if key not in kept)

    def _all(self) -> tuple[bytes, ...]:
        if self._given:
            return self._given
        try:
            state = self._path.stat()
        except FileNotFoundError:
            return ()
        if state.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InvalidError(
                f"{self._path} cannot be used.",
                why="Others than its owner may read it.",
                fix=f"`chmod 600 {self._path}`, and change the key over: somebody may have read it.",
            )
        seen = (state.st_mtime_ns, state.st_ino)
        if seen != self._read_at:
            lines = self._path.read_text("ascii").split()
            self._from_file = _parsed(lines, where=str(self._path))
            self._read_at = seen
        return self._from_file

    def _write(self, keys: tuple[bytes, ...]) -> None:
        """Put the file in place whole, or not at all."""
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            draft.unlink()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, stat.S_IRUSR | stat.S_IWUSR), "wb") as file:
            file.write(b"".join(base64.b64encode(key) + b"\n" for key in keys))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _parsed(words: list[str], *, where: str) -> tuple[bytes, ...]:
    keys = []
    for word in words:
        try:
            key = base64.b64decode(word, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY_BYTES:
            raise InvalidError(
                f"{where} does not hold keys for sealed secrets.",
                why=f"Each key is {KEY_BYTES} random bytes in base64.",
                fix="Restore it from a backup; `openssl rand -base64 32` makes a new key.",
            )
        keys.append(key)
    return tuple(keys)
