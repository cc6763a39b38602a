"""From imported figures and timelines to verdicts and scorecards."""

from __future__ import annotations

from datetime import timedelta

import pytest

from roadworthy.portfolio import queries, scorecard_queries
from roadworthy.portfolio.effect import Status
from roadworthy.portfolio.outcome_report import OutcomeReport
from roadworthy.portfolio.scorecard_queries import UseCaseScore
from roadworthy.usage import operations as usage
from roadworthy.usage.record import CallRecord
from tests.portfolio.conftest import LAUNCH, NOW, ROLLBACK, Estate, as_csv, weekly


def effect(estate: Estate, outcome: str) -> OutcomeReport:
    """Return what can be said about an outcome."""
    with estate.database.read() as tx:
        return queries.effect_of(tx, outcome=outcome, now=NOW)


def score(estate: Estate, use_case: str) -> UseCaseScore:
    """Return a use case's scorecard."""
    with estate.database.read() as tx:
        return scorecard_queries.scorecard_of(tx, use_case=use_case, now=NOW)


def call(name: str, *, minutes: int = 60, **given: object) -> CallRecord:
    """Return a call of the use case triage."""
    at = int((NOW - timedelta(minutes=minutes)).timestamp() * 1000)
    values = {
        "status": 200,
        "latency_ms": 420.0,
        "principal": "service-account/bot",
        "cost_nano": 10,
        **given,
    }
    return CallRecord(
        id=name,
        at=at,
        decision="allowed",
        use_case="triage",
        currency="EUR",
        **values,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("faster", "improved"), ("calls", "worse"), ("quotes", "no evidence yet"), ("unmeasured", "no data")],
)
def test_each_shape_gets_its_verdict(measured: Estate, outcome: str, status: Status) -> None:
    """A true improvement is found, a regression too after its rollback, and noise is called noise."""
    assert effect(measured, outcome).verdict.status == status


def test_the_improvement_is_measured_and_valued_without_being_counted(measured: Estate) -> None:
    """The interval holds the change that was made; money of grade D is shown and not counted."""
    found = effect(measured, "faster")
    assert found.verdict.low is not None
    assert found.verdict.high is not None
    assert found.verdict.low < -11.0 < found.verdict.high
    assert found.worth is not None
    assert found.worth.amount == pytest.approx(-found.verdict.effect * 38)  # type: ignore[operator]
    assert (found.worth.counted, found.worth.words) == (False, "grade D: not counted")
    assert "not proof of cause" in found.headline.text
    assert [check.state for check in found.constraints] == ["within margin"]


def test_the_rolled_back_launch_ends_the_window(measured: Estate) -> None:
    """The timeline of the use case that serves the outcome says from when to when it was live."""
    window = effect(measured, "calls").verdict.window
    assert window is not None
    assert (window.start, window.end) == (LAUNCH, ROLLBACK)


def test_every_outcome_is_told_in_one_reading(measured: Estate) -> None:
    """The list says of each what its own page says."""
    with measured.database.read() as tx:
        listed = {one.name: one.headline.text for one in queries.effects(tx, now=NOW)}
        paged, cursor = queries.outcome_page(tx, limit=2, now=NOW)
    assert list(listed) == ["calls", "faster", "quotes", "unmeasured"]
    assert listed["faster"] == effect(measured, "faster").headline.text
    assert ([one.name for one in paged], cursor) == (["calls", "faster"], "faster")


def test_nothing_measured_is_never_green(estate: Estate) -> None:
    """An empty installation has five layers without data on every card."""
    with estate.database.read() as tx:
        scores = scorecard_queries.scorecards(tx, now=NOW)
    assert scores
    assert {layer.status for one in scores for layer in one.card.layers} == {"no data"}


def test_imported_figures_make_layers(measured: Estate) -> None:
    """The last four weeks count; layers without figures say so."""
    card = score(measured, "triage")
    statuses = {layer.layer: layer.status for layer in card.card.layers}
    assert statuses["quality"] == "met"
    assert statuses["business"] in {"near", "missed", "met"}
    assert (statuses["process"], statuses["reliability"], statuses["adoption"]) == ("no data",) * 3
    hours = next(cell for layer in card.card.layers for cell in layer.cells if cell.metric.name == "hours")
    assert hours.observed is not None
    last = [value for _, value in weekly("faster")][-4:]
    assert hours.observed.value == pytest.approx(sum(last) / 4)
    assert (hours.observed.n, hours.metric.target, hours.metric.baseline) == (4, 62, 74)


def test_the_outcomes_metric_is_on_the_card_with_its_own_target(measured: Estate) -> None:
    """A use case that lists no metric is still measured by what it is for."""
    card = score(measured, "summaries").card
    cells = [cell for layer in card.layers for cell in layer.cells]
    assert [(cell.metric.name, cell.metric.target) for cell in cells] == [("repeats", 15.5)]


def test_the_gateway_fills_reliability_and_use_is_only_activity(estate: Estate) -> None:
    """Latency and failures come from call records; a count of callers is never green."""
    records = [call(f"c{index}") for index in range(40)]
    records.append(call("bad", status=502, error="upstream_failed", latency_ms=100.0))
    with estate.database.write() as tx:
        usage.ingest(tx, records, source="t", now=NOW)
    card = score(estate, "triage")
    cells = {cell.metric.name: cell for layer in card.card.layers for cell in layer.cells}
    latency, failures, callers = cells["latency"], cells["failures"], cells["callers"]
    assert latency.observed is not None
    assert latency.status == "met"
    assert latency.observed.value == pytest.approx(420.0, rel=0.01)  # percentiles come from sketches
    assert failures.observed is not None
    assert failures.observed.value == pytest.approx(100 / 41)
    assert failures.status == "missed"
    assert callers.status == "activity"
    adoption = next(layer for layer in card.card.layers if layer.layer == "adoption")
    assert adoption.status == "no data"
    assert card.sources["latency"] == "the gateway, last 28 days"


def test_old_calls_are_stale_not_green(estate: Estate) -> None:
    """What was fast two months ago says nothing about today."""
    with estate.database.write() as tx:
        usage.ingest(tx, [call("old", minutes=60 * 24 * 60)], source="t", now=NOW)
    cells = {cell.metric.name: cell for layer in score(estate, "triage").card.layers for cell in layer.cells}
    assert cells["latency"].status == "stale"


def test_the_weakest_comes_first(measured: Estate) -> None:
    """What misses its target stands above what only lacks data."""
    with measured.database.read() as tx:
        scores = scorecard_queries.scorecards(tx, now=NOW)
    worst = [any(layer.status == "missed" for layer in one.card.layers) for one in scores]
    assert worst == sorted(worst, reverse=True)
    assert [one.name for one in scores][-2:] == ["unseen", "triage"]


def test_weeks_are_weighed_by_their_cases(estate: Estate) -> None:
    """A week of a thousand cases counts for more than a week of ten, where each says its number."""
    monday = weekly("faster")[-1][0]
    rows = [f"{monday - timedelta(weeks=1)},10,1000", f"{monday},20,10"]
    estate.measure("week,value,n\n" + "\n".join(rows))
    cells = {cell.metric.name: cell for layer in score(estate, "triage").card.layers for cell in layer.cells}
    assert cells["hours"].observed is not None
    assert cells["hours"].observed.value == pytest.approx((10 * 1000 + 20 * 10) / 1010)


def test_a_week_that_is_not_over_is_left_out(estate: Estate) -> None:
    """The figure of the running week is kept and not yet judged."""
    estate.measure(as_csv([(NOW.date(), 10.0)]))
    cells = {cell.metric.name: cell for layer in score(estate, "triage").card.layers for cell in layer.cells}
    assert cells["hours"].status == "no data"
