"""Evidence is added with its seal, read as of a date, and every altered row is found."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from roadworthy.evidence import operations, queries, store
from roadworthy.evidence.fact import Fact
from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.registry import audit
from roadworthy.registry.actor import Actor

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
ADA = Actor("person/ada", "cli")


class Inspected(Fact):
    """Somebody looked at it."""

    type: ClassVar[str] = "inspected"
    result: str
    faults: int = 0


class Repaired(Fact):
    """Somebody repaired it."""

    type: ClassVar[str] = "repaired"
    part: str


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Give an empty database of each engine."""
    url = (
        f"sqlite:///{tmp_path}/t.db"
        if request.param == "sqlite"
        else str(request.getfixturevalue("postgres_url"))
    )
    made = Database(url)
    try:
        with made.write() as tx:
            METADATA.create_all(tx.connection)
        yield made
    finally:
        made.close()


def _seed(database: Database) -> None:
    with database.write() as tx:
        operations.record(tx, Inspected(result="worn", faults=2), subject="car/a", actor=ADA, at=NOW)
        operations.record(tx, Repaired(part="brake"), subject="car/a", actor=ADA, at=NOW + timedelta(days=1))
        operations.record(
            tx, Inspected(result="fine"), subject="car/b", actor=ADA, at=NOW + timedelta(days=2)
        )


def test_facts_come_back_by_type_subject_and_date(database: Database) -> None:
    """A question about an earlier date gets the answer of that date."""
    _seed(database)
    with database.read() as tx:
        assert [one.fact for one in queries.of(tx, Inspected)] == [
            Inspected(result="worn", faults=2),
            Inspected(result="fine"),
        ]
        assert [one.subject for one in queries.of(tx, Inspected, "car/b")] == ["car/b"]
        assert queries.of(tx, Inspected, "car/b", as_of=NOW + timedelta(days=1)) == []
        both = queries.of_types(tx, [Inspected, Repaired], subjects=["car/a"])
        assert [type(one.fact) for one in both] == [Inspected, Repaired]
        assert both[0].actor == "person/ada"
        assert both[0].at == NOW


def test_the_log_holds_the_same_body(database: Database) -> None:
    """The audit entry of a fact commits to what the row says."""
    _seed(database)
    with database.read() as tx:
        first = queries.of(tx, Inspected)[0]
        content = audit.content(tx, first.audit_seq)
        assert content == {"id": first.id, "type": "inspected", "body": {"result": "worn", "faults": 2}}
        assert list(queries.verify(tx)) == []


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ('UPDATE evidence SET body = \'{"faults":0,"result":"fine"}\' WHERE subject = \'car/a\'', "content"),
        ("UPDATE evidence SET actor = 'person/eve' WHERE subject = 'car/b'", "actor"),
        ("UPDATE evidence SET subject = 'car/c' WHERE subject = 'car/b'", "object"),
        ("UPDATE evidence SET at = at + 1 WHERE subject = 'car/b'", "at"),
        ("UPDATE evidence SET type = 'repaired' WHERE subject = 'car/b'", "action"),
        ("DELETE FROM evidence WHERE subject = 'car/b'", "no longer stored"),
        ("UPDATE evidence SET audit_seq = 40 WHERE subject = 'car/b'", "no audit entry 40"),
        ("UPDATE evidence SET body = NULL WHERE subject = 'car/b'", "content"),
    ],
)
def test_an_altered_row_is_found(database: Database, statement: str, named: str) -> None:
    """Whatever is changed behind our back, the comparison with the log names it."""
    _seed(database)
    with database.write() as tx:
        tx.connection.exec_driver_sql(statement)
    with database.read() as tx:
        found = list(queries.verify(tx))
    assert any(named in one.what for one in found), found


def test_erased_evidence_leaves_no_text_and_still_verifies(database: Database) -> None:
    """Erasing takes the words from the row and from the log; the entry stays."""
    _seed(database)
    with database.write() as tx:
        assert operations.erase(tx, subject="car/a", reason="asked to", actor=ADA, at=NOW) == 2
    with database.read() as tx:
        assert [one.subject for one in queries.of(tx, Inspected)] == ["car/b"]
        assert audit.content(tx, 0) is None
        assert list(queries.verify(tx)) == []


def test_every_row_is_visited(database: Database) -> None:
    """Reading in portions loses none at the seams."""
    _seed(database)
    with database.read() as tx:
        assert [len(rows) for rows in store.every(tx, size=2)] == [2, 1]


def test_the_log_says_how_long_it_was(database: Database) -> None:
    """The size of the log at a date is what a past verdict is computed from."""
    _seed(database)
    with database.read() as tx:
        assert audit.size_at(tx, NOW - timedelta(seconds=1)) == 0
        assert audit.size_at(tx, NOW + timedelta(days=1)) == 2
