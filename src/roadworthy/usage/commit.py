"""Group commit: records that come together become durable together, and only then are they acknowledged.

A thread writes and syncs; the event loop hands a record over with one append and hears back once for each
group. Alone, a record is synced at once. Where records come faster than the disk syncs, the thread lets a
group gather, up to five milliseconds, as long as it still grows: a sync costs a disk's turn and a tenth of a
millisecond of processor time, whether it carries one record or a hundred.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Literal

from roadworthy.usage.spool import Spool, SpoolFullError

Then = Callable[[bool], None]
Group = list[tuple[bytes, Then]]
Sync = Literal["always", "interval"]

WINDOW_S = 0.005
SLICE_S = 0.001
GROUP_ENOUGH = 128
KEEP_EVERY_S = 0.05
REST_S = 1.0


class Committer(threading.Thread):
    """Puts frames into the spool. `then` hears on the loop whether the frame is safe.

    With `sync` set to `always`, safe means durable: it survives a power cut. With `interval` it means with
    the operating system, which survives a killed process; the disk follows within 50 ms.
    """

    def __init__(self, spool: Spool, *, sync: Sync = "always") -> None:
        super().__init__(name="spool-committer", daemon=True)
        self._spool = spool
        self._sync = sync
        self._pending: Group = []
        self._hand_over = threading.Lock()
        self._wake = threading.Lock()
        self._wake.acquire()
        self._asleep = True
        self._stop_asked = False
        self._call_soon: Callable[..., object] | None = None
        self.recorded = 0
        self.syncs = 0
        self.error = ""

    def bind(self, call_soon_threadsafe: Callable[..., object]) -> None:
        """Say how to reach the loop that waits for answers."""
        self._call_soon = call_soon_threadsafe

    def put(self, frame: bytes, then: Then) -> None:
        """Take a frame; called on the loop. Costs it an append, and a wake-up only when nobody is awake."""
        self._pending.append((frame, then))
        if self._asleep:
            self._rouse()

    def mark(self, frame: bytes) -> None:
        """Hand a frame to the operating system at once, without waiting for the disk; called on the loop."""
        try:
            self._spool.append((frame,))
        except (OSError, SpoolFullError) as error:
            self.error = f"call records cannot be written: {type(error).__name__}: {error}"

    @property
    def full(self) -> bool:
        """Has the spool reached its limit?"""
        return self._spool.full

    def _rouse(self) -> None:
        self._asleep = False
        try:
            self._wake.release()
        except RuntimeError:  # it is being roused already
            return

    def run(self) -> None:
        busy = False
        while True:
            if not self._pending:
                self._asleep = True
                # Whoever put between the look and the flag saw a thread awake: look again.
                if not self._pending:
                    self._wake.acquire(timeout=REST_S if self._spool.idle else KEEP_EVERY_S)
                self._asleep = False
            if busy:
                self._gather()
            busy = self._commit() > 1
            if not self._pending:
                self._keep()
                if self._stop_asked and not self._pending:
                    return

    def _gather(self) -> None:
        """Wait as long as others join, at most the window."""
        until = time.monotonic() + WINDOW_S
        before = 0
        while before < len(self._pending) < GROUP_ENOUGH and time.monotonic() < until:
            before = len(self._pending)
            time.sleep(SLICE_S)

    def _commit(self) -> int:
        """Write and sync what has come; tell the loop. Returns how many waited in the group."""
        with self._hand_over:
            # The loop appends to this very list meanwhile: it is emptied, never replaced.
            group = self._pending[:]
            del self._pending[: len(group)]
            if not group:
                return 0
            safe = self._write([frame for frame, _ in group])
            if safe:
                self.recorded += len(group)
        self._tell(group, safe=safe)
        return len(group)

    def _write(self, frames: list[bytes]) -> bool:
        try:
            self._spool.append(frames)
            if self._sync == "always":
                self.syncs += 1
                self._spool.sync()
        except (OSError, SpoolFullError) as error:
            self.error = f"call records cannot be written: {type(error).__name__}: {error}"
            return False
        self.error = ""
        return True

    def _tell(self, group: Group, *, safe: bool) -> None:
        if self._call_soon is None:
            _tell_all(group, safe)
            return
        try:
            self._call_soon(_tell_all, group, safe)
        except RuntimeError:  # the loop is closed: nobody waits for an answer any more
            return

    def _keep(self) -> None:
        try:
            if self._sync == "interval":
                self._spool.sync()
            self._spool.keep(now=time.monotonic())
            self._spool.prepare()
        except OSError as error:
            self.error = f"the spool cannot be made durable: {error}"

    def flush(self) -> None:
        """Commit here and now what waits: at the end of a process, or where no thread runs."""
        self._commit()

    def stop(self) -> None:
        """Stop, and leave everything durable."""
        self._stop_asked = True
        self._rouse()
        if self.is_alive():
            self.join(5)
        self.flush()
        self._spool.close()


def _tell_all(group: Group, safe: bool) -> None:  # noqa: FBT001  call_soon passes by place
    for _, then in group:
        then(safe)
