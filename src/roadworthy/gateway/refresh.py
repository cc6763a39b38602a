"""Keeps the snapshot fresh: swapped whole, kept signed on disk, its age always known."""

from __future__ import annotations

import hashlib
import hmac
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from struct import Struct
from typing import Literal

import msgspec

from roadworthy.foundation import clock
from roadworthy.gateway import snapshot as snapshots
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.snapshot import Index, Snapshot

Load = Callable[[int], Snapshot | None]

_MAGIC = b"rwsnap1\n"
_CONFIRMED = Struct("<d")
_DIGEST_BYTES = 32


class State(msgspec.Struct, frozen=True):
    """Can the gateway make correct decisions now, and if not quite, why."""

    state: Literal["ready", "degraded", "not-ready"]
    reasons: tuple[str, ...]
    revision: int
    compiled_at: str
    confirmed_age_s: float | None


class LastGoodError(Exception):
    """The snapshot on disk was not written by this installation, or was changed since."""


def save_last_good(path: Path, snapshot: Snapshot, *, secret: bytes, confirmed_at: float) -> None:
    """Write the snapshot, signed, readable by its owner alone; the old one stays until this one is whole."""
    body = _MAGIC + _CONFIRMED.pack(confirmed_at) + snapshots.encode(snapshot)
    digest = hmac.digest(secret, body, hashlib.sha256)
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(digest + body)
        out.flush()
        os.fsync(out.fileno())
    temporary.replace(path)


def load_last_good(path: Path, *, secret: bytes) -> tuple[Snapshot, float] | None:
    """Return the snapshot on disk and when its source was last confirmed, or None if there is none."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    digest, body = data[:_DIGEST_BYTES], data[_DIGEST_BYTES:]
    if not hmac.compare_digest(digest, hmac.digest(secret, body, hashlib.sha256)):
        raise LastGoodError(f"{path} carries no signature of this installation; it is not used")
    if not body.startswith(_MAGIC):
        raise LastGoodError(f"{path} has a format this version does not know; it is not used")
    at = len(_MAGIC)
    (confirmed_at,) = _CONFIRMED.unpack_from(body, at)
    try:
        return snapshots.decode(body[at + _CONFIRMED.size :]), confirmed_at
    except msgspec.DecodeError as error:
        raise LastGoodError(f"{path} cannot be read ({error}); it is not used") from error


class SnapshotHolder:
    """The snapshot that calls are decided on. The event loop reads it, the refresher replaces it."""

    def __init__(
        self,
        *,
        load: Load,
        counter: RevisionCounter,
        secret: bytes,
        last_good: Path | None = None,
        max_stale_s: float = 900.0,
        degraded_after_s: float = 10.0,
    ) -> None:
        self.index: Index | None = None
        self.counter = counter
        self.max_stale_s = max_stale_s
        self.degraded_after_s = degraded_after_s
        # Everything announced up to here is in the snapshot.
        self.confirmed_revision = -1
        self.confirmed_at = float("-inf")  # monotonic
        self.error = ""
        self._load = load
        self._secret = secret
        self._last_good = last_good
        self._saved_at = float("-inf")
        self._saved_revision = -1

    def behind(self) -> bool:
        """Has a revision been announced that the snapshot does not hold yet?"""
        return self.counter.read() > self.confirmed_revision

    def stale(self, *, now: float) -> bool:
        """Was the source last confirmed too long ago to decide on the snapshot?"""
        return now - self.confirmed_at > self.max_stale_s

    def unsure(self, *, now: float) -> bool:
        """Has the source been silent so long that a key made meanwhile could be unknown here?"""
        return now - self.confirmed_at > self.degraded_after_s

    def refresh(self) -> bool:
        """Ask the source once; say whether it answered. Never raises: the last good snapshot stays."""
        announced = self.counter.read()
        current = self.index.revision if self.index is not None else -1
        try:
            loaded = self._load(current)
            if loaded is None and self.index is None:
                self.error = "the source says nothing is newer, yet there is no snapshot here"
                return False
            if loaded is not None:
                self.index = Index(loaded)
        except Exception as error:  # noqa: BLE001  whatever it is, the last good snapshot keeps serving
            self.error = f"the snapshot's source does not answer: {type(error).__name__}: {error}"
            return False
        assert self.index is not None
        self.confirmed_revision = max(announced, self.index.revision)
        self.confirmed_at = time.monotonic()
        self.error = ""
        self._save()
        return True

    def _save(self) -> None:
        assert self.index is not None
        fresh = self.confirmed_at - self._saved_at < 60
        if self._last_good is None or (fresh and self._saved_revision == self.index.revision):
            return
        try:
            now = clock.unix_now()
            save_last_good(self._last_good, self.index.snapshot, secret=self._secret, confirmed_at=now)
        except OSError as error:
            self.error = f"the last good snapshot cannot be kept on disk: {error}"
            return
        self._saved_at = self.confirmed_at
        self._saved_revision = self.index.revision

    def start(self) -> None:
        """Load the first snapshot: from the source, or else the last good one from disk."""
        if self.refresh() or self._last_good is None:
            return
        try:
            found = load_last_good(self._last_good, secret=self._secret)
        except (LastGoodError, OSError) as error:
            self.error = f"{self.error}; {error}"
            return
        if found is not None:
            loaded, confirmed_at = found
            self.index = Index(loaded)
            self.confirmed_revision = loaded.revision
            age = max(0.0, clock.unix_now() - confirmed_at)
            self.confirmed_at = time.monotonic() - age

    def state(self) -> State:
        """Say for `/healthz` and `/readyz` whether correct decisions can be made now."""
        now = time.monotonic()
        index = self.index
        if index is None:
            return State("not-ready", (self.error or "no snapshot has been loaded",), 0, "", None)
        age = round(now - self.confirmed_at, 3)
        reasons = []
        if self.error:
            reasons.append(self.error)
        if self.behind():
            reasons.append(f"revision {self.counter.read()} is announced; {self.confirmed_revision} is held")
        if self.unsure(now=now):
            reasons.append(f"the source was last confirmed {age:.0f} s ago")
        if self.stale(now=now):
            return State("not-ready", tuple(reasons), index.revision, index.snapshot.compiled_at, age)
        word: Literal["ready", "degraded"] = "degraded" if reasons else "ready"
        return State(word, tuple(reasons), index.revision, index.snapshot.compiled_at, age)


class Refresher(threading.Thread):
    """Refreshes when asked, when a revision is announced, and every second in any case."""

    def __init__(
        self, holder: SnapshotHolder, *, on_refreshed: Callable[[], None], every_s: float = 1.0
    ) -> None:
        super().__init__(name="snapshot-refresher", daemon=True)
        self._holder = holder
        self._on_refreshed = on_refreshed
        self._every_s = every_s
        self._asked = threading.Event()
        self._stop_asked = False

    def ask(self) -> None:
        """Refresh now rather than at the next turn."""
        self._asked.set()

    def run(self) -> None:
        while True:
            self._asked.wait(self._every_s)
            if self._stop_asked:
                return
            self._asked.clear()
            if self._holder.refresh():
                self._on_refreshed()
            elif self._holder.behind():
                time.sleep(0.05)  # calls wait for this revision: try again soon, without spinning
                self._asked.set()

    def stop(self) -> None:
        """Stop after the turn that is running."""
        self._stop_asked = True
        self._asked.set()
        self.join(5)
