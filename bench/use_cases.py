"""`python -m bench.use_cases`: what one use case costs beside ten thousand others, and what the keeper costs.

Estates of 10, 1,000 and 10,000 use cases, each with an approval, an account and a key of its own, and as many
people with a role each. CPU milliseconds of one process, the least of some repetitions, each in a transaction
of its own; what a process keeps between transactions is kept, as it is in a server. Read the ratios first.
`calibration_s` is the CPU time of a fixed loop just before: how slow the machine was.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from bench.scale import estate
from roadworthy.controls import queries as controls
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.governance import gate_queries, queries
from roadworthy.governance.jobs import ApprovalKeeper
from roadworthy.governance.watch import AT_ONCE
from roadworthy.main import SLICES
from roadworthy.registry import operations
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import Assembly, assemble
from roadworthy.registry.manifest import Manifest

SIZES = (10, 1_000, 10_000)
REPETITIONS = 5
NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
SETUP = Actor("system/setup", "system")
OUTCOME: tuple[str, str, dict[str, Any]] = (
    "Outcome",
    "faster-answers",
    {
        "title": "Faster answers",
        "owner": "fay",
        "kind": "speed",
        "metric": "hours",
        "baseline": {"value": 31, "from": "2026-01-05", "to": "2026-06-28"},
        "target": {"delta": -6},
        "horizon": "2027-06-30",
    },
)


class Subject:
    """An installation's database with so many use cases, and what is asked of it."""

    def __init__(self, folder: Path, size: int) -> None:
        self.size = size
        self.database = Database(f"sqlite:///{folder / f'{size}.db'}")
        self.assembly: Assembly = assemble(SLICES)
        controls.plug(self.database, self.assembly)
        estate.fill(
            self.database,
            keys=size,
            cases=size,
            model_port=9,
            key=str,
            key_hash=lambda text: text.rjust(64, "0"),
            more=(OUTCOME, *(one for number in range(size) for one in _somebody(number))),
        )
        self._numbers = count()

    def declare(self, name: str) -> None:
        """Plan and save a change to a use case."""
        said = {**estate.CASE, "title": f"Policy search {next(self._numbers)}"}
        self._save("UseCase", name, "claims", said)

    def rename(self) -> None:
        """Plan and save a change to a person."""
        number = next(self._numbers)
        self._save("Person", "p-1", "organization", {"display_name": f"Person {number}"})

    def _save(self, kind: str, name: str, namespace: str, spec: dict[str, Any]) -> None:
        metadata = {"name": name, "namespace": namespace}
        document = {"apiVersion": "roadworthy/v1", "kind": kind, "metadata": metadata, "spec": spec}
        with self.database.write() as tx:
            planned = operations.plan(
                tx,
                self.assembly,
                manifests=[Manifest(document, "", 0, {})],
                managed_by="file",
                actor=SETUP,
                now=NOW,
            )
            operations.save(tx, self.assembly, planned, actor=SETUP, now=NOW)

    def read(self, ask: Callable[[Tx], object]) -> Callable[[], object]:
        """Return the question as something to do in a transaction of its own."""

        def asked() -> None:
            with self.database.read() as tx:
                ask(tx)

        return asked


def _somebody(number: int) -> tuple[tuple[str, str, dict[str, Any]], ...]:
    role = ("viewer", "contributor", "business-approver", "risk-approver")[number % 4]
    unit = "claims" if number % 10 == 0 else "organization"
    return (
        ("Person", f"p-{number}", {"display_name": f"Person {number}"}),
        ("RoleBinding", f"p-{number}", {"subject": f"person/p-{number}", "role": role, "unit": unit}),
    )


def cpu_ms(work: Callable[[], object], *, before: Callable[[], object] = lambda: None) -> float:
    """Return the least CPU milliseconds of some repetitions, each after something that is not counted."""
    best = float("inf")
    for _ in range(REPETITIONS):
        before()
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best * 1000


def measured(one: Subject) -> dict[str, float]:
    """Measure an estate."""
    name = f"case-{one.size // 2}"

    def controls_of(tx: Tx) -> None:
        needs = controls.needs_of(tx, name, now=NOW)
        controls.states_of(tx, use_case=name, needs=needs, now=NOW)

    standing = one.read(lambda tx: queries.standing(tx, use_case=name, now=NOW))
    past = NOW - timedelta(days=1)
    figures = {
        "first_look_ms": _once(standing),
        "gate_ms": cpu_ms(one.read(lambda tx: gate_queries.before_gate(tx, use_case=name, now=NOW))),
        "gate_as_of_ms": cpu_ms(
            one.read(lambda tx: gate_queries.before_gate(tx, use_case=name, now=NOW, as_of=past))
        ),
        "controls_ms": cpu_ms(one.read(controls_of)),
        "declare_ms": cpu_ms(lambda: one.declare(name)),
        "gate_after_a_change_ms": cpu_ms(standing, before=one.rename),
    }
    now = NOW
    keeper = ApprovalKeeper(one.database, now=lambda: now)
    turns = 1 + one.size // AT_ONCE
    figures["keeper_first_turns"] = turns
    figures["keeper_first_ms"] = sum(_once(keeper.once) for _ in range(turns))
    quiet: list[float] = []
    for _ in range(120):
        now += timedelta(minutes=1)
        quiet.append(_once(keeper.once))
    figures["keeper_quiet_mean_ms"] = sum(quiet) / len(quiet)
    figures["keeper_quiet_worst_ms"] = max(quiet)
    assert keeper.error == "", keeper.error
    figures["all_standings_ms"] = _once(one.read(lambda tx: queries.standings(tx, now=NOW)))
    return figures


def _once(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return (time.process_time() - begun) * 1000


def main() -> None:
    """Measure and print one JSON line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    sizes = parser.parse_args().sizes
    calibration = cpu_ms(lambda: sum(range(2_000_000))) / 1000
    sys.stdout.write(json.dumps({"figure": "calibration_s", "value": round(calibration, 3)}) + "\n")
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            for name, value in measured(Subject(Path(folder), size)).items():
                line = {"use_cases": size, "figure": name, "value": round(value, 2)}
                sys.stdout.write(json.dumps(line) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
