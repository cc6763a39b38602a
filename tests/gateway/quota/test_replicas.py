"""R-05: four processes share a budget. What they spend never exceeds it, and nothing is lost or left held."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from roadworthy.foundation.storage.database import Database
from roadworthy.quota import operations, store
from roadworthy.quota.port import Place
from tests.gateway.quota.replica import store_of

ROOT = Path(__file__).resolve().parents[3]
AMOUNT = 2_000_000
MOST = 4_000
REPLICAS = 4
CALLS = 64


def begun(asked: dict[str, Any]) -> subprocess.Popen[str]:
    """Start a replica."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.gateway.quota.replica"],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(json.dumps(asked) + "\n")
    process.stdin.flush()
    return process


def standing(places: tuple[str, str], counter: str = "budget/b", start: int = 0) -> tuple[int, int]:
    """Return what the store says is spent and leased."""
    database = Database(places[0])
    try:
        if places[1]:
            return store_of(database, places[1]).standing(counter, start)  # type: ignore[attr-defined,no-any-return]
        with database.read() as tx:
            row = store.counter(tx, counter, start)
            assert row is not None
            return row.spent, row.leased
    finally:
        database.close()


def spent_by_records(url: str) -> int:
    """Return what the records say was spent."""
    from sqlalchemy import func, select

    from roadworthy.usage.store import records

    database = Database(url)
    with database.read() as tx:
        total = tx.connection.execute(select(func.coalesce(func.sum(records.c.cost_nano), 0))).scalar_one()
    database.close()
    return int(total)


def test_four_replicas_never_overspend_and_leave_nothing_held(places: tuple[str, str]) -> None:
    """Spent is what records say, within the budget; nothing is held; refusals came only near the end."""
    url, redis_url = places
    asked = {"url": url, "redis": redis_url, "amount": AMOUNT, "most": MOST, "calls": CALLS, "seconds": 40}
    processes = [begun({**asked, "process": f"p{n}", "seed": n}) for n in range(REPLICAS)]
    found = [json.loads(process.communicate(timeout=120)[0]) for process in processes]
    spent, leased = standing(places)
    assert spent == sum(one["spent"] for one in found) == spent_by_records(url)
    assert spent <= AMOUNT, "overshoot"
    assert leased == 0, "a lease was left behind"
    assert all(one["outstanding"] == 0 for one in found)
    assert sum(one["calls"] for one in found) > 500, "too few calls to say anything"
    assert sum(one["denied"] for one in found) > 0
    # Calls were refused only while all the rest was reserved by others; when all had settled, less than what
    # the smallest of the last refused calls might need is left for each of those that gave up.
    assert AMOUNT - spent < MOST * REPLICAS * CALLS * 0.05, "refused while there was plenty"


def test_a_killed_gateway_leaks_nothing(places: tuple[str, str]) -> None:
    """What it held is given back once its records are taken over, and not before."""
    url, redis_url = places
    asked = {
        "url": url, "redis": redis_url, "amount": AMOUNT * 100, "most": MOST, "calls": 8, "seconds": 1,
        "process": "dead", "seed": 1, "hang": True,
    }  # fmt: skip
    with begun(asked) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "SPENDING\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGKILL)
        assert process.wait(10) == -signal.SIGKILL
    database = Database(url)
    survivor = store_of(database, redis_url, dead="dead")
    survivor.settle_up()
    spent, leased = standing(places)
    assert leased > 0, "it held something when it died"
    _make_silent(database, survivor, redis_url)
    place = Place("here", "spool", "survivor")
    assert store_of(database, redis_url).reap(place) == 0, "its records have not been taken over yet"
    assert survivor.reap(place) == leased
    assert standing(places) == (spent, 0)
    assert spent == spent_by_records(url)
    database.close()


def _make_silent(database: Database, survivor: Any, redis_url: str) -> None:
    if redis_url:
        client = survivor._client
        for holder in client.smembers("{roadworthy-quota}:holders"):
            client.hset(f"{{roadworthy-quota}}:holder:{holder}", "seen", 1)
            long_ago = int(time.time()) - operations.SILENT_S - 5
            client.hset(f"{{roadworthy-quota}}:holder:{holder}", "seen", long_ago)
        return
    with database.write() as tx:
        for row in store.every_holder(tx):
            at = int(store.now(tx)) - operations.SILENT_S - 5
            store.see_holder(tx, row.id, at=at, batch=row.batch, answer=row.answer)
