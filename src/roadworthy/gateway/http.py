"""The API of what gateways decided and know: access in both directions, traces, usage, status."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Path, Query

from roadworthy.foundation.errors import InvalidError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.router import Router
from roadworthy.gateway import queries
from roadworthy.gateway.door import index_of, seen_by
from roadworthy.registry import audit
from roadworthy.registry.door import clean
from roadworthy.usage import queries as usage
from roadworthy.usage.queries import TraceFilter
from roadworthy.usage.rollup import Cost, Usage

router = Router(tag="gateway")
Text = Annotated[str, Query(max_length=140)]
Moment = Annotated[datetime | None, Query()]
WEEKS_MAX = 260


def aware(moment: datetime | None, name: str) -> datetime | None:
    """Refuse a time that does not say which one it is."""
    if moment is not None and moment.tzinfo is None:
        raise InvalidError(
            f"`{name}` does not say its time zone.", fix="Write it as 2026-11-23T10:00:00Z, in UTC."
        )
    return moment


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
    use_case: Text = "",
    principal: Text = "",
    model: Text = "",
    decision: Text = "",
    reason_code: Text = "",
    key_id: Text = "",
    failed: bool = False,  # noqa: FBT001, FBT002  a query parameter
    since: Moment = None,
    until: Moment = None,
    before: Annotated[str, Query(max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=usage.PAGE_MAX)] = 50,
) -> dict[str, Any]:
    """List calls, newest first."""
    narrowed = TraceFilter(
        use_case=clean(use_case).removeprefix("use-case/"),
        principal=clean(principal),
        model=clean(model).removeprefix("model/"),
        decision=clean(decision),
        reason_code=clean(reason_code),
        key_id=clean(key_id),
        failed=failed,
        since=aware(since, "since"),
        until=aware(until, "until"),
    )
    seen = seen_by(tx, call, "usage.read")
    page = usage.traces(tx, narrowed, before=before, limit=limit, use_cases=seen)
    return {"items": page.lines, "next_cursor": page.next_cursor}


@router.get("/v1/traces/{call_id}", permission="usage.read")
def show_trace(tx: Tx, call: Call, call_id: Annotated[str, Path(max_length=140)]) -> Any:
    """Show one call: who, for what, the decision with its reasons, model, tokens, cost, latency, text."""
    return usage.trace(tx, clean(call_id), use_cases=seen_by(tx, call, "usage.read"))


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
