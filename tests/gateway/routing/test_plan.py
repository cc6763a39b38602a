"""Which targets are asked in which order: what is always true, and what each strategy does."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.gateway.live import Live
from roadworthy.gateway.routing import EXPLORED_SHARE, Facts, plan
from roadworthy.gateway.snapshot import (
    CanaryEntry,
    FitEntry,
    RouteEntry,
    ShadowEntry,
    Stop,
    StrategyEntry,
    TargetEntry,
)
from roadworthy.gateway.why import EXCLUSIONS, explained
from roadworthy.models.route import Prefer
from tests.gateway.routing.estate import CANARY, NAMES, SHADOW, course, order, planned, trace

PREFER: tuple[Prefer, ...] = ("order", "share", "cost", "quality", "latency", "weighted")


def live(resting: set[str] | None = None, full: set[str] | None = None, **latency: float) -> Live:
    """Return what a gateway has seen, of the route `r`."""
    made = Live()
    made.resting = {f"r/{name}" for name in resting or ()}
    made.full = {f"r/{name}" for name in full or ()}
    made.latency_ms = latency
    return made


@st.composite
def worlds(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a route with everything on it, and a world to run it in."""
    targets = tuple(draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True)))
    prefer = draw(st.sampled_from(PREFER))
    flags = st.booleans()
    models = {
        name: {
            "tiers": ("high",) if draw(flags) else (),
            "data_classes": ("public",) if draw(flags) else (),
            "input_price_nano": draw(st.none() | st.integers(0, 9)),
            "output_price_nano": draw(st.none() | st.integers(0, 9)),
        }
        for name in (*NAMES, CANARY, SHADOW)
    }
    route = RouteEntry(
        "r",
        targets,
        retries=draw(st.integers(0, 2)),
        strategy=StrategyEntry(prefer, 1, 1, 1),
        details={name: TargetEntry(draw(st.integers(1, 9)), draw(st.integers(0, 2))) for name in targets},
        fit=FitEntry(regions=("eu",) if draw(flags) else ()),
        canary=CanaryEntry(CANARY, draw(st.floats(0, 1))) if draw(flags) else None,
        shadow=ShadowEntry(SHADOW, draw(st.floats(0.01, 1))) if draw(flags) else None,
    )
    stopped = draw(st.sets(st.sampled_from(NAMES)))
    return {
        "route": route,
        "models": models,
        "providers": {name: {"region": draw(st.sampled_from(["", "eu", "us"]))} for name in NAMES},
        "grant": {
            "tier": draw(st.sampled_from(["minimal", "high"])),
            "data_class": draw(st.sampled_from(["", "public", "public, pii"])),
            "models": tuple(draw(st.sets(st.sampled_from((*NAMES, CANARY, SHADOW))))),
        },
        "stops": {f"model/{name}": Stop(f"model/{name}", "x", "person/a", 0) for name in stopped},
        "quality": {name: {"": draw(st.floats(0, 1))} for name in draw(st.sets(st.sampled_from(NAMES)))},
    }


def unfit(world: dict[str, Any], name: str) -> bool:
    """Say independently of the code under test whether a model may not be asked."""
    route, grant, model = world["route"], world["grant"], world["models"][name]
    region = world["providers"].get(name, {}).get("region", "")
    data = set(grant["data_class"].split(", ")) - {""}
    return (
        name not in grant["models"]
        or f"model/{name}" in world["stops"]
        or bool(model["tiers"] and grant["tier"] not in model["tiers"])
        or bool(model["data_classes"] and (not data or not data <= set(model["data_classes"])))
        or bool(route.fit.regions and region not in route.fit.regions)
    )


@given(worlds(), st.integers(0, 10**6), st.sets(st.sampled_from(NAMES)), st.sets(st.sampled_from(NAMES)))
def test_no_excluded_target_is_ever_asked_and_every_fitting_one_is(
    world: dict[str, Any], number: int, resting: set[str], full: set[str]
) -> None:
    """Whatever the strategy, the canary, the shadow, the load."""
    made = planned(facts=Facts(trace(number)), live=live(resting, full), **world)
    asked = order(made)
    targets = world["route"].targets
    assert not [name for name in asked if unfit(world, name)]
    assert not set(asked) & full
    assert set(asked) >= {name for name in targets if not unfit(world, name)} - full
    assert (made.refused is None) == bool(asked)
    if made.shadow is not None:
        assert not unfit(world, made.shadow.target.model.name)
    rests = [name in resting for name in dict.fromkeys(asked)]
    assert rests == sorted(rests), "resting targets come last"


@given(worlds(), st.integers(0, 10**6), st.sets(st.sampled_from(NAMES)))
def test_plan_is_determined_by_its_inputs(world: dict[str, Any], number: int, resting: set[str]) -> None:
    """The same world, compiled anew, the same call: the same plan to the last letter."""
    facts = Facts(trace(number), input_tokens=number % 100)
    first = planned(facts=facts, live=live(resting), **world)
    again = planned(facts=facts, live=live(resting), **world)
    assert first == again


@given(worlds(), st.integers(0, 10**6))
def test_every_reason_can_be_said(world: dict[str, Any], number: int) -> None:
    """No code reaches a person as it is; each target that is left out is named."""
    made = planned(facts=Facts(trace(number)), **world)
    said = " ".join(explained(made.why))
    for name in world["route"].targets:
        if unfit(world, name):
            assert f"model/{name} " in said or made.refused is not None
    if made.attempts:
        assert said.startswith(f"model/{order(made)[0]} was asked first.")
    for name, code in [
        one.split(":") for one in made.why.partition(";not=")[2].partition(";")[0].split(",") if one
    ]:
        assert f"model/{name} {EXCLUSIONS[code]}" in said


def test_declared_order_and_retries() -> None:
    """Each target with its retries, then the next."""
    assert order(planned(RouteEntry("r", ("a", "b"), retries=1))) == ["a", "a", "b", "b"]


def test_timeout_is_the_shorter_of_route_and_provider() -> None:
    """A route can only make the wait shorter."""
    assert planned(RouteEntry("r", ("a",), timeout_s=5)).attempts[0].first_byte_timeout_s == 5
    assert planned(RouteEntry("r", ("a",), timeout_s=500)).attempts[0].first_byte_timeout_s == 100
    assert planned(RouteEntry("r", ("a",), total_timeout_s=7)).total_timeout_s == 7


@pytest.mark.parametrize("weights", [(1, 1), (9, 1), (5, 3, 2), (1, 1000)])
def test_shares_are_kept_in_the_long_run(weights: tuple[int, ...]) -> None:
    """Over 20,000 calls each target is asked as often as declared, within four standard deviations."""
    names, calls = NAMES[: len(weights)], 20_000
    compiled = course(
        RouteEntry(
            "r", names, strategy=StrategyEntry("share"),
            details={name: TargetEntry(weight) for name, weight in zip(names, weights, strict=True)},
        )
    )  # fmt: skip
    seen = Counter(order(plan(compiled, Facts(trace(at)), Live()))[0] for at in range(calls))
    for name, weight in zip(names, weights, strict=True):
        share = weight / sum(weights)
        assert abs(seen[name] - calls * share) <= 4 * (calls * share * (1 - share)) ** 0.5 + 1


def test_canary_takes_its_share_of_callers_and_keeps_each_on_one_side() -> None:
    """A larger share only adds callers: nobody who tries it out is sent back."""
    sides = []
    for share in (0.1, 0.3, 1.0):
        route = RouteEntry("r", ("a",), canary=CanaryEntry(CANARY, share))
        on_canary = set()
        for number in range(600):
            compiled = course(route, principal=f"service-account/s{number}")
            firsts = {order(plan(compiled, Facts(trace(at)), Live()))[0] for at in range(3)}
            assert len(firsts) == 1, "one caller, one side"
            on_canary |= {number} if firsts == {CANARY} else set()
        sides.append(on_canary)
    assert all(small <= large for small, large in pairwise(sides))
    assert 30 <= len(sides[0]) <= 95
    assert 140 <= len(sides[1]) <= 225
    assert len(sides[2]) == 600


def test_canary_by_cohort_and_by_header() -> None:
    """Who is named goes first whatever the share; a header's values are told apart call by call."""
    named = CanaryEntry(CANARY, principals=frozenset({"service-account/bot"}))
    made = planned(RouteEntry("r", ("a",), canary=named))
    assert order(made) == [CANARY, "a"]
    assert "in the cohort" in " ".join(explained(made.why))
    units = CanaryEntry(CANARY, units=frozenset({"claims"}))
    assert order(planned(RouteEntry("r", ("a",), canary=units))) == [CANARY, "a"]
    compiled = course(RouteEntry("r", ("a",), canary=CanaryEntry(CANARY, 0.5, "header")))
    firsts = [order(plan(compiled, Facts(trace(1), cohort=str(at)), Live()))[0] for at in range(400)]
    assert 140 <= firsts.count(CANARY) <= 260
    assert order(plan(compiled, Facts(trace(1)), Live())) == ["a"], "without the header, no canary"


def test_shadow_is_drawn_for_its_share_and_never_among_the_attempts() -> None:
    """It costs the caller nothing: neither an attempt nor a place in the order."""
    compiled = course(RouteEntry("r", ("a",), shadow=ShadowEntry(SHADOW, 0.25)))
    made = [plan(compiled, Facts(trace(at)), Live()) for at in range(4000)]
    assert all(order(one) == ["a"] for one in made)
    assert 850 <= sum(one.shadow is not None for one in made) <= 1150
    assert next(one for one in made if one.shadow is not None).why == f"a;order;shadow={SHADOW}"


def test_cheapest_best_fastest() -> None:
    """Each term alone; what is not known is not preferred."""
    prices = {
        "a": {"input_price_nano": 3, "output_price_nano": 15},
        "b": {"input_price_nano": 1, "output_price_nano": 5},
    }
    facts = Facts(trace(3), input_tokens=100)
    route = RouteEntry("r", ("c", "a", "b"), strategy=StrategyEntry("cost"))
    assert order(planned(route, facts, models=prices)) == ["b", "a", "c"]
    route = RouteEntry("r", ("c", "a", "b"), strategy=StrategyEntry("quality"))
    quality = {"a": {"": 0.7, "code": 0.9}, "b": {"": 0.8, "code": 0.5}}
    assert order(planned(route, facts, quality=quality)) == ["b", "a", "c"]
    by_task = RouteEntry("r", ("a", "b"), tasks={"code": StrategyEntry("quality")})
    assert order(planned(by_task, Facts(trace(3), "code"), quality=quality)) == ["a", "b"]
    assert order(planned(by_task, Facts(trace(3)), quality=quality)) == ["a", "b"]


def test_fastest_first_but_the_unknown_gets_to_be_known() -> None:
    """One call in twenty goes to a target that nobody has measured."""
    compiled = course(RouteEntry("r", ("a", "b"), strategy=StrategyEntry("latency")))
    seen = live(a=300.0, b=100.0)
    assert {order(plan(compiled, Facts(trace(at)), seen))[0] for at in range(200)} == {"b"}
    unknown = live(a=300.0)
    firsts = Counter(order(plan(compiled, Facts(trace(at)), unknown))[0] for at in range(2000))
    assert 0.5 * EXPLORED_SHARE <= firsts["b"] / 2000 <= 1.5 * EXPLORED_SHARE


def test_weighted_terms_decide_together() -> None:
    """Twice as dear but far better wins when quality counts for more."""
    models = {
        "a": {"input_price_nano": 2, "output_price_nano": 2},
        "b": {"input_price_nano": 1, "output_price_nano": 1},
    }
    quality = {"a": {"": 0.9}, "b": {"": 0.3}}
    facts = Facts(trace(1), input_tokens=10)
    for terms, first in (((1, 3, 0), "a"), ((3, 1, 0), "b")):
        route = RouteEntry("r", ("b", "a"), strategy=StrategyEntry("weighted", *terms))
        assert order(planned(route, facts, models=models, quality=quality))[0] == first


def test_prices_in_two_currencies_are_not_compared() -> None:
    """A yen is not a dollar: what cannot be compared is not preferred."""
    models = {
        "a": {"input_price_nano": 9, "output_price_nano": 9},
        "b": {"input_price_nano": 1, "output_price_nano": 1, "currency": "JPY"},
    }
    route = RouteEntry("r", ("a", "b"), strategy=StrategyEntry("cost"))
    assert order(planned(route, Facts(trace(1), input_tokens=1), models=models)) == ["a", "b"]


def test_target_for_some_tasks_only_is_left_out_of_the_others() -> None:
    """And the caller is told when nothing is left."""
    route = RouteEntry("r", ("a", "b"), details={"a": TargetEntry(tasks=("code",))})
    assert order(planned(route)) == ["b"]
    assert order(planned(route, Facts(trace(1), "code"))) == ["a", "b"]
    nothing = planned(RouteEntry("r", ("a",), details={"a": TargetEntry(tasks=("code",))}))
    assert nothing.refused is not None
    assert nothing.refused.code == "no_target_fits"


def test_busy_targets_are_not_asked_and_all_busy_is_said() -> None:
    """A limit is a limit."""
    route = RouteEntry("r", ("a", "b"), details={"a": TargetEntry(at_once=1), "b": TargetEntry(at_once=1)})
    made = planned(route, live=live(full={"a"}))
    assert (order(made), made.why) == (["b"], "b;order;not=a:busy")
    nothing = planned(route, live=live(full={"a", "b"}))
    assert nothing.refused is not None
    assert (nothing.refused.status, nothing.refused.code) == (503, "targets_busy")


@given(st.sets(st.sampled_from("abcd")))
def test_resting_targets_go_last_and_never_away(resting: set[str]) -> None:
    """Even if all rest, there is someone to ask."""
    asked = order(planned(RouteEntry("r", ("a", "b", "c", "d")), live=live(resting)))
    assert sorted(asked) == list("abcd")
    assert asked == sorted(asked, key=lambda name: (name in resting, name))
