"""The console's page of one call: everything behind it, and what was said in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Path

from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import Call
from roadworthy.foundation.web.parts import (
    Cell,
    Code,
    Column,
    Crumb,
    Empty,
    Link,
    Milliseconds,
    Status,
    Table,
)
from roadworthy.foundation.web.router import Router
from roadworthy.foundation.web.view import View
from roadworthy.gateway.door import seen_by
from roadworthy.gateway.pages import TRACES, cost_of, may_read, status_of
from roadworthy.gateway.why import explained
from roadworthy.registry.door import actor_of, clean
from roadworthy.usage import operations as usage_operations
from roadworthy.usage import queries as usage
from roadworthy.usage.queries import Trace

router = Router(tag="console")


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
    said: usage.Said | None
    content: Link | None
    text_note: str
    text_expires_at: datetime | None
    replay: Link | None
    proof: Link | None
    proof_note: str


_FAULTS: Mapping[str, str] = {
    "price_unknown": "The model's price is not known, so its cost is not. Declare `price` on the model.",
    "usage_unknown": "The provider did not say how many tokens the call used, so its cost is not known.",
    "gateway_key_in_request": (
        "The request held a key of this gateway, which was masked before anybody read it. Revoke that key."
    ),
    "cost_implausible": "The cost came out beyond what can be true; it is kept as unknown.",
}


@router.page(TRACES + "/{call_id}", permission="usage.read")
def trace_page(tx: Tx, call: Call, call_id: Annotated[str, Path(max_length=140)]) -> View:
    """Show one call: who, for what, the decision with its reasons, model, tokens, cost, latency, text."""
    found = usage.trace(tx, clean(call_id), use_cases=seen_by(tx, call, "usage.read"))
    content = Link("Read what was said", f"{TRACES}/{found.id}/content")
    return _trace_view(found, call, content=content if found.text_kept and may_read(tx, call) else None)


@router.page(TRACES + "/{call_id}/content", permission="content.read", access="write")
def content_page(tx: Tx, call: Call, call_id: Annotated[str, Path(max_length=140)]) -> View:
    """Show one call with what was said; the reading is recorded."""
    seen = seen_by(tx, call, "content.read")
    name = clean(call_id)
    said = usage_operations.read_said(tx, name, actor=actor_of(call), now=call.now, use_cases=seen)
    return _trace_view(usage.trace(tx, name, use_cases=seen), call, said=said)


def _trace_view(
    found: Trace, call: Call, *, said: usage.Said | None = None, content: Link | None = None
) -> View:
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
        said=said,
        content=content,
        text_note=_text_note(found, said),
        text_expires_at=found.text_expires_at,
        replay=Link("Run it again", f"{TRACES}/{found.id}/replay")
        if found.text_kept and call.who.may("trace.replay", namespace=found.namespace)
        else None,
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
        ("Asked in the dialect of", found.dialect or None),
        ("How the route chose", " ".join(explained(found.why)) or None),
        ("Replay of", Link(found.replay_of, f"{TRACES}/{found.replay_of}") if found.replay_of else None),
    ]


def _cost(found: Trace) -> list[tuple[str, Cell]]:
    return [
        ("Input tokens", found.input_tokens),
        ("of them cached", found.cached_input_tokens),
        ("Output tokens", found.output_tokens),
        ("Counted by", "the gateway, as an estimate" if found.estimated else "the provider"),
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


def _text_note(found: Trace, said: usage.Said | None) -> str:
    if found.text_gone:
        return "What was said was logged, and has been deleted. The commitment to it still proves."
    if not found.text_kept:
        return "What was said was not logged: the use case logs metadata only."
    if said is None:
        return "What was said is kept, and each reading of it is recorded in the audit log."
    return "Long texts are cut at 16 KiB." if said.cut else "That you read this is recorded."
