"""A small world of routes for the routing tests."""

from __future__ import annotations

from typing import Any

from roadworthy.gateway.access import Admitted, Caller
from roadworthy.gateway.course import course_for
from roadworthy.gateway.live import Live
from roadworthy.gateway.routing import Course, Facts, Plan, plan
from roadworthy.gateway.snapshot import (
    GrantEntry,
    Index,
    KeyEntry,
    ModelEntry,
    PrincipalEntry,
    ProviderEntry,
    RouteEntry,
    Snapshot,
)

NAMES = ("a", "b", "c", "d", "e")
CANARY, SHADOW = "new", "twin"


def trace(number: int) -> str:
    """Return a trace id whose random end is as random as a real one's."""
    import hashlib

    return "tr_018f00000000" + hashlib.blake2b(str(number).encode(), digest_size=10).hexdigest()


def index(
    route: RouteEntry,
    *,
    models: dict[str, dict[str, Any]] | None = None,
    providers: dict[str, dict[str, Any]] | None = None,
    grant: dict[str, Any] | None = None,
    **more: Any,
) -> Index:
    """Return an index with one route over models that each have a provider of their own."""
    names = (*NAMES, CANARY, SHADOW)
    made_models = {
        name: ModelEntry(name, f"p-{name}", name, **(models or {}).get(name, {})) for name in names
    }
    made_providers = {
        f"p-{name}": ProviderEntry(
            f"p-{name}", "http://127.0.0.1/v1", total_timeout_s=100, **(providers or {}).get(name, {})
        )
        for name in names
    }
    held = {"models": names, "routes": (route.name,), "namespace": "claims", **(grant or {})}
    return Index(
        Snapshot(
            1, "2026-01-01T00:00:00+00:00", grants=(GrantEntry("g", "case", **held),),
            models=made_models, providers=made_providers, routes={route.name: route}, **more,
        )
    )  # fmt: skip


def admitted(known: Index, route: str, *, principal: str = "service-account/bot") -> Admitted:
    """Return a call that was let through to the route."""
    entry = known.snapshot.routes[route]
    return Admitted(
        Caller(KeyEntry("k", principal, "case"), PrincipalEntry("bot")),
        known.snapshot.grants[0],
        route,
        entry,
        tuple(known.targets[name] for name in entry.targets if name in known.targets),
    )


def course(route: RouteEntry, *, principal: str = "service-account/bot", **world: Any) -> Course:
    """Compile a route for a caller."""
    known = index(route, **world)
    return course_for(known, admitted(known, route.name, principal=principal), now=0)


def planned(route: RouteEntry, facts: Facts | None = None, live: Live | None = None, **world: Any) -> Plan:
    """Plan one call."""
    return plan(course(route, **world), facts or Facts(trace(1)), live or Live())


def order(made: Plan) -> list[str]:
    """Return the models in the order they would be asked."""
    return [attempt.target.model.name for attempt in made.attempts]
