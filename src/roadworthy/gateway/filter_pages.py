"""The console's pages of filters, appeals and held calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import Form
from pydantic import BaseModel, ConfigDict, Field

from roadworthy.appeals import operations, queries
from roadworthy.appeals.appeal import Appeal
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import Cell, Column, Empty, Link, Option, Stat, Status, Table
from roadworthy.foundation.web.router import Redirect, Router
from roadworthy.foundation.web.view import Crumb, View
from roadworthy.gateway import filter_door, filter_section, filter_view
from roadworthy.gateway.door import index_of, seen_by
from roadworthy.gateway.filters.measured import measured
from roadworthy.gateway.snapshot import FilterPolicyEntry, FilterUse
from roadworthy.registry.door import actor_of, clean
from roadworthy.registry.kinds import Name
from roadworthy.usage import queries as usage

router = Router(tag="filters")
FILTERS = "/operations/filters"
Words = Annotated[str, Form(min_length=1, max_length=2000)]
_CRUMB = Crumb("Filters", FILTERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class FiltersPage:
    """The model of `filters.html`."""

    lead: str
    policies: Table
    appeals: Table
    holds: Table
    tried: dict[str, Any] | None = None
    use_cases: Sequence[Option] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterPage:
    """The model of `filter.html`."""

    lead: str
    status: Status
    stats: Sequence[Stat]
    uses: Table
    found: Table
    measured: Table
    looks_for: Sequence[str]
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealPage:
    """The model of `appeal.html`: a blocked call, its appeal, and the forms that fit how it stands."""

    call: str
    status: Status
    facts: Sequence[tuple[str, Cell]]
    message: str
    appeal: Appeal | None
    may_decide: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPage:
    """The model of `hold.html`."""

    call: str
    status: Status
    facts: Sequence[tuple[str, Cell]]
    may_decide: bool
    periods: Sequence[Option]


@router.page(FILTERS, permission="registry.read")
def filters_page(tx: Tx, call: Call) -> View:
    """Show every filter: what it looks for, what it found, how often it was wrong, what it costs."""
    seen = seen_by(tx, call, "usage.read")
    rows: list[dict[str, Cell]] = [
        {
            "href": f"{FILTERS}/{one['name']}",
            "name": one["name"],
            "acts": _acts(one["uses"], stopped=one["stopped"]),
            "calls": one["calls"],
            "blocked": one["blocked"],
            "recall": filter_section.share(one["recall"]),
            "alarms": filter_section.alarms(one),
            "cost": one["us_per_kb"],
            "wrong": filter_section.share(one["false_positive_rate"]),
            "appeals": one["open_appeals"],
        }
        for one in filter_door.standing(tx, call)
    ]
    columns = (
        Column(key="name", title="Filter"),
        Column(key="acts", title="Does"),
        Column(key="calls", title="Calls", numeric=True),
        Column(key="blocked", title="Blocked", numeric=True),
        Column(key="recall", title="Recall", numeric=True),
        Column(key="alarms", title="False alarms", numeric=True),
        Column(key="cost", title="µs per kB", numeric=True),
        Column(key="wrong", title="Wrong by appeals", numeric=True),
        Column(key="appeals", title="Open appeals", numeric=True),
    )
    report = measured()
    return View(
        title="Filters",
        template="gateway/filters.html",
        model=FiltersPage(
            lead="What reads requests and answers. Counts are of the last 30 days; recall and false alarms "
            f"were measured on {report.texts:,} texts kept out of tuning. All recognisers together take "
            f"{report.us_per_kb_clean:.0f} µs for a kilobyte.",
            policies=_policies(tx, call),
            appeals=_appeals(queries.appeals(tx, use_cases=seen)),
            holds=_holds(tx, seen),
        ),
        table=Table(caption="Filters", columns=columns, rows=rows, url=FILTERS),
        active=FILTERS,
        command="roadworthy filter list",
    )


def _acts(uses: Sequence[dict[str, Any]], *, stopped: bool) -> Status:
    if stopped:
        return Status("bad", "stopped")
    acts = sorted(
        {str(one[side]).replace("_", " ") for one in uses for side in ("input", "output") if one[side]}
    )
    return Status("good", ", ".join(acts)) if acts else Status("none", "not asked for")


def _policies(tx: Tx, call: Call) -> Table:
    snapshot = index_of(tx, call).snapshot
    rows: list[dict[str, Cell]] = [
        {
            "policy": Link(policy.name, f"/declared/filter-policy/{policy.name}")
            if policy.name in snapshot.filter_policies
            else f"{policy.name} (built in)",
            "filter": Link(use.filter, f"{FILTERS}/{use.filter}"),
            "input": use.input.replace("_", " ") or None,
            "output": use.output.replace("_", " ") or None,
            "where": _where(use, policy),
        }
        for policy in filter_view.policies_in_force(snapshot)
        for use in policy.uses
    ]
    columns = (
        Column(key="policy", title="Policy"),
        Column(key="filter", title="Filter"),
        Column(key="input", title="Requests"),
        Column(key="output", title="Answers"),
        Column(key="where", title="Where"),
    )
    return Table(caption="Policies in force", columns=columns, rows=rows)


def _where(use: FilterUse, policy: FilterPolicyEntry) -> str:
    named = (
        ("tier", use.tiers | policy.tiers),
        ("unit", policy.units),
        ("use case", policy.use_cases),
    )
    return "; ".join(f"{kind} {', '.join(sorted(names))}" for kind, names in named if names) or "everywhere"


def _appeals(found: Sequence[Appeal]) -> Table:
    words = {
        "": Status("warn", "open"),
        "upheld": Status("none", "upheld"),
        "overturned": Status("bad", "overturned"),
    }
    columns = (
        Column(key="at", title="When"),
        Column(key="filter", title="Filter"),
        Column(key="by", title="By"),
        Column(key="because", title="Because"),
        Column(key="verdict", title="Stands"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "href": f"/appeals/{one.call}",
            "at": one.at,
            "filter": ", ".join(one.filters),
            "by": one.by,
            "because": one.because,
            "verdict": words[one.verdict],
        }
        for one in found[:100]
    ]
    return Table(caption="Appeals", columns=columns, rows=rows, empty=Empty(sentence="Nobody has appealed."))


def _holds(tx: Tx, seen: frozenset[str] | None) -> Table:
    columns = (
        Column(key="at", title="When"),
        Column(key="filter", title="Filter"),
        Column(key="use_case", title="Use case"),
        Column(key="principal", title="Caller"),
        Column(key="verdict", title="Stands"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "href": f"/holds/{one.call}",
            "at": one.at,
            "filter": ", ".join(one.filters),
            "use_case": one.use_case,
            "principal": one.principal,
            "verdict": _held_status(one),
        }
        for one in queries.held_calls(tx, use_cases=seen, limit=50)
    ]
    return Table(caption="Held calls", columns=columns, rows=rows, empty=Empty(sentence="No call is held."))


def _held_status(one: queries.Held) -> Status:
    if one.decided is None:
        return Status("warn", "waits")
    return Status("good" if one.decided.fact.verdict == "approved" else "bad", one.decided.fact.verdict)


@router.page(f"{FILTERS}/{{name}}", permission="registry.read")
def filter_page(tx: Tx, call: Call, name: Name) -> View:
    """Show one filter: what it does, recall, false positives, cost, counts of findings."""
    one = filter_door.one(tx, call, name)
    report = measured()
    measures = filter_section.table(one, report)
    decided = one["upheld"] + one["overturned"]
    low, high = (
        filter_section.share(one["false_positive_low"]),
        filter_section.share(one["false_positive_high"]),
    )
    stats = (
        Stat(label="Calls with findings", value=f"{one['calls']:,}", note="last 30 days"),
        Stat(label="Blocked or held", value=f"{one['blocked']:,}", note="last 30 days"),
        Stat(label="Went on without it", value=f"{one['passed_over']:,}", note="it failed or was stopped"),
        Stat(
            label="Recall",
            value=filter_section.share(one["recall"]) or "not measured",
            note=f"of {one['recall_of']:,} kept out of tuning" if one["recall_of"] else "",
        ),
        Stat(
            label="False alarms",
            value=filter_section.alarms(one) or "not measured",
            note=f"texts; {one['us_per_kb']:.0f} µs per kB" if one["us_per_kb"] else "",
        ),
        Stat(
            label="Wrong by appeals",
            value=filter_section.share(one["false_positive_rate"]) or "unknown",
            note=f"{one['overturned']} of {decided} decided; 95 %: {low} to {high}"
            if decided
            else "no appeal decided",
        ),
    )
    return View(
        title=name,
        template="gateway/filter.html",
        model=FilterPage(
            lead=one["purpose"] or "Declared here.",
            status=_acts(one["uses"], stopped=one["stopped"]),
            stats=stats,
            uses=_uses(one["uses"]),
            found=_found(tx, call, name),
            measured=measures,
            looks_for=(*one["patterns"], *one["topics"]),
            note=filter_section.note(report),
        ),
        table=measures,
        breadcrumbs=(_CRUMB,),
        active=FILTERS,
        command=f"roadworthy filter show {name}",
    )


def _uses(uses: Sequence[dict[str, Any]]) -> Table:
    columns = (
        Column(key="policy", title="Policy"),
        Column(key="input", title="Requests"),
        Column(key="output", title="Answers"),
        Column(key="tiers", title="Tiers"),
        Column(key="units", title="Units"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "policy": one["policy"],
            "input": one["input"],
            "output": one["output"],
            "tiers": ", ".join(one["tiers"]) or "all",
            "units": ", ".join(one["units"]) or "all",
        }
        for one in uses
    ]
    return Table(
        caption="Asked for by", columns=columns, rows=rows, empty=Empty(sentence="No policy asks for it.")
    )


def _found(tx: Tx, call: Call, name: str) -> Table:
    seen = seen_by(tx, call, "usage.read")
    found = queries.findings(tx, now=call.now) if seen is None else []
    columns = (
        Column(key="kind", title="Found"),
        Column(key="side", title="In"),
        Column(key="action", title="Done"),
        Column(key="calls", title="Calls", numeric=True),
        Column(key="findings", title="Findings", numeric=True),
    )
    rows: list[dict[str, Cell]] = [
        {**one, "side": {"input": "requests", "output": "answers"}.get(one["side"], one["side"])}
        for one in filter_view.by_sort(found, name)
    ]
    return Table(
        caption="Found in the last 30 days",
        columns=columns,
        rows=rows,
        empty=Empty(sentence="Nothing was found."),
    )


# ------------------------------------------------------------------------ appeals


@router.page("/appeals/{call_id}", permission="usage.read")
def appeal_page(tx: Tx, call: Call, call_id: str) -> View:
    """Show a blocked call with its appeal, and the form that fits."""
    trace = usage.trace(tx, clean(call_id), use_cases=seen_by(tx, call, "usage.read"))
    appeal = queries.find(tx, trace.id)
    filters = queries.filters_of(trace, "block", "hold")
    status = Status("none", "not appealed")
    if appeal is not None:
        status = Status("warn", "open") if not appeal.verdict else Status("good", appeal.verdict)
    facts: list[tuple[str, Cell]] = [
        ("Call", Link(trace.id, f"/traces/{trace.id}")),
        ("When", trace.at),
        ("Use case", trace.use_case),
        ("Caller", trace.principal),
        ("Blocked by", ", ".join(filters) or "no filter"),
        ("Found", ", ".join(f"{one['kind']} ({one['side']})" for one in trace.findings) or None),
    ]
    if appeal is not None and appeal.verdict:
        facts.append(("Decided by", appeal.decided_by))
        facts.append(("Proof", Link(f"Audit entry {appeal.decided_entry}", f"/audit/{appeal.decided_entry}")))
    return View(
        title="Appeal",
        template="gateway/appeal.html",
        model=AppealPage(
            call=trace.id,
            status=status,
            facts=facts,
            message="" if filters else "No filter blocked this call: there is nothing to appeal.",
            appeal=appeal,
            may_decide=call.who.may("appeal.decide", namespace=trace.namespace)
            and appeal is not None
            and appeal.by != call.who.principal,
        ),
        breadcrumbs=(_CRUMB,),
        active=FILTERS,
        command=f'roadworthy appeal make {trace.id} --because "What the text was"',
    )


@router.form("/appeals/{call_id}", permission="usage.read")
def make_appeal(tx: Tx, call: Call, call_id: str, because: Words) -> Any:
    """Appeal."""
    operations.make(
        tx,
        call=clean(call_id),
        because=clean(because),
        actor=actor_of(call),
        now=call.now,
        use_cases=seen_by(tx, call, "usage.read"),
    )
    return Redirect(f"/appeals/{call_id}", notice="The appeal is made; a reviewer decides.")


@router.form("/appeals/{call_id}/decide", permission="appeal.decide")
def decide_appeal(
    tx: Tx,
    call: Call,
    call_id: str,
    verdict: Annotated[Literal["upheld", "overturned"], Form()],
    reason: Words,
) -> Any:
    """Decide an appeal."""
    filter_door.require(call, namespace=queries.get(tx, clean(call_id)).namespace)
    operations.decide(
        tx, call=call_id, verdict=verdict, reason=clean(reason), actor=actor_of(call), now=call.now
    )
    return Redirect(f"/appeals/{call_id}", notice=f"The filter's decision is {verdict}.")


@router.page("/holds/{call_id}", permission="usage.read")
def hold_page(tx: Tx, call: Call, call_id: str) -> View:
    """Show a held call, and the form that decides about it."""
    held = queries.held_call(tx, clean(call_id), use_cases=seen_by(tx, call, "usage.read"))
    facts: list[tuple[str, Cell]] = [
        ("Call", Link(held.call, f"/traces/{held.call}")),
        ("When", held.at),
        ("Use case", held.use_case),
        ("Caller", held.principal),
        ("Held by", ", ".join(held.filters)),
    ]
    if held.decided is not None:
        facts += [
            ("Decided by", held.decided.actor),
            ("Reason", held.decided.fact.reason),
            ("Until", held.decided.fact.until),
            ("Proof", Link(f"Audit entry {held.decided.audit_seq}", f"/audit/{held.decided.audit_seq}")),
        ]
    return View(
        title="Held call",
        template="gateway/hold.html",
        model=HoldPage(
            call=held.call,
            status=_held_status(held),
            facts=facts,
            may_decide=call.who.may("appeal.decide", namespace=held.namespace)
            and held.principal != call.who.principal,
            periods=(Option("1", "One hour"), Option("24", "One day"), Option("168", "One week")),
        ),
        breadcrumbs=(_CRUMB,),
        active=FILTERS,
        command=f'roadworthy hold approve {held.call} --reason "Why it may pass"',
    )


class HeldForm(BaseModel):
    """What a reviewer decides about a held call."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    verdict: Literal["approved", "refused"]
    reason: Annotated[str, Field(min_length=1, max_length=2000)]
    hours: Annotated[int, Field(ge=1, le=operations.HOURS_MAX)] = 24


@router.form("/holds/{call_id}/decide", permission="appeal.decide")
def decide_hold(tx: Tx, call: Call, call_id: str, form: Annotated[HeldForm, Form()]) -> Any:
    """Decide about a held call."""
    filter_door.require(call, namespace=queries.held_call(tx, clean(call_id)).namespace)
    operations.decide_held(
        tx,
        call=call_id,
        verdict=form.verdict,
        reason=clean(form.reason),
        hours=form.hours,
        actor=actor_of(call),
        now=call.now,
    )
    said = "may be sent again and passes" if form.verdict == "approved" else "stays refused"
    return Redirect(f"/holds/{call_id}", notice=f"The call {said}.")
