"""Ties a process to the one that started it, so that a killed starter leaves nothing running."""

from __future__ import annotations

import os
import signal
import threading
import time

_LOOK_EVERY_SECONDS = 1.0


def leave_with(process: int) -> None:
    """Send this process SIGTERM, from a thread, once another process is gone."""
    threading.Thread(target=_watch, args=(process,), name="lifeline", daemon=True).start()


def _watch(process: int) -> None:
    while True:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            os.kill(os.getpid(), signal.SIGTERM)
            return
        time.sleep(_LOOK_EVERY_SECONDS)
