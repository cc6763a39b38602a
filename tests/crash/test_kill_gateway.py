"""`kill -9` at random moments under load: no acknowledged call is lost, none is stored or paid for twice.

`ROADWORTHY_KILLS=1000` kills as often as a release is held to.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import text

from roadworthy.foundation.storage.database import Database
from roadworthy.usage import queries
from roadworthy.usage.ship import Carrier
from tests.crash import gateway_life

KILLS = int(os.environ.get("ROADWORTHY_KILLS", "200"))


def check(database: Database, directory: Path, notes: bytes) -> tuple[int, int]:
    """Ship what the last life left, and compare with the notes; return how many acknowledged and cut off."""
    carrier = Carrier(directory / "spool", gateway_life.storing(database))
    carrier.round()
    lines = [line.split() for line in notes.decode().splitlines()]
    acknowledged = Counter(line[1] for line in lines if line[0] == "a")
    begun = {line[1] for line in lines if line[0] == "o"}
    with database.read() as tx:
        rows = tx.connection.execute(text("SELECT id, error, cost_nano FROM call_records")).all()
        spent = Counter(tx.connection.execute(text("SELECT id FROM spent")).scalars())
        hours = tx.connection.execute(text("SELECT sum(calls), sum(cost_nano) FROM call_hours")).one()
        findings = list(queries.verify(tx))
    held = {row.id: row for row in rows}
    assert set(acknowledged) - set(held) == set(), "acknowledged and lost"
    assert max(acknowledged.values(), default=1) == 1
    assert begun - set(held) == set(), "a stream had begun and left no record"
    interrupted = {row.id for row in rows if row.error == "interrupted"}
    assert not interrupted & set(acknowledged), "a call that ended is said to have been cut off"
    assert spent == Counter(held.keys()), "money moved not once for each call"
    assert hours[0] == len(held)
    assert hours[1] == sum(row.cost_nano or 0 for row in rows)
    assert findings == []
    assert list((directory / "spool").glob("*.seg")) == []
    return len(acknowledged), len(interrupted)


@pytest.mark.slow
@pytest.mark.timeout(300 + 3 * KILLS)
def test_no_acknowledged_call_is_lost_or_doubled_over_many_kills(tmp_path: Path) -> None:
    """Spool, shipping and store together; streams that were cut off are recorded as such."""
    directory, notes = tmp_path / "data", tmp_path / "notes"
    directory.mkdir()
    gateway_life.make(directory)
    rng = random.Random(20261123)
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.gateway_life", str(directory), str(notes)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        assert process.stdout.readline() == "READY\n"
        for _ in range(KILLS):
            process.stdin.write("\n")
            process.stdin.flush()
            pid = int(process.stdout.readline().split()[1])
            time.sleep(rng.uniform(0.02, 0.3))
            os.kill(pid, signal.SIGKILL)
        process.stdin.close()
    database = gateway_life.open_database(directory)
    acknowledged, interrupted = check(database, directory, notes.read_bytes())
    database.close()
    sys.stdout.write(f"\n{KILLS} kills, {acknowledged} acknowledged, none lost; {interrupted} cut off\n")
    assert acknowledged > KILLS * 10, "the test saw too little to prove anything"
    assert interrupted > KILLS / 10
