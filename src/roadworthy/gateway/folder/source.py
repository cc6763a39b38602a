"""A snapshot out of a folder: read again when a file changes, refused whole when anything is wrong."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import date, datetime
from importlib.metadata import version
from pathlib import Path

from roadworthy.foundation import clock
from roadworthy.foundation.errors import InvalidError, RoadworthyError
from roadworthy.gateway import journal
from roadworthy.gateway.folder.bundle import BundleError
from roadworthy.gateway.folder.watch import content_digest, fingerprint
from roadworthy.gateway.journal import LastGoodError
from roadworthy.gateway.refresh import RejectedError
from roadworthy.gateway.snapshot import Snapshot


class FolderSource:
    """What a refresher asks; what a bad file says is refused, and what was read before stays in force.

    What was compiled is kept, signed, with the digest of every byte it came from: an unchanged folder starts
    without reading a declaration.
    """

    def __init__(
        self,
        directory: Path,
        *,
        kept: Path,
        secret: bytes,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._directory = directory
        self._kept = kept
        self._secret = secret
        self._now = now
        self._seen: object = None
        self._day: date | None = None
        self._rejected = ""

    def __call__(self, known_revision: int) -> Snapshot | None:
        """Return the snapshot when the folder changed or a day began, None when all is as it was."""
        now = self._now()
        if not self._directory.is_dir():
            raise FileNotFoundError(f"{self._directory} is not a folder")
        seen = fingerprint(self._directory)
        if seen == self._seen and now.date() == self._day:
            if self._rejected:
                raise RejectedError(self._rejected)
            return None
        # A change while it is read shows in the next look: what is remembered is what was seen before.
        self._seen, self._day, self._rejected = seen, now.date(), ""
        secret = self._secret + content_digest(self._directory, version("roadworthy"), str(self._day))
        try:
            return self._unchanged(secret, known_revision) or self._compiled(secret, known_revision, now)
        except OSError:
            self._seen = None  # a file was being exchanged: look again at the next turn
            raise
        except (RoadworthyError, BundleError) as error:
            self._rejected = _said(error)
            raise RejectedError(self._rejected) from error

    def _unchanged(self, secret: bytes, known_revision: int) -> Snapshot | None:
        if known_revision >= 0:
            return None
        try:
            found = journal.load(self._kept, secret=secret)
        except LastGoodError:  # of another content, another day or another version: read it anew
            return None
        return None if found is None else found.snapshot

    def _compiled(self, secret: bytes, known_revision: int, now: datetime) -> Snapshot:
        # Only now: what reads declarations is most of what a start loads.
        from roadworthy.gateway.folder.reading import compile_folder

        made = compile_folder(self._directory, revision=max(known_revision, 0) + 1, now=now)
        with suppress(OSError):  # only the next start is slower
            journal.save(self._kept, made, secret=secret, confirmed_at=now.timestamp())
        return made


def _said(error: Exception) -> str:
    if isinstance(error, InvalidError) and error.issues:
        return "; ".join(f"{one.where()}: {one.message}" for one in error.issues[:5])
    return str(error)
