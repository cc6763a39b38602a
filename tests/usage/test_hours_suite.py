"""Hours answer as the calls themselves would, whatever time is asked about, on both engines."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from roadworthy.foundation.storage.database import Database
from roadworthy.usage import operations, queries, rollup_store
from roadworthy.usage.jobs import RetentionKeeper
from roadworthy.usage.record import CallRecord
from tests.usage.conftest import NOW


def calls(rng: random.Random, count: int) -> list[CallRecord]:
    """Return calls of three weeks."""
    start = int((NOW - timedelta(weeks=3)).timestamp() * 1000)
    return [
        CallRecord(
            id=f"call_{number:05d}",
            at=start + rng.randrange(3 * 7 * 86_400_000),
            decision=rng.choice(["allowed", "allowed", "allowed", "refused"]),
            principal=f"service-account/bot-{rng.randrange(4)}",
            use_case=rng.choice(["claims", "letters"]),
            model=rng.choice(["small", "big"]),
            status=rng.choice([200, 200, 200, 502, 429]),
            error=rng.choice(["", "", "error_in_stream"]),
            input_tokens=rng.randrange(500),
            output_tokens=rng.randrange(500),
            cost_nano=rng.choice([None, rng.randrange(10**6)]),
            currency="USD",
            latency_ms=rng.lognormvariate(5, 1),
            shadow=rng.random() < 0.1,
        )
        for number in range(count)
    ]


def store(database: Database, records: list[CallRecord]) -> None:
    """Store in batches, as they would arrive: not in order."""
    for start in range(0, len(records), 90):
        with database.write() as tx:
            operations.ingest(tx, records[start : start + 90], source="gw", now=NOW)


@pytest.mark.parametrize("seed", range(3))
def test_any_window_counts_what_calls_in_it_are(database: Database, seed: int) -> None:
    """Figures are exact also where the time cuts an hour; percentiles are within one per cent."""
    rng = random.Random(seed)
    made = calls(rng, 900)
    store(database, made)
    for _ in range(12):
        ends = sorted(NOW - timedelta(seconds=rng.randrange(22 * 86_400)) for _ in range(2))
        since, until = ends[0], ends[1]
        within = [
            one
            for one in made
            if since.timestamp() <= one.at / 1000 < until.timestamp()
            and one.use_case == "claims"
            and not one.shadow
        ]
        allowed = [one for one in within if one.decision == "allowed"]
        with database.read() as tx:
            said = queries.totals(tx, since=since, until=until, use_case="claims")
        assert said.calls == len(within)
        assert said.refusals == len(within) - len(allowed)
        assert said.output_tokens == sum(one.output_tokens or 0 for one in allowed)
        assert sum(cost.nano for cost in said.costs) == sum(one.cost_nano or 0 for one in allowed)
        assert said.unknown_cost_calls == sum(one.cost_nano is None and one.status == 200 for one in allowed)
        assert said.active_principals == len({one.principal for one in allowed})
        if allowed:
            ordered = sorted(one.latency_ms for one in allowed)
            rank = -(-95 * len(ordered) // 100) - 1
            assert said.latency_ms_p95 == pytest.approx(ordered[rank], rel=0.0101)


def test_calls_from_before_are_counted_when_the_control_plane_starts(database: Database) -> None:
    """The migration leaves a row that asks for it; what arrived since is not counted twice."""
    store(database, calls(random.Random(7), 300))
    whole: datetime | None = None
    with database.read() as tx:
        before = queries.totals_by(tx, "model")
        whole = before["small"].first_at
    with database.write() as tx:
        tx.connection.execute(text("DELETE FROM call_hours WHERE model = 'small'"))
        columns = [column.name for column in rollup_store.hours.columns]
        given = ", ".join("-1" if name == "hour" else name for name in columns)
        tx.connection.execute(
            text(f"INSERT INTO call_hours ({', '.join(columns)}) SELECT {given} FROM call_hours LIMIT 1")
        )

    RetentionKeeper(database, now=lambda: NOW).once()

    with database.read() as tx:
        assert not rollup_store.wanting(tx)
        assert queries.totals_by(tx, "model") == before
    assert whole is not None


def test_shadow_and_replay_are_no_production(database: Database) -> None:
    """They are kept, and no scorecard counts them."""
    plain = CallRecord(
        id="a", at=int(NOW.timestamp() * 1000), decision="allowed", use_case="claims", status=200
    )
    store(
        database,
        [
            plain,
            CallRecord(id="b", at=plain.at, decision="allowed", use_case="claims", status=200, shadow=True),
            CallRecord(id="c", at=plain.at, decision="allowed", use_case="claims", status=200, replay_of="a"),
        ],
    )
    with database.read() as tx:
        assert queries.totals(tx, use_case="claims").calls == 1
        assert len(queries.traces(tx).lines) == 3
