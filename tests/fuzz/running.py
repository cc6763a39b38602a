"""Feeds a target; what crashes it or takes longer than a second is reported with the input itself."""

from __future__ import annotations

import itertools
import time
import traceback
from typing import NamedTuple

from tests.fuzz.mutation import inputs
from tests.fuzz.targets import Target

SLOW_S = 1.0


class Outcome(NamedTuple):
    """How many inputs were read, how long the slowest took, and for each way to go wrong the first input."""

    read: int
    slowest_s: float
    bad: dict[str, bytes]


def feed(target: Target, *, seed: int, count: int) -> Outcome:
    """Feed so many inputs; processor time counts, for others may be at work on the machine."""
    slowest = 0.0
    bad: dict[str, bytes] = {}
    made = inputs(target.seeds, seed=seed, words=target.words)
    for data in itertools.islice(made, count):
        before = time.thread_time()
        try:
            target.read(data)
        except Exception as error:  # noqa: BLE001  whatever it is, it is a finding
            bad.setdefault(_said(error), data)
        took = time.thread_time() - before
        if took > slowest:
            slowest = took
            if took > SLOW_S:
                bad.setdefault("slow", data)
    return Outcome(count, slowest, bad)


def _said(error: Exception) -> str:
    """Name an error by its kind and where it arose, so that one mistake is reported once."""
    places = traceback.extract_tb(error.__traceback__)[1:]
    text = str(error)[:200] if isinstance(error, AssertionError) else ""
    where = " < ".join(f"{one.filename.rpartition('/')[2]}:{one.lineno}" for one in reversed(places))
    return f"{type(error).__name__} {text} at {where}"
