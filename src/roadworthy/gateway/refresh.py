"""Keeps the snapshot fresh: swapped whole, kept signed on disk, its age always known."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from roadworthy.foundation import clock
from roadworthy.gateway import journal
from roadworthy.gateway.delta import Delta, advance
from roadworthy.gateway.grant_seal import without_forged
from roadworthy.gateway.journal import LastGoodError
from roadworthy.gateway.keeping import Keeper
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.snapshot import Index, Snapshot
from roadworthy.registry.checkpoint import VerificationKey

Load = Callable[[int], Snapshot | Delta | None]
"""Asked with the revision that is held: all of a newer one, or what changed since, or None for nothing."""

START_WAIT_S = 8.0
MANY_ENTRIES = 5_000
"""From here on a start takes the snapshot from disk and asks for the changes since."""


class State(msgspec.Struct, frozen=True):
    """Can the gateway make correct decisions now, and if not quite, why."""

    state: Literal["ready", "degraded", "not-ready"]
    reasons: tuple[str, ...]
    revision: int
    compiled_at: str
    confirmed_age_s: float | None


class RejectedError(Exception):
    """The source answers, and what it says cannot be used: the last good snapshot stays in force."""


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
        degraded_after_s: float = 2.5,
        issued_by: VerificationKey | None = None,
    ) -> None:
        self.index: Index | None = None
        self.counter = counter
        self.max_stale_s = max_stale_s
        self.degraded_after_s = degraded_after_s
        # Everything announced up to here is in the snapshot.
        self.confirmed_revision = -1
        self.confirmed_at = float("-inf")  # monotonic
        # When the last question was asked that was answered.
        self.asked_s = float("-inf")
        self.error = ""
        self.disk_error = ""
        self.failing = False
        self._turn = threading.Lock()
        self.source = load
        self._secret = secret
        self._issued_by = issued_by
        self._last_good = last_good
        self._keeper = None if last_good is None else Keeper(last_good, secret=secret)

    def behind(self) -> bool:
        """Has a revision been announced that the snapshot does not hold yet?"""
        return self.counter.read() > self.confirmed_revision

    def holds(self, revision: int) -> bool:
        """Is what was announced as this revision in the snapshot?"""
        return revision <= self.confirmed_revision

    def stale(self, *, now: float) -> bool:
        """Was the source last confirmed too long ago to decide on the snapshot?"""
        return now - self.confirmed_at > self.max_stale_s

    def unsure(self, *, now: float) -> bool:
        """Could a key that was made meanwhile be unknown here, because the source does not answer?"""
        return self.failing or now - self.confirmed_at > self.degraded_after_s

    def refresh(self) -> bool:
        """Ask the source once; say whether it answered. Never raises: the last good snapshot stays."""
        if not self._turn.acquire(blocking=False):
            return False  # the first question is still open
        try:
            return self._refresh()
        finally:
            self._turn.release()

    def _refresh(self) -> bool:
        asked_s = time.monotonic()
        announced = self.counter.read()
        current = self.index.revision if self.index is not None else -1
        try:
            loaded = self.source(current)
            if loaded is not None:
                self.index = self._with(loaded)
            elif self.index is None:
                self.error = "the source says nothing is newer, yet there is no snapshot here"
                return False
        except RejectedError as error:
            self.error = f"the newest declarations were refused, the last good ones stay: {error}"
            self.failing = False
            if self.index is not None:
                self.confirmed_at = time.monotonic()
                self.asked_s = asked_s
            return False
        except Exception as error:  # noqa: BLE001  whatever it is, the last good snapshot keeps serving
            self.error = f"the snapshot's source does not answer: {type(error).__name__}: {error}"
            self.failing = True
            return False
        assert self.index is not None
        self.confirmed_revision = max(announced, self.index.revision)
        self.confirmed_at = time.monotonic()
        self.asked_s = asked_s
        self.failing = False
        self.error = ""
        if self._keeper is not None:
            delta = loaded if isinstance(loaded, Delta) else None
            self._keeper.keep(
                self.index.snapshot, delta, changed=loaded is not None, confirmed_at=clock.unix_now()
            )
            self.error = self._keeper.error
        return True

    def _with(self, loaded: Snapshot | Delta) -> Index:
        if isinstance(loaded, Snapshot):
            return Index(loaded)
        assert self.index is not None, "a change is a change to something"
        return advance(self.index, loaded)

    def start(self) -> None:
        """Get the first snapshot: from the source, or from disk when that is away or there is much of it."""
        if self.index is not None:
            return
        found = self._from_disk()
        if found is not None and found.same_version and _entries(found.snapshot) >= MANY_ENTRIES:
            self._take(found)
        # However long the source takes, the port is open soon and says that it is not ready yet.
        asking = threading.Thread(target=self.refresh, name="first-snapshot", daemon=True)
        asking.start()
        asking.join(START_WAIT_S)
        if found is not None and self._nothing_held():
            self._take(found)
        if self._nothing_held() and not self.error:
            self.error = "the first snapshot is still being compiled"

    def _nothing_held(self) -> bool:
        return self.index is None

    def _from_disk(self) -> journal.LastGood | None:
        if self._last_good is None:
            return None
        try:
            return journal.load(self._last_good, secret=self._secret)
        except (LastGoodError, OSError) as error:
            self.disk_error = str(error)
            return None

    def _genuine(self, snapshot: Snapshot) -> Snapshot:
        """Leave out every grant that this installation did not sign, whoever wrote it to the disk."""
        if self._issued_by is None:
            return snapshot
        kept, forged = without_forged(snapshot, self._issued_by)
        if forged:
            named = ", ".join(f"use-case/{one}" for one in forged[:5])
            self.disk_error = f"{len(forged)} grants on disk are not signed by this installation: {named}"
        return kept

    def _check_later(self, taken: Index) -> None:
        kept = self._genuine(taken.snapshot)
        if kept is not taken.snapshot and self.index is taken:
            self.index = Index(kept)

    def _take(self, found: journal.LastGood) -> None:
        if len(found.snapshot.grants) <= MANY_ENTRIES:
            self.index = Index(self._genuine(found.snapshot))
        else:
            # Some ten seconds for a hundred thousand; meanwhile the seal over the whole file has to do.
            self.index = Index(found.snapshot)
            checking = (self.index,)
            threading.Thread(
                target=self._check_later, args=checking, name="grant-checker", daemon=True
            ).start()
        self.confirmed_revision = found.snapshot.revision
        # A clock that was set back must not make an old snapshot young.
        age = abs(clock.unix_now() - found.confirmed_at)
        self.confirmed_at = time.monotonic() - age

    def close(self) -> None:
        """Leave on disk what is held."""
        if self._keeper is not None:
            self._keeper.close()

    def state(self) -> State:
        """Say for `/healthz` and `/readyz` whether correct decisions can be made now."""
        now = time.monotonic()
        index = self.index
        if index is None:
            reasons = [self.error or "no snapshot has been loaded"]
            return State("not-ready", (*reasons, *filter(None, [self.disk_error])), 0, "", None)
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


def _entries(snapshot: Snapshot) -> int:
    return len(snapshot.keys) + len(snapshot.grants) + len(snapshot.principals)


class Refresher(threading.Thread):
    """Refreshes when asked, and twice a second in any case; whoever has a clock looks for announcements."""

    def __init__(
        self, holder: SnapshotHolder, *, on_refreshed: Callable[[], None], every_s: float = 0.5
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

    def look(self) -> None:
        """Refresh now if a revision is announced that is not held; costs a look into memory."""
        if not self._holder.failing and self._holder.behind():
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
        self._holder.close()
