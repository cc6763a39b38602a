"""No sequence of declarations, decisions, exceptions, evidence and clock moves yields a call without a grant.

The product walks beside the small model of `reference.py`, as `walk.py` says. `ROADWORTHY_STEPS=100000` walks
as far as the release asks for; `ROADWORTHY_SEED` walks elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from roadworthy.governance import queries
from tests.governance.company import NOW, Company, use_case
from tests.governance.walk import Walk

STEPS = int(os.environ.get("ROADWORTHY_STEPS", "1000"))
LIFE = 250
"""Steps of one company; then another is founded, so that its history stays short enough to walk on."""


@pytest.mark.timeout(0)
def test_no_call_without_a_grant(make_company: Callable[[], Company], tmp_path: Path) -> None:
    """The gateway allows a call exactly where the model does; past verdicts come out as they were given."""
    seed = int(os.environ.get("ROADWORTHY_SEED", "1"))
    allowed = refused = 0
    for life in range(-(-STEPS // LIFE)):
        walk = Walk(make_company(), seed * 1_000_003 + life, tmp_path)
        for _ in range(min(LIFE, STEPS - life * LIFE)):
            walk.step()
            if walk.calls("small") or walk.calls("big"):
                allowed += 1
            else:
                refused += 1
        for at, verdict in walk.given:
            assert walk.verdict(at) == verdict, f"as of {at}, in life {life} of seed {seed}"
        walk.company.database.close()
    assert allowed > STEPS * 0.05, "a walk that is hardly ever allowed proves little"
    assert refused > STEPS * 0.05


def test_the_queries_read_one_estate(company: Company) -> None:
    """As of now is the same as now: nothing but the moment decides."""
    company.declare(use_case())
    with company.database.read() as tx:
        now = queries.standing(tx, use_case="policy-search", now=NOW)
        past = queries.standing(tx, use_case="policy-search", now=NOW, as_of=NOW)
    assert past.gate == now.gate
