"""What was said is deleted when its retention ends, without anybody asking."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from roadworthy.foundation.storage.database import Database
from roadworthy.usage import operations, queries
from roadworthy.usage.jobs import RetentionKeeper
from roadworthy.usage.record import CallRecord, LoggedText

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


def test_texts_are_deleted_in_the_background_when_their_time_comes(database: Database) -> None:
    """Not a day early, and then by itself."""
    at = int(NOW.timestamp() * 1000)
    said = CallRecord(
        id="call_1", at=at, decision="allowed", retention_days=7, text=LoggedText("secret", "answer")
    )
    with database.write() as tx:
        operations.ingest(tx, [said], source="gateway-1", now=NOW)
    times = [NOW + timedelta(days=6)]
    keeper = RetentionKeeper(database, every_s=0.01, now=lambda: times[-1])
    keeper.once()
    assert keeper.purged == 0

    keeper.start()
    times.append(NOW + timedelta(days=7))
    waited_until = time.monotonic() + 10
    while not keeper.purged and time.monotonic() < waited_until:
        time.sleep(0.01)
    keeper.stop()

    assert keeper.purged == 1
    with database.read() as tx:
        assert queries.trace(tx, "call_1").text_gone is True
    assert keeper.error == ""


def test_a_database_that_does_not_answer_is_said_and_tried_again(tmp_path: Path) -> None:
    """A failure is kept for whoever asks how it goes, and the thread lives on."""
    broken = Database(f"sqlite:///{tmp_path}/nowhere/test.db")
    keeper = RetentionKeeper(broken, now=lambda: NOW)

    keeper.once()

    assert "could not be deleted" in keeper.error
    broken.close()
