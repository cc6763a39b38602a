"""Pure: kill switches on a call's way: what is stopped, and how a caller is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from roadworthy.gateway.snapshot import Index, Stop, Target


class Involved(msgspec.Struct, frozen=True):
    """All that a call under way rests on, each of which a kill switch can stop."""

    use_case: str
    principal: str
    """`service-account/x` or `person/y`."""
    key_id: str = ""
    route: str = ""
    model: str = ""
    provider: str = ""

    def names(self) -> Iterable[str]:
        """Return them as kill switches name them."""
        named = (("use-case", self.use_case), ("route", self.route), ("model", self.model))
        yield from (self.principal, f"api-key/{self.key_id}", f"provider/{self.provider}")
        yield from (f"{kind}/{name}" for kind, name in named)


def stop_of(index: Index, name: str, *, now: float) -> Stop | None:
    """Return the kill switch of `kind/name` if it is thrown and holds at `now`."""
    stops = index.snapshot.stops
    if not stops:
        return None
    found = stops.get(name)
    return found if found is not None and (found.until is None or now < found.until) else None


def stopped(index: Index, involved: Involved, *, now: float) -> Stop | None:
    """Return the kill switch that ends a call under way, if any does."""
    if not index.snapshot.stops:
        return None
    return next((stop for name in involved.names() if (stop := stop_of(index, name, now=now))), None)


def stopped_target(index: Index, target: Target, *, now: float) -> Stop | None:
    """Return the kill switch of a model or of its provider."""
    if not index.snapshot.stops:
        return None
    own = stop_of(index, f"model/{target.model.name}", now=now)
    return own or stop_of(index, f"provider/{target.provider.name}", now=now)


def first_end(index: Index, *, now: float) -> float:
    """Return when the next of the thrown switches ends by itself: what was decided holds until then."""
    ends = (stop.until for stop in index.snapshot.stops.values())
    return min((end for end in ends if end is not None and end > now), default=float("inf"))


def stopped_filters(index: Index, *, now: float) -> frozenset[str]:
    """Return the names of the filters that are stopped."""
    stops = index.snapshot.stops
    if not stops:
        return frozenset()
    names = (of.removeprefix("filter/") for of in stops if of.startswith("filter/"))
    return frozenset(name for name in names if stop_of(index, f"filter/{name}", now=now) is not None)


def times_of(stop: Stop) -> tuple[str, str]:
    """Say since when something is stopped, and, as a sentence, until when."""
    since = f"{datetime.fromtimestamp(stop.at, UTC):%Y-%m-%d %H:%M} UTC"
    if stop.until is None:
        return since, ""
    return since, f" It ends at {datetime.fromtimestamp(stop.until, UTC):%Y-%m-%d %H:%M} UTC."


def next_step_of(stop: Stop) -> str:
    """Say who can let it run again."""
    who = ", ".join(stop.who_can_revive) or "an operator"
    return f"Ask {who}; `roadworthy revive {stop.of}` lets it run again."
