"""A database on each engine: every promise of the store is kept on both."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.registry import audit, checkpoint
from roadworthy.usage import store

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give an empty database whose audit log is sealed."""
    key = checkpoint.create_key_file(tmp_path / "log.key", name="test-log")
    url = (
        f"sqlite:///{tmp_path}/test.db"
        if request.param == "sqlite"
        else request.getfixturevalue("postgres_url")
    )
    database = Database(url, before_commit=audit.Sealer(key, origin="roadworthy.test/log").seal)
    assert store.records.metadata is METADATA
    with database.write() as tx:
        METADATA.create_all(tx.connection)
    try:
        yield database
    finally:
        database.close()
