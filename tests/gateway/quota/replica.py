"""A gateway's quotas as a process of its own: calls at random, records ingested; what came of it as JSON."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
import sys
import threading
import time
from collections import deque
from typing import Any

from roadworthy.foundation import clock
from roadworthy.foundation.errors import RoadworthyError
from roadworthy.foundation.storage.database import Database
from roadworthy.foundation.storage.tables import METADATA
from roadworthy.gateway.access import Refused
from roadworthy.gateway.quota.counter import MONEY, REQUESTS, Reservation, Use
from roadworthy.gateway.quota.quotas import Quotas
from roadworthy.gateway.quota.scopes import Scopes
from roadworthy.quota import operations
from roadworthy.quota.database_store import DatabaseStore
from roadworthy.quota.port import Place, Store
from roadworthy.quota.redis_store import RedisStore, connect
from roadworthy.usage import operations as usage
from roadworthy.usage.record import CallRecord


def prepare(url: str) -> None:
    """Make all tables."""
    database = Database(url)
    METADATA.create_all(database.engine)
    database.close()


def budget(amount: int, *, name: str = "b", period: str = "total", share: int = 2_500) -> Use:
    """Return a budget of which a token costs one."""
    return Use(
        id=f"budget/{name}", kind=MONEY, period=period, limit=amount, lease_millionths=share,  # type: ignore[arg-type]
        declaration=f"budget/{name}", of="the test", owner="person/ada", currency="EUR",
        price_in=1, price_out=1,
    )  # fmt: skip


def requests(limit: int, *, period: str = "minute") -> Use:
    """Return a limit on requests."""
    return Use(
        id="limit/r#requests", kind=REQUESTS, period=period, limit=limit, lease_millionths=25_000,  # type: ignore[arg-type]
        declaration="limit/r", of="the test",
    )  # fmt: skip


def scopes(*uses: Use, concurrency: int = 1_000) -> Scopes:
    """Return what calls count against."""
    return Scopes(
        tuple(sorted(uses, key=lambda use: use.id)),
        key_id="k", concurrency=concurrency, output_cap=100, size_cap=None, refused=None,
    )  # fmt: skip


def store_of(database: Database, redis_url: str, *, dead: str = "") -> Store:
    """Return the store: the server that speaks Redis' protocol, or the database."""

    def alive(process: str) -> bool:
        return process != dead

    if redis_url:
        return RedisStore(connect(redis_url), database=database, alive=alive)
    return DatabaseStore(database, alive=alive)


class Gateway:
    """Quotas with a shipper of records."""

    def __init__(
        self, url: str, redis_url: str, *, process: str, skew_s: float = 0.0, dead: str = ""
    ) -> None:
        self.database = Database(url)
        self.redis = bool(redis_url)
        self.quotas = Quotas(
            store_of(self.database, redis_url, dead=dead),
            place=Place("here", "spool", process),
            unix_now=lambda: time.time() + skew_s,
        )
        self.waiting: deque[CallRecord] = deque()  # the loop adds while a thread takes away
        self.shipping = threading.Lock()
        self.spent = 0
        self.calls = 0
        self.denied = 0
        self.unsure = 0

    def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.quotas.start(post=loop.call_soon_threadsafe, later=loop.call_later)

    async def reserve(self, scopes: Scopes, size: int, output: int) -> Reservation | Refused:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        got = self.quotas.reserve(scopes, size=size, output_tokens=output, count=1, then=future.set_result)
        return got if got is not None else await future

    def settle(self, held: Reservation, used: int) -> None:
        """Settle, and have a record wait for its ingestion."""
        leases = self.quotas.settle(held, input_tokens=used, output_tokens=0, cost_nano=used, model="m")
        self.spent += used
        self.calls += 1
        self.waiting.append(
            CallRecord(
                id=f"tr_{secrets.token_hex(8)}",
                at=int(time.time() * 1000),
                decision="allowed",
                status=200,
                cost_nano=used,
                currency="EUR",
                leases=leases,
            )
        )

    def ship(self) -> None:
        """Ingest what waits, some of it twice: a shipper may die after storing and before forgetting."""
        with self.shipping:
            self._ship()

    def _ship(self) -> None:
        batch = [self.waiting.popleft() for _ in range(len(self.waiting))]
        if not batch:
            return
        hook = operations.note_records if self.redis else operations.count_records
        try:
            for _ in range(1 + (len(batch) % 3 == 0)):
                with self.database.write() as tx:
                    usage.ingest(tx, batch, source="test", now=clock.now(), hooks=(hook,))
        except RoadworthyError:  # the database is busy: a spool keeps them, and hands them in again
            self.waiting.extendleft(reversed(batch))

    async def stop(self) -> None:
        """Stop, with every record ingested."""
        await asyncio.to_thread(self.quotas.stop)
        self.ship()  # waits for a round in flight, which may hand its records back
        end = time.monotonic() + 30
        while self.waiting and time.monotonic() < end:
            await asyncio.sleep(0.05)
            self.ship()
        self.quotas._worker._store.settle_up()
        self.database.close()


async def _call(gateway: Gateway, of: Scopes, dice: random.Random, most: int, until: float) -> None:
    refused = 0
    while refused < 3 and time.monotonic() < until:
        size, output = dice.randint(1, most // 2), dice.randint(1, most // 2)
        held = await gateway.reserve(of, size, output)
        if isinstance(held, Refused):
            await asyncio.sleep(dice.random() * 0.05)
            if held.status == 503:  # the machine is busy: nothing was decided about money
                gateway.unsure += 1
                continue
            refused += 1
            gateway.denied += 1
            continue
        await asyncio.sleep(dice.random() * 0.02)
        if dice.random() < 0.1:
            gateway.quotas.void(held)
        else:
            gateway.settle(held, dice.randint(0, size + output))


async def _shipping(gateway: Gateway) -> None:
    while True:
        await asyncio.sleep(0.25)
        await asyncio.to_thread(gateway.ship)


async def run(asked: dict[str, Any]) -> dict[str, Any]:
    """Spend a budget with many calls at once, until nothing more fits."""
    gateway = Gateway(asked["url"], asked["redis"], process=asked["process"], skew_s=asked.get("skew_s", 0.0))
    gateway.start()
    of = scopes(budget(asked["amount"], period=asked.get("period", "total")))
    dice = random.Random(asked["seed"])
    shipping = asyncio.create_task(_shipping(gateway))
    until = time.monotonic() + asked.get("seconds", 60.0)
    await asyncio.gather(
        *(
            _call(gateway, of, random.Random(dice.random()), asked["most"], until)
            for _ in range(asked["calls"])
        )
    )
    if asked.get("hang"):
        sys.stdout.write("SPENDING\n")
        sys.stdout.flush()
        held = await gateway.reserve(of, 10, 10)
        assert not isinstance(held, Refused), held
        await asyncio.sleep(600)
    shipping.cancel()
    outstanding = len(gateway.quotas.core.outstanding)
    await gateway.stop()
    return {
        "spent": gateway.spent,
        "calls": gateway.calls,
        "denied": gateway.denied,
        "unsure": gateway.unsure,
        "outstanding": outstanding,
        "error": gateway.quotas.error,
    }


def main() -> int:
    """Run as asked on standard input."""
    asked = json.loads(sys.stdin.readline())
    sys.stdout.write(json.dumps(asyncio.run(run(asked))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
