"""Kill switches: who may throw which, what gateways then refuse, and how everything runs again."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from roadworthy.foundation.errors import ConflictError, InvalidError, NotFoundError
from roadworthy.gateway import access
from roadworthy.gateway import queries as gateway
from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.filters.guard import guard_for
from roadworthy.gateway.snapshot import FilterPolicyEntry, FilterUse, Index, Stop
from roadworthy.gateway.source import DatabaseSource
from roadworthy.gateway.stopping import Involved, first_end, stopped
from roadworthy.registry.actor import Actor
from roadworthy.switches import operations, queries
from roadworthy.testing.gateway_process import key_hash
from tests.gateway import world
from tests.gateway.control import BOT, Estate, hashed

OPERATOR = Actor("person/root", "cli")


@pytest.fixture
def estate(tmp_path: Path) -> Estate:
    """Return a company whose use case may call."""
    made = Estate(tmp_path)
    made.approve()
    return made


def kill(estate: Estate, of: str, **more: Any) -> None:
    """Stop something."""
    with estate.database.write() as tx:
        operations.kill(
            tx, of=of, namespace="claims", reason="It leaks.", actor=OPERATOR, now=estate.clock, **more
        )


def decide(estate: Estate, key: Any, model: str = "small", index: Index | None = None) -> Admitted | Refused:
    """Decide one call as a gateway would."""
    return access.decide(
        index or estate.index(), key_hash=hashed(key), model=model, now=estate.clock.timestamp()
    )


def names(estate: Estate) -> tuple[str, str]:
    """Return the model and the provider that the use case calls."""
    index = estate.index()
    model = next(iter(index.snapshot.grants[0].models))
    return model, index.snapshot.models[model].provider


@pytest.mark.parametrize("kind", ["use-case", "model", "provider", "service-account", "api-key"])
def test_what_is_killed_is_refused_and_runs_again_when_revived(estate: Estate, kind: str) -> None:
    """The refusal says who, why, since when, and who can revive it."""
    key = estate.key()
    model, provider = names(estate)
    assert isinstance(decide(estate, key, model), Admitted)
    of = {
        "use-case": "use-case/policy-search",
        "model": f"model/{model}",
        "provider": f"provider/{provider}",
        "service-account": BOT,
        "api-key": f"api-key/{key.credential.id}",
    }[kind]
    kill(estate, of)
    refused = decide(estate, key, model)
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code, refused.declaration) == (403, "killed", of)
    assert "person/root" in refused.message
    assert "It leaks" in refused.message
    assert estate.clock.strftime("%Y-%m-%d") in refused.message
    assert refused.who_can_change == ("person/root",)
    assert f"roadworthy revive {of}" in refused.next_step
    with estate.database.write() as tx:
        operations.revive(tx, of=of, actor=OPERATOR, now=estate.clock)
    assert isinstance(decide(estate, key, model), Admitted)


def test_end_is_kept_without_a_new_snapshot(estate: Estate) -> None:
    """The switch carries its end: a gateway cut off from everything keeps it as well."""
    key = estate.key()
    model, _ = names(estate)
    kill(estate, f"model/{model}", until=estate.clock + timedelta(hours=1))
    index = estate.index()
    assert isinstance(decide(estate, key, model, index), Refused)
    now = estate.clock.timestamp()
    assert first_end(index, now=now) == (estate.clock + timedelta(hours=1)).timestamp()
    estate.clock += timedelta(hours=1)
    assert isinstance(decide(estate, key, model, index), Admitted)
    assert first_end(index, now=estate.clock.timestamp()) == float("inf"), "an end is waited for once"


def test_stream_under_way_learns_that_it_is_stopped(estate: Estate) -> None:
    """By any of the things that it rests on, and by nothing else."""
    model, provider = names(estate)
    involved = Involved("policy-search", BOT, "k1", "chat", model, provider)
    now = estate.clock.timestamp()
    kill(estate, "use-case/other")
    assert stopped(estate.index(), involved, now=now) is None
    for of in involved.names():
        kill(estate, of)
        found = stopped(estate.index(), involved, now=now)
        assert found is not None
        assert found.of == of
        with estate.database.write() as tx:
            operations.revive(tx, of=of, actor=OPERATOR, now=estate.clock)


@pytest.mark.parametrize("of", ["model/small", "use-case/policy-search", BOT, "api-key/x"])
def test_gateway_that_follows_changes_learns_of_it(estate: Estate, of: str) -> None:
    """The audit log is the feed: a switch is in it, so the next look brings it."""
    from roadworthy.gateway.delta import Delta, merge

    source = DatabaseSource(estate.database, now=lambda: estate.clock, in_background=False)
    known = source(-1)
    assert known is not None
    assert not isinstance(known, Delta)
    kill(estate, of)
    change = source(known.revision)
    assert isinstance(change, Delta)
    after = merge(known, change)
    assert of in after.stops
    with estate.database.write() as tx:
        operations.revive(tx, of=of, actor=OPERATOR, now=estate.clock)
    change = source(after.revision)
    assert isinstance(change, Delta)
    assert of not in merge(after, change).stops


def test_only_what_exists_can_be_stopped(estate: Estate) -> None:
    """A typing error must not look like a success."""
    catalogue = estate.company.assembly.catalogue
    with estate.database.read() as tx:
        assert queries.namespace_of(tx, catalogue, "use-case/policy-search") == "claims"
        for of in ("model/nope", "provider/nope", "use-case/nope"):
            with pytest.raises(NotFoundError):
                queries.namespace_of(tx, catalogue, of)
        for of in ("policy-search", "unit/claims", "model/"):
            with pytest.raises(InvalidError):
                queries.namespace_of(tx, catalogue, of)


def test_refused_changes(estate: Estate) -> None:
    """No reason, an end in the past, reviving what runs."""
    with estate.database.write() as tx:
        with pytest.raises(InvalidError):
            operations.kill(tx, of=BOT, namespace="claims", reason=" ", actor=OPERATOR, now=estate.clock)
        with pytest.raises(InvalidError):
            operations.kill(
                tx, of=BOT, namespace="claims", reason="x", until=estate.clock, actor=OPERATOR,
                now=estate.clock,
            )  # fmt: skip
        with pytest.raises(ConflictError):
            operations.revive(tx, of=BOT, actor=OPERATOR, now=estate.clock)


def test_who_can_says_what_is_stopped(estate: Estate) -> None:
    """The same decision answers the question."""
    estate.key()
    model, _ = names(estate)
    kill(estate, f"model/{model}")
    found = gateway.who_can(estate.index(), model=f"model/{model}", now=estate.clock)
    assert not found.allowed
    assert {one.code for one in found.refused} == {"killed"}


@pytest.mark.parametrize(
    ("tier", "on_error", "goes_on"),
    [
        ("minimal", "", True),
        ("limited", "", False),
        ("high", "", False),
        ("high", "allow", True),
        ("minimal", "deny", False),
    ],
)
def test_stopped_filter_fails_as_its_policy_says(tier: str, on_error: str, goes_on: bool) -> None:  # noqa: FBT001
    """Where nothing is said, only a use case of the minimal tier goes on without it."""
    uses = (FilterUse("secrets", input="block", on_error=on_error),)
    switch = Stop("filter/secrets", "It blocks everything.", "person/a", 0, 100.0)
    base = world.snapshot("http://127.0.0.1:9/v1")
    index = Index(
        msgspec.structs.replace(
            base,
            grants=tuple(msgspec.structs.replace(one, tier=tier) for one in base.grants),
            filter_policies={"own": FilterPolicyEntry("own", uses=uses, of_organization=True)},
            stops={"filter/secrets": switch},
        )
    )
    hashed_key = key_hash(world.KEY)
    verdict = access.decide(index, key_hash=hashed_key, model="ok", now=50)
    assert isinstance(verdict, Admitted) == goes_on
    if isinstance(verdict, Refused):
        assert (verdict.code, verdict.declaration) == ("killed", "filter/secrets")
    after = access.decide(index, key_hash=hashed_key, model="ok", now=100)
    assert isinstance(after, Admitted)
    leak = ["the key is AKIAIOSFODNN7EXAMPLE"]
    for now, reads in ((50, False), (100, True)):
        if not isinstance(verdict, Admitted) and not reads:
            continue
        guard = guard_for(index, after, now)
        found = guard.inspect(leak, side="input") if guard is not None else None
        assert bool(found is not None and found.action == "block") == reads, "it reads again after the end"
