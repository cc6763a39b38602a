"""What the outcome pages show, from a report to the values a template draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from roadworthy.foundation.web.formats import day_text, money, number
from roadworthy.foundation.web.parts import (
    Cell,
    Check,
    Code,
    Column,
    Empty,
    Figure,
    Link,
    State,
    Status,
    Tab,
    Table,
)
from roadworthy.portfolio.amount import amount, change
from roadworthy.portfolio.charts import Chart, run_chart
from roadworthy.portfolio.constraint import ConstraintCheck
from roadworthy.portfolio.drawing import Draw, Drawn
from roadworthy.portfolio.effect import PERIOD
from roadworthy.portfolio.effect import Status as Verdict
from roadworthy.portfolio.facts import Measurement, MeasurementImport
from roadworthy.portfolio.outcome_report import CAVEAT, OutcomeReport, Worth
from roadworthy.portfolio.tile_chart import KEY, tile_chart

_STATES: dict[Verdict, State] = {
    "improved": "good",
    "worse": "bad",
    "no evidence yet": "warn",
    "too early": "info",
    "no data": "none",
}
# What somebody has to act on first, then what can be shown, then what cannot be told.
_ORDER: tuple[Verdict, ...] = ("worse", "improved", "no evidence yet", "too early", "no data")
_GUARD_STATES: dict[str, State] = {
    "within margin": "good",
    "breached": "bad",
    "cannot tell yet": "warn",
    "no data": "none",
}
_KINDS = {
    "growth": "Growth",
    "speed": "Speed",
    "customer_experience": "Customer experience",
    "risk_reduction": "Risk reduction",
    "workforce_leverage": "Workforce leverage",
}
_NANO = 1_000_000_000
_GRADES = {
    "D": "Grade D: before/after against the earlier trend, not proof of cause",
    "E": "Grade E: before/after only, not evidence of cause",
    "F": "Grade F: nothing measured supports a claim",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeCard:
    """One outcome on the overview."""

    name: str
    title: str
    href: str
    kind: str
    status: Status
    headline: str
    chart: Drawn | None
    facts: Sequence[tuple[str, str]]
    grade: str
    foot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesPage:
    """The model of `outcomes.html`."""

    lead: str
    caveat: str
    key: str
    """How to read the small charts."""
    counts: Sequence[tuple[Status, int]]
    cards: Sequence[OutcomeCard]
    empty: Empty


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePage:
    """The model of `outcome.html`."""

    name: str
    status: Status
    lead: str
    facts: Sequence[tuple[str, Cell]]
    tabs: Sequence[Tab]
    figure: Figure | None
    empty: Empty
    grade: str
    caveat: str
    settles: str
    notes: Sequence[str]
    contract: Sequence[tuple[str, Cell]]
    constraints: Sequence[Check]
    use_cases: Table
    imports: Table
    corrections: Table | None
    may_import: bool
    command: str
    href: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedPage:
    """The model of `import_refused.html`: a file that was not imported, and every bad line of it."""

    what: str
    why: str
    back: Link


def href_of(outcome: str) -> str:
    """Return the page of an outcome."""
    return f"/outcomes/{outcome}"


def import_command(outcome: str) -> str:
    """Return the command that imports an outcome's figures."""
    return f"roadworthy measure import figures.csv --outcome {outcome}"


def status_of(verdict: Verdict) -> Status:
    """Return a verdict as a shape and a word."""
    return Status(_STATES[verdict], verdict[0].upper() + verdict[1:])


def _money(value: float, currency: str) -> str:
    # Whole units are plenty for a page; the exact amount is in the twins.
    if abs(value) < 100:
        return money(round(value * _NANO), currency)
    return money(round(value) * _NANO, currency).removesuffix(".00")


def worth_words(worth: Worth) -> str:
    """Return the money a change is worth, with what keeps it from being counted."""
    if worth.amount is None:
        return f"{_money(worth.at_target, worth.currency)} at target, {worth.words}"
    return f"{_money(worth.amount, worth.currency)}, {worth.words}"


def _unit_value(one: OutcomeReport) -> str | None:
    if one.worth is None:
        return None
    return f"{_money(one.worth.unit_amount, one.worth.currency)} for one unit of change ({one.metric.unit})"


def _by(day: date) -> str:
    return f"by {day_text(day)}"


def outcomes_page(reports: Sequence[OutcomeReport], draw: Draw) -> OutcomesPage:
    """Return the overview: what needs a decision first, what is not measured last."""
    ordered = sorted(reports, key=lambda one: (_ORDER.index(one.verdict.status), one.name))
    counts = [
        (status_of(verdict), sum(1 for one in reports if one.verdict.status == verdict)) for verdict in _ORDER
    ]
    return OutcomesPage(
        lead="Did it change the business? What each outcome was to change, and what can be shown so far.",
        caveat=CAVEAT,
        key=KEY,
        counts=[each for each in counts if each[1]],
        cards=[_card(one, draw) for one in ordered],
        empty=Empty(
            sentence="No outcome is declared. Say what the business wants to change, from where, to where, "
            "by when, and who answers for it.",
            command="roadworthy apply -f outcomes.yaml",
            link=Link("What an outcome declares", "/declared/outcome"),
        ),
    )


def _card(one: OutcomeReport, draw: Draw) -> OutcomeCard:
    chart = tile_chart(one.contract, one.points, one.marks, as_of=one.as_of)
    facts = [
        ("Baseline", amount(one.contract.baseline_value, one.metric.unit)),
        ("Target", f"{amount(one.contract.target_value, one.metric.unit)} {_by(one.spec.horizon)}"),
    ]
    if one.worth is not None:
        facts.append(("Worth", worth_words(one.worth)))
    return OutcomeCard(
        name=one.name,
        title=one.spec.title,
        href=href_of(one.name),
        kind=_KINDS[one.spec.kind],
        status=status_of(one.verdict.status),
        headline=one.headline.text,
        chart=draw(chart) if one.points else None,
        facts=facts,
        grade=_GRADES[one.verdict.grade],
        foot=f"n = {len(one.points)} weeks · {_freshness(one)}",
    )


def _grade(one: OutcomeReport) -> str:
    words = one.verdict.grade_words
    return f"Grade {one.verdict.grade}: {words}"


def _freshness(one: OutcomeReport) -> str:
    if not one.points:
        return "no figure yet"
    days = (one.as_of - max(point.start for point in one.points) - PERIOD).days
    # A week that is not over yet is as fresh as can be.
    return f"newest week ended {days} days ago" if days > 1 else "measured up to now"


def _chart(one: OutcomeReport) -> Chart:
    return run_chart(one.contract, one.points, one.marks, one.verdict, as_of=one.as_of, width=940, height=320)


def outcomes_table(reports: Sequence[OutcomeReport]) -> Table:
    """Return the overview as rows, for the twins and for who would rather read."""
    columns = (
        Column(key="outcome", title="Outcome"),
        Column(key="status", title="Verdict"),
        Column(key="headline", title="What can be said"),
        Column(key="grade", title="Claim grade"),
        Column(key="effect", title="Effect", numeric=True, decimals=2),
        Column(key="effect_low_95", title="95 % from", numeric=True, decimals=2),
        Column(key="effect_high_95", title="to", numeric=True, decimals=2),
        Column(key="effect_unit", title="Unit"),
        Column(key="baseline", title="Baseline", numeric=True),
        Column(key="target", title="Target", numeric=True),
        Column(key="unit", title="Unit of the metric"),
        Column(key="horizon", title="Horizon"),
        Column(key="weeks_before", title="Weeks before", numeric=True),
        Column(key="weeks_after", title="Weeks after", numeric=True),
        Column(key="last_measured_on", title="Newest week"),
        Column(key="worth", title="Worth", numeric=True, decimals=2),
        Column(key="worth_currency", title="Currency"),
        Column(key="worth_counted", title="Counted"),
        Column(key="owner", title="Owner"),
    )
    return Table(
        columns=columns,
        rows=[_row(one) for one in sorted(reports, key=lambda one: one.name)],
        caption="Outcomes",
    )


def _row(one: OutcomeReport) -> dict[str, Cell]:
    verdict, worth = one.verdict, one.worth
    return {
        "outcome": one.name,
        "status": status_of(verdict.status),
        "headline": one.headline.text,
        "grade": verdict.grade,
        "effect": verdict.effect,
        "effect_low_95": verdict.low,
        "effect_high_95": verdict.high,
        "effect_unit": one.contract.effect_unit,
        "baseline": one.contract.baseline_value,
        "target": one.contract.target_value,
        "unit": one.metric.unit,
        "horizon": one.spec.horizon,
        "weeks_before": verdict.n_before,
        "weeks_after": verdict.n_after,
        "last_measured_on": verdict.last_measured_on,
        "worth": worth.amount if worth else None,
        "worth_currency": worth.currency if worth else None,
        "worth_counted": worth.counted if worth else None,
        "owner": one.spec.owner,
        "href": href_of(one.name),
    }


_SERIES_COLUMNS = (
    Column(key="week_starting", title="Week starting"),
    Column(key="value", title="Figure", numeric=True),
    Column(key="baseline", title="Baseline", numeric=True),
    Column(key="target", title="Target", numeric=True),
    Column(key="usual_from", title="Usual from", numeric=True, decimals=2),
    Column(key="usual_to", title="Usual to", numeric=True, decimals=2),
    Column(key="earlier_trend", title="Earlier trend", numeric=True, decimals=2),
    Column(key="signal", title="Signal"),
    Column(key="happened", title="What happened"),
)


def series_table(one: OutcomeReport) -> Table:
    """Return the weekly figures that the chart draws."""
    chart = _chart(one)
    rows: list[dict[str, Cell]] = [
        {column.key: value for column, value in zip(_SERIES_COLUMNS, row, strict=True)} for row in chart.rows
    ]
    return Table(
        columns=_SERIES_COLUMNS, rows=rows, caption=f"{one.metric.title}, {one.metric.unit}, by week"
    )


def outcome_page(
    one: OutcomeReport,
    draw: Draw,
    *,
    table: Table,
    imports: Sequence[MeasurementImport],
    replaced: Sequence[Measurement],
    may_import: bool,
    now: datetime,
) -> OutcomePage:
    """Return one outcome: its chart, its contract, and what would settle it."""
    command = import_command(one.name)
    return OutcomePage(
        name=one.name,
        status=status_of(one.verdict.status),
        lead="",
        facts=[
            ("Kind", _KINDS[one.spec.kind]),
            ("Owner", Link(one.spec.owner, f"/access/people/{one.spec.owner}")),
            ("Metric", Link(one.spec.metric, f"/declared/metric/{one.spec.metric}")),
            ("Unit", one.namespace),
        ],
        tabs=_tabs(one.name),
        figure=_figure(one, draw, table=table, now=now) if one.points else None,
        # Where the form stands its command stands beside it.
        empty=Empty(
            sentence=f"{one.headline.text} {one.verdict.settles}", command="" if may_import else command
        ),
        grade=_grade(one),
        caveat=CAVEAT,
        settles=one.verdict.settles,
        notes=one.verdict.notes,
        contract=_contract(one),
        constraints=[
            _constraint(each, still_live=one.verdict.window is None or one.verdict.window.end is None)
            for each in one.constraints
        ],
        use_cases=_use_cases(one),
        imports=_imports(imports),
        corrections=_corrections(replaced, one) if replaced else None,
        may_import=may_import,
        command=command,
        href=href_of(one.name),
    )


def _figure(one: OutcomeReport, draw: Draw, *, table: Table, now: datetime) -> Figure:
    chart = _chart(one)
    newest = max(point.start for point in one.points) + PERIOD
    return Figure(
        headline=one.headline.text,
        subtitle=chart.subtitle,
        svg=draw(chart),
        table=table,
        n=f"{len(one.points)} weeks, measured for {one.measured_for}",
        fresh_at=min(datetime.combine(newest, time.min, UTC), now),
    )


def _tabs(name: str) -> tuple[Tab, ...]:
    base = f"/declared/outcome/{name}"
    return (
        Tab("Overview", href_of(name), current=True),
        Tab("Declaration", f"{base}?tab=yaml"),
        Tab("History", f"{base}?tab=history"),
        Tab("Last change", f"{base}?tab=diff"),
    )


def _contract(one: OutcomeReport) -> list[tuple[str, Cell]]:
    baseline, unit = one.spec.baseline, one.metric.unit
    pairs: list[tuple[str, Cell]] = [
        ("Owner", Link(one.spec.owner, f"/access/people/{one.spec.owner}")),
        ("Metric", f"{one.metric.title} ({unit})"),
        (
            "Baseline",
            f"{amount(baseline.value, unit)}, {day_text(baseline.from_)} to {day_text(baseline.to)}",
        ),
        (
            "Target",
            f"{change(one.spec.target.delta, unit)}, to {amount(one.contract.target_value, unit)}",
        ),
        ("Horizon", one.spec.horizon),
        ("Value of one unit", _unit_value(one)),
    ]
    if one.worth is not None:
        pairs.append(("Worth so far", worth_words(one.worth)))
    if one.metric.definition:
        pairs.append(("How it is counted", one.metric.definition))
    return pairs


def _constraint(check: ConstraintCheck, *, still_live: bool) -> Check:
    steps = {
        "breached": "Decide whether the outcome is worth it: hold the rollout, or change the margin openly.",
        "no data": f"Import figures of {check.guard.metric}; what is not measured does not pass.",
        "cannot tell yet": "More weeks narrow the interval."
        if still_live
        else "It is no longer live; only a new launch would add evidence.",
    }
    return Check(
        status=Status(_GUARD_STATES[check.state], check.state),
        what=check.guard.title,
        why=f"{check.words[0].upper()}{check.words[1:]}.",
        next_step=steps.get(check.state, ""),
        link=Link("Metric", f"/declared/metric/{check.guard.metric}"),
    )


def _use_cases(one: OutcomeReport) -> Table:
    return Table(
        columns=(Column(key="use_case", title="Use case"), Column(key="stage", title="Stage")),
        rows=[
            {"use_case": each.title, "stage": each.stage.capitalize(), "href": f"/use-cases/{each.name}"}
            for each in one.serving
        ],
        caption="Use cases that serve it",
        empty=Empty(sentence="No use case serves this outcome yet; nothing can be launched for it."),
    )


def _imports(found: Sequence[MeasurementImport]) -> Table:
    return Table(
        columns=(
            Column(key="at", title="When"),
            Column(key="file", title="File"),
            Column(key="by", title="Who"),
            Column(key="subject", title="For"),
            Column(key="figures", title="Figures", numeric=True),
            Column(key="digest", title="Digest"),
            Column(key="entry", title="Audit entry"),
        ),
        rows=[
            {
                "at": each.at,
                "file": each.source or None,
                "by": each.actor,
                "subject": each.subject,
                "figures": each.count,
                "digest": Code(each.digest[:12]),
                "entry": Link(number(each.audit_seq), f"/audit/{each.audit_seq}"),
            }
            for each in found
        ],
        caption="Imports",
        empty=Empty(sentence="No figures were imported yet."),
    )


def _corrections(replaced: Sequence[Measurement], one: OutcomeReport) -> Table:
    now = {point.start: point.value for point in one.points}
    return Table(
        columns=(
            Column(key="week_starting", title="Week starting"),
            Column(key="was", title="Was", numeric=True),
            Column(key="counts", title="Counts now", numeric=True),
            Column(key="recorded_at", title="Was recorded"),
            Column(key="entry", title="Audit entry"),
        ),
        rows=[
            {
                "week_starting": each.period_start,
                "was": each.value,
                "counts": now.get(each.period_start),
                "recorded_at": each.recorded_at,
                "entry": Link(number(each.audit_seq), f"/audit/{each.audit_seq}"),
            }
            for each in replaced
        ],
        caption="Corrected figures",
    )
