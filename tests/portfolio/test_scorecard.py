"""The scorecard shows all five layers, never paints the unknown good, and names what a win costs."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.portfolio.scorecard import LAYERS, Cell, MetricDefinition, Observation, movement, scorecard

TODAY = date(2026, 11, 20)
HOURS = MetricDefinition(
    "hours", "Hours to settle", "business", "hours", "decrease", "measurements", 25.0, 31.0
)
ACCEPTED = MetricDefinition("accepted", "Accepted drafts", "quality", "%", "increase", "measurements", 90.0)
ERRORS = MetricDefinition("errors", "Failed calls", "reliability", "%", "decrease", "gateway", 1.0)
CALLS = MetricDefinition("calls", "Calls", "adoption", "calls", "increase", "gateway", 100.0, activity=True)
REVIEWS = MetricDefinition("reviews", "Manual reviews", "process", "steps", "decrease", "measurements")


def _seen(value: float, *, age: int = 1, trend: list[float] | None = None, n: int = 12) -> Observation:
    points = tuple(
        (TODAY - timedelta(weeks=len(trend or []) - index), figure)
        for index, figure in enumerate(trend or [])
    )
    end = TODAY - timedelta(days=age)
    return Observation(value, n, end - timedelta(days=27), end, points)


def _only(metric: MetricDefinition, observation: Observation | None) -> Cell:
    observed = {} if observation is None else {metric.name: observation}
    card = scorecard([metric], observed, as_of=TODAY)
    (cell,) = next(layer.cells for layer in card.layers if layer.layer == metric.layer)
    return cell


@pytest.mark.parametrize(
    ("metric", "value", "status", "distance"),
    [
        (HOURS, 24.0, "met", 1.0),
        (HOURS, 25.0, "met", 0.0),
        (HOURS, 25.5, "near", -0.5),
        (HOURS, 28.0, "missed", -3.0),
        (ACCEPTED, 95.0, "met", 5.0),
        (ACCEPTED, 82.0, "near", -8.0),
        (ACCEPTED, 70.0, "missed", -20.0),
    ],
)
def test_distance_follows_the_direction(
    metric: MetricDefinition, value: float, status: str, distance: float
) -> None:
    """Zero or more is met whichever way is better; near is a tenth of the way that had to be gone."""
    cell = _only(metric, _seen(value))
    assert cell.status == status
    assert cell.distance == pytest.approx(distance)


def test_words_say_value_target_and_gap() -> None:
    """A person reads the figure, the target and what is missing, with the unit."""
    assert (
        _only(HOURS, _seen(28.0)).words
        == "missed: 28 hours where at most 25 hours is aimed for, 3 hours short"
    )
    assert _only(ACCEPTED, _seen(95.0)).words == "met: 95 % where at least 90 % is aimed for"
    assert _only(REVIEWS, _seen(6.0)).words == "no target declared: 6 steps"


def test_no_data_is_never_good() -> None:
    """What was not measured, or measured from nothing, says so and has no distance."""
    for nothing in (None, _seen(10.0, n=0)):
        cell = _only(HOURS, nothing)
        assert (cell.status, cell.distance, cell.movement) == ("no data", None, "unknown")
        assert "no data" in cell.words


@pytest.mark.parametrize(("metric", "fresh"), [(HOURS, 21), (ERRORS, 2)])
def test_old_figures_are_stale(metric: MetricDefinition, fresh: int) -> None:
    """Imported figures may be three weeks old, the gateway's two days; older ones are stale, met or not."""
    assert _only(metric, _seen(0.5, age=fresh)).status == "met"
    cell = _only(metric, _seen(0.5, age=fresh + 1))
    assert cell.status == "stale"
    assert f"{fresh + 1} days old" in cell.words


def test_activity_is_not_value() -> None:
    """Counts of use are labelled, carry no distance, and alone leave their layer without data."""
    card = scorecard([CALLS], {"calls": _seen(5000)}, as_of=TODAY)
    adoption = next(layer for layer in card.layers if layer.layer == "adoption")
    assert adoption.status == "no data"
    (cell,) = adoption.cells
    assert (cell.status, cell.distance) == ("activity", None)
    assert cell.words == "activity, not value: 5,000 calls"
    assert card.trade_offs == ()


def test_all_layers_in_order() -> None:
    """Five layers stand in one order however little was declared, and the summary counts them."""
    card = scorecard([], {}, as_of=TODAY)
    assert tuple(layer.layer for layer in card.layers) == LAYERS
    assert {layer.status for layer in card.layers} == {"no data"}
    assert card.summary == "Of five layers: 5 no data."


def test_the_weakest_layer_is_flagged() -> None:
    """A miss is weaker than no data, no data weaker than a near miss; nothing is flagged when all is met."""
    card = scorecard([HOURS, ACCEPTED], {"hours": _seen(25.4), "accepted": _seen(60.0)}, as_of=TODAY)
    assert card.weakest == "quality"
    assert [layer.weakest for layer in card.layers] == [False, False, True, False, False]
    unknown = scorecard([HOURS, ACCEPTED], {"hours": _seen(25.4), "accepted": _seen(95.0)}, as_of=TODAY)
    assert unknown.weakest == "process"
    every = [replace(ACCEPTED, name=layer, layer=layer) for layer in LAYERS]
    fine = scorecard(every, {layer: _seen(95.0) for layer in LAYERS}, as_of=TODAY)
    assert fine.weakest is None
    assert fine.summary == "Of five layers: 5 met."


def test_winning_one_layer_by_losing_another_is_said() -> None:
    """Faster settling while drafts get worse is called out, in words."""
    falling = [95.0, 94.0, 95.0, 94.5, 95.0, 88.0, 87.0, 88.0, 86.5, 87.0]
    observed = {"hours": _seen(24.0), "accepted": _seen(87.0, trend=falling)}
    card = scorecard([HOURS, ACCEPTED], observed, as_of=TODAY)
    (said,) = card.trade_offs
    assert said == (
        "Business outcome wins while model quality loses: Hours to settle meets its target, but Accepted "
        "drafts is getting worse."
    )
    calm = {"hours": _seen(24.0), "accepted": _seen(95.0)}
    assert scorecard([HOURS, ACCEPTED], calm, as_of=TODAY).trade_offs == ()


def test_stale_figures_win_nothing() -> None:
    """A figure too old to count is neither a win nor a loss."""
    observed = {"hours": _seen(24.0, age=90), "accepted": _seen(50.0)}
    assert scorecard([HOURS, ACCEPTED], observed, as_of=TODAY).trade_offs == ()


def test_movement_needs_more_than_noise() -> None:
    """Ordinary variation is steady, a shift is movement, and seven points say nothing."""
    noisy = [(TODAY + timedelta(weeks=i), value) for i, value in enumerate([9, 11, 10, 12, 9, 11, 10, 12.5])]
    assert movement(ACCEPTED, noisy) == "steady"
    assert movement(ACCEPTED, noisy[:7]) == "unknown"
    shifted = [(day, value + (8 if index >= 4 else 0)) for index, (day, value) in enumerate(noisy)]
    assert movement(ACCEPTED, shifted) == "better"
    assert movement(HOURS, shifted) == "worse"


def test_refuses_what_is_not_a_figure() -> None:
    """A value of nan is an error that names the metric."""
    with pytest.raises(ValueError, match="metric hours"):
        _only(HOURS, _seen(float("nan")))


@given(
    values=st.dictionaries(
        st.sampled_from(["hours", "accepted", "errors", "calls", "reviews"]), st.floats(-1e6, 1e6)
    ),
    age=st.integers(0, 60),
)
def test_good_is_only_what_was_measured_fresh_and_on_target(values: dict[str, float], age: int) -> None:
    """Whatever is fed in, a layer is met only if every one of its measures that is not mere use is met."""
    metrics = [HOURS, ACCEPTED, ERRORS, CALLS, REVIEWS]
    card = scorecard(metrics, {name: _seen(value, age=age) for name, value in values.items()}, as_of=TODAY)
    for layer in card.layers:
        valued = [cell for cell in layer.cells if not cell.metric.activity]
        assert (layer.status == "met") == (bool(valued) and all(cell.status == "met" for cell in valued))
        for cell in layer.cells:
            if cell.status == "met":
                assert cell.metric.name in values
                assert cell.distance is not None
                assert cell.distance >= 0
                assert age <= 21
    assert sum(layer.weakest for layer in card.layers) <= 1
