"""The API of measurements, outcomes and scorecards."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body, Path, Query
from pydantic import BeforeValidator

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.portfolio import documents, door, measurement_file, queries, scorecard_queries
from roadworthy.registry import queries as registry
from roadworthy.registry.door import clean
from roadworthy.use_cases.kinds import USE_CASE

router = Router(tag="outcomes")
NamePath = Annotated[str, Path(max_length=80)]
NameQuery = Annotated[str, Query(max_length=80)]
Limit = Annotated[int, Query(ge=1, le=200)]


def _text(body: object) -> object:
    return door.as_text(body) if isinstance(body, bytes) else body


CsvBody = Annotated[str, BeforeValidator(_text), Body(media_type="text/csv")]


@router.post(
    "/v1/measurements/import",
    permission="measure.import",
    body_limit=measurement_file.BYTES_MAX + 1024,
)
def import_measurements(
    tx: Tx,
    call: Call,
    body: CsvBody,
    outcome: NameQuery = "",
    metric: NameQuery = "",
    file: Annotated[str, Query(max_length=400)] = "",
) -> dict[str, Any]:
    """Import weekly figures as CSV: all rows, or none with every bad row named."""
    content = body.encode("utf-8", "surrogateescape")
    done = door.import_file(tx, call, content=content, outcome=outcome, metric=metric, source=file)
    return door.import_document(done)


@router.get("/v1/measurements", permission="outcome.read")
def list_measurements(
    tx: Tx,
    metric: NameQuery,
    cursor: Annotated[str, Query(max_length=240)] = "",
    limit: Limit = 50,
) -> dict[str, Any]:
    """Every figure of a metric, newest week first; replaced ones say so."""
    page = queries.measurements(tx, metric=clean(metric), before=clean(cursor), limit=limit)
    return {"items": [documents.measurement(one) for one in page.items], "next_cursor": page.next_cursor}


@router.get("/v1/outcomes", permission="outcome.read")
def list_outcomes(tx: Tx, call: Call, cursor: NameQuery = "", limit: Limit = 50) -> dict[str, Any]:
    """Every outcome with where it stands."""
    items, following = queries.outcome_page(tx, after=clean(cursor), limit=limit, now=call.now)
    return {"items": [documents.outcome(one) for one in items], "next_cursor": following}


@router.get("/v1/outcomes/{name}/effect", permission="outcome.read")
def outcome_effect(tx: Tx, call: Call, name: NamePath) -> dict[str, Any]:
    """Everything that can be said about an outcome now."""
    return documents.effect(queries.effect_of(tx, outcome=clean(name), now=call.now))


@router.get("/v1/use-cases/{name}/scorecard", permission="outcome.read")
def use_case_scorecard(tx: Tx, call: Call, name: NamePath) -> dict[str, Any]:
    """The five layers of a use case, measured or not."""
    return documents.score(scorecard_queries.scorecard_of(tx, use_case=clean(name), now=call.now))


@router.get("/v1/scorecard", permission="outcome.read")
def list_scorecards(tx: Tx, call: Call, cursor: NameQuery = "", limit: Limit = 50) -> dict[str, Any]:
    """Every use case's scorecard, by name."""
    items, following = registry.page(tx, USE_CASE, after=clean(cursor), limit=limit)
    estate = queries.load(tx, as_of=call.now) if items else None
    scores = [
        scorecard_queries.scorecard_of(tx, use_case=one.name, now=call.now, estate=estate) for one in items
    ]
    return {"items": [documents.score(one) for one in scores], "next_cursor": following}
