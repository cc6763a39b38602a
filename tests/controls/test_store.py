"""What controls keep and count, the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roadworthy.controls import store
from roadworthy.foundation.storage import migrate
from roadworthy.foundation.storage.database import Database
from roadworthy.main import SLICES
from roadworthy.usage import operations, reach
from roadworthy.usage.record import CallRecord, LoggedText

NOW = datetime(2026, 11, 30, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give an empty, migrated database of either engine."""
    assert SLICES, "the slices declare the tables"
    url = f"sqlite:///{tmp_path}/t.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    made = Database(url)
    migrate.upgrade(made)
    yield made
    made.close()


def test_files_are_kept_byte_for_byte_and_erased_by_subject(database: Database) -> None:
    """Two files about different things; erasing one leaves the other."""
    content = bytes(range(256))
    with database.write() as tx:
        for name in ("a", "b"):
            store.add(tx, id=name, subject=f"use-case/{name}", sha256="0" * 64, size=256, content=content)
    with database.read() as tx:
        found = store.read(tx, "a")
        assert found is not None
        assert bytes(found.content) == content
        assert [row.id for row in store.every(tx)] == ["a", "b"]
    with database.write() as tx:
        assert store.erase(tx, "use-case/a") == 1
        assert store.erase(tx, "use-case/a") == 0
    with database.read() as tx:
        assert [row.content is None for row in store.every(tx)] == [True, False]


def test_calls_that_reached_a_model_are_counted_by_use_case(database: Database) -> None:
    """Let through and answered: by model; refused, failed and long ago: not."""
    records = [
        _call("1", model="small"),
        _call("2", model="small"),
        _call("3", model="", decision="refused", status=403),
        _call("4", model="small", status=502),
        _call("5", model="small", ago=timedelta(days=40)),
        _call("6", model="big", use_case="other"),
    ]
    with database.write() as tx:
        operations.ingest(tx, records, source="test", now=NOW)
    with database.read() as tx:
        found = reach.reached(tx, since=NOW - timedelta(days=30), until=NOW)
    assert {(one.use_case, one.model): one.calls for one in found} == {
        ("case", "small"): 2,
        ("other", "big"): 1,
    }
    assert {one.last_at for one in found} == {NOW - HOUR}


def test_texts_beyond_their_end_are_counted(database: Database) -> None:
    """One of a day whose retention ended yesterday, one that still has time."""
    old = _call("1", model="small", ago=timedelta(days=2), text=True, days=1)
    new = _call("2", model="small", ago=HOUR, text=True, days=1)
    with database.write() as tx:
        operations.ingest(tx, [old, new], source="test", now=NOW)
    with database.read() as tx:
        assert reach.texts_overdue(tx, now=NOW) == 1
    with database.write() as tx:
        operations.purge_texts(tx, now=NOW)
    with database.read() as tx:
        assert reach.texts_overdue(tx, now=NOW) == 0


def _call(
    number: str,
    *,
    model: str,
    use_case: str = "case",
    decision: str = "allowed",
    status: int = 200,
    ago: timedelta = HOUR,
    text: bool = False,
    days: int = 30,
) -> CallRecord:
    return CallRecord(
        id=f"tr_{number}",
        at=int((NOW - ago).timestamp() * 1000),
        decision=decision,
        principal="service-account/bot",
        use_case=use_case,
        model=model,
        provider="local" if model else "",
        status=status,
        retention_days=days,
        text=LoggedText("Hello", "Hi") if text else None,
    )
