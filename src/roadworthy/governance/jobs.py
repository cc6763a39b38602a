"""What the control plane does by itself for governance: it reminds, escalates and notes what came about."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

from roadworthy.foundation import clock
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Database
from roadworthy.governance import reminder_operations as operations
from roadworthy.governance.watch import Watch


class ApprovalKeeper(threading.Thread):
    """Looks every minute what is due; what is due follows from evidence, so a missed turn is made up for."""

    def __init__(
        self, database: Database, *, every_s: float = 60.0, now: Callable[[], datetime] = clock.now
    ) -> None:
        super().__init__(name="approval-keeper", daemon=True)
        self._database = database
        self._every_s = every_s
        self._now = now
        self._watch = Watch()
        self._stop_asked = threading.Event()
        self.said = 0
        self.error = ""

    def run(self) -> None:
        while not self._stop_asked.wait(self._every_s):
            self.once()

    def once(self) -> None:
        """Record what is due by now of what has changed or come due since, all of it or nothing."""
        try:
            now = self._now()
            with self._database.read() as tx:
                names = self._watch.wanted(tx, now=now)
                found = operations.look(tx, names, now=now)
            if found.due:  # looked at again where nobody else writes: two control planes say it once
                with self._database.write() as tx:
                    self.said += operations.record_due(tx, names, now=now)
            self._watch.looked(names, found.again, now=now)
        except RoadworthyError as error:
            self.error = f"reminders could not be looked after: {error.what} {error.why}".strip()
            return
        self.error = ""

    def stop(self) -> None:
        """Stop after the turn that is running."""
        self._stop_asked.set()
        if self.is_alive():
            self.join(5)
