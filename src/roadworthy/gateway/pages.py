"""The console's pages of calls: the list, one call with everything behind it, and who may call what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Path, Query

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Cell,
    Code,
    Column,
    Crumb,
    Empty,
    Filter,
    Link,
    ListPage,
    Milliseconds,
    Money,
    Option,
    Stat,
    Status,
    Tab,
    Table,
    with_query,
)
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import View
from roadworthy.gateway import queries
from roadworthy.gateway.door import index_of, seen_by
from roadworthy.gateway.queries import AccessLine
from roadworthy.registry.door import clean
from roadworthy.usage import queries as usage
from roadworthy.usage.queries import Trace, TraceFilter, TraceLine

router = Router(tag="console")
PAGE = 50
TRACES = "/traces"
ACCESS = "/access"
Text = Annotated[str, Query(max_length=140)]


def status_of(line: TraceLine) -> Status:
    """Say in a word how a call went."""
    if line.decision == "refused":
        return Status("bad", "Refused")
    if line.status == 499:
        return Status("none", "Caller left")
    if line.status == 200 and not line.error:
        return Status("good", "Allowed")
    return Status("warn", "Failed")


def cost_of(line: TraceLine) -> Cell:
    """Return what a call cost; an unknown price is a fault that is seen, never a zero."""
    if line.cost_nano is not None:
        return Money(line.cost_nano, line.currency)
    return Status("warn", "Price unknown") if line.price_unknown else None


_TRACE_COLUMNS = (
    Column(key="at", title="When"),
    Column(key="decision", title="Decision"),
    Column(key="use_case", title="Use case"),
    Column(key="principal", title="Who"),
    Column(key="model", title="Model"),
    Column(key="input_tokens", title="Input tokens", numeric=True),
    Column(key="output_tokens", title="Output tokens", numeric=True),
    Column(key="cost", title="Cost", numeric=True),
    Column(key="latency_ms", title="Latency", numeric=True),
    Column(key="reason", title="Reason"),
    Column(key="currency", title="Currency"),
    Column(key="call", title="Call"),
)


def _trace_row(line: TraceLine) -> dict[str, Cell]:
    return {
        "href": f"{TRACES}/{line.id}",
        "call": Code(line.id),
        "at": line.at,
        "decision": status_of(line),
        "reason": line.reason_code or line.error or None,
        "use_case": Link(line.use_case, f"/use-cases/{line.use_case}") if line.use_case else None,
        "principal": line.principal or None,
        "model": line.model or line.requested_model or None,
        "input_tokens": line.input_tokens,
        "output_tokens": line.output_tokens,
        "cost": cost_of(line),
        "currency": line.currency or None,
        "latency_ms": Milliseconds(line.latency_ms),
    }


_DECISIONS = (
    Option("", "Any"),
    Option("allowed", "Allowed"),
    Option("refused", "Refused"),
    Option("failed", "Allowed, but failed"),
)
_PERIODS = {"day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=30)}
_PERIOD_OPTIONS = (
    Option("", "Any time"),
    Option("day", "Last 24 hours"),
    Option("week", "Last 7 days"),
    Option("month", "Last 30 days"),
)


@router.page(TRACES, permission="usage.read")
def traces_page(
    tx: Tx,
    call: Call,
    use_case: Text = "",
    principal: Text = "",
    model: Text = "",
    decision: Text = "",
    period: Text = "",
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> View:
    """Show calls, newest first: who, for what, the decision, model, tokens, cost, latency."""
    seen = seen_by(tx, call, "usage.read")
    since = call.now - _PERIODS[period] if period in _PERIODS else None
    narrowed = TraceFilter(
        use_case=clean(use_case).removeprefix("use-case/"),
        principal=clean(principal),
        model=clean(model).removeprefix("model/"),
        decision=decision if decision in {"allowed", "refused"} else "",
        failed=decision == "failed",
        since=since,
    )
    page = usage.traces(tx, narrowed, before=cursor, limit=PAGE, use_cases=seen)
    url = call.request.url.path + (f"?{call.request.url.query}" if call.request.url.query else "")
    some_filter = any((use_case, principal, model, decision, period))
    return View(
        title="Traces",
        template="table_page.html",
        model=ListPage(
            lead="Every call through the gateway, allowed or refused, sealed in the audit log.",
            filters=(
                Filter(name="use_case", label="Use case", value=use_case),
                Filter(name="principal", label="Who", value=principal),
                Filter(name="model", label="Model", value=model),
                Filter(name="decision", label="Decision", value=decision, options=_DECISIONS),
                Filter(name="period", label="When", value=period, options=_PERIOD_OPTIONS),
            ),
            stats=_stats(tx, narrowed, seen, call.now),
        ),
        table=Table(
            caption="Calls",
            columns=_TRACE_COLUMNS,
            rows=[_trace_row(line) for line in page.lines],
            url=url,
            next_cursor=page.next_cursor or None,
            previous_url=with_query(url, cursor=None) if cursor else None,
            empty=_no_calls(some_filter=some_filter),
        ),
        active=TRACES,
        command="roadworthy traces" + (f" --use-case {narrowed.use_case}" if narrowed.use_case else ""),
    )


def _no_calls(*, some_filter: bool) -> Empty:
    if some_filter:
        return Empty(sentence="No call matches these filters.", link=Link("Show all calls", TRACES))
    return Empty(
        sentence="No call has been made yet. A use case with a grant and a key can make the first.",
        command="roadworthy explain use-case/NAME",
        link=Link("See the portfolio", "/portfolio"),
    )


def _stats(tx: Tx, narrowed: TraceFilter, seen: frozenset[str] | None, now: datetime) -> tuple[Stat, ...]:
    """Count the last week of one use case; a list over several has no one number worth showing."""
    name = narrowed.use_case
    if not name or (seen is not None and name not in seen):
        return ()
    week = usage.totals(tx, use_case=name, since=now - timedelta(weeks=1), until=now + timedelta(seconds=1))
    return (
        Stat(label="Calls", value=f"{week.calls:,}", note="in the last 7 days; activity, not value"),
        Stat(label="Refused", value=f"{week.refusals:,}"),
        Stat(label="Failed", value=f"{week.errors:,}"),
        Stat(
            label="Latency, 95th percentile",
            value=f"{week.latency_ms_p95:,.0f}" if week.latency_ms_p95 is not None else "no data",
            unit="ms" if week.latency_ms_p95 is not None else "",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TracePage:
    """The model of `trace.html`: one call and everything behind it."""

    status: Status
    facts: Sequence[tuple[str, Cell]]
    decision: Sequence[tuple[str, Cell]]
    reasons: Table
    model: Sequence[tuple[str, Cell]]
    cost: Sequence[tuple[str, Cell]]
    latency: Sequence[tuple[str, Cell]]
    faults: Sequence[tuple[Status, str]]
    prompt: str | None
    response: str | None
    text_note: str
    text_expires_at: datetime | None
    proof: Link | None
    proof_note: str


_FAULTS: Mapping[str, str] = {
    "price_unknown": "The model's price is not known, so its cost is not. Declare `price` on the model.",
    "usage_unknown": "The provider did not say how many tokens the call used, so its cost is not known.",
    "cost_implausible": "The cost came out beyond what can be true; it is kept as unknown.",
}


@router.page(TRACES + "/{call_id}", permission="usage.read")
def trace_page(tx: Tx, call: Call, call_id: Annotated[str, Path(max_length=140)]) -> View:
    """Show one call: who, for what, the decision with its reasons, model, tokens, cost, latency, text."""
    found = usage.trace(tx, clean(call_id), use_cases=seen_by(tx, call, "usage.read"))
    model = TracePage(
        status=status_of(found),
        facts=_facts(found),
        decision=_decision(found),
        reasons=_reasons(found),
        model=_model(found),
        cost=_cost(found),
        latency=_latency(found),
        faults=[
            (Status("warn", fault.replace("_", " ").capitalize()), _FAULTS.get(fault, ""))
            for fault in found.faults
        ],
        prompt=found.prompt,
        response=found.response,
        text_note=_text_note(found),
        text_expires_at=found.text_expires_at,
        proof=Link(f"Audit entry {found.audit_seq}", f"/audit/{found.audit_seq}")
        if found.audit_seq is not None
        else None,
        proof_note=f"Sealed in batch {found.batch_id}, handed in by {found.source}.",
    )
    return View(
        title=f"Call {found.id}",
        template="gateway/trace.html",
        model=model,
        table=_attempts(found),
        breadcrumbs=(Crumb("Traces", TRACES),),
        active=TRACES,
        command=f"roadworthy trace {found.id}",
    )


def _facts(found: Trace) -> list[tuple[str, Cell]]:
    return [
        ("When", found.at),
        ("Who", found.principal or "nobody known"),
        ("Key", Code(found.key_id) if found.key_id else None),
        ("For", Link(found.use_case, f"/use-cases/{found.use_case}") if found.use_case else None),
        ("Unit", found.namespace or None),
    ]


def _decision(found: Trace) -> list[tuple[str, Cell]]:
    said: list[tuple[str, Cell]] = [
        ("Decision", status_of(found)),
        ("Reason", Code(found.reason_code) if found.reason_code else None),
        ("Grant", Code(found.grant_id) if found.grant_id else None),
        ("Decided on revision", found.revision),
        ("Answered with status", found.status),
    ]
    if found.suppressed:
        said.append(("Calls like it that were counted, not kept", found.suppressed))
    return said


def _reasons(found: Trace) -> Table:
    columns = (
        Column(key="code", title="Reason"),
        Column(key="message", title="What stands in the way"),
        Column(key="declaration", title="Declared in"),
        Column(key="who_can_change", title="Who can change it"),
        Column(key="next_step", title="Next step"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "code": Code(one["code"]),
            "message": one["message"],
            "declaration": one["declaration"] or None,
            "who_can_change": ", ".join(one["who_can_change"]) or None,
            "next_step": one["next_step"] or None,
        }
        for one in found.reasons
    ]
    return Table(caption="Reasons", columns=columns, rows=rows)


def _model(found: Trace) -> list[tuple[str, Cell]]:
    return [
        ("Asked for", found.requested_model or None),
        ("Route", Link(found.route, f"/declared/route/{found.route}") if found.route else None),
        ("Model", Link(found.model, f"/declared/model/{found.model}") if found.model else None),
        (
            "Provider",
            Link(found.provider, f"/declared/provider/{found.provider}") if found.provider else None,
        ),
        ("Model's name at the provider", found.upstream_model or None),
        ("Streamed", found.stream),
    ]


def _cost(found: Trace) -> list[tuple[str, Cell]]:
    return [
        ("Input tokens", found.input_tokens),
        ("of them cached", found.cached_input_tokens),
        ("Output tokens", found.output_tokens),
        ("Cost", cost_of(found)),
        ("Price from", found.price_source or None),
    ]


def _latency(found: Trace) -> list[tuple[str, Cell]]:
    first, total = found.first_byte_ms, found.latency_ms
    return [
        ("Whole call", Milliseconds(total)),
        ("Until the first byte", Milliseconds(first) if first is not None else None),
        (
            "From the first byte to the last",
            Milliseconds(max(0.0, total - first)) if first is not None else None,
        ),
        (
            "Spent in attempts",
            Milliseconds(sum(one["ms"] for one in found.attempts)) if found.attempts else None,
        ),
    ]


def _attempts(found: Trace) -> Table:
    columns = (
        Column(key="attempt", title="Attempt", numeric=True),
        Column(key="model", title="Model"),
        Column(key="outcome", title="Outcome"),
        Column(key="status", title="Status", numeric=True),
        Column(key="latency_ms", title="Took", numeric=True),
    )
    rows: list[dict[str, Cell]] = [
        {
            "attempt": place,
            "model": one["model"],
            "outcome": Status("warn", one["error"]) if one["error"] else Status("good", "Answered"),
            "status": one["status"] or None,
            "latency_ms": Milliseconds(one["ms"]),
        }
        for place, one in enumerate(found.attempts, start=1)
    ]
    empty = Empty(sentence="No model was called.")
    return Table(caption="Attempts", columns=columns, rows=rows, empty=empty)


def _text_note(found: Trace) -> str:
    if found.text_gone:
        return "What was said was logged, and has been deleted. The commitment to it still proves."
    if found.prompt is None:
        return "What was said was not logged: the use case logs metadata only."
    return "Long texts are cut at 16 KiB." if found.text_cut else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoCanPage:
    """The model of `who_can.html`."""

    lead: str
    tabs: Sequence[Tab]
    filters: Sequence[Filter]
    stats: Sequence[Stat]


@router.page(ACCESS + "/models", permission="access.read")
def who_can_page(tx: Tx, call: Call, model: Text = "", principal: Text = "", use_case: Text = "") -> View:
    """Show which principals may call which model or route now, by which key, for which use case."""
    known = index_of(tx, call)
    lines = [
        line
        for line in queries.every_line(known, now=call.now, use_cases=seen_by(tx, call, "access.read"))
        if (not model or line.model == model.rpartition("/")[2])
        and (not principal or line.principal == principal)
        and (not use_case or line.use_case == use_case.removeprefix("use-case/"))
    ]
    return View(
        title="Who may call which model",
        template="gateway/who_can.html",
        model=WhoCanPage(
            lead="Computed by the gateway's own decision on the snapshot that it enforces.",
            tabs=_access_tabs(),
            filters=(
                Filter(name="model", label="Model or route", value=model),
                Filter(name="principal", label="Who", value=principal),
                Filter(name="use_case", label="Use case", value=use_case),
            ),
            stats=(
                Stat(label="Revision", value=f"{known.revision:,}", note="of what is enforced"),
                Stat(label="Principals that may call", value=f"{len({line.principal for line in lines}):,}"),
                Stat(label="Use cases that may call", value=f"{len({line.use_case for line in lines}):,}"),
            ),
        ),
        table=_access_table(lines, filtered=bool(model or principal or use_case)),
        breadcrumbs=(Crumb("Access", ACCESS),),
        active=ACCESS,
        command=f"roadworthy who-can call model/{model.rpartition('/')[2] or 'NAME'}",
    )


def _access_tabs() -> list[Tab]:
    return [
        Tab("People", ACCESS),
        Tab("Service accounts", f"{ACCESS}/service-accounts"),
        Tab("Keys", f"{ACCESS}/keys"),
        Tab("Role bindings", f"{ACCESS}/role-bindings"),
        Tab("Who may call", f"{ACCESS}/models", current=True),
    ]


def _access_table(lines: Sequence[AccessLine], *, filtered: bool) -> Table:
    columns = (
        Column(key="model", title="Model or route"),
        Column(key="principal", title="Who"),
        Column(key="owner", title="Answered for by"),
        Column(key="use_case", title="For use case"),
        Column(key="key_id", title="Key"),
        Column(key="via", title="Via"),
        Column(key="grant_id", title="Grant"),
        Column(key="expires_at", title="Ends"),
    )
    rows: list[dict[str, Cell]] = [
        {
            "model": line.model,
            "principal": line.principal,
            "owner": line.owner or None,
            "use_case": Link(line.use_case, f"/use-cases/{line.use_case}"),
            "key_id": Code(line.key_id),
            "via": line.via,
            "grant_id": Code(line.grant_id),
            "expires_at": line.expires_at,
        }
        for line in lines
    ]
    if filtered:
        empty = Empty(
            sentence="Nobody may call what these filters name.", link=Link("Show all", f"{ACCESS}/models")
        )
    else:
        empty = Empty(
            sentence="Nobody may call a model yet: it takes a grant, and a key for the use case.",
            command="roadworthy explain use-case/NAME",
        )
    return Table(caption="Who may call which model", columns=columns, rows=rows, empty=empty)
