"""How long a change takes to reach a gateway that knows 100,000 keys, and what a decision then costs."""

from __future__ import annotations

import argparse
import json
import random
import resource
import tempfile
import threading
import time
from pathlib import Path

from bench.scale import estate
from roadworthy.foundation import clock
from roadworthy.foundation.storage.database import Database
from roadworthy.gateway import access, revision
from roadworthy.gateway.access import Admitted
from roadworthy.gateway.refresh import Refresher, SnapshotHolder
from roadworthy.gateway.revision import RevisionCounter
from roadworthy.gateway.source import DatabaseSource
from roadworthy.identity import operations as identity
from roadworthy.registry import audit, checkpoint
from roadworthy.registry.actor import Actor

PEPPER = b"pepper-of-the-bench-which-is-no-secret"
ADA = Actor("person/ada", "cli")


def key(number: int) -> str:
    """Return a key of the bench."""
    return f"rwk_{number:08d}_" + "k" * 43


def hashed(text: str) -> str:
    """Return what a key is looked up by."""
    return access.hash_key(PEPPER, text)


def decision_us(holder: SnapshotHolder, keys: int, *, rounds: int = 40_000) -> float:
    """Return the CPU-microseconds of identifying and deciding one call, over keys at random."""
    index = holder.index
    assert index is not None
    chosen = [hashed(key(number)) for number in random.Random(1).choices(range(keys), k=2000)]
    now = clock.unix_now()
    best = float("inf")
    for _ in range(5):
        before = time.thread_time()
        for at in range(rounds // 5):
            verdict = access.decide(index, key_hash=chosen[at % 2000], model="chat", now=now)
        best = min(best, (time.thread_time() - before) / (rounds // 5))
        assert isinstance(verdict, Admitted)
    return best * 1e6


def run(directory: Path, *, keys: int, cases: int, changes: int, url: str) -> dict[str, float]:
    """Fill a database, start what a gateway starts, change keys, and time each until it is in force."""
    signing = checkpoint.create_key_file(directory / "signing.key", name="bench")
    counter = directory / "revision"
    database = Database(
        url or f"sqlite:///{directory / 'bench.db'}",
        before_commit=audit.Sealer(signing, origin="bench").seal,
        after_commit=lambda number: revision.bump(counter, number),
    )
    started = time.monotonic()
    estate.fill(database, keys=keys, cases=cases, model_port=9, key_hash=hashed, key=key)
    figures = {"keys": keys, "use_cases": cases, "fill_s": time.monotonic() - started}

    def holder() -> SnapshotHolder:
        return SnapshotHolder(
            load=DatabaseSource(database, recompile_every_s=3600),
            counter=RevisionCounter(counter),
            secret=b"secret",
            last_good=directory / "last-good",
        )

    first = holder()
    started = time.monotonic()
    first.start()
    figures["first_start_s"] = time.monotonic() - started
    first.close()
    held = holder()
    started = time.monotonic()
    held.start()
    figures["later_start_s"] = time.monotonic() - started
    assert held.index is not None, held.error
    assert len(held.index.keys) == keys
    figures["decision_us"] = decision_us(held, keys)
    refresher = Refresher(held, on_refreshed=lambda: None)
    refresher.start()
    source = held.source
    while isinstance(source, DatabaseSource) and source.busy():
        time.sleep(0.2)
    _idle(figures)
    took = _changes(database, held, keys, changes)
    refresher.stop()
    took.sort()
    figures |= {
        "change_p50_s": took[len(took) // 2],
        "change_p99_s": took[int(len(took) * 0.99)],
        "change_max_s": took[-1],
        "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    return {name: round(value, 4) for name, value in figures.items()}


def _idle(figures: dict[str, float]) -> None:
    time.sleep(1)
    before = time.process_time()
    time.sleep(10)
    figures["idle_cpu_share"] = (time.process_time() - before) / 10


def _changes(database: Database, held: SnapshotHolder, keys: int, changes: int) -> list[float]:
    """Revoke keys at random; a change counts as arrived when a decision on the snapshot refuses the key."""
    took = []
    for number in random.Random(2).sample(range(keys), min(changes, keys)):
        hash_ = hashed(key(number))
        with database.write() as tx:
            identity.revoke_key(tx, key_id=f"{number:08d}", actor=ADA, now=clock.now())
        answered = time.monotonic()
        while True:
            index = held.index
            assert index is not None
            if index.keys[hash_].revoked_at is not None:
                break
            threading.Event().wait(0.002)
        took.append(time.monotonic() - answered)
    return took


def main() -> None:
    """Measure and print one line of JSON for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keys", type=int, nargs="+", default=[10, 100_000])
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--url", default="", help="a PostgreSQL database that is empty; else SQLite")
    options = parser.parse_args()
    for keys in options.keys:
        with tempfile.TemporaryDirectory(prefix="roadworthy-scale-") as directory:
            figures = run(Path(directory), keys=keys, cases=keys, changes=options.changes, url=options.url)
            print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
