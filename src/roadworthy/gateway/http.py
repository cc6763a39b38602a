"""The API of what gateways decided and know: access in both directions, traces, usage, status."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.gateway import queries, route_queries
from roadworthy.gateway.door import index_of, seen_by
from roadworthy.gateway.explaining import Asked
from roadworthy.registry import audit
from roadworthy.registry.door import actor_of, clean
from roadworthy.usage import operations as usage_operations
from roadworthy.usage import queries as usage
from roadworthy.usage.queries import TraceFilter
from roadworthy.usage.rollup import Cost, Usage

router = Router(tag="gateway")
Text = Annotated[str, Query(max_length=140)]
Name = Annotated[str, Field(max_length=140)]
WEEKS_MAX = 260


def aware(moment: datetime | None, name: str) -> datetime | None:
    """Refuse a time that does not say which one it is."""
    if moment is not None and moment.tzinfo is None:
        raise InvalidError(
            f"`{name}` does not say its time zone.", fix="Write it as 2026-11-23T10:00:00Z, in UTC."
        )
    return moment


class TraceQuery(BaseModel):
    """What a list of calls is narrowed to; money in billionths, times with their zone."""

    use_case: Name = ""
    principal: Name = ""
    key_id: Name = ""
    model: Name = ""
    route: Name = ""
    provider: Name = ""
    decision: Literal["", "allowed", "refused"] = ""
    reason_code: Name = ""
    error: Name = ""
    tried: Name = ""
    """A model that was asked, whether or not it answered."""
    attempt_error: Name = ""
    """What an attempt failed with: an error's code, or the provider's status."""
    status: int = Field(default=0, ge=0, le=999)
    failed: bool = False
    tag: Literal["", "production", "shadow", "replay"] = ""
    id_prefix: Name = ""
    cost_over_nano: int | None = Field(default=None, ge=0, le=2**53)
    latency_over_ms: float | None = Field(default=None, ge=0, le=1e9)
    since: datetime | None = None
    until: datetime | None = None
    before: Annotated[str, Field(max_length=200)] = ""
    limit: int = Field(default=50, ge=1, le=usage.PAGE_MAX)

    def filter(self, *, text: str = "") -> TraceFilter:
        """Return it as usage takes it."""
        return TraceFilter(
            use_case=clean(self.use_case).removeprefix("use-case/"),
            principal=clean(self.principal),
            key_id=clean(self.key_id),
            model=clean(self.model).removeprefix("model/"),
            route=clean(self.route).removeprefix("route/"),
            provider=clean(self.provider).removeprefix("provider/"),
            decision=self.decision,
            reason_code=clean(self.reason_code),
            error=clean(self.error),
            tried=clean(self.tried).removeprefix("model/"),
            attempt_error=clean(self.attempt_error),
            status=self.status,
            failed=self.failed,
            tag=self.tag,
            id_prefix=clean(self.id_prefix),
            cost_over_nano=self.cost_over_nano,
            latency_over_ms=self.latency_over_ms,
            since=aware(self.since, "since"),
            until=aware(self.until, "until"),
            text=text,
        )


class ContentQuery(TraceQuery):
    """The words looked for, and what the list is narrowed to beside."""

    text: Annotated[str, Field(min_length=3, max_length=200)]


@router.get("/v1/access/who-can", permission="access.read")
def who_can(tx: Tx, call: Call, model: Annotated[str, Query(min_length=1, max_length=140)]) -> Any:
    """Which principals may call a model or a route now, and why the others may not."""
    seen = seen_by(tx, call, "access.read")
    return queries.who_can(index_of(tx, call), model=clean(model), now=call.now, use_cases=seen)


@router.get("/v1/access/what-can", permission="access.read")
def what_can(tx: Tx, call: Call, principal: Annotated[str, Query(min_length=1, max_length=140)]) -> Any:
    """Which models and routes a principal may call now, and why a key of it may call none."""
    seen = seen_by(tx, call, "access.read")
    return queries.what_can(index_of(tx, call), principal=clean(principal), now=call.now, use_cases=seen)


@router.get("/v1/traces", permission="usage.read")
def list_traces(
    tx: Tx,
    call: Call,
    narrowed: Annotated[TraceQuery, Query()],
) -> dict[str, Any]:
    """List calls, newest first, narrowed by anything but what was said."""
    seen = seen_by(tx, call, "usage.read")
    page = usage.traces(tx, narrowed.filter(), before=narrowed.before, limit=narrowed.limit, use_cases=seen)
    return {"items": page.lines, "next_cursor": page.next_cursor}


@router.get("/v1/contents", permission="content.read", access="write")
def search_contents(
    tx: Tx,
    call: Call,
    narrowed: Annotated[ContentQuery, Query()],
) -> dict[str, Any]:
    """List calls in which words were said, newest first. The search is recorded in the audit log."""
    seen = seen_by(tx, call, "content.read")
    page = usage_operations.search_said(
        tx,
        narrowed.filter(text=clean(narrowed.text)),
        actor=actor_of(call),
        now=call.now,
        before=narrowed.before,
        limit=narrowed.limit,
        use_cases=seen,
    )
    return {"items": page.lines, "next_cursor": page.next_cursor}


@router.get("/v1/traces/{call_id}", permission="usage.read")
def show_trace(tx: Tx, call: Call, call_id: Annotated[str, Path(max_length=140)]) -> Any:
    """Show one call: who, for what, the decision with its reasons, model, tokens, cost, latency."""
    return usage.trace(tx, clean(call_id), use_cases=seen_by(tx, call, "usage.read"))


@router.get("/v1/traces/{call_id}/content", permission="content.read", access="write")
def show_content(tx: Tx, call: Call, call_id: Annotated[str, Path(max_length=140)]) -> Any:
    """Show what was said in one call. The reading is recorded in the audit log."""
    return usage_operations.read_said(
        tx,
        clean(call_id),
        actor=actor_of(call),
        now=call.now,
        use_cases=seen_by(tx, call, "content.read"),
    )


@router.get("/v1/usage", permission="usage.read")
def show_usage(
    tx: Tx,
    call: Call,
    use_case: Text = "",
    weeks: Annotated[int, Query(ge=1, le=WEEKS_MAX)] = 12,
) -> dict[str, Any]:
    """Count calls, errors, tokens, cost, latency, people: by week for one use case, else by use case."""
    since = call.now - timedelta(weeks=weeks - 1)
    seen = seen_by(tx, call, "usage.read")
    name = clean(use_case).removeprefix("use-case/")
    if name and (seen is None or name in seen):
        found = usage.weekly(tx, name, since=since, until=call.now)
        return {"use_case": name, "by": "week", "items": [shown(one) for one in found]}
    by_use_case = {} if name else usage.totals_by(tx, "use_case", since=since, until=call.now)
    return {
        "use_case": name,
        "by": "week" if name else "use_case",
        "items": [shown(by_use_case[each]) for each in sorted(by_use_case) if seen is None or each in seen],
    }


def shown(one: Usage) -> dict[str, Any]:
    """Return usage with its rates; amounts of money in billionths, as they are counted."""

    def cost(value: Cost | None) -> dict[str, Any] | None:
        return None if value is None else {"currency": value.currency, "nano": value.nano}

    return {
        "of": one.of,
        "calls": one.calls,
        "refusals": one.refusals,
        "errors": one.errors,
        "refusal_rate": one.refusal_rate,
        "error_rate": one.error_rate,
        "input_tokens": one.input_tokens,
        "output_tokens": one.output_tokens,
        "costs": [cost(each) for each in one.costs],
        "cost_per_call": cost(one.cost_per_call),
        "unknown_cost_calls": one.unknown_cost_calls,
        "latency_ms_p50": one.latency_ms_p50,
        "latency_ms_p95": one.latency_ms_p95,
        "active_principals": one.active_principals,
        "first_at": one.first_at,
        "last_at": one.last_at,
    }


@router.get("/v1/gateway/status", permission="access.read")
def gateway_status(tx: Tx, call: Call) -> dict[str, Any]:
    """Say which revision gateways must hold, and which one each was last seen to decide on."""
    revision = audit.revision(tx)
    faults = usage.price_faults(tx, since=call.now - timedelta(weeks=1))
    return {
        "revision": revision,
        "gateways": [
            {
                "source": one.source,
                "last_batch_at": one.last_batch_at,
                "records": one.records,
                "revision": one.revision,
                "current": one.revision >= revision,
            }
            for one in queries.gateways(tx)
        ],
        "price_faults": faults,
    }


@router.get("/v1/routes/{name}/explain", permission="registry.read")
def explain_route(
    tx: Tx,
    call: Call,
    name: Annotated[str, Path(max_length=140)],
    use_case: Text = "",
    principal: Text = "",
    task: Annotated[str, Query(max_length=40)] = "",
    input_tokens: Annotated[int, Query(ge=0, le=10**8)] = 1000,
    output_tokens: Annotated[int | None, Query(ge=0, le=10**8)] = None,
    as_of: Annotated[datetime | None, Query()] = None,
) -> Any:
    """Say which model a route would ask now, or would have asked at a moment, and why; each one's scores."""
    asked = Asked(
        clean(name),
        clean(use_case).removeprefix("use-case/"),
        clean(principal),
        clean(task),
        input_tokens,
        output_tokens,
    )
    moment = aware(as_of, "as_of")
    return route_queries.explain_route(tx, index_of(tx, call), asked, now=call.now, as_of=moment)
