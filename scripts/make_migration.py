"""Write the migration from the newest schema to the tables as the code declares them.

python scripts/make_migration.py "say what changes"
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from roadworthy import main
from roadworthy.foundation.storage import migrate
from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA, Document, Instant


def plain_types(kind: str, value: Any, _context: Any) -> str | Literal[False]:
    """Write our column types as what they are in the database: a migration outlives the code."""
    if kind == "type" and isinstance(value, Instant):
        return "sa.BigInteger()"
    if kind == "type" and isinstance(value, Document):
        return "sa.Text()"
    return False


def write(message: str) -> Path:
    """Compare an up-to-date empty database with the declared tables and write the difference."""
    assert main.SLICES, "the slices declare the tables"
    scripts = ScriptDirectory(str(migrate.MIGRATIONS))
    with tempfile.TemporaryDirectory() as scratch:
        database = Database(f"sqlite:///{scratch}/empty.db")
        if scripts.get_current_head():
            migrate.upgrade(database)
        with database.write() as tx:
            options = {"render_item": plain_types, "render_as_batch": True, "compare_type": True}
            found = produce_migrations(MigrationContext.configure(tx.connection, opts=options), METADATA)
        database.close()
    assert found.upgrade_ops is not None
    assert found.downgrade_ops is not None
    number = len(list(scripts.walk_revisions())) + 1
    script = scripts.generate_revision(
        f"{number:04}",
        message,
        head=scripts.get_current_head() or "base",
        upgrades=render_python_code(found.upgrade_ops, render_as_batch=True, render_item=plain_types),
        downgrades=render_python_code(found.downgrade_ops, render_as_batch=True, render_item=plain_types),
    )
    assert script is not None
    return Path(script.path)


if __name__ == "__main__":
    print(write(" ".join(sys.argv[1:]) or "change tables"))
