"""`python -m bench.rules`: what it costs to decide use cases against all packs, and that it stays flat.

CPU seconds of one process, best of five. Read the ratios first: the cost for each of 10,000 use cases beside
that for each of 100 says whether it is flat, and the ratio to reading conditions one by one what compiling is
worth. `calibration_s` is the CPU time of a fixed loop just before: how slow the machine was.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Callable
from datetime import date
from typing import Any

from roadworthy.rules.conditions import FactDefinition, evaluate
from roadworthy.rules.decide import decide
from roadworthy.rules.packs import shipped

DAY = date(2026, 11, 23)
SEED = 20_261_123
SIZES = (100, 1_000, 10_000)
REPETITIONS = 5


def answer(fact: FactDefinition, source: random.Random) -> Any:
    """Return some answer to a fact's question, mostly the harmless one, as intakes are."""
    if source.random() < 0.7:
        return fact.neg
    if fact.kind == "bool":
        return source.random() < 0.5
    if fact.kind == "ord":
        return source.choice(fact.values)
    if fact.kind == "set":
        return source.sample(fact.values, k=min(len(fact.values), source.randint(1, 3)))
    return source.choice([0, 20, 500, 2_000_000])


def estate(count: int) -> list[dict[str, Any]]:
    """Return the facts of use cases; a tenth of the questions stay open."""
    source = random.Random(SEED)
    facts = shipped().vocabulary.facts
    return [
        {name: answer(one, source) for name, one in facts.items() if source.random() < 0.9}
        for _ in range(count)
    ]


def cpu(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of some repetitions."""
    best = float("inf")
    for _ in range(REPETITIONS):
        before = time.process_time()
        work()
        best = min(best, time.process_time() - before)
    return best


def main() -> None:
    """Measure and print one JSON line for each figure."""
    book = shipped()
    cases = estate(SIZES[-1])
    calibration = cpu(lambda: sum(range(2_000_000)))

    def decided(count: int) -> None:
        for facts in cases[:count]:
            decide(facts, rulebook=book, as_of=DAY)

    def explained(count: int) -> None:
        for facts in cases[:count]:
            found = decide(facts, rulebook=book, as_of=DAY)
            _ = found.missing, found.obligations, found.silenced_by

    def read_one_by_one(count: int) -> None:
        for facts in cases[:count]:
            for rule in book.rules:
                evaluate(rule.when, facts, book.vocabulary)

    each = {count: cpu(lambda count=count: decided(count)) / count for count in SIZES}  # type: ignore[misc]
    figures = {
        "rules": len(book.rules),
        "calibration_s": calibration,
        **{f"decide_us_each_of_{count}": each[count] * 1e6 for count in SIZES},
        "decide_10000_s": each[10_000] * 10_000,
        "flat_ratio_10000_to_100": each[10_000] / each[100],
        "explain_us_each": cpu(lambda: explained(200)) / 200 * 1e6,
        "compiled_to_read_ratio": each[1_000] / (cpu(lambda: read_one_by_one(200)) / 200),
    }
    for name, value in figures.items():
        sys.stdout.write(json.dumps({"figure": name, "value": round(value, 6)}) + "\n")


if __name__ == "__main__":
    main()
