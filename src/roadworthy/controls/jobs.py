"""What the control plane does by itself for its controls: verify the log, say that retention was kept."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from roadworthy.controls import operations
from roadworthy.controls.facts import LogVerified
from roadworthy.evidence import queries as evidence
from roadworthy.foundation import clock
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Database
from roadworthy.registry import verification
from roadworthy.registry.assembly import Assembly
from roadworthy.registry.checkpoint import VerificationKey

VERIFY_EVERY = timedelta(hours=12)


class Retention(Protocol):
    """The keeper of retention: when it last passed, and what went wrong."""

    passed_at: datetime | None
    error: str


class Installed(Protocol):
    """What an installation hands to it."""

    @property
    def database(self) -> Database:
        """Where evidence is."""

    @property
    def assembly(self) -> Assembly:
        """The slices with their verifiers."""

    @property
    def keys(self) -> Sequence[VerificationKey]:
        """What the log's checkpoints are verified with."""


class EvidenceKeeper(threading.Thread):
    """Looks every minute; verifies the whole log twice a day. What fails is tried again at the next look."""

    def __init__(
        self,
        installed: Installed,
        *,
        retention: Retention,
        every_s: float = 60.0,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        super().__init__(name="evidence-keeper", daemon=True)
        self._database = installed.database
        self._assembly = installed.assembly
        self._keys = installed.keys
        self._retention = retention
        self._every_s = every_s
        self._now = now
        self._noted: datetime | None = None
        self._stop_asked = threading.Event()

    def run(self) -> None:
        while not self._stop_asked.wait(min(self._every_s, 2.0) if self._noted is None else self._every_s):
            self.once()

    def once(self) -> None:
        """Put on record what happened since the last look."""
        try:
            self._note_retention()
            self._verify()
        except RoadworthyError:
            return  # the database is away: who asks a control meanwhile is told so too

    def _note_retention(self) -> None:
        passed = self._retention.passed_at
        if passed is None or passed == self._noted:
            return
        with self._database.write() as tx:
            operations.note_retention(tx, error=self._retention.error, now=passed)
        self._noted = passed

    def _verify(self) -> None:
        with self._database.read() as tx:
            runs = evidence.of(tx, LogVerified, operations.LOG)
            if runs and self._now() - runs[-1].at < VERIFY_EVERY:
                return
            found = verification.verify(tx, keys=self._keys, verifiers=self._assembly.verifiers)
        named = tuple(f"{one.where}: {one.what}" for one in found.findings)
        with self._database.write() as tx:
            operations.note_verification(tx, size=found.size, findings=named, now=self._now())

    def stop(self) -> None:
        """Stop after the look that is under way."""
        self._stop_asked.set()
        if self.is_alive():
            self.join(5)
