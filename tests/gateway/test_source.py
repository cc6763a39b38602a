"""The snapshot says what is declared, issued and granted, and is compiled again when it has to be."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from roadworthy.gateway import queries
from roadworthy.gateway.access import Admitted, Refused, decide
from roadworthy.gateway.delta import Delta
from roadworthy.gateway.snapshot import Snapshot, decode, encode
from roadworthy.gateway.source import DatabaseSource
from roadworthy.identity import operations as identity
from roadworthy.registry import audit
from tests.gateway.control import BOT, ROOT, Estate, hashed
from tests.governance.company import NOW, SETUP, document


@pytest.fixture
def estate(tmp_path: Path) -> Iterator[Estate]:
    """Give a company with everything but an approval and a key."""
    made = Estate(tmp_path)
    yield made
    made.database.close()


def refusal(verdict: Admitted | Refused) -> str:
    """Return why a call was refused."""
    assert isinstance(verdict, Refused)
    return verdict.code


def test_an_approved_use_case_with_a_key_may_call(estate: Estate) -> None:
    """From declaration, approval and key to a decision that lets the call through, with its grant."""
    issued = estate.key()
    before = estate.index()
    estate.approve()
    index = estate.index()

    blocked = decide(before, key_hash=hashed(issued), model="small", now=NOW.timestamp())
    verdict = decide(index, key_hash=hashed(issued), model="model/small", now=NOW.timestamp())

    assert refusal(blocked) == "no_grant"
    assert isinstance(blocked, Refused)
    assert "person/ben" in blocked.who_can_change
    assert isinstance(verdict, Admitted)
    assert verdict.caller.principal.name == BOT
    assert verdict.caller.principal.owner == "person/fay"
    assert verdict.grant.models == ("small",)
    assert verdict.grant.namespace == "claims"
    assert verdict.targets[0].provider.base_url == "http://127.0.0.1:9/v1"
    assert decode(encode(index.snapshot)) == index.snapshot


def test_revocation_and_expiry_are_in_the_snapshot(estate: Estate) -> None:
    """A revoked key, an ended approval and an ended account each refuse, the last two by the clock alone."""
    issued = estate.key()
    estate.approve(ends_in=timedelta(days=2))
    index = estate.index()

    later = (NOW + timedelta(days=3)).timestamp()
    assert refusal(decide(index, key_hash=hashed(issued), model="small", now=later)) == "grant_expired"
    much_later = datetime(2027, 6, 1, tzinfo=NOW.tzinfo).timestamp()
    verdict = decide(index, key_hash=hashed(issued), model="small", now=much_later)
    assert refusal(verdict) in {"key_expired", "principal_expired"}

    with estate.database.write() as tx:
        identity.revoke_key(tx, key_id=issued.credential.id, actor=ROOT, now=NOW)
    verdict = decide(estate.index(), key_hash=hashed(issued), model="small", now=NOW.timestamp())
    assert refusal(verdict) == "key_revoked"


def test_prices_come_with_their_source_and_are_never_guessed(estate: Estate) -> None:
    """A declared price, a listed one, one not in the list and none at all."""
    model = {
        "title": "M", "provider": "local", "upstream_model": "m", "context_tokens": 9, "max_output_tokens": 9
    }  # fmt: skip
    declared = {
        "input_per_million": 0.15,
        "output_per_million": 0.6,
        "currency": "EUR",
        "as_of": "2026-11-01",
    }
    estate.company.declare(
        document("Model", "declared", {**model, "price": declared}),
        document("Model", "listed", {**model, "price": {"genai_prices": "openai/gpt-4o-mini"}}),
        document("Model", "unlisted", {**model, "price": {"genai_prices": "openai/no-such-model"}}),
        actor=SETUP,
    )

    models = estate.index().snapshot.models

    assert (models["declared"].input_price_nano, models["declared"].output_price_nano) == (150, 600)
    assert (models["declared"].currency, models["declared"].price_source) == (
        "EUR",
        "declared, as of 2026-11-01",
    )
    assert (models["listed"].input_price_nano, models["listed"].cached_input_price_nano) == (150, 75)
    assert models["listed"].price_source.endswith("on 2026-11-23")
    assert models["unlisted"].input_price_nano is None
    assert models["unlisted"].price_source.endswith("not in the list")
    assert models["small"].output_price_nano is None


class Times:
    """Clocks that tests move by hand."""

    def __init__(self) -> None:
        self.now = NOW
        self.monotonic_s = 0.0

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)
        self.monotonic_s += seconds


def test_a_snapshot_is_compiled_when_something_changed_or_a_minute_passed(estate: Estate) -> None:
    """Nothing newer, nothing compiled; a change is there at once; the clock alone is heeded each minute."""
    times = Times()
    source = DatabaseSource(
        estate.database,
        now=lambda: times.now,
        monotonic=lambda: times.monotonic_s,
        in_background=False,
    )

    first = source(-1)
    assert first is not None
    assert source(first.revision) is None
    times.move(59)
    assert source(first.revision) is None

    estate.approve()
    second = source(first.revision)
    assert second is not None
    assert second.revision > first.revision
    with estate.database.read() as tx:
        assert second.revision == audit.revision(tx)

    times.move(61)
    third = source(second.revision)
    assert isinstance(third, Snapshot)
    assert isinstance(second, Delta)
    assert third.revision == second.revision
    assert third.compiled_at > second.put.compiled_at


def test_what_only_the_clock_changes_is_in_the_next_snapshot(estate: Estate) -> None:
    """An owner who leaves takes the grant along on that day, without any change that is written down."""
    estate.key()
    estate.approve()
    leaving = document("Person", "fay", {"display_name": "Fay", "disabled_on": "2026-12-01"})
    estate.company.declare(leaving, actor=SETUP)

    day_before = estate.index(datetime(2026, 11, 30, 12, 0, tzinfo=NOW.tzinfo))
    day_after = estate.index(datetime(2026, 12, 1, 12, 0, tzinfo=NOW.tzinfo))

    assert [grant.use_case for grant in day_before.snapshot.grants] == ["policy-search"]
    assert day_after.snapshot.grants == ()
    assert "policy-search" in day_after.snapshot.blocks


def test_questions_share_one_compilation_for_a_revision(estate: Estate) -> None:
    """A page of answers does not compile the estate for each; a change is seen at once."""
    with estate.database.read() as tx:
        first = queries.index(tx, database=estate.database, now=NOW)
        again = queries.index(tx, database=estate.database, now=NOW + timedelta(seconds=59))
        anew = queries.index(tx, database=estate.database, now=NOW + timedelta(seconds=61))
    assert first is again
    assert anew is not first

    estate.key()
    with estate.database.read() as tx:
        assert len(queries.index(tx, database=estate.database, now=NOW).keys) == 1
