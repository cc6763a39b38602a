"""A company for each test that asks for one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.governance.company import Company


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Company]:
    """Give a company with everything declared but the use case."""
    made = Company(tmp_path)
    yield made
    made.database.close()
