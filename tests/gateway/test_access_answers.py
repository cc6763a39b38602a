"""Who-can and what-can say exactly what the gateway would decide, for any estate."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.foundation.errors import NotFoundError
from roadworthy.gateway import queries
from roadworthy.gateway.access import Admitted, decide
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
from roadworthy.policy.language import read
from roadworthy.policy.statement import PolicyEntry

NOW_S = 1_000.0
NOW = datetime.fromtimestamp(NOW_S, UTC)
ACCOUNTS = ("service-account/a", "service-account/b", "service-account/gone")
USE_CASES = ("u1", "u2", "u3")
MODELS = ("m1", "m2", "m3")
ROUTES = ("r1", "m2")  # a route may hide the model of its name
CEDAR = (
    'forbid(principal == ServiceAccount::"a", action, resource == Model::"m1");',
    'forbid(principal, action, resource) when { context.use_case == UseCase::"u2" && context has route };',
    'permit(principal, action, resource) unless { resource == Model::"m3" };',
    'forbid(principal, action, resource == Model::"m2") when { context.hour < 12 };',
)
moments = st.none() | st.sampled_from([NOW_S - 1, NOW_S, NOW_S + 1])
some_models = st.lists(st.sampled_from([*MODELS, "undeclared"]), max_size=3, unique=True).map(tuple)


@st.composite
def estates(draw: st.DrawFn) -> Snapshot:
    """Draw keys, principals, grants, models and routes, with ends on all sides of now."""
    keys = {
        f"hash-{number}": KeyEntry(
            f"key-{number}",
            draw(st.sampled_from(ACCOUNTS)),
            draw(st.sampled_from(USE_CASES)),
            draw(moments),
            draw(moments),
        )
        for number in range(draw(st.integers(0, 5)))
    }
    principals = {
        name: PrincipalEntry(name, owner="person/ada", expires_at=draw(moments), disabled_at=draw(moments))
        for name in ACCOUNTS[:2]
    }
    grants = tuple(
        GrantEntry(
            f"grant-{number}",
            draw(st.sampled_from(USE_CASES)),
            models=draw(some_models),
            routes=draw(st.lists(st.sampled_from(ROUTES), max_size=2, unique=True).map(tuple)),
            not_before=draw(moments),
            expires_at=draw(moments),
        )
        for number in range(draw(st.integers(0, 3)))
    )
    models = {name: ModelEntry(name, draw(st.sampled_from(["local", "undeclared"])), name) for name in MODELS}
    routes = {name: RouteEntry(name, draw(some_models)) for name in ROUTES if draw(st.booleans())}
    chosen = draw(st.lists(st.sampled_from(CEDAR), max_size=3, unique=True))
    policies = {
        f"p{place}": PolicyEntry(f"p{place}", read(text).statements, default_deny=text.startswith("permit"))
        for place, text in enumerate(chosen)
    }
    return Snapshot(
        access_policies=policies,
        revision=1,
        compiled_at=NOW.isoformat(),
        keys=keys,
        principals=principals,
        grants=grants,
        blocks={"u3": Block((Reason("needs-risk-approver", "An approval is missing."),))},
        models=models,
        routes=routes,
        providers={"local": ProviderEntry("local", "http://127.0.0.1:9/v1")},
    )


def forbidden(snapshot: Snapshot, key: KeyEntry, model: str, *, by_route: bool) -> bool:
    """Say by the policies in words whether no call with a key may reach a model."""
    drawn = [
        CEDAR.index(text)
        for text in CEDAR
        if any(read(text).statements == one.statements for one in snapshot.access_policies.values())
    ]
    return (
        (0 in drawn and key.principal == "service-account/a" and model == "m1")
        or (1 in drawn and key.use_case == "u2" and by_route)
        or (2 in drawn and model == "m3")
    )


def may(snapshot: Snapshot, key: KeyEntry, name: str) -> bool:
    """Say by the rules in words whether a call with a key may go to a name now; written apart on purpose."""
    principal = snapshot.principals.get(key.principal)
    if principal is None:
        return False
    for end in (key.expires_at, key.revoked_at, principal.expires_at, principal.disabled_at):
        if end is not None and end <= NOW_S:
            return False

    def lasts(grant: GrantEntry) -> float:
        return float("inf") if grant.expires_at is None else grant.expires_at

    timely = [
        grant
        for grant in snapshot.grants
        if grant.use_case == key.use_case
        and (grant.not_before is None or grant.not_before <= NOW_S)
        and lasts(grant) > NOW_S
    ]
    if not timely:
        return False
    grant = max(timely, key=lasts)  # of several that hold at once, the one that lasts longest decides
    served = {name for name, model in snapshot.models.items() if model.provider in snapshot.providers}
    if name in snapshot.routes:
        reach = set(snapshot.routes[name].targets) & set(grant.models) & served
        reach = {one for one in reach if not forbidden(snapshot, key, one, by_route=True)}
        return name in grant.routes and bool(reach)
    return name in served and name in grant.models and not forbidden(snapshot, key, name, by_route=False)


@settings(max_examples=300)
@given(estates())
def test_both_directions_agree_with_the_gateway_on_any_estate(snapshot: Snapshot) -> None:
    """For every key and every name: the decision, who-can, what-can and the whole table say the same."""
    index = Index(snapshot)
    names = sorted({*snapshot.models, *snapshot.routes})
    admitted = {
        (key.id, name)
        for key_hash, key in snapshot.keys.items()
        for name in names
        if isinstance(decide(index, key_hash=key_hash, model=name, now=NOW_S), Admitted)
    }

    by_model = {
        (line.key_id, name) for name in names for line in queries.who_can(index, model=name, now=NOW).allowed
    }
    by_principal = {
        (line.key_id, line.model)
        for principal in snapshot.principals
        for line in queries.what_can(index, principal=principal, now=NOW).allowed
    }
    table = {(line.key_id, line.model) for line in queries.every_line(index, now=NOW)}
    assert by_model == admitted
    assert by_principal == admitted
    assert table == admitted


@settings(max_examples=300)
@given(estates())
def test_the_decision_follows_the_rules_in_words(snapshot: Snapshot) -> None:
    """A second reading of the rules, written without the gateway's code, comes to the same."""
    index = Index(snapshot)
    for key_hash, key in snapshot.keys.items():
        ends = [grant.expires_at for grant in snapshot.grants if grant.use_case == key.use_case]
        if len(set(ends)) < len(ends):
            continue  # of two grants that end alike either may decide
        for name in sorted({*snapshot.models, *snapshot.routes}):
            verdict = decide(index, key_hash=key_hash, model=name, now=NOW_S)
            assert isinstance(verdict, Admitted) == may(snapshot, key, name), (key, name, verdict)


@settings(max_examples=100)
@given(estates())
def test_every_key_is_either_allowed_or_told_why_not(snapshot: Snapshot) -> None:
    """Nobody is left without an answer: each key stands on exactly one side, with a reason."""
    index = Index(snapshot)
    answer = queries.who_can(index, model="m1", now=NOW)

    sides = [line.key_id for line in answer.allowed] + [one.key_id for one in answer.refused]
    assert sorted(sides) == sorted(key.id for key in snapshot.keys.values())
    assert all(one.code and one.message for one in answer.refused)
    for principal in snapshot.principals:
        of_principal = queries.what_can(index, principal=principal, now=NOW)
        allowed = {line.key_id for line in of_principal.allowed}
        refused = {one.key_id for one in of_principal.refused}
        assert allowed | refused == {key.id for key in index.keys_of.get(principal, ())}
        assert not allowed & refused


def test_a_reader_of_one_unit_sees_its_use_cases_alone() -> None:
    """Lines of use cases that a reader may not see are in neither list."""
    index = Index(
        Snapshot(
            revision=1,
            compiled_at="",
            keys={"h1": KeyEntry("k1", ACCOUNTS[0], "u1"), "h2": KeyEntry("k2", ACCOUNTS[0], "u2")},
            principals={ACCOUNTS[0]: PrincipalEntry(ACCOUNTS[0])},
            grants=(GrantEntry("g", "u1", models=("m1",)),),
            models={"m1": ModelEntry("m1", "local", "m1")},
            providers={"local": ProviderEntry("local", "http://127.0.0.1:9/v1")},
        )
    )

    answer = queries.who_can(index, model="model/m1", now=NOW, use_cases={"u2"})
    assert answer.allowed == ()
    assert [one.key_id for one in answer.refused] == ["k2"]
    assert queries.every_line(index, now=NOW, use_cases={"u2"}) == ()
    assert [line.key_id for line in queries.every_line(index, now=NOW)] == ["k1"]


def test_asking_about_nothing_known_says_so() -> None:
    """A name that is no model, route or principal is answered as such, not with an empty list."""
    index = Index(Snapshot(revision=1, compiled_at=""))

    with pytest.raises(NotFoundError, match="no model or route"):
        queries.who_can(index, model="model/nope", now=NOW)
    with pytest.raises(NotFoundError, match="no principal"):
        queries.what_can(index, principal="person/nope", now=NOW)
