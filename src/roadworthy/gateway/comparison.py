"""Pure: a past call beside its replay, field by field, and what was said beside what is said now."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from roadworthy.gateway.why import explained
from roadworthy.usage.record import CallRecord, FindingRecord

DIFF_LINES_MAX = 400
_TITLES = (
    ("decision", "Decision"), ("reason", "Reason"), ("status", "Answered with status"),
    ("error", "Error"), ("filters", "What filters found"), ("route", "Route"), ("model", "Model"),
    ("provider", "Provider"), ("why", "How the route chose"), ("input_tokens", "Input tokens"),
    ("output_tokens", "Output tokens"), ("cost_nano", "Cost"), ("currency", "Currency"),
    ("latency_ms", "Latency"), ("response", "What was answered"),
)  # fmt: skip
_UNKNOWN_WHEN_DRY = frozenset(
    {"status", "error", "input_tokens", "output_tokens", "cost_nano", "currency", "latency_ms", "response"}
)
"""What only a model's answer tells."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a call, or would; None for what is not known."""

    decision: str
    reason: str = ""
    refusal: str = ""
    """Why it was refused, in a sentence."""
    next_step: str = ""
    filters: tuple[str, ...] = ()
    route: str = ""
    model: str = ""
    provider: str = ""
    why: str = ""
    status: int | None = None
    error: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano: int | None = None
    currency: str = ""
    latency_ms: float | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing that is known of both."""

    name: str
    title: str
    before: Any
    after: Any
    differs: bool


def findings_in_words(findings: Iterable[FindingRecord]) -> tuple[str, ...]:
    """Say what filters found, in order of their names."""
    return tuple(
        sorted(
            f"{one.filter}: {one.kind or 'found'} ×{one.count} in the {one.side}, {one.action}"
            for one in findings
        )
    )


def outcome_of(record: CallRecord, *, response: str | None) -> Outcome:
    """Return what became of a call that a gateway has just recorded."""
    first = record.reasons[0] if record.reasons else None
    return Outcome(
        decision=record.decision,
        reason=record.reason,
        refusal=first.message if first is not None else "",
        next_step=first.next_step if first is not None else "",
        filters=findings_in_words(record.findings),
        route=record.route,
        model=record.model,
        provider=record.provider,
        why=record.why,
        status=record.status,
        error=record.error,
        input_tokens=record.input_tokens,
        output_tokens=record.output_tokens,
        cost_nano=record.cost_nano,
        currency=record.currency,
        latency_ms=record.latency_ms,
        response=response,
    )


def compare(before: Outcome, after: Outcome, *, dry: bool) -> tuple[Field, ...]:
    """Return every field of both. A latency is never the same twice, so it differs only by what it is."""
    found = []
    for name, title in _TITLES:
        if dry and name in _UNKNOWN_WHEN_DRY:
            continue
        old, new = getattr(before, name), getattr(after, name)
        if name == "why":
            old, new = " ".join(explained(old)), " ".join(explained(new, ahead=dry))
            differs = before.why != after.why
        else:
            differs = old != new and name != "latency_ms"
        found.append(Field(name=name, title=title, before=old, after=new, differs=differs))
    return tuple(found)


def differs(fields: Sequence[Field]) -> bool:
    """Does anything differ?"""
    return any(one.differs for one in fields)


def diff(before: str, after: str) -> str:
    """Return the lines that went and came, as `diff -u` writes them; nothing where all are the same."""
    lines = list(
        difflib.unified_diff(before.splitlines(), after.splitlines(), "then", "now", lineterm="", n=2)
    )
    if len(lines) > DIFF_LINES_MAX:
        lines = [*lines[:DIFF_LINES_MAX], f"… {len(lines) - DIFF_LINES_MAX} more lines"]
    return "\n".join(lines)
