"""What a route's page shows of its choice: each model, its scores, what excludes it."""

from __future__ import annotations

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Cell, Column, Link, Milliseconds, Money, Section, Status, Table
from roadworthy.gateway import route_queries
from roadworthy.gateway.door import index_of
from roadworthy.gateway.explaining import Asked, Explanation, Weighed, strategy_in_words

_COLUMNS = (
    Column(key="place", title="Asked", numeric=True),
    Column(key="model", title="Model"),
    Column(key="role", title="As"),
    Column(key="said", title="Why"),
    Column(key="share_percent", title="Share", numeric=True, unit="%", decimals=1),
    Column(key="value", title="Score", numeric=True, decimals=3),
    Column(key="expected_cost", title="Expected cost", numeric=True),
    Column(key="quality", title="Quality", numeric=True, decimals=3),
    Column(key="latency_ms_p50", title="Latency, median", numeric=True),
    Column(key="provider", title="Provider"),
    Column(key="region", title="Region"),
)


def sections(tx: Tx, call: Call, ref: str) -> tuple[Section, ...]:
    """Explain a route on its page."""
    kind, _, name = ref.partition("/")
    if kind != "route":
        return ()
    index = index_of(tx, call)
    found = route_queries.explain_route(tx, index, Asked(name), now=call.now)
    decides = strategy_in_words(index.snapshot.routes[name].strategy)
    return (
        Section(
            title="Which model it asks now",
            sentences=(f"What decides: {decides}.", *found.sentences),
            table=table(found),
            notes=found.notes,
            command=f"roadworthy explain route/{name} --use-case NAME",
        ),
    )


def table(found: Explanation) -> Table:
    """Return the models of a route with all that is known of them."""
    return Table(caption="Models", columns=_COLUMNS, rows=[_row(one) for one in found.candidates])


def _row(one: Weighed) -> dict[str, Cell]:
    state = "good" if one.place == 1 else "info" if one.place or one.role == "shadow" else "none"
    return {
        "place": one.place,
        "model": Link(one.model, f"/declared/model/{one.model}"),
        "role": Status(state, one.role.capitalize()),  # type: ignore[arg-type]  # one of the states
        "said": one.said,
        "share_percent": one.share * 100 if one.share is not None else None,
        "value": one.value,
        "expected_cost": Money(one.expected_cost_nano, one.currency)
        if one.expected_cost_nano is not None
        else None,
        "quality": one.quality,
        "latency_ms_p50": Milliseconds(one.latency_ms) if one.latency_ms is not None else None,
        "provider": Link(one.provider, f"/declared/provider/{one.provider}") if one.provider else None,
        "region": one.region or None,
    }
