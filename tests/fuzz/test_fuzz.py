"""A short run over everything that reads bytes from outside; the long one is `python -m tests.fuzz COUNT`."""

from __future__ import annotations

import json

import pytest

from tests.fuzz.running import feed
from tests.fuzz.targets import CALLS, TARGETS, Target

COUNT = 100


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_nothing_crashes_and_nothing_is_slow(target: Target) -> None:
    """No input makes a reader raise what its callers do not expect, or think for a second."""
    outcome = feed(target, seed=20261123, count=COUNT * target.share)
    assert not outcome.bad
    assert outcome.read == COUNT * target.share


def test_a_reader_that_breaks_is_found() -> None:
    """The run would see it: a crash by its kind and place, and good inputs first."""

    def breaks(data: bytes) -> None:
        if data.count(b"{") > 3:
            raise KeyError(data)

    seeds = [json.dumps(one).encode() for one in CALLS.values()]
    outcome = feed(Target("breaks", seeds, (), breaks), seed=1, count=50)
    assert len(outcome.bad) == 1
    (why,) = outcome.bad
    assert why.startswith("KeyError")
