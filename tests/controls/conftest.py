"""A company whose controls can be asked: every slice plugged in, everything declared but approvals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.controls.estate import Controlled


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Controlled]:
    """Give the company, its clock and its doors."""
    made = Controlled(tmp_path)
    yield made
    made.database.close()
