"""What the scorecard pages show: use cases by layers, each cell a shape, a word and a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from roadworthy.foundation.web.parts import Cell, Column, Empty, Link, Spark, State, Status, Table
from roadworthy.portfolio import scorecard
from roadworthy.portfolio.amount import amount
from roadworthy.portfolio.charts import sparkline
from roadworthy.portfolio.drawing import Draw
from roadworthy.portfolio.effect import WeeklyPoint
from roadworthy.portfolio.scorecard import LAYER_TITLES, LAYERS, CellStatus, LayerScore
from roadworthy.portfolio.scorecard_queries import UseCaseScore

_STATES: dict[CellStatus, State] = {
    "met": "good",
    "near": "warn",
    "missed": "bad",
    "no target": "none",
    "no data": "none",
    "stale": "none",
    "activity": "info",
}
_RUNNING = {"live", "pilot"}
LEAD = "Five layers from what was measured. What has no data says so, and never counts as good."
ACTIVITY = "Counts of use are activity, not value."


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatCell:
    """One layer of one use case: the word for the layer, and the measure that decides it."""

    layer: str
    status: Status
    metric: str
    value: str
    target: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatRow:
    """One use case."""

    title: str
    href: str
    stage: str
    cells: Sequence[HeatCell]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOut:
    """One layer that wins while another loses."""

    use_case: str
    href: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScorecardPage:
    """The model of `scorecard.html`."""

    lead: str
    note: str
    layers: Sequence[str]
    running: Sequence[HeatRow]
    others: Sequence[HeatRow]
    call_outs: Sequence[CallOut]
    legend: Sequence[tuple[Status, str]]
    empty: Empty


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerPart:
    """One layer of a use case with its measures."""

    title: str
    status: Status
    weakest: bool
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCaseScorePage:
    """The model of `use_case_scorecard.html`."""

    name: str
    lead: str
    summary: str
    note: str
    facts: Sequence[tuple[str, Cell]]
    call_outs: Sequence[str]
    layers: Sequence[LayerPart]


def href_of(use_case: str) -> str:
    """Return the scorecard page of a use case."""
    return f"/scorecard/{use_case}"


def status_of(status: CellStatus) -> Status:
    """Return a status as a shape and a word."""
    return Status(_STATES[status], status.capitalize())


def _lead(layer: LayerScore) -> scorecard.Cell | None:
    """Return the measure that decides a layer: the first of those as weak as the layer is."""
    valued = [cell for cell in layer.cells if not cell.metric.activity]
    return next((cell for cell in valued if cell.status == layer.status), None)


def _heat(layer: LayerScore) -> HeatCell:
    lead = _lead(layer)
    if lead is None:
        counted = [cell for cell in layer.cells if cell.observed is not None]
        words = "no metric of this layer is declared" if not layer.cells else "only counts of use"
        shown = counted[0] if counted else None
        return HeatCell(
            layer=layer.title,
            status=status_of(layer.status),
            metric="No metric declared" if not layer.cells else "Only use is counted",
            value=_value(shown) if shown else "",
            target="use, not value" if shown else "",
            words=words,
        )
    return HeatCell(
        layer=layer.title,
        status=status_of(layer.status),
        metric=lead.metric.title,
        value=_value(lead),
        target=_target(lead),
        words=lead.words,
    )


def _value(cell: scorecard.Cell) -> str:
    if cell.observed is None:
        return ""
    text = amount(cell.observed.value, cell.metric.unit)
    target = cell.metric.target
    if target is not None and cell.distance and text == amount(target, cell.metric.unit):
        # Rounded alike, and yet not the same: more digits show on which side of the target it is.
        return amount(cell.observed.value, cell.metric.unit, digits=6)
    return text


def _target(cell: scorecard.Cell) -> str:
    if cell.metric.target is None:
        return "no target"
    sign = "≤" if cell.metric.direction == "decrease" else "≥"
    return f"{sign} {amount(cell.metric.target, cell.metric.unit)}"


def scorecard_page(scores: Sequence[UseCaseScore]) -> ScorecardPage:
    """Return the overview: what runs first, the weakest at the top."""
    rows = [
        (
            one,
            HeatRow(
                title=one.title,
                href=href_of(one.name),
                stage=one.stage.capitalize(),
                cells=[_heat(layer) for layer in one.card.layers],
            ),
        )
        for one in scores
    ]
    return ScorecardPage(
        lead=LEAD,
        note=ACTIVITY,
        layers=[LAYER_TITLES[layer] for layer in LAYERS],
        running=[row for one, row in rows if one.stage in _RUNNING],
        others=[row for one, row in rows if one.stage not in _RUNNING],
        call_outs=[
            CallOut(use_case=one.title, href=href_of(one.name), sentence=sentence)
            for one in scores
            for sentence in one.card.trade_offs
        ],
        legend=[
            (status_of("met"), "at or beyond its target"),
            (status_of("near"), "within a tenth of the way"),
            (status_of("missed"), "short of it"),
            (status_of("no data"), "not measured, too old or no target: never good"),
        ],
        empty=Empty(
            sentence="No use case is declared, so there is nothing to score.",
            command="roadworthy apply -f use-case.yaml",
        ),
    )


def scorecards_table(scores: Sequence[UseCaseScore]) -> Table:
    """Return a row for each use case and layer, for the twins."""
    rows: list[dict[str, Cell]] = []
    for one in scores:
        for layer in one.card.layers:
            lead = _lead(layer)
            rows.append(
                {
                    "use_case": one.name,
                    "stage": one.stage,
                    "layer": layer.title,
                    "status": status_of(layer.status),
                    "metric": lead.metric.name if lead else None,
                    "value": lead.observed.value if lead and lead.observed else None,
                    "target": lead.metric.target if lead else None,
                    "unit": lead.metric.unit if lead else None,
                    "why": _heat(layer).words,
                    "href": href_of(one.name),
                }
            )
    return Table(
        columns=(
            Column(key="use_case", title="Use case"),
            Column(key="stage", title="Stage"),
            Column(key="layer", title="Layer"),
            Column(key="status", title="Status"),
            Column(key="metric", title="Decided by"),
            Column(key="value", title="Value", numeric=True, decimals=2),
            Column(key="target", title="Target", numeric=True),
            Column(key="unit", title="Unit"),
            Column(key="why", title="Why"),
        ),
        rows=rows,
        caption="Scorecard",
    )


_COLUMNS = (
    Column(key="metric", title="Measure"),
    Column(key="status", title="Status"),
    Column(key="value", title="Value", numeric=True),
    Column(key="target", title="Target", numeric=True),
    Column(key="movement", title="Trend"),
    Column(key="last_26_weeks", title="Last 26 weeks"),
    Column(key="n", title="n", numeric=True),
    Column(key="age_days", title="Age", numeric=True, unit="days"),
    Column(key="source", title="Source"),
)


def _measures(one: UseCaseScore, layer: LayerScore, draw: Draw) -> list[dict[str, Cell]]:
    return [
        {
            "metric": cell.metric.title,
            "status": status_of(cell.status),
            "value": _value(cell) or None,
            "target": "use, not value" if cell.metric.activity else _target(cell),
            "movement": "not enough weeks" if cell.movement == "unknown" else cell.movement,
            "last_26_weeks": _spark(one, cell, draw),
            "n": cell.observed.n if cell.observed else 0,
            "age_days": cell.age_days,
            "source": one.sources[cell.metric.name],
            "href": f"/declared/metric/{cell.metric.name}",
        }
        for cell in layer.cells
    ]


def _spark(one: UseCaseScore, cell: scorecard.Cell, draw: Draw) -> Spark | None:
    if cell.observed is None or len(cell.observed.trend) < 2:
        return None
    points = [WeeklyPoint(day, value) for day, value in cell.observed.trend]
    chart = sparkline(
        cell.metric.title, cell.metric.unit, points, baseline=cell.metric.baseline, as_of=one.as_of
    )
    return Spark(draw(chart), chart.description)


def use_case_page(one: UseCaseScore, draw: Draw) -> UseCaseScorePage:
    """Return a use case's five layers with every measure."""
    return UseCaseScorePage(
        name=one.name,
        lead=LEAD,
        summary=one.card.summary,
        note=ACTIVITY,
        facts=[
            ("Use case", Link(one.name, f"/use-cases/{one.name}")),
            ("Stage", one.stage.capitalize()),
            ("Outcome", Link(one.outcome, f"/outcomes/{one.outcome}")),
            ("Unit", one.namespace),
        ],
        call_outs=one.card.trade_offs,
        layers=[
            LayerPart(
                title=layer.title,
                status=status_of(layer.status),
                weakest=layer.weakest,
                table=Table(
                    columns=_COLUMNS,
                    rows=_measures(one, layer, draw),
                    caption=layer.title,
                    empty=Empty(
                        sentence=f"No metric of this layer is declared for {one.name}, so nothing is known "
                        "of it.",
                        link=Link("Metrics", "/declared/metric"),
                    ),
                ),
            )
            for layer in one.card.layers
        ],
    )


def use_case_table(one: UseCaseScore, draw: Draw) -> Table:
    """Return every measure in one table, for the twins."""
    rows = [{**row, "layer": layer.title} for layer in one.card.layers for row in _measures(one, layer, draw)]
    columns = (Column(key="layer", title="Layer"), *_COLUMNS)
    return Table(columns=columns, rows=rows, caption=f"Scorecard of {one.name}")
