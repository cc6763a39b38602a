"""The one decision: against a second, naive reading of the rules, and against who-can and what-can."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.gateway import access, snapshot
from roadworthy.gateway.access import Admitted, Refused
from roadworthy.gateway.snapshot import (
    Block,
    GrantEntry,
    Index,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderEntry,
    Reason,
    RouteEntry,
    Snapshot,
)

NOW = 1_000.0
WHEN = st.sampled_from([None, 900.0, 1_000.0, 1_100.0])
BOTS = st.sampled_from(["service-account/a", "service-account/b", "service-account/gone"])
CASES = st.sampled_from(["one", "two", "three"])
MODELS = st.sampled_from(["m1", "m2", "m3", "shared"])
ROUTES = st.sampled_from(["r1", "r2", "shared"])
ASKED = st.sampled_from(["m1", "m2", "m3", "shared", "r1", "r2", "route/r1", "model/m1", "model/r1", "x", ""])

KEYS = st.builds(KeyEntry, id=st.text("ab", min_size=1, max_size=4), principal=BOTS, use_case=CASES,
                 expires_at=WHEN, revoked_at=WHEN)  # fmt: skip
PRINCIPALS = st.builds(PrincipalEntry, name=st.just("a"), owner=st.sampled_from(["", "person/ada"]),
                       expires_at=WHEN, disabled_at=WHEN, source=st.just("bots.yaml:1"))  # fmt: skip
GRANTS = st.builds(GrantEntry, id=st.text("gh", min_size=1, max_size=3), use_case=CASES,
                   models=st.lists(MODELS, max_size=3).map(tuple),
                   routes=st.lists(ROUTES, max_size=2).map(tuple),
                   not_before=WHEN, expires_at=WHEN, declared_at=st.just("grants.yaml:1"),
                   changers=st.just(("person/ada",)))  # fmt: skip


@st.composite
def snapshots(draw: Any) -> Snapshot:
    """Draw a small world in which everything may be missing, late, over or unknown."""
    known = draw(st.sets(MODELS))
    return Snapshot(
        1,
        "2026-01-01T00:00:00+00:00",
        keys=draw(st.dictionaries(st.sampled_from([f"h{n}" for n in range(5)]), KEYS)),
        principals=draw(
            st.dictionaries(st.sampled_from(["service-account/a", "service-account/b"]), PRINCIPALS)
        ),
        grants=tuple(draw(st.lists(GRANTS, max_size=4))),
        blocks={"three": Block((Reason("missing", "Something is missing.", "three.yaml:1", ("person/x",)),))},
        models={
            name: ModelEntry(name, draw(st.sampled_from(["p", "undeclared"])), "up") for name in sorted(known)
        },
        routes=draw(
            st.dictionaries(ROUTES, st.lists(MODELS, min_size=1, max_size=3)).map(
                lambda found: {name: RouteEntry(name, tuple(targets)) for name, targets in found.items()}
            )
        ),
        providers={"p": ProviderEntry("p", "http://127.0.0.1/v1")},
    )


def naive(world: Snapshot, key_hash: str, asked: str) -> set[str]:
    """Read the rules again, without an index: the models a call may reach, empty when it may not go on."""
    key = world.keys.get(key_hash)
    if key is None or any(at is not None and at <= NOW for at in (key.revoked_at, key.expires_at)):
        return set()
    bot = world.principals.get(key.principal)
    if bot is None or any(at is not None and at <= NOW for at in (bot.disabled_at, bot.expires_at)):
        return set()
    holding = [
        grant
        for grant in world.grants
        if grant.use_case == key.use_case
        and (grant.not_before is None or grant.not_before <= NOW)
        and (grant.expires_at is None or grant.expires_at > NOW)
    ]
    served = {name for name, model in world.models.items() if model.provider in world.providers}
    reach: set[str] = set()
    for grant in holding:
        for route in world.routes.values():
            if asked in {route.name, f"route/{route.name}"} and route.name in grant.routes:
                reach |= set(route.targets) & set(grant.models) & served
        hidden = asked in world.routes
        reach |= {
            name
            for name in served & set(grant.models)
            if asked == f"model/{name}" or (asked == name and not hidden)
        }
    return reach


@settings(max_examples=150)
@given(world=snapshots(), key_hash=st.sampled_from([f"h{n}" for n in range(6)]), asked=ASKED)
def test_decision_agrees_with_a_naive_reading_of_the_rules(
    world: Snapshot, key_hash: str, asked: str
) -> None:
    """Admitted exactly when something may be reached, and only what may be reached."""
    verdict = access.decide(Index(world), key_hash=key_hash, model=asked, now=NOW)
    allowed = naive(world, key_hash, asked)
    if isinstance(verdict, Admitted):
        assert verdict.targets
        assert {target.model.name for target in verdict.targets} <= allowed
    else:
        assert not allowed


@settings(max_examples=80)
@given(world=snapshots(), asked=ASKED)
def test_who_can_and_what_can_agree_with_decide(world: Snapshot, asked: str) -> None:
    """A key is listed exactly when a call with it would be admitted."""
    index = Index(world)
    admitted = [
        key.id
        for digest, key in world.keys.items()
        if isinstance(access.decide(index, key_hash=digest, model=asked, now=NOW), Admitted)
    ]
    assert sorted(line.key_id for line in access.who_can_call(index, asked, NOW)) == sorted(admitted)
    for principal in {key.principal for key in world.keys.values()}:
        can = {line.model for line in access.what_can(index, principal, NOW)}
        for name in access.names(index):
            verdict = access.decide(index, principal=principal, model=name, now=NOW)
            assert isinstance(verdict, Admitted) == (name in can)


@settings(max_examples=80)
@given(world=snapshots(), key_hash=st.sampled_from([f"h{n}" for n in range(6)]), asked=ASKED)
def test_every_refusal_says_why_and_what_to_do(world: Snapshot, key_hash: str, asked: str) -> None:
    """A refusal is an explanation: reason, what to do, and, once the caller is known, the declaration."""
    verdict = access.decide(Index(world), key_hash=key_hash, model=asked, now=NOW)
    if isinstance(verdict, Refused):
        assert verdict.status in {401, 403, 404}
        assert verdict.code
        assert verdict.message.endswith(".")
        assert verdict.next_step.endswith(".")
        assert verdict.declaration or verdict.code == "invalid_api_key"


@given(world=snapshots())
def test_snapshot_survives_the_disk(world: Snapshot) -> None:
    """What is decoded is what was encoded."""
    assert snapshot.decode(snapshot.encode(world)) == world


def test_a_newer_grant_does_not_hide_what_an_older_one_gives() -> None:
    """Two grants that hold: what either gives may be called."""
    world = Snapshot(
        1, "", keys={"h": KeyEntry("k", "service-account/a", "one")},
        principals={"service-account/a": PrincipalEntry("a")},
        grants=(GrantEntry("g1", "one", models=("m1",)),
                GrantEntry("g2", "one", models=("m2",), expires_at=2e9)),
        models={name: ModelEntry(name, "p", "up") for name in ("m1", "m2")},
        providers={"p": ProviderEntry("p", "http://127.0.0.1/v1")},
    )  # fmt: skip
    index = Index(world)
    assert isinstance(access.decide(index, key_hash="h", model="m1", now=NOW), Admitted)
    assert isinstance(access.decide(index, key_hash="h", model="m2", now=NOW), Admitted)
    over = Index(msgspec.structs.replace(world, grants=world.grants[:0]))
    refused = access.decide(over, key_hash="h", model="m1", now=NOW)
    assert isinstance(refused, Refused)
    assert refused.code == "no_grant"


def test_key_is_hashed_with_the_pepper() -> None:
    """Another installation's hashes are of no use here."""
    assert access.hash_key(b"one", "rwk_x") != access.hash_key(b"two", "rwk_x")
    assert len(access.hash_key(b"one", "rwk_x")) == 64
