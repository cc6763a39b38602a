"""A company for each test that asks for one: founded once, then copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.governance.company import Company
from tests.governance.doors import opened


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the file of a company in which nothing has happened yet."""
    file = tmp_path_factory.mktemp("company") / "company.db"
    Company.founded(file).database.close()  # the last connection folds the write-ahead log into the file
    return file


@pytest.fixture
def company(founded: Path, tmp_path: Path) -> Iterator[Company]:
    """Give a company with everything declared but the use case."""
    made = Company(Path(shutil.copy(founded, tmp_path)))
    yield made
    made.database.close()


@pytest.fixture
def client(company: Company) -> Iterator[TestClient]:
    """Give a browser that says in a header who it is."""
    with opened(company) as made:
        yield made


@pytest.fixture
def make_company(founded: Path, tmp_path: Path) -> Callable[[], Company]:
    """Give companies, each with a file of its own."""
    numbers = count()

    def made() -> Company:
        folder = tmp_path / f"company-{next(numbers)}"
        folder.mkdir()
        return Company(Path(shutil.copy(founded, folder)))

    return made
