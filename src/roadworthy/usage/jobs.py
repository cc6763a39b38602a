"""What the control plane does by itself: delete calls and what was said in them when their time has come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from roadworthy.foundation import clock
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Database
from roadworthy.usage import operations, rollup_store


class RetentionKeeper(threading.Thread):
    """Purges at its start and every ten minutes; when the database does not answer, it tries again then."""

    def __init__(
        self,
        database: Database,
        *,
        record_days: int = 400,
        every_s: float = 600.0,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        super().__init__(name="text-retention", daemon=True)
        self._database = database
        self._record_days = record_days
        self._every_s = every_s
        self._now = now
        self._stop_asked = threading.Event()
        self.purged = 0
        self.error = ""
        self.passed_at: datetime | None = None
        """When it last looked, whether or not that went well."""

    def run(self) -> None:
        self.once()
        while not self._stop_asked.wait(self._every_s):
            self.once()

    def once(self) -> None:
        """Purge what has ended by now."""
        self._purge()
        self.passed_at = self._now()

    def _purge(self) -> None:
        try:
            with self._database.write() as tx:
                if rollup_store.wanting(tx):
                    rollup_store.rebuild(tx)
            with self._database.write() as tx:
                self.purged += operations.purge_texts(tx, now=self._now())
            while not self._stop_asked.is_set():
                with self._database.write() as tx:  # not all at once: gateways wait for their turn to write
                    if not operations.purge_records(tx, now=self._now(), days=self._record_days):
                        break
        except RoadworthyError as error:
            what = "what has reached the end of its retention could not be deleted"
            self.error = f"{what}: {error.what} {error.why}".strip()
            return
        self.error = ""

    def stop(self) -> None:
        """Stop after the turn that is running."""
        self._stop_asked.set()
        if self.is_alive():
            self.join(5)
