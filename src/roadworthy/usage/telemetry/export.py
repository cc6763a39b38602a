"""Sends calls to a declared OpenTelemetry collector, from a thread of the control plane.

The store is the queue: a cursor says up to which batch calls were sent. When the collector is away the cursor
waits; when too much has piled up, the oldest batches are passed over and their calls counted as dropped. No
call, and no other part of the control plane, ever waits for a collector.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from roadworthy.foundation.errors import InvalidError, RoadworthyError
from roadworthy.foundation.storage.database import Database, assert_no_transaction
from roadworthy.usage import store
from roadworthy.usage.record import CallRecord
from roadworthy.usage.telemetry import mapper

QUEUE_BATCHES = 1_000
TIMEOUT_S = 5.0


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Calls go where they were declared to go and nowhere else."""

    def redirect_request(self, *_given: Any, **_named: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)


def endpoint_of(text: str) -> str:
    """Return a collector's address in one form, or say what is wrong with it."""
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise InvalidError(
            f"The setting ROADWORTHY_OTLP_ENDPOINT cannot be `{text[:80]}`.",
            fix="Give the collector's base address, as `http://collector:4318`; /v1/traces is added to it.",
        )
    return text.rstrip("/")


def post(url: str, payload: dict[str, Any], headers: Mapping[str, str]) -> None:
    """Send one request; `OSError` if it was not taken."""
    assert_no_transaction()
    request = urllib.request.Request(  # noqa: S310  the scheme was looked at when it was declared
        url,
        data=json.dumps(payload, separators=(",", ":")).encode(),
        headers={**headers, "Content-Type": "application/json"},
        method="POST",
    )
    with _OPENER.open(request, timeout=TIMEOUT_S) as response:
        response.read(65_536)


class Exporter(threading.Thread):
    """Looks every two seconds for batches that were not sent; waits longer while the collector refuses."""

    def __init__(
        self,
        database: Database,
        *,
        endpoint: str,
        cursor: Path,
        version: str,
        headers: Mapping[str, str] | None = None,
        every_s: float = 2.0,
    ) -> None:
        super().__init__(name="telemetry-exporter", daemon=True)
        self._database = database
        self._endpoint = endpoint_of(endpoint)
        self._cursor = cursor
        self._version = version
        self._headers = dict(headers or {})
        self._every_s = every_s
        self._stop_asked = threading.Event()
        self.sent = 0
        self.dropped = 0
        self.error = ""

    def run(self) -> None:
        wait = self._every_s
        while not self._stop_asked.wait(wait):
            wait = self._every_s if self.once() else min(wait * 2, 60.0)

    def once(self) -> bool:
        """Send what is there; say whether the collector took it."""
        try:
            while self._send_next():
                if self._stop_asked.is_set():
                    break
        except (OSError, RoadworthyError, ValueError) as error:
            self.error = f"calls are not exported: {type(error).__name__}: {error}"
            return False
        self.error = ""
        return True

    def _read_cursor(self) -> int | None:
        try:
            return int(self._cursor.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _write_cursor(self, seq: int) -> None:
        fresh = self._cursor.with_suffix(".new")
        fresh.write_text(str(seq))
        fresh.replace(self._cursor)

    def _send_next(self) -> bool:
        after = self._read_cursor()
        with self._database.read() as tx:
            if after is None:  # from now on: what was called before nobody asked to be told
                newest = store.newest_batch(tx)
                self._write_cursor(newest)
                return False
            waiting = store.batches_after(tx, after, limit=1)
            if not waiting:
                return False
            passed_over = store.batches_over(tx, after, keep=QUEUE_BATCHES)
            if passed_over is not None:
                seq, count = passed_over
            else:
                batch_id, seq, count = waiting[0]
                records = store.documents(tx, batch_id)
        if passed_over is not None:
            self.dropped += count
            self._write_cursor(seq)
            return True
        self._send(records)
        self.sent += count
        self._write_cursor(seq)
        return True

    def _send(self, records: list[CallRecord]) -> None:
        given = {"service": "control-plane", "version": self._version}
        if records:
            post(f"{self._endpoint}/v1/traces", mapper.traces(records, **given), self._headers)
            added = mapper.metrics(records, **given)
            if added["resourceMetrics"]:
                post(f"{self._endpoint}/v1/metrics", added, self._headers)

    def health(self) -> dict[str, int | bool]:
        """Say how it goes, without what only operators should read: that is in the error."""
        return {"sent": self.sent, "dropped": self.dropped, "failing": bool(self.error)}

    def stop(self) -> None:
        """Stop after the request that is under way."""
        self._stop_asked.set()
        if self.is_alive():
            self.join(TIMEOUT_S + 1)
