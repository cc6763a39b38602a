"""What the control plane does by itself: delete what was said in calls once its retention has ended."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from roadworthy.foundation import clock
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Database
from roadworthy.usage import operations


class RetentionKeeper(threading.Thread):
    """Purges at its start and every ten minutes; when the database does not answer, it tries again then."""

    def __init__(
        self, database: Database, *, every_s: float = 600.0, now: Callable[[], datetime] = clock.now
    ) -> None:
        super().__init__(name="text-retention", daemon=True)
        self._database = database
        self._every_s = every_s
        self._now = now
        self._stop_asked = threading.Event()
        self.purged = 0
        self.error = ""

    def run(self) -> None:
        self.once()
        while not self._stop_asked.wait(self._every_s):
            self.once()

    def once(self) -> None:
        """Purge what has ended by now."""
        try:
            with self._database.write() as tx:
                self.purged += operations.purge_texts(tx, now=self._now())
        except RoadworthyError as error:
            self.error = f"texts whose retention ended could not be deleted: {error.what} {error.why}".strip()
            return
        self.error = ""

    def stop(self) -> None:
        """Stop after the turn that is running."""
        self._stop_asked.set()
        if self.is_alive():
            self.join(5)
