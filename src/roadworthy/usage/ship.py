"""Carries call records from the spool to the store, as often as it takes, and deletes what has arrived."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from pathlib import Path

import msgspec

from roadworthy.usage import record, spool
from roadworthy.usage.record import CallRecord

BATCH = 500


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


def _read(path: Path) -> tuple[list[CallRecord], int]:
    payloads, lost = spool.read_frames(path.read_bytes())
    records = []
    for payload in payloads:
        try:
            records.append(record.decode(payload))
        except msgspec.DecodeError:
            lost += len(payload)
    return records, lost


def ship_once(directory: Path, store: Callable[[list[CallRecord]], None]) -> tuple[int, int]:
    """Store and delete every segment that is complete; return how many records, and how many bytes were torn.

    `store` must be idempotent by the record's id: a segment is stored again if the process dies between the
    storing and the deleting. What was damaged is kept beside, with the ending `.bad`, for a person to see.
    """
    shipped = torn = 0
    for path in sorted(directory.glob(f"*{spool.SUFFIX}")):
        file = _claim(path)
        if file is None:
            continue
        try:
            records, lost = _read(path)
            for start in range(0, len(records), BATCH):
                store(records[start : start + BATCH])
            shipped += len(records)
            torn += lost
            if lost:
                path.rename(path.with_suffix(".bad"))
            else:
                path.unlink()
        finally:
            os.close(file)
    return shipped, torn


class Shipper(threading.Thread):
    """Ships every quarter of a second; when the store refuses, waits longer each time, up to five seconds."""

    def __init__(
        self, directory: Path, store: Callable[[list[CallRecord]], None], *, every_s: float = 0.25
    ) -> None:
        super().__init__(name="call-record-shipper", daemon=True)
        self._directory = directory
        self._store = store
        self._every_s = every_s
        self._stop_asked = threading.Event()
        self.shipped = 0
        self.torn_bytes = 0
        self.error = ""

    def run(self) -> None:
        wait = self._every_s
        while not self._stop_asked.wait(wait):
            wait = self._every_s if self.once() else min(wait * 2, 5.0)

    def once(self) -> bool:
        """Ship what is there; say whether the store took it."""
        try:
            shipped, torn = ship_once(self._directory, self._store)
        except Exception as error:  # noqa: BLE001  whatever the store raises, the records stay in the spool
            self.error = f"call records wait in the spool: {type(error).__name__}: {error}"
            return False
        self.shipped += shipped
        self.torn_bytes += torn
        self.error = ""
        return True

    def stop(self) -> None:
        """Stop after one last round."""
        self._stop_asked.set()
        self.join(5)
        self.once()
