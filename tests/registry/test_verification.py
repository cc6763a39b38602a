"""One altered byte in the database is found, and its place is named."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

import pytest
from sqlalchemy import text

from roadworthy.registry import audit, operations, verification
from roadworthy.testing.estate import ADA, NOW, declare
from tests.registry.conftest import SHELF, Estate
from tests.registry.test_operations import BOOK_TEXT, BOTH, SHELF_TEXT

SEALED = {
    "audit_entries": ("seq", ["at", "actor", "action", "object", "enforcement", "leaf"]),
    "audit_payloads": ("seq", ["salt", "body"]),
    "audit_nodes": ("level || '/' || place", ["hash"]),
    "audit_checkpoints": ("size", ["note"]),
    "audit_head": ("id", ["size", "revision"]),
    "resources": ("name", ["namespace", "generation", "digest", "managed_by", "source", "document"]),
    "resource_versions": ("name", ["action", "document", "digest", "managed_by", "source", "at", "actor"]),
}


def fill(estate: Estate) -> None:
    """Make a history with every kind of change."""
    declare(estate.database, estate.assembly, BOTH)
    for pages in range(601, 607):
        declare(estate.database, estate.assembly, BOOK_TEXT.replace("600", str(pages)))
    declare(estate.database, estate.assembly, SHELF_TEXT.replace("top", "spare"))
    with estate.database.write() as tx:
        plan = operations.plan(
            tx, estate.assembly, removals=[(SHELF, "spare")], managed_by="file", actor=ADA, now=NOW
        )
        operations.save(tx, estate.assembly, plan, actor=ADA, now=NOW)
        operations.erase(tx, kind=SHELF, name="spare", reason="asked to", actor=ADA, now=NOW)


def verdict_of(estate: Estate, **options: Any) -> verification.Verdict:
    """Verify the estate's log."""
    with estate.database.read() as tx:
        return verification.verify(tx, keys=(estate.key.verification_key,), **options)


def test_an_untouched_log_verifies(estate: Estate) -> None:
    """Deletion and erasure leave nothing to find."""
    fill(estate)
    verdict = verdict_of(estate)
    assert verdict.findings == ()
    assert verdict.size == 11


def flipped(value: Any, rng: random.Random) -> Any:
    """Change one byte, digit or bit of a stored value."""
    if isinstance(value, int):
        return value + 1
    raw = bytearray(value if isinstance(value, bytes) else value.encode())
    raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(6)
    return bytes(raw) if isinstance(value, bytes) else raw.decode(errors="replace")


def test_every_altered_byte_is_found_and_located(sqlite_estate: Estate) -> None:
    """Every row and column of every sealed table, one at a time, one flipped bit each."""
    fill(sqlite_estate)
    rng = random.Random(7)
    with sqlite3.connect(sqlite_estate.path, isolation_level=None) as raw:
        raw.execute("PRAGMA busy_timeout=5000")
        tried = 0
        for table, (key, columns) in SEALED.items():
            rows = raw.execute(f"SELECT rowid, {key}, {', '.join(columns)} FROM {table}").fetchall()
            for rowid, _, *stored in rows:
                for column, value in zip(columns, stored, strict=True):
                    if value is None or value == "":
                        continue
                    changed = flipped(value, rng)
                    if isinstance(value, str) and changed == value:
                        continue
                    raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (changed, rowid))
                    found = verdict_or_refusal(sqlite_estate)
                    assert any(table in place for place in found), (table, column, value, changed, found)
                    raw.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, rowid))
                    tried += 1
        assert tried > 150
    assert verdict_of(sqlite_estate).ok


def verdict_or_refusal(estate: Estate) -> list[str]:
    """Name the places found."""
    return [one.where for one in verdict_of(estate).findings]


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("DELETE FROM audit_entries WHERE seq = 10", "audit_entries"),
        ("DELETE FROM audit_entries WHERE seq = 3", "audit_entries seq 3"),
        ("DELETE FROM audit_payloads WHERE seq = 3", "audit_payloads seq 3"),
        ("DELETE FROM audit_nodes WHERE level = 1 AND place = 1", "audit_nodes level 1 place 1"),
        ("DELETE FROM resource_versions WHERE generation = 2 AND name = 'moby'", "resource_versions"),
        ("DELETE FROM resources WHERE name = 'moby'", "resources Book/moby"),
        (
            "UPDATE audit_payloads SET body = NULL, salt = NULL, erased_by = 10 WHERE seq = 2",
            "audit_payloads seq 2",
        ),
    ],
)
def test_what_was_removed_is_found(estate: Estate, statement: str, place: str) -> None:
    """A missing row is as visible as a changed one."""
    fill(estate)
    with estate.database.engine.begin() as connection:
        connection.execute(text(statement.replace("resources Book", "resources Book")))
    found = [one.where for one in verdict_of(estate).findings]
    expected = place.replace("resources Book/moby", "resources Book/moby")
    assert any(expected in where for where in found), found


def test_a_log_rewritten_whole_is_found_with_a_checkpoint_kept_outside(sqlite_estate: Estate) -> None:
    """Whoever holds the key and the database can rewrite both; a kept checkpoint contradicts them."""
    declare(sqlite_estate.database, sqlite_estate.assembly, SHELF_TEXT)
    with sqlite_estate.database.read() as tx:
        newest = audit.newest_checkpoint(tx)
    assert newest is not None
    with sqlite3.connect(sqlite_estate.path) as raw:
        for table in SEALED:
            raw.execute(f"DELETE FROM {table}")
    declare(sqlite_estate.database, sqlite_estate.assembly, SHELF_TEXT.replace("Top", "Other"))

    assert verdict_of(sqlite_estate).ok, "by itself the new log is consistent"
    verdict = verdict_of(sqlite_estate, held=newest["note"])
    assert [one.where for one in verdict.findings] == ["the checkpoint you hold"]
