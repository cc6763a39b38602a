"""Simulated power cuts under load: whatever was acknowledged is there, once, and the log verifies.

The workload runs under a recorder that notes every write and sync of the spool and of SQLite, in order; the
cuts are made in that log, at random points. `ROADWORTHY_POWER_CUTS=400` makes as many as a release needs.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from roadworthy.usage import queries
from roadworthy.usage.ship import Carrier
from tests.crash import gateway_life
from tests.power.disk import Disk, Operation, read_log, write_down

CUTS = int(os.environ.get("ROADWORTHY_POWER_CUTS", "60"))
SECONDS = 2.0
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def recorder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build what records; it takes a C compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler to build the recorder with")
    made = tmp_path_factory.mktemp("recorder") / "recorder.so"
    flags = ["-shared", "-fPIC", "-O2", "-o", str(made)]
    subprocess.run([compiler, *flags, str(HERE / "recorder.c"), "-ldl", "-lpthread"], check=True)
    return made


def recorded(recorder: Path, tmp_path: Path, seed: int) -> tuple[Path, dict[str, bytes], list[Operation]]:
    """Run the workload; return its directory, what was in it before, and what was done to it."""
    directory, log = tmp_path / f"data{seed}", tmp_path / f"log{seed}"
    directory.mkdir()
    gateway_life.make(directory)
    before = {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    program = [sys.executable, "-m", "tests.crash.gateway_life", str(directory), str(directory / "notes")]
    subprocess.run(
        [*program, str(seed), str(SECONDS)],
        check=True,
        cwd=HERE.parents[1],
        env={
            **os.environ,
            "LD_PRELOAD": str(recorder),
            "RECORDED_DIR": str(directory),
            "RECORDED_LOG": str(log),
        },
    )
    return directory, before, list(read_log(log.read_bytes()))


def check(left: Path, acknowledged: set[str]) -> int:
    """Start again on what the cut left; return how many records there are."""
    (left / "spool").mkdir(exist_ok=True)
    database = gateway_life.open_database(left)
    try:
        with database.read() as tx:
            assert tx.connection.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        Carrier(left / "spool", gateway_life.storing(database)).round()
        with database.read() as tx:
            held = set(tx.connection.execute(text("SELECT id FROM call_records")).scalars())
            spent = Counter(tx.connection.execute(text("SELECT id FROM spent")).scalars())
            calls = tx.connection.execute(text("SELECT coalesce(sum(calls), 0) FROM call_hours")).scalar()
            findings = list(queries.verify(tx))
    finally:
        database.close()
    assert acknowledged - held == set(), "acknowledged and lost"
    assert spent == Counter(held), "money moved not once for each call"
    assert calls == len(held)
    assert findings == []
    return len(held)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_no_acknowledged_call_is_lost_in_a_power_cut(recorder: Path, tmp_path: Path) -> None:
    """Spool and store lose power together; writes not synced are dropped, torn or kept, one by one."""
    rng = random.Random(20261123)
    per_run = 40
    acknowledged_in_all = 0
    for run in range(-(-CUTS // per_run)):
        directory, before, operations = recorded(recorder, tmp_path, run)
        places = sorted(rng.sample(range(len(operations)), min(per_run, CUTS - run * per_run)))
        disk, acknowledged, at = Disk(before), set[str](), 0
        for place in places:
            for operation in operations[at:place]:
                if operation.path.endswith("/notes"):
                    if operation.kind == "w" and operation.data.startswith(b"a "):
                        acknowledged.add(operation.data[2:].decode().strip())
                else:
                    disk.follow(operation)
            at = place
            left = tmp_path / "left"
            left.mkdir()
            write_down(disk.cut(rng), source=directory, target=left)
            check(left, acknowledged)
            acknowledged_in_all += len(acknowledged)
            shutil.rmtree(left)
        shutil.rmtree(directory)
    sys.stdout.write(f"\n{CUTS} power cuts, {acknowledged_in_all} acknowledged calls looked for, none lost\n")
    assert acknowledged_in_all > CUTS * 100, "the test saw too little to prove anything"


def test_the_model_would_see_a_record_that_was_not_synced(recorder: Path, tmp_path: Path) -> None:
    """With the syncs of the spool taken out of the log, acknowledged calls are lost: the test can fail."""
    directory, before, operations = recorded(recorder, tmp_path, 7)
    rng, disk, acknowledged = random.Random(1), Disk(before), set[str]()
    for operation in operations[: len(operations) * 2 // 3]:
        if operation.path.endswith("/notes"):
            if operation.kind == "w" and operation.data.startswith(b"a "):
                acknowledged.add(operation.data[2:].decode().strip())
        elif operation.kind not in "sf" or not operation.path.endswith(".seg"):
            disk.follow(operation)
    left = tmp_path / "left"
    left.mkdir()
    write_down(disk.cut(rng), source=directory, target=left)
    with pytest.raises(AssertionError, match="acknowledged and lost"):
        check(left, acknowledged)
