"""The credentials' table means the same on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from roadworthy.identity import operations, queries, store
from roadworthy.identity.verification import verify_credentials
from tests.identity.organization import NOW, ORGANIZATION, PEPPER, SETUP, Estate, make


@pytest.fixture(params=["sqlite", "postgresql"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Estate]:
    """Give the organization on each engine in turn."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    made = make(tmp_path, url)
    made.declare(ORGANIZATION, now=NOW - timedelta(hours=1))
    yield made
    made.database.close()


def test_a_credential_is_read_as_it_was_written(anywhere: Estate) -> None:
    """By hash, by id and in a list; times to the microsecond."""
    at = NOW + timedelta(microseconds=123_457)
    issued = anywhere.key(name="nightly", now=at)
    with anywhere.database.read() as tx:
        by_secret = queries.find_by_secret(tx, text=issued.secret, type_="key", pepper=PEPPER)
        assert by_secret == issued.credential
        assert queries.find_by_id(tx, id_=issued.credential.id, type_="key") == by_secret
        assert queries.keys_of(tx, account="bot") == (by_secret,)
        assert queries.find_by_secret(tx, text=issued.secret, type_="token", pepper=PEPPER) is None
    assert issued.credential.issued_at == at


def test_a_credential_ends_once(anywhere: Estate) -> None:
    """The first end stays; the second says that it came late."""
    id_ = anywhere.key().credential.id
    with anywhere.database.write() as tx:
        assert store.end(tx, id_, at=NOW, by="person/a", how="revoked")
        assert not store.end(tx, id_, at=NOW, by="person/b", how="used")
        row = store.by_id(tx, id_, "key")
    assert row is not None
    assert (row.ended_by, row.ended_how) == ("person/a", "revoked")


def test_the_whole_life_of_credentials_verifies(anywhere: Estate) -> None:
    """Issued, rotated, used, revoked, signed out: the rows are what the log sealed."""
    anywhere.key()
    anywhere.token("bo")
    session = anywhere.session()
    with anywhere.database.write() as tx:
        operations.rotate_key(
            tx,
            account="bot",
            use_case="triage-letters",
            overlap=timedelta(hours=1),
            actor=SETUP,
            pepper=PEPPER,
            now=NOW,
        )
        found = queries.find_by_secret(tx, text=session, type_="session", pepper=PEPPER)
        assert found is not None
        store.touch(tx, found.id, NOW + timedelta(hours=1))
    with anywhere.database.read() as tx:
        assert list(verify_credentials(tx)) == []
        assert len(store.listing(tx)) == 6
