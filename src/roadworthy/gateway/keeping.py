"""Keeps the last known snapshot on disk: at once while it is small, behind the refresher's back when not."""

from __future__ import annotations

import threading
from pathlib import Path

from roadworthy.gateway.delta import Delta
from roadworthy.gateway.journal import Journal
from roadworthy.gateway.snapshot import Snapshot

CONFIRM_EVERY_S = 60.0
SMALL = 5_000


class Keeper:
    """Writes what the refresher hands over; `error` says what the disk had against it."""

    def __init__(self, path: Path, *, secret: bytes) -> None:
        self._journal = Journal(path, secret=secret)
        self._lock = threading.Lock()
        self._waiting: list[Delta] = []
        self._snapshot: Snapshot | None = None
        self._anew = True
        self._confirmed_at = 0.0
        self._written_at = float("-inf")
        self._thread: threading.Thread | None = None
        self.error = ""

    def keep(self, snapshot: Snapshot, delta: Delta | None, *, changed: bool, confirmed_at: float) -> None:
        """Have the disk follow: to this snapshot, which is the one before with this change."""
        with self._lock:
            if not changed and not self.error and abs(confirmed_at - self._written_at) < CONFIRM_EVERY_S:
                return
            self._snapshot, self._confirmed_at = snapshot, confirmed_at
            if delta is not None:
                self._waiting.append(delta)
            elif changed:
                self._anew = True
            busy = self._thread is not None and self._thread.is_alive()
        if len(snapshot.keys) + len(snapshot.grants) <= SMALL:
            if busy and self._thread is not None:
                self._thread.join()
            self._write()
        elif not busy:
            self._thread = threading.Thread(target=self._write_all, name="snapshot-keeper", daemon=True)
            self._thread.start()

    def _write_all(self) -> None:
        while self._write():
            pass

    def _write(self) -> bool:
        """Write what waits; say whether more has come meanwhile."""
        with self._lock:
            snapshot, at = self._snapshot, self._confirmed_at
            deltas, self._waiting = self._waiting, []
            anew, self._anew = self._anew, False
        assert snapshot is not None, "kept before it is written"
        try:
            if anew or self.error or not self._append(deltas, at):
                self._journal.write(snapshot, confirmed_at=at)
            self.error = ""
        except OSError as error:
            self.error = f"the last good snapshot cannot be kept on disk: {error}"
        with self._lock:
            self._written_at = at
            return bool(self._waiting) or self._anew

    def _append(self, deltas: list[Delta], at: float) -> bool:
        if not deltas:
            return self._journal.confirm(at)
        return all(self._journal.add(delta, confirmed_at=at) for delta in deltas)

    def close(self) -> None:
        """Let the file go when what waits is written."""
        if self._thread is not None:
            self._thread.join(10)
        self._journal.close()
