"""Databases with and without an organization in them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.identity.doors import Doors
from tests.identity.doors import make as make_doors
from tests.identity.organization import NOW, ORGANIZATION, Estate, make


@pytest.fixture
def empty_estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a database in which nothing is declared."""
    made = make(tmp_path)
    yield made
    made.database.close()


@pytest.fixture
def estate(empty_estate: Estate) -> Estate:
    """Give the organization; it was declared an hour ago."""
    empty_estate.declare(ORGANIZATION, now=NOW - timedelta(hours=1))
    return empty_estate


@pytest.fixture
def doors(estate: Estate) -> Doors:
    """Give the doors of identity over the organization."""
    return make_doors(estate)
