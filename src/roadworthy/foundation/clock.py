"""The only place that reads the wall clock; everyone else is handed the time."""

from __future__ import annotations

from datetime import UTC, datetime
from time import time


def now() -> datetime:
    """Return the current instant, aware, in UTC."""
    return datetime.now(UTC)


def unix_now() -> float:
    """Return the current instant as seconds since 1970, for the data plane, where a datetime is too dear."""
    return time()
