"""One migration chain: it makes exactly the tables the code declares, on both engines."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from roadworthy import main
from roadworthy.foundation.errors import UnavailableError
from roadworthy.foundation.storage import migrate
from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give an empty database on each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'm.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    """Give it open."""
    assert main.SLICES
    one = Database(url)
    yield one
    one.close()


def test_migrations_make_the_declared_tables(database: Database) -> None:
    """Nothing is left to change after the last migration."""
    migrate.upgrade(database)
    with database.read() as tx:
        differences = compare_metadata(
            MigrationContext.configure(tx.connection, opts={"compare_type": True}), METADATA
        )
        assert migrate.current(tx) == migrate.head()
    assert differences == []


def test_what_is_not_ours_is_not_touched(database: Database) -> None:
    """Somebody else's table in the same database stays as it is."""
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE theirs (a INTEGER)"))
        connection.execute(text("INSERT INTO theirs VALUES (7)"))
    migrate.upgrade(database)
    migrate.upgrade(database)
    with database.read() as tx:
        assert tx.connection.execute(text("SELECT a FROM theirs")).scalar() == 7


def test_replicas_that_start_together_migrate_once(url: str) -> None:
    """Four at once: one makes the tables, three find them made."""
    databases = [Database(url) for _ in range(4)]
    failures: list[Exception] = []

    def start(one: Database) -> None:
        try:
            migrate.upgrade(one)
        except Exception as error:  # noqa: BLE001  # collected, so that the test shows it
            failures.append(error)

    threads = [threading.Thread(target=start, args=(one,)) for one in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    tables = set(inspect(databases[0].engine).get_table_names())
    for one in databases:
        one.close()
    assert failures == []
    assert set(METADATA.tables) <= tables


def test_a_failed_migration_leaves_nothing_behind(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one transaction: the next start begins from where this one began."""

    def broken(*_given: object) -> None:
        raise RuntimeError("the power went out")

    with monkeypatch.context() as patch:
        patch.setattr(Database, "_before_commit", broken, raising=False)
        database._before_commit = broken
        with pytest.raises(RuntimeError):
            migrate.upgrade(database)
    database._before_commit = None
    assert inspect(database.engine).get_table_names() == []
    migrate.upgrade(database)


def test_a_newer_database_is_refused(database: Database) -> None:
    """An older program must not write into tables that it does not know."""
    migrate.upgrade(database)
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UnavailableError, match="newer Roadworthy"):
        migrate.upgrade(database)
