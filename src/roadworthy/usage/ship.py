"""Carries call records from the spool to the store, as often as it takes, and deletes what has arrived.

A segment is read while it grows, so that a trace is found within a second although segments live longer, and
it is deleted once its writer has let go of it. A record may be stored before its own process has heard that
it is durable: then the call is known although its answer was perhaps never complete, which a killed process
leaves behind as well.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec

from roadworthy.usage import record, spool
from roadworthy.usage.record import CallRecord

BATCH = 4000
FIRST_BATCH = 100
QUICK_S, SLOW_S = 0.25, 1.0
"""Storing holds the one writer's turn: on a slow network batches are small, so that others have theirs."""
WAITING_MAX = 50_000  # beyond it, records wait in their segments
Store = Callable[[list[CallRecord]], None]


def _claim(path: Path) -> int | None:
    """Open a segment that nobody writes to any more, or return None."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    return file


@dataclass(slots=True)
class _Segment:
    read: int = 0
    lost: int = 0
    whole: bool = False


class Carrier:
    """Remembers how far each segment was read, and which streams have begun and not ended.

    With `own`, the segments of that process are read while they grow; those of others are left to them as
    long as they live.
    """

    def __init__(
        self,
        directory: Path,
        store: Store,
        *,
        own: str = "",
        heard: Store = lambda _batch: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._batch = FIRST_BATCH
        self._store = store
        self._own = own
        self._heard = heard
        self._segments: dict[Path, _Segment] = {}
        self._begun: dict[str, tuple[CallRecord, Path]] = {}
        self._waiting: list[CallRecord] = []
        self.shipped = 0
        self.torn_bytes = 0

    def round(self) -> None:
        """Store what is new, delete what has arrived; whatever the store raises, nothing is lost.

        What has arrived is deleted as soon as it is stored, not at the end: a gateway that is killed again
        and again must get on with what the ones before it left.
        """
        there = sorted(self._directory.glob(f"*{spool.SUFFIX}"))
        self._forget(set(there))
        open_files: dict[Path, int | None] = {}
        try:
            for process, paths in groupby(there, spool.process_of):
                files = self._files(process, paths)
                open_files.update(files)
                for path, file in files.items():
                    if len(self._waiting) < WAITING_MAX:
                        self._read(path, whole=file is not None)
                self._bury(process, files)
                if len(self._waiting) >= BATCH:
                    self._settle(open_files)
            self._settle(open_files)
        finally:
            _close(open_files)

    def _forget(self, there: set[Path]) -> None:
        gone = {path for path in self._segments if path not in there}
        if gone:
            self._segments = {path: one for path, one in self._segments.items() if path not in gone}
            self._begun = {name: one for name, one in self._begun.items() if one[1] not in gone}

    def _files(self, process: str, paths: Iterable[Path]) -> dict[Path, int | None]:
        """Return the segments to look at, in the order they were written, with those claimed opened."""
        mine = process == self._own
        if not mine and self._own and spool.alive(self._directory, process):
            return {}
        found = {path: _claim(path) for path in paths}
        return found if mine else {path: file for path, file in found.items() if file is not None}

    def _settle(self, files: dict[Path, int | None]) -> None:
        """Hand over what waits; then delete the segments whose every record has arrived, and close all."""
        while self._waiting:
            batch = self._waiting[: self._batch]
            self._hand_over(batch)
            self._heard(batch)
            del self._waiting[: len(batch)]
            self.shipped += len(batch)
        holding = {path for _, path in self._begun.values()}
        for path, file in files.items():
            if file is not None and self._whole(path) and path not in holding:
                lost = self._segments[path].lost
                self.torn_bytes += lost
                if lost:
                    path.rename(path.with_suffix(".bad"))
                else:
                    path.unlink()
        _close(files)

    def _hand_over(self, batch: list[CallRecord]) -> None:
        began = self._monotonic()
        try:
            self._store(batch)
        except Exception:
            self._batch = max(FIRST_BATCH, self._batch // 2)
            raise
        took = self._monotonic() - began
        if took > SLOW_S:
            self._batch = max(FIRST_BATCH, self._batch // 2)
        elif took < QUICK_S and len(batch) == self._batch:
            self._batch = min(BATCH, self._batch * 2)

    def _read(self, path: Path, *, whole: bool) -> None:
        """Take the frames behind what was read before."""
        # Also one that was whole before: while nobody held it, its writer may have begun to.
        segment = self._segments.setdefault(path, _Segment())
        try:
            with path.open("rb") as file:
                file.seek(segment.read)
                if whole:
                    payloads, used, lost = spool.read_on(file.read(), whole=True)
                else:
                    (payloads, used), lost = spool.read_new(file), 0
        except FileNotFoundError:
            return
        self._take(payloads, path, segment)
        segment.read += used
        segment.lost += lost
        segment.whole = whole

    def _take(self, payloads: list[bytes], path: Path, segment: _Segment) -> None:
        for payload in payloads:
            try:
                one = record.decode(payload)
            except msgspec.DecodeError:
                segment.lost += len(payload)
                continue
            if one.open:
                self._begun[one.id] = (one, path)
            else:
                self._begun.pop(one.id, None)
                self._waiting.append(one)

    def _bury(self, process: str, files: dict[Path, int | None]) -> None:
        """What a dead process had begun will never end: it is recorded as interrupted."""
        begun = [name for name, (_, path) in self._begun.items() if spool.process_of(path) == process]
        if not begun or process == self._own or spool.alive(self._directory, process):
            return
        if all(self._whole(path) for path in files):
            self._waiting += [record.interrupted(self._begun.pop(name)[0]) for name in begun]

    def _whole(self, path: Path) -> bool:
        segment = self._segments.get(path)
        return segment is not None and segment.whole


def _close(files: dict[Path, int | None]) -> None:
    """Let go of all segments; whoever claims one next finds it whole or gone."""
    for file in files.values():
        if file is not None:
            os.close(file)
    files.clear()


def ship_once(directory: Path, store: Store) -> tuple[int, int]:
    """Store and delete every segment that is complete; return how many records, and how many bytes were torn.

    `store` must be idempotent by the record's id: a segment is stored again if the process dies between the
    storing and the deleting. What was damaged is kept beside, with the ending `.bad`, for a person to see.
    """
    carrier = Carrier(directory, store)
    carrier.round()
    return carrier.shipped, carrier.torn_bytes


class Shipper(threading.Thread):
    """Ships every half second; when the store refuses, up to a second: what was away is back at once."""

    def __init__(
        self,
        directory: Path,
        store: Store,
        *,
        own: str = "",
        every_s: float = 0.5,
        heard: Store = lambda _batch: None,
    ) -> None:
        super().__init__(name="call-record-shipper", daemon=True)
        self._carrier = Carrier(directory, store, own=own, heard=heard)
        self._every_s = every_s
        self._stop_asked = threading.Event()
        self.error = ""

    @property
    def shipped(self) -> int:
        """How many records arrived."""
        return self._carrier.shipped

    @property
    def torn_bytes(self) -> int:
        """How many bytes belonged to no record."""
        return self._carrier.torn_bytes

    def run(self) -> None:
        wait = self._every_s
        while not self._stop_asked.wait(wait):
            wait = self._every_s if self.once() else min(wait * 2, 1.0)

    def once(self) -> bool:
        """Ship what is there; say whether the store took it."""
        try:
            self._carrier.round()
        except Exception as error:  # noqa: BLE001  whatever the store raises, the records stay in the spool
            self.error = f"call records wait in the spool: {type(error).__name__}: {error}"
            return False
        self.error = ""
        return True

    def stop(self) -> None:
        """Stop after one last round."""
        self._stop_asked.set()
        self.join(5)
        self.once()
