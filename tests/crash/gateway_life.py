"""The part of a gateway that must not forget: a spool, its committer and its shipper, under load.

Writes what was acknowledged (`a ID`) and what was begun (`o ID`) to a file outside, and lives until killed.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from sqlalchemy import text

from roadworthy.foundation import clock
from roadworthy.foundation.storage.database import Database, Tx
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.registry import audit, checkpoint
from roadworthy.usage import operations, record, spool
from roadworthy.usage.commit import Committer
from roadworthy.usage.record import CallRecord
from roadworthy.usage.ship import Shipper
from roadworthy.usage.spool import Spool


def open_database(directory: Path) -> Database:
    """Return the database of a directory, its log sealed."""
    key = directory / "log.key"
    signer = (
        checkpoint.load_key_file(key) if key.exists() else checkpoint.create_key_file(key, name="crash-log")
    )
    seal = audit.Sealer(signer, origin="roadworthy.test/log").seal
    return Database(f"sqlite:///{directory}/store.db", before_commit=seal)


def make(directory: Path) -> None:
    """Make the tables: the store's, and one that stands for money moved from leased to spent."""
    database = open_database(directory)
    with database.write() as tx:
        METADATA.create_all(tx.connection)
        tx.connection.execute(text("CREATE TABLE spent (id TEXT NOT NULL, nano BIGINT)"))
    (directory / "spool").mkdir()
    database.close()


def spend(tx: Tx, records: Sequence[CallRecord]) -> None:
    """Move what each call cost; no key forbids doing it twice, so that a test would see it."""
    rows = [{"id": one.id, "nano": one.cost_nano} for one in records]
    tx.connection.execute(text("INSERT INTO spent VALUES (:id, :nano)"), rows)


def storing(database: Database) -> partial[None]:
    """Return what a shipper stores with."""
    return partial(operations.ingest_into, database, source="crash", hooks=(spend,))


def live(directory: Path, notes: Path, *, seed: int, seconds: float) -> None:
    """Serve calls until killed, or for some seconds."""
    database = open_database(directory)
    out = os.open(notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    one = Spool(directory / "spool", "life", segment_bytes_max=48 << 10, segment_age_s=0.05)
    shipper = Shipper(one.directory, storing(database), own=one.process, every_s=0.02)
    committer = Committer(one)
    rng = random.Random(seed)

    async def serve() -> None:
        committer.bind(asyncio.get_running_loop().call_soon_threadsafe)
        committer.start()
        shipper.start()
        until = time.monotonic() + seconds
        begun: list[CallRecord] = []
        number = 0

        def finish(call: CallRecord) -> None:
            def then(safe: bool) -> None:  # noqa: FBT001
                if safe:
                    os.write(out, f"a {call.id}\n".encode())

            committer.put(spool.frame(record.encode(call)), then)

        while time.monotonic() < until:
            for _ in range(rng.randrange(12)):
                number += 1
                call = CallRecord(
                    id=f"tr_{seed:06d}_{number:06d}",
                    at=int(clock.unix_now() * 1000),
                    decision="allowed",
                    use_case="claims",
                    status=200,
                    cost_nano=number,
                    currency="USD",
                    error="x" * rng.randrange(200),
                    stream=number % 3 == 0,
                )
                if call.stream:
                    committer.mark(spool.frame(record.encode(_mark(call))))
                    os.write(out, f"o {call.id}\n".encode())
                    begun.append(call)
                else:
                    finish(call)
            while begun and rng.random() < 0.7:
                finish(begun.pop(rng.randrange(len(begun))))
            await asyncio.sleep(rng.random() * 0.004)

    asyncio.run(serve())


def _mark(call: CallRecord) -> CallRecord:
    return CallRecord(id=call.id, at=call.at, decision="allowed", use_case="claims", stream=True, open=True)


def nursery(directory: Path, notes: Path) -> None:
    """Fork a life for each line, and reap what was killed."""
    sys.stdout.write("READY\n")
    sys.stdout.flush()
    for seed, _ in enumerate(sys.stdin):
        pid = os.fork()
        if pid == 0:
            try:
                live(directory, notes, seed=seed, seconds=60)
            except BaseException:  # a life that ends by itself must say why
                traceback.print_exc()
                raise
            finally:
                os._exit(1)
        sys.stdout.write(f"PID {pid}\n")
        sys.stdout.flush()
        os.waitpid(pid, 0)


if __name__ == "__main__":
    if sys.argv[3:]:
        live(Path(sys.argv[1]), Path(sys.argv[2]), seed=int(sys.argv[3]), seconds=float(sys.argv[4]))
        os._exit(0)
    nursery(Path(sys.argv[1]), Path(sys.argv[2]))
