"""The console's pages of calls: the list, and what was said in all that a search finds."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from roadworthy.foundation.errors import InvalidError
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
    Table,
    with_query,
)
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import View
from roadworthy.gateway.door import seen_by
from roadworthy.registry.door import actor_of, clean
from roadworthy.usage import operations as usage_operations
from roadworthy.usage import queries as usage
from roadworthy.usage.queries import TraceFilter, TraceLine

router = Router(tag="console")
PAGE = 50
TRACES = "/traces"
ACCESS = "/access"
Text = Annotated[str, Query(max_length=140)]
Word = Annotated[str, Field(max_length=140)]


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


_TAGS = (
    Option("", "All calls"),
    Option("production", "Production"),
    Option("shadow", "Shadow"),
    Option("replay", "Replays"),
)


class TraceForm(BaseModel):
    """The filters of the list of calls, as its form sends them: empty fields are there and say nothing."""

    use_case: Word = ""
    principal: Word = ""
    model: Word = ""
    tried: Word = ""
    attempt_error: Word = ""
    route: Word = ""
    decision: Word = ""
    period: Word = ""
    reason: Word = ""
    trace: Word = ""
    cost: Word = ""
    latency: Word = ""
    tag: Word = ""
    cursor: Annotated[str, Field(max_length=200)] = ""
    text: Word = ""

    def narrowed(self, *, now: datetime) -> TraceFilter:
        """Return them as usage takes them; a number that is none is refused."""
        reason = clean(self.reason)
        return TraceFilter(
            use_case=clean(self.use_case).removeprefix("use-case/"),
            principal=clean(self.principal),
            model=clean(self.model).removeprefix("model/"),
            tried=clean(self.tried).removeprefix("model/"),
            attempt_error=clean(self.attempt_error),
            route=clean(self.route).removeprefix("route/"),
            decision=self.decision if self.decision in {"allowed", "refused"} else "",
            failed=self.decision == "failed",
            since=now - _PERIODS[self.period] if self.period in _PERIODS else None,
            status=int(reason) if reason.isascii() and reason.isdigit() and len(reason) == 3 else 0,
            reason_or_error="" if reason.isdigit() else reason,
            id_prefix=clean(self.trace),
            cost_over_nano=_nano(self.cost),
            latency_over_ms=_number(self.latency, "Slower than"),
            tag=self.tag if self.tag in {"production", "shadow", "replay"} else "",
            text=clean(self.text),
        )

    def any(self) -> bool:
        """Is the list narrowed at all?"""
        return any(value for name, value in self.model_dump().items() if name != "cursor")


def _number(text: str, label: str) -> float | None:
    if not text.strip():
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e9:
        raise InvalidError(f"`{label}` must be a number, zero or more.", fix="Write it as 250 or 0.05.")
    return value


def _nano(text: str) -> int | None:
    value = _number(text, "Cost over")
    return None if value is None else round(value * 1_000_000_000)


@router.page(TRACES, permission="usage.read")
def traces_page(tx: Tx, call: Call, form: Annotated[TraceForm, Query()]) -> View:
    """Show calls, newest first: who, for what, the decision, model, tokens, cost, latency."""
    seen = seen_by(tx, call, "usage.read")
    narrowed = replace(form.narrowed(now=call.now), text="")
    page = usage.traces(tx, narrowed, before=form.cursor, limit=PAGE, use_cases=seen)
    return _list_view(
        call,
        form,
        page,
        title="Traces",
        lead="Every call through the gateway, allowed or refused, sealed in the audit log.",
        stats=_stats(tx, narrowed, seen, call.now),
        action=Link("Search what was said", f"{TRACES}/contents") if may_read(tx, call) else None,
        command="roadworthy traces" + (f" --use-case {narrowed.use_case}" if narrowed.use_case else ""),
    )


@router.page(TRACES + "/contents", permission="content.read", access="write")
def contents_page(tx: Tx, call: Call, form: Annotated[TraceForm, Query()]) -> View:
    """Show the calls in which words were said; each search is recorded."""
    page = usage.Traces((), "")
    if len(form.text) >= 3:
        page = usage_operations.search_said(
            tx,
            form.narrowed(now=call.now),
            actor=actor_of(call),
            now=call.now,
            before=form.cursor,
            limit=PAGE,
            use_cases=seen_by(tx, call, "content.read"),
        )
    return _list_view(
        call,
        form,
        page,
        title="Search what was said",
        lead="Calls of use cases that log in full. Who searched and what was found goes into the audit log.",
        stats=(),
        action=None,
        command='roadworthy traces --text "WORDS"',
        crumbs=(Crumb("Traces", TRACES),),
        empty=Empty(
            sentence="No call was found in which this was said."
            if form.text
            else "Give three characters or more of what was said."
        ),
    )


def may_read(tx: Tx, call: Call) -> bool:
    """May whoever asks read what was said in calls?"""
    return seen_by(tx, call, "content.read") != frozenset()


def _list_view(
    call: Call,
    form: TraceForm,
    page: usage.Traces,
    *,
    title: str,
    lead: str,
    stats: tuple[Stat, ...],
    action: Link | None,
    command: str,
    crumbs: tuple[Crumb, ...] = (),
    empty: Empty | None = None,
) -> View:
    url = call.request.url.path + (f"?{call.request.url.query}" if call.request.url.query else "")
    words = (Filter(name="text", label="What was said", value=form.text),) if crumbs else ()
    return View(
        title=title,
        template="table_page.html",
        model=ListPage(
            lead=lead,
            filters=(
                *words,
                Filter(name="use_case", label="Use case", value=form.use_case),
                Filter(name="principal", label="Who", value=form.principal),
                Filter(name="tried", label="Model tried", value=form.tried),
                Filter(name="attempt_error", label="Attempt failed with", value=form.attempt_error),
                Filter(name="model", label="Model", value=form.model),
                Filter(name="route", label="Route", value=form.route),
                Filter(name="decision", label="Decision", value=form.decision, options=_DECISIONS),
                Filter(name="reason", label="Reason, error or status", value=form.reason),
                Filter(name="period", label="When", value=form.period, options=_PERIOD_OPTIONS),
                Filter(name="cost", label="Cost over", value=form.cost),
                Filter(name="latency", label="Slower than (ms)", value=form.latency),
                Filter(name="trace", label="Trace begins with", value=form.trace),
                Filter(name="tag", label="Kind", value=form.tag, options=_TAGS),
            ),
            stats=stats,
            action=action,
        ),
        table=Table(
            caption="Calls",
            columns=_TRACE_COLUMNS,
            rows=[_trace_row(line) for line in page.lines],
            url=url,
            next_cursor=page.next_cursor or None,
            previous_url=with_query(url, cursor=None) if form.cursor else None,
            empty=empty or _no_calls(some_filter=form.any()),
        ),
        breadcrumbs=crumbs,
        active=TRACES,
        command=command,
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
