"""The whole control plane over an empty database, on each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from roadworthy import main
from roadworthy.settings import Settings
from tests.api.conftest import Control, administrator


def _control(folder: Path, database: str = "") -> Control:
    installation = main.open_installation(Settings(data_dir=folder / "data", database_url=database))
    return Control(installation, main.build_control(installation), administrator(installation))


@pytest.fixture(params=["sqlite", "postgresql"])
def control(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Control]:
    """Give a control plane on each engine."""
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    made = _control(tmp_path, url)
    yield made
    made.installation.database.close()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Control]:
    """Give a control plane on SQLite, for what does not depend on the engine."""
    made = _control(tmp_path)
    yield made
    made.installation.database.close()
