"""Measures the built-in recognisers: recall, false alarms, and microseconds for a kilobyte."""

from __future__ import annotations

import time
from random import Random

import msgspec

from roadworthy.gateway.filter_rules import HOUSE_FILTERS, Rule
from roadworthy.gateway.filters import engine, generating
from roadworthy.gateway.filters.guard import Guard, compiled_of
from roadworthy.gateway.filters.measured import Figure, Measured
from roadworthy.gateway.filters.reading import BUILT_IN, Reader, built_in_reader

EACH = 200
CLEAN = 2000
_RUNS = 300


def measure(*, seed: int, each: int = EACH, clean: int = CLEAN, reader: Reader | None = None) -> Measured:
    """Generate texts from a seed and read them."""
    reader = reader if reader is not None else built_in_reader()
    random = Random(seed)  # noqa: S311  repeatable texts, nobody's secret
    wanted = [1] * len(BUILT_IN)
    numbers = {one.name: number for number, one in enumerate(BUILT_IN)}
    wrong = dict.fromkeys(numbers, 0)
    for _ in range(clean):
        for span in reader.spans(generating.prose(random, random.randint(40, 120)), wanted) or ():
            wrong[BUILT_IN[span.number].name] += 1
    figures = {name: Figure(0, 0, clean, wrong[name]) for name in numbers}
    for name, make in generating.MAKERS.items():
        found = 0
        for _ in range(each):
            spans = reader.spans(generating.around(random, make(random)), wanted) or ()
            # Another recogniser of the same family that takes it is as good: it is masked alike.
            found += any(BUILT_IN[span.number].family == BUILT_IN[numbers[name]].family for span in spans)
        figures[name] = Figure(each, found, clean, wrong[name])
    rules = tuple(Rule(entry.name, entry, "mask", "mask") for entry in HOUSE_FILTERS.values())
    guard = Guard(compiled_of(rules), approved={}, scope="")
    return Measured(
        version="1",
        engine="RE2" if engine.hyperscan is None else "Hyperscan",
        seed=seed,
        texts=clean + each * len(generating.MAKERS),
        us_per_kb_clean=_time(guard, " ".join(["the customer asked about an invoice"] * 29)[:1024]),
        us_per_kb_dirty=_time(guard, _full(random)),
        recognisers=figures,
    )


def _full(random: Random) -> str:
    names = ("e-mail", "card", "iban", "us-ssn", "phone-international", "aws-access-key")
    return " ".join(generating.around(random, generating.MAKERS[name](random)) for name in names)[:2048]


def _time(guard: Guard, text: str) -> float:
    """Return the microseconds of processor time for a kilobyte: the best of some runs."""
    best = float("inf")
    for _ in range(5):
        before = time.process_time_ns()
        for _ in range(_RUNS):
            guard.inspect([text], side="input")
        best = min(best, (time.process_time_ns() - before) / _RUNS)
    return round(best / 1000 / (len(text) / 1024), 1)


def as_json(report: Measured) -> bytes:
    """Return a report as it is kept."""
    return msgspec.json.format(msgspec.json.encode(report), indent=1)
