"""Counts calls for Prometheus, as they are shipped: the event loop has nothing to do with it."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

from roadworthy.usage.record import CallRecord, tag_of
from roadworthy.usage.telemetry.mapper import SECONDS, error_of

SERIES_MAX = 10_000
"""Beyond so many combinations of labels, calls are counted under `other`: names must not fill the memory."""

Labels = tuple[str, ...]
_PASSES = {"filter_error_allowed": "failed", "filter_stopped": "stopped"}
_NAMES = ("use_case", "model", "provider", "route", "kind")


class CallCounters:
    """Counters and histograms by use case, model, provider, route and kind of call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[tuple[Labels, str, str, str], int] = {}
        self._tokens: dict[tuple[Labels, str], int] = {}
        self._cost: dict[tuple[Labels, str], int] = {}
        self._passed: dict[tuple[str, str], int] = {}
        self._seconds: dict[Labels, tuple[list[int], list[float]]] = {}

    def count(self, records: Iterable[CallRecord]) -> None:
        """Take in calls."""
        with self._lock:
            for record in records:
                self._one(record)

    def _one(self, record: CallRecord) -> None:
        own: Labels = (
            record.use_case,
            record.model,
            record.provider,
            record.route,
            tag_of(record) or "production",
        )
        if own not in self._seconds and len(self._seconds) >= SERIES_MAX:
            own = ("other",) * len(_NAMES)
        counts, total = self._seconds.setdefault(own, ([0] * (len(SECONDS) + 1), [0.0]))
        counts[bisect_left(SECONDS, record.latency_ms / 1000)] += 1
        total[0] += record.latency_ms / 1000
        what = (own, record.decision, str(record.status), error_of(record))
        self._calls[what] = self._calls.get(what, 0) + 1
        for kind, tokens in (("input", record.input_tokens), ("output", record.output_tokens)):
            if tokens:
                self._tokens[own, kind] = self._tokens.get((own, kind), 0) + tokens
        for fault in record.faults:
            code, _, name = fault.partition(":")
            if code in _PASSES and ((name, code) in self._passed or len(self._passed) < SERIES_MAX):
                self._passed[name, code] = self._passed.get((name, code), 0) + 1
        if record.cost_nano:
            money = (own, record.currency)
            self._cost[money] = self._cost.get(money, 0) + record.cost_nano

    def render(self, gauges: Mapping[str, tuple[str, float]]) -> str:
        """Return the page; `gauges` are the process's own figures with what they mean."""
        with self._lock:
            lines = [*self._counter_lines(), *self._histogram_lines()]
        for name, (doc, value) in gauges.items():
            kind = "counter" if name.endswith("_total") else "gauge"
            lines += [f"# HELP {name} {doc}", f"# TYPE {name} {kind}", f"{name} {value:g}"]
        return "\n".join(lines) + "\n"

    def _counter_lines(self) -> Iterable[str]:
        yield "# HELP roadworthy_calls_total Calls by what was decided and what came of them."
        yield "# TYPE roadworthy_calls_total counter"
        for (own, decision, status, error), count in self._calls.items():
            labels = _labels(own, decision=decision, status=status, error=error)
            yield f"roadworthy_calls_total{labels} {count}"
        yield "# HELP roadworthy_tokens_total Tokens that were used."
        yield "# TYPE roadworthy_tokens_total counter"
        for (own, kind), count in self._tokens.items():
            yield f"roadworthy_tokens_total{_labels(own, type=kind)} {count}"
        yield "# HELP roadworthy_cost_total What calls with a known price cost, in units of the currency."
        yield "# TYPE roadworthy_cost_total counter"
        for (own, currency), nano in self._cost.items():
            yield f"roadworthy_cost_total{_labels(own, currency=currency)} {nano / 1e9:.9f}"
        name = "roadworthy_failure_mode_allowed_total"
        yield f"# HELP {name} Calls that went on without a filter, because its policy allows it."
        yield f"# TYPE {name} counter"
        for (of, code), count in self._passed.items():
            yield f'{name}{{filter="{_escaped(of)}",because="{_PASSES[code]}"}} {count}'

    def _histogram_lines(self) -> Iterable[str]:
        name = "roadworthy_call_duration_seconds"
        yield f"# HELP {name} From a call's arrival to its last byte."
        yield f"# TYPE {name} histogram"
        for own, (counts, total) in self._seconds.items():
            seen = 0
            for bound, count in zip((*map(str, SECONDS), "+Inf"), counts, strict=True):
                seen += count
                yield f"{name}_bucket{_labels(own, le=bound)} {seen}"
            yield f"{name}_sum{_labels(own)} {total[0]:.6f}"
            yield f"{name}_count{_labels(own)} {seen}"


def _labels(own: Labels, **further: str) -> str:
    pairs = (*zip(_NAMES, own, strict=True), *further.items())
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


Gauges = Callable[[], Mapping[str, tuple[str, float]]]
