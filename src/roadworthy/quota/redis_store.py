"""A Redis-protocol server (Redis, Valkey) as the store that gateways share; one script for a batch.

What is spent is known twice: the database holds the records, and tells this store of each batch of them
once. Should the server lose everything, budgets are filled in again from the records (`roadworthy budget`).
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from roadworthy.foundation.errors import InvalidError, RoadworthyError
from roadworthy.foundation.storage.database import Database
from roadworthy.quota import mark, operations
from roadworthy.quota.operations import GIVE_BACK_S, SILENT_S
from roadworthy.quota.port import Answer, Batch, Grant, Place, StoreAwayError
from roadworthy.quota.redis_scripts import EXCHANGE, FENCE, FORGET, PREFIX, SETTLE
from roadworthy.quota.window import Window, window_of

TIMEOUT_S = 2.0
_RATES_KEPT_S = 86_400


def connect(url: str) -> Any:
    """Return a client for `redis://` or `rediss://`; it connects when it is first used."""
    try:
        from redis import Redis  # only where it is the store

        return Redis.from_url(
            url, decode_responses=True, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S
        )
    except ImportError as error:
        raise InvalidError(
            "The client for Redis is not installed.", fix="Install the package `redis` beside Roadworthy."
        ) from error
    except ValueError as error:
        raise InvalidError(
            "The setting ROADWORTHY_QUOTA_URL cannot be used.",
            why=f"{error}.",
            fix="Write it as redis://host:6379/0 or rediss://… for TLS.",
        ) from error


class RedisStore:
    """Counters, leases and gateways as hashes; `database` is where records that arrived are noted."""

    def __init__(
        self,
        client: Any,
        *,
        database: Database | None = None,
        alive: Callable[[str], bool] = lambda _process: True,
    ) -> None:
        self._client = client
        self._database = database
        self._alive = alive
        self._exchange = client.register_script(EXCHANGE)
        self._fence = client.register_script(FENCE)
        self._forget = client.register_script(FORGET)
        self._settle = client.register_script(SETTLE)

    def _now(self) -> float:
        seconds, micros = self._client.time()
        return float(seconds + micros / 1_000_000)

    def _asking(self, what: Callable[[], Any]) -> Any:
        from redis.exceptions import RedisError

        try:
            return what()
        except (RedisError, OSError) as error:
            raise StoreAwayError(str(error)) from error

    def begin(self, holder: str, place: Place) -> Answer:
        """Make a gateway known."""

        def ask() -> Answer:
            now = self._now()
            fields = {
                "state": "live", "seen": int(now), "batch": "", "answer": "",
                "host": place.host, "spool": place.spool, "process": place.process,
            }  # fmt: skip
            pipeline = self._client.pipeline()
            pipeline.hset(f"{PREFIX}holder:{holder}", mapping=fields)
            pipeline.sadd(f"{PREFIX}holders", holder)
            pipeline.sadd(f"{PREFIX}live", holder)
            pipeline.scard(f"{PREFIX}live")
            return Answer(now, gateways=int(pipeline.execute()[-1]))

        answer: Answer = self._asking(ask)
        return answer

    def exchange(self, batch: Batch) -> Answer:
        """Do what a batch asks."""

        def ask() -> Answer:
            now = self._now()
            windows = [window_of(one.period, now) for one in batch.asks]
            said = self._exchange(args=[PREFIX, _said(batch, windows), repr(now)])
            if said == "fenced":
                return Answer(now, fenced=True)
            return _read(json.loads(said), batch, windows, now)

        answer: Answer = self._asking(ask)
        return answer

    def see(self, holder: str) -> None:
        """Say that a gateway lives though it asks for nothing."""
        self.exchange(Batch(holder, 0))

    def settle_up(self) -> None:
        """Tell the server of records that have arrived since."""
        if self._database is None:
            return
        try:
            with self._database.read() as tx:
                noted = operations.noted(tx)
            for batch_id, moves in noted:
                self._asking(partial(self._settle, args=[PREFIX, batch_id, _moves(moves)]))
            if noted:
                with self._database.write() as tx:
                    operations.told(tx, [batch_id for batch_id, _ in noted])
        except RoadworthyError as error:
            raise StoreAwayError(str(error)) from error

    def reap(self, place: Place) -> int:
        """Fence gateways that are silent, and give back what those hold whose records have arrived."""
        self.settle_up()
        freed: int = self._asking(lambda: self._reap(place))
        return freed

    def _reap(self, place: Place) -> int:
        now, freed = int(self._now()), 0
        for holder in sorted(self._client.smembers(f"{PREFIX}holders")):
            found = self._client.hgetall(f"{PREFIX}holder:{holder}")
            if not found:
                continue
            if found["state"] == "live":
                fenced = self._fence(args=[PREFIX, holder, now - SILENT_S, "fenced"])
                if not int(fenced):
                    continue
            ours = (found["host"], found["spool"]) == (place.host, place.spool)
            taken_over = ours and found["process"] != place.process and not self._alive(found["process"])
            if taken_over or int(found["seen"]) < now - GIVE_BACK_S:
                freed += int(self._forget(args=[PREFIX, holder]))
        return freed

    def count(self, names: Sequence[str]) -> None:
        """Count as spent what these say, where no records are handed in that would."""
        marks = [read for text in names if (read := mark.read(text)) is not None]
        if marks:
            moves = json.dumps([[one.lease, one.counter, one.start, one.taken, one.spent] for one in marks])
            self._asking(partial(self._settle, args=[PREFIX, secrets.token_hex(12), _moves(moves)]))

    def end(self, holder: str) -> None:
        """Say that a gateway leaves."""
        self._asking(lambda: self._fence(args=[PREFIX, holder, 1 << 50, "ended"]))

    def standing(self, counter: str, start: int) -> tuple[int, int]:
        """Return what is spent and what is leased of a counter in a window."""
        found = self._asking(lambda: self._client.hgetall(f"{PREFIX}counter:{counter}|{start}"))
        return int(found.get("spent", 0)), int(found.get("leased", 0))


def _said(batch: Batch, windows: Sequence[Window]) -> str:
    asks = [
        {
            "counter": f"{one.counter}|{window.start}",
            "lease": mark.lease_id(one.counter, window.start, batch.holder),
            "limit": str(one.limit),
            "want": str(one.want),
            "extra": str(one.extra),
            "ends": str(window.end),
            "forget": str(window.end + _RATES_KEPT_S) if one.counter.startswith("limit/") else "0",
        }
        for one, window in zip(batch.asks, windows, strict=True)
    ]
    backs = [
        {"lease": one.lease, "counter": one.lease.rpartition("|")[0], "amount": str(one.amount)}
        for one in batch.backs
    ]
    return json.dumps(
        {
            "holder": batch.holder,
            "number": str(batch.number),
            "changes": batch.changes,
            "asks": asks,
            "backs": backs,
        }
    )


def _read(said: dict[str, Any], batch: Batch, windows: Sequence[Window], now: float) -> Answer:
    grants = tuple(
        Grant(
            ask.counter,
            mark.lease_id(ask.counter, window.start, batch.holder),
            int(granted),
            window.end,
            int(left),
            int(leased),
            scarce=bool(scarce),
        )
        for ask, window, (granted, left, leased, scarce) in zip(
            batch.asks, windows, said["grants"] or [], strict=True
        )
    )
    return Answer(now, grants, gateways=max(1, int(said["gateways"])))


def _moves(moves: str) -> str:
    return json.dumps(
        [
            {
                "holder": lease.rpartition("|")[2],
                "lease": lease,
                "counter": f"{counter}|{start}",
                "taken": str(taken),
                "spent": str(spent),
            }
            for lease, counter, start, taken, spent in json.loads(moves)
        ]
    )
