"""Two real lists are taken in whole, where somebody has them: they are not ours to ship."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from roadworthy.inventory.taking_in import TakenIn
from tests.inventory.lists import taken
from tests.inventory.test_mapping import EXAMPLES

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = Path(os.environ.get("ROADWORTHY_TEST_INVENTORY", ROOT / "data" / "inventory"))
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(),
    reason="the published lists are not here: ROADWORTHY_TEST_INVENTORY names their folder",
)


def _taken(year: int) -> tuple[TakenIn, float]:
    content = (FOLDER / f"us_federal_{year}.csv").read_bytes()
    mapping = (EXAMPLES / f"us-federal-{year}.yaml").read_text(encoding="utf-8")
    start = time.process_time()
    found = taken(content, mapping)
    return found, time.process_time() - start


@pytest.mark.parametrize(("year", "rows"), [(2024, 2133), (2023, 710)])
def test_a_published_list_is_taken_in_whole(year: int, rows: int) -> None:
    """Every row is an entry with a tier and what is missing, and the report is there in seconds."""
    found, seconds = _taken(year)
    assert found.counts["rows"] == rows == len(found.assessed)
    assert found.counts["blank"] == found.counts["attention"] == 0
    assert found.report.without_owner == rows
    assert all(one.judged.reasons and one.gaps for one in found.assessed.values())
    assert found.report.steps
    assert seconds < 30


def test_few_of_the_risky_ones_claim_an_assessment() -> None:
    """What the list of 2024 itself says: 269 run that touch rights or safety, and 34 claim an assessment."""
    found, _seconds = _taken(2024)
    line = next(one for one in found.report.checks if one.name == "impact-assessment")
    assert (line.asked, line.present) == (269, 34)
    assert found.report.declared_above == 351
