"""Brings a database to this version's tables: in one transaction, by one process at a time, or not at all."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from roadworthy.foundation.errors import UnavailableError
from roadworthy.foundation.storage.database import Database, Tx


class NewerDatabaseError(UnavailableError):
    """A later version has changed the tables; this one must not touch them."""


MIGRATIONS = Path(__file__).parents[2] / "migrations"


def upgrade(database: Database) -> None:
    """Apply what is missing. The writing transaction is the lock: replicas that start together take turns."""
    with database.write() as tx:
        held, newest = current(tx), head()
        if held == newest:
            return
        if held is not None and held not in known():
            raise NewerDatabaseError(
                "The database belongs to a newer Roadworthy.",
                why=f"It is at schema {held}, which this version does not know.",
                fix="Start the version that wrote it, or a newer one. Nothing was changed.",
            )
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = tx.connection
        command.upgrade(config, "head")


def current(tx: Tx) -> str | None:
    """Return the schema the database is at, None for an empty one."""
    return MigrationContext.configure(tx.connection).get_current_revision()


def head() -> str:
    """Return the schema this version needs."""
    found = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    assert found is not None, "there is no migration"
    return found


def known() -> set[str]:
    """Return every schema this version can start from."""
    return {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
