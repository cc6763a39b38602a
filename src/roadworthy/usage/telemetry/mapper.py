"""Pure: call records as OpenTelemetry spans and metrics of the GenAI conventions, as OTLP's JSON.

The conventions are still in development and change names; `CONVENTIONS` says which version this speaks, and
every payload carries it as its schema. What was said is never in it.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Any

from roadworthy.usage.record import CallRecord, tag_of

CONVENTIONS = "1.37.0"
SCHEMA = f"https://opentelemetry.io/schemas/{CONVENTIONS}"
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)
"""The bounds that the conventions ask for."""

_CLIENT = 3
_ERROR = 2
_DELTA = 1


def _attribute(name: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": name, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": name, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": name, "value": {"doubleValue": value}}
    return {"key": name, "value": {"stringValue": value}}


def _attributes(pairs: Iterable[tuple[str, Any]]) -> list[dict[str, Any]]:
    return [_attribute(name, value) for name, value in pairs if value not in (None, "")]


def operation_of(record: CallRecord) -> str:
    """Return the operation's well-known name."""
    return "embeddings" if "embedding" in record.dialect else "chat"


def trace_id_of(call_id: str) -> str:
    """Return the trace's id: the call's own, which has the length that OpenTelemetry wants."""
    own = call_id.removeprefix("tr_")
    if len(own) == 32 and not set(own) - set("0123456789abcdef"):
        return own
    return hashlib.sha256(call_id.encode()).hexdigest()[:32]


def _span_id(call_id: str, place: int) -> str:
    return hashlib.sha256(f"{call_id}/{place}".encode()).hexdigest()[:16]


def error_of(record: CallRecord) -> str:
    """Return what kept the call from an answer."""
    return record.reason if record.decision == "refused" else record.error


def _spans(record: CallRecord) -> list[dict[str, Any]]:
    trace, root = trace_id_of(record.id), _span_id(record.id, 0)
    began = record.at * 1_000_000
    model = record.model or record.requested_model
    error = error_of(record)
    said: dict[str, Any] = {
        "traceId": trace,
        "spanId": root,
        "name": f"{operation_of(record)} {model}".strip(),
        "kind": _CLIENT,
        "startTimeUnixNano": str(began),
        "endTimeUnixNano": str(began + round(record.latency_ms * 1_000_000)),
        "attributes": _attributes(
            (
                ("gen_ai.operation.name", operation_of(record)),
                ("gen_ai.provider.name", record.provider),
                ("gen_ai.request.model", record.requested_model),
                ("gen_ai.response.model", record.upstream_model),
                ("gen_ai.response.id", record.id),
                ("gen_ai.usage.input_tokens", record.input_tokens),
                ("gen_ai.usage.output_tokens", record.output_tokens),
                ("error.type", error),
                ("http.response.status_code", record.status or None),
                ("roadworthy.use_case", record.use_case),
                ("roadworthy.principal", record.principal),
                ("roadworthy.decision", record.decision),
                ("roadworthy.route", record.route),
                ("roadworthy.model", record.model),
                ("roadworthy.kind", tag_of(record) or "production"),
                ("roadworthy.stream", record.stream),
                ("roadworthy.cost", None if record.cost_nano is None else record.cost_nano / 1e9),
                ("roadworthy.currency", record.currency),
                ("roadworthy.grant", record.grant_id),
                ("roadworthy.revision", record.revision),
            )
        ),
    }
    if error:
        said["status"] = {"code": _ERROR, "message": error}
    return [said, *_attempts(record, trace, root)]


def _attempts(record: CallRecord, trace: str, root: str) -> list[dict[str, Any]]:
    """Return a span for each attempt, one after the other from the call's beginning."""
    spans, at = [], record.at * 1_000_000
    for place, attempt in enumerate(record.attempts, start=1):
        ended = at + round(attempt.ms * 1_000_000)
        one: dict[str, Any] = {
            "traceId": trace,
            "spanId": _span_id(record.id, place),
            "parentSpanId": root,
            "name": f"attempt {attempt.model}",
            "kind": _CLIENT,
            "startTimeUnixNano": str(at),
            "endTimeUnixNano": str(ended),
            "attributes": _attributes(
                (
                    ("gen_ai.operation.name", operation_of(record)),
                    ("roadworthy.model", attempt.model),
                    ("http.response.status_code", attempt.status or None),
                    ("error.type", attempt.error),
                )
            ),
        }
        if attempt.error:
            one["status"] = {"code": _ERROR, "message": attempt.error}
        spans.append(one)
        at = ended
    return spans


def _resource(service: str) -> dict[str, Any]:
    return {"attributes": _attributes((("service.name", "roadworthy"), ("service.instance.id", service)))}


def _scope(version: str) -> dict[str, str]:
    return {"name": "roadworthy", "version": version}


def traces(records: Iterable[CallRecord], *, service: str, version: str) -> dict[str, Any]:
    """Return an OTLP request of spans: one for a call, one below it for each attempt."""
    spans = [span for record in records for span in _spans(record)]
    scope = {"scope": _scope(version), "spans": spans, "schemaUrl": SCHEMA}
    return {"resourceSpans": [{"resource": _resource(service), "scopeSpans": [scope], "schemaUrl": SCHEMA}]}


def metrics(records: Sequence[CallRecord], *, service: str, version: str) -> dict[str, Any]:
    """Return an OTLP request of what these calls add to duration and token use, of production alone."""
    durations: dict[tuple[tuple[str, str], ...], list[float]] = {}
    tokens: dict[tuple[tuple[str, str], ...], list[float]] = {}
    first, last = 2**62, 0
    for record in records:
        if record.decision != "allowed" or tag_of(record):
            continue
        first = min(first, record.at * 1_000_000)
        last = max(last, record.at * 1_000_000 + round(record.latency_ms * 1_000_000))
        own = (
            ("gen_ai.operation.name", operation_of(record)),
            ("gen_ai.provider.name", record.provider),
            ("gen_ai.request.model", record.requested_model),
            ("gen_ai.response.model", record.upstream_model),
            ("roadworthy.use_case", record.use_case),
        )
        durations.setdefault((*own, ("error.type", error_of(record))), []).append(record.latency_ms / 1000)
        for kind, count in (("input", record.input_tokens), ("output", record.output_tokens)):
            if count is not None:
                tokens.setdefault((*own, ("gen_ai.token.type", kind)), []).append(count)
    if not durations:
        return {"resourceMetrics": []}
    made = [
        _histogram("gen_ai.client.operation.duration", "s", durations, SECONDS, (first, last)),
        _histogram("gen_ai.client.token.usage", "{token}", tokens, TOKENS, (first, last)),
    ]
    scope = {"scope": _scope(version), "metrics": made, "schemaUrl": SCHEMA}
    return {
        "resourceMetrics": [{"resource": _resource(service), "scopeMetrics": [scope], "schemaUrl": SCHEMA}]
    }


def _histogram(
    name: str,
    unit: str,
    points: dict[tuple[tuple[str, str], ...], list[float]],
    bounds: Sequence[float],
    between: tuple[int, int],
) -> dict[str, Any]:
    said = []
    for own, values in points.items():
        counts = [0] * (len(bounds) + 1)
        for value in values:
            counts[bisect_left(bounds, value)] += 1
        said.append(
            {
                "attributes": _attributes(own),
                "startTimeUnixNano": str(between[0]),
                "timeUnixNano": str(between[1]),
                "count": str(len(values)),
                "sum": float(sum(values)),
                "min": float(min(values)),
                "max": float(max(values)),
                "bucketCounts": [str(count) for count in counts],
                "explicitBounds": list(bounds),
            }
        )
    return {
        "name": name,
        "unit": unit,
        "histogram": {"aggregationTemporality": _DELTA, "dataPoints": said},
    }
