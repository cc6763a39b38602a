"""A registry with two kinds, on either engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from roadworthy.foundation.storage.database import Database
from roadworthy.registry import checkpoint
from roadworthy.registry.assembly import Assembly, assemble
from roadworthy.registry.kinds import Kind
from roadworthy.registry.slice import Slice
from roadworthy.testing.estate import BookSpec, ShelfSpec, sealed_database

SHELF = Kind("Shelf", ShelfSpec, "a shelf", order=1)
BOOK = Kind("Book", BookSpec, "a book", order=2)
UNIT = Kind("Unit", ShelfSpec, "a unit", order=0)


@dataclass(frozen=True)
class Estate:
    """What a registry test works on."""

    database: Database
    assembly: Assembly
    key: checkpoint.SigningKey
    path: Path


@pytest.fixture
def assembly() -> Assembly:
    """Give the three kinds of the tests."""
    return assemble((Slice("test", kinds=(UNIT, SHELF, BOOK)),))


@pytest.fixture(params=["sqlite", "postgresql"])
def estate(request: pytest.FixtureRequest, tmp_path: Path, assembly: Assembly) -> Iterator[Estate]:
    """Give an empty registry on each engine."""
    path = tmp_path / "registry.db"
    url = f"sqlite:///{path}" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database, key = sealed_database(url, tmp_path)
    yield Estate(database, assembly, key, path)
    database.close()


@pytest.fixture
def sqlite_estate(tmp_path: Path, assembly: Assembly) -> Iterator[Estate]:
    """Give an empty registry on SQLite alone, for what looks into the file."""
    path = tmp_path / "registry.db"
    database, key = sealed_database(f"sqlite:///{path}", tmp_path)
    yield Estate(database, assembly, key, path)
    database.close()
