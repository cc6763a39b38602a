"""Sample pages that use every macro of the kit, with the values real pages have."""

from __future__ import annotations

import functools
import random
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from jinja2 import Environment
from markupsafe import Markup

from roadworthy.foundation.chart_tokens import color
from roadworthy.foundation.charts import ChartRenderer
from roadworthy.foundation.web.parts import (
    Cell,
    Check,
    Code,
    Column,
    Crumb,
    DiffLine,
    Empty,
    ErrorPage,
    Event,
    Figure,
    Filter,
    Link,
    ListPage,
    Milliseconds,
    Money,
    Option,
    ResourcePage,
    SignInPage,
    Stat,
    Status,
    Tab,
    Table,
)
from roadworthy.foundation.web.templating import build_environment
from roadworthy.foundation.web.view import PaletteLink, Person, ShellContext, View

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)
STATES = (
    Status("good", "Holds"),
    Status("warn", "Due in 6 days"),
    Status("bad", "Refused"),
    Status("none", "No data"),
    Status("info", "In review"),
)


def environment() -> Environment:
    """Return the environment with the kitchen as a slice."""
    return build_environment([("kitchen", Path(__file__).parent / "templates")])


def shell(
    path: str = "/kitchen", *, theme: str = "", signed_in: bool = True, query: str = ""
) -> ShellContext:
    """Return the frame of a request."""
    person = Person("Ada Lindqvist", "person/ada", ("risk officer",)) if signed_in else None
    return ShellContext(
        path=path,
        query=query,
        now=NOW,
        person=person,
        csrf="csrf-of-the-session" if signed_in else "",
        theme=theme,  # type: ignore[arg-type]  # the caller passes one of the three
        needs_you=4,
        palette=(PaletteLink(title="claims-triage", href="/portfolio/claims-triage", hint="Use case"),),
        revision="1,482",
        version="0.1.0",
        sample_data=signed_in,
    )


def trace_table(rows: int = 9) -> Table:
    """Return a table with every type of cell."""
    made: list[dict[str, Cell]] = []
    for index in range(rows):
        state = STATES[index % 5]
        made.append(
            {
                "href": f"/traces/c{index}",
                "call": Code(f"call_01jd{index:04x}"),
                "use_case": Link("Claims triage", "/portfolio/claims-triage"),
                "decision": state,
                "started_at": NOW - timedelta(minutes=7 * index),
                "tokens": None if index == 3 else 1_204 * (index + 1),
                "streamed": index % 2 == 0,
                "margin": -4.5 + index,
                "latency_ms": Milliseconds(180.0 * (index + 1)),
                "cost_eur": Money(1_250_000 * (index + 1) ** 3, "EUR"),
            }
        )
    columns = (
        Column(key="call", title="Call", sortable=True),
        Column(key="use_case", title="Use case"),
        Column(key="decision", title="Decision"),
        Column(key="started_at", title="Started", sortable=True),
        Column(key="tokens", title="Input tokens", numeric=True),
        Column(key="streamed", title="Streamed"),
        Column(key="margin", title="Margin", numeric=True, unit="pp", decimals=1),
        Column(key="latency_ms", title="Latency", numeric=True, sortable=True),
        Column(key="cost_eur", title="Cost", numeric=True),
    )
    return Table(
        columns=columns,
        rows=made,
        caption="Latest calls",
        url="/kitchen?use_case=claims",
        sort="-started_at",
        next_cursor="abc",
        previous_url="/kitchen",
    )


@functools.cache
def figure() -> Figure:
    """Return a run chart drawn by the real renderer."""
    seeded = random.Random(7)
    weeks = [date(2025, 12, 1) + timedelta(weeks=week) for week in range(52)]
    hours = [round(31 + seeded.gauss(0, 1.6) - (7 if week > 30 else 0), 1) for week in range(52)]
    values = [{"week": day.isoformat(), "hours": value} for day, value in zip(weeks, hours, strict=True)]
    on_week = {
        "field": "week",
        "type": "temporal",
        "title": None,
        "axis": {"format": "%b %Y", "tickCount": 6},
    }
    hours_y = {"field": "hours", "type": "quantitative", "scale": {"domain": [15, 38]}, "title": None}
    spec = {
        "width": 720,
        "height": 250,
        "background": None,
        "data": {"values": values},
        "config": {
            "font": "Inter",
            "view": {"stroke": None},
            "axis": {
                "labelColor": color("ink-2"),
                "domainColor": color("axis"),
                "tickColor": color("axis"),
                "gridColor": color("grid"),
                "labelFontSize": 11,
            },
        },
        "layer": [
            {
                "mark": {"type": "rect", "color": color("band")},
                "encoding": {
                    "y": {"datum": 27, "scale": {"zero": False, "domain": [15, 38]}},
                    "y2": {"datum": 35.5},
                },
            },
            {
                "mark": {"type": "rule", "color": color("status-bad"), "strokeDash": [4, 3]},
                "encoding": {"y": {"datum": 25}},
            },
            {
                "mark": {
                    "type": "line",
                    "color": color("chart-1"),
                    "point": {"size": 22, "color": color("chart-1")},
                },
                "encoding": {"x": on_week, "y": hours_y},
            },
        ],
    }
    table = Table(
        columns=(
            Column(key="week", title="Week"),
            Column(key="hours", title="Hours", numeric=True, decimals=1),
        ),
        rows=[{"week": day, "hours": value} for day, value in zip(weeks[:6], hours[:6], strict=True)],
    )
    with ChartRenderer(None) as charts:
        svg = charts.render_svg(
            spec, title="Hours to settle a claim", description="Weekly; the table has the numbers."
        )
    return Figure(
        headline="Hours to settle a claim fell by 7.1 (95 % interval 6.2 to 8.0) after 6 July.",
        subtitle="Weekly median from report to decision; lower is better. Band: the baseline's range.",
        svg=Markup(svg),  # noqa: S704  # our renderer's
        table=table,
        n="52 weeks",
        fresh_at=NOW - timedelta(hours=2),
    )


CHECKS = (
    Check(
        status=Status("bad", "missing"),
        what="Security approval",
        why="High-risk tier asks for security and legal; legal approved on 3 Nov.",
        next_step="Ask a security approver of Claims.",
        link=Link("Request", "/approvals/new"),
    ),
    Check(status=Status("good", "shown"), what="Three metrics", why="One business, one trust, one process."),
    Check(
        status=Status("warn", "expires"),
        what="Owner's deputy leaves on 30 Nov",
        next_step="Name another deputy for operations.",
        link=Link("Name deputy", "/edit"),
    ),
    Check(
        status=Status("none", "unknown"), what="Last evaluation", why="No run was recorded for this release."
    ),
)


def kitchen_view() -> View:
    """Return the page that uses every macro."""
    return View(
        title="Claims triage",
        template="kitchen/kitchen.html",
        breadcrumbs=(
            Crumb("Portfolio", "/portfolio"),
            Crumb("Customer operations", "/portfolio?bucket=customer"),
        ),
        active="/portfolio",
        command="roadworthy explain use-case/claims-triage",
        table=trace_table(),
        model={
            "lead": "Sorts incoming motor claims by urgency and drafts the first letter; a person signs.",
            "status": STATES[1],
            "facts": (
                ("Owner", "Maja Chen"),
                ("Risk tier", "High"),
                ("Unit", Link("Claims", "/units/claims")),
            ),
            "tabs": (
                Tab("Overview", "/kitchen", current=True),
                Tab("Scorecard", "/kitchen/scorecard"),
                Tab("Traces", "/kitchen/traces", count=12_480),
                Tab("History", "/kitchen/history"),
            ),
            "banners": STATES,
            "stats": (
                Stat(
                    label="Hours to settle",
                    value="24.1",
                    unit="h",
                    status=Status("good", "Improved"),
                    note="target 25",
                ),
                Stat(label="Cost this month", value="€1,284.20", note="of €2,000.00 budget", href="/budgets"),
                Stat(label="Calls", value="12,480", status=Status("info", "Activity"), note="not value"),
                Stat(label="Groundedness", value="–", status=Status("none", "No data"), note="no run yet"),
            ),
            "figure": figure(),
            "checks": CHECKS,
            "definitions": (
                ("Business owner", "Maja Chen"),
                ("Outcome", Link("Hours to settle a claim", "/outcomes/hours")),
                ("Model", Code("model/small")),
                ("Grant ends", date(2027, 2, 1)),
                ("Price cap", Money(2_000_000_000_000, "EUR")),
            ),
            "events": (
                Event(
                    at=NOW - timedelta(hours=3),
                    what="Legal approved",
                    state="good",
                    by="person/li",
                    why="90 days",
                ),
                Event(
                    at=NOW - timedelta(days=2),
                    what="Security asked for a change",
                    state="warn",
                    by="person/omar",
                ),
                Event(at=NOW - timedelta(days=9), what="Declared", by="person/maja", href="/history/1"),
            ),
            "nothing": Table(
                columns=(Column(key="name", title="Name"),),
                rows=(),
                empty=Empty(
                    sentence="No incident was ever opened here. Monitors open them, and so can people.",
                    command="roadworthy incident open --use-case claims-triage",
                    link=Link("How incidents work", "/docs/incidents"),
                ),
            ),
            "options": (Option("security", "Security"), Option("legal", "Legal")),
            "snippet": 'from openai import OpenAI\n\nclient = OpenAI(\n    base_url="http://127.0.0.1:8081/v1",\n'
            '    api_key="rwk_3f9a…",\n)\nprint(client.models.list())\n',
        },
    )


def list_view() -> View:
    """Return a generic list page."""
    options = (Option("", "All decisions"), Option("allowed", "Allowed"), Option("refused", "Refused"))
    return View(
        title="Traces",
        template="table_page.html",
        active="/traces",
        command="roadworthy traces --use-case claims",
        table=trace_table(14),
        model=ListPage(
            lead="Every governed call: who, for what, what was decided and why, what it cost.",
            filters=(
                Filter(name="decision", label="Decision", options=options),
                Filter(name="use_case", label="Use case", value="claims"),
            ),
        ),
    )


def resource_view(tab: str) -> View:
    """Return a generic resource page on one of its tabs."""
    address = "/resources/use-case/claims-triage"
    titles = (("Overview", "overview"), ("YAML", "yaml"), ("History", "history"), ("Diff", "diff"))
    yaml = (
        "apiVersion: roadworthy/v1\nkind: UseCase\nmetadata:\n  name: claims-triage\n  namespace: claims\n"
        "spec:\n  summary: Sorts incoming motor claims by urgency.\n  outcome: outcome/hours-to-settle\n"
    )
    history = Table(
        columns=(Column(key="version", title="Version", numeric=True), Column(key="at", title="When")),
        rows=[{"version": 2, "at": NOW, "href": f"{address}?tab=diff&version=2"}, {"version": 1, "at": NOW}],
    )
    return View(
        title="claims-triage",
        template="resource.html",
        active="/portfolio",
        breadcrumbs=(Crumb("Use cases", "/portfolio"),),
        command="roadworthy get use-case claims-triage -o yaml",
        table=history if tab == "history" else None,
        model=ResourcePage(
            kind="use-case",
            name="claims-triage",
            tab=tab,  # type: ignore[arg-type]  # one of the four
            tabs=[Tab(title, f"{address}?tab={key}", current=key == tab) for title, key in titles],
            status=STATES[4],
            facts=(("Managed by", "file"), ("Version", 2)),
            spec=(("Summary", "Sorts incoming motor claims by urgency."), ("Users", 140)),
            checks=CHECKS,
            notes=((Status("warn", "Changed in the console"), "The file in git is one version behind."),),
            yaml=yaml,
            diff_title="Version 1 to version 2",
            diff=[
                DiffLine("same", "spec:", 6),
                DiffLine("removed", "  users: 120", 7),
                DiffLine("added", "  users: 140", 7),
            ],
        ),
    )


def error_view() -> View:
    """Return an error page."""
    return View(
        title="This call was refused",
        template="error.html",
        status=403,
        model=ErrorPage(
            status=403,
            what="You may not approve this use case.",
            why="You declared it yourself, and the author of a declaration cannot approve it.",
            fix="Ask another security approver of Claims: Omar Haddad or Li Wei.",
            code="blocked",
            trace_id="err_01jdk3v8",
            issues=(("spec.outcome", "No outcome is named."),),
        ),
    )


def sign_in_view() -> View:
    """Return the sign-in page after a link that was used twice."""
    problem = "It was used already, or it is older than 15 minutes. Make a new one below."
    return View(title="Sign in", template="sign_in.html", model=SignInPage(problem=problem))
