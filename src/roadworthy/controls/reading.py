"""Pure: reads figures out of files that other tools wrote: JUnit, SARIF, evaluation logs, plain metrics.

A file is data from outside: it is never run, no entity of it is resolved, and what is too deep, not finite
or not of its form is refused with a sentence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat

DEPTH_MAX = 64
ELEMENTS_MAX = 500_000
NAME_MAX = 120


class UnreadableError(ValueError):
    """The file is not what it is taken for; the message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a file says: figures by name, and when they were taken."""

    format: str
    figures: Mapping[str, Any]
    at: datetime | None = None
    """When the run ended, if the file says it."""
    words: str = ""
    """The whole in a sentence."""


def read(content: bytes) -> Reading | None:
    """Read a file of a known form; None for any other, which is kept as it is."""
    start = content[:2048].removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        return junit(content) if b"<testsuite" in content else None
    if not start.startswith(b"{"):
        return None
    document = _json(content)
    if isinstance(document.get("runs"), list):
        return sarif(document)
    if isinstance(document.get("eval"), dict) and "status" in document:
        return eval_log(document)
    return metrics(document)


def _json(content: bytes) -> dict[str, Any]:
    def refuse(word: str) -> Any:
        raise UnreadableError(f"It holds {word}, which is no number")

    try:
        found = json.loads(content, parse_constant=refuse)
    except UnreadableError:
        raise
    except (ValueError, RecursionError) as error:
        raise UnreadableError(f"It is no JSON: {error}"[:300]) from error
    assert isinstance(found, dict), "it begins with a brace"
    return found


def metrics(document: Mapping[str, Any]) -> Reading:
    """Read `{name: figure}`, or the same under `metrics`; `at` says when."""
    figures = document.get("metrics") if isinstance(document.get("metrics"), dict) else document
    assert isinstance(figures, Mapping)
    found = {
        str(name)[:NAME_MAX]: value
        for name, value in figures.items()
        if isinstance(value, bool)
        or (isinstance(value, int | float) and math.isfinite(value))
        or (isinstance(value, list) and all(isinstance(one, str) for one in value))
        or (isinstance(value, str) and name != "at")
    }
    return Reading("metrics", found, _moment(document.get("at")), f"{len(found)} figures")


def eval_log(document: Mapping[str, Any]) -> Reading:
    """Read the log of an evaluation run as Inspect writes it in JSON: metrics by name, samples, status."""
    results = document.get("results")
    results = results if isinstance(results, dict) else {}
    figures: dict[str, Any] = {}
    for score in _list(results.get("scores")):
        for name, metric in _dict(score.get("metrics")).items():
            value = metric.get("value") if isinstance(metric, dict) else metric
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                figures.setdefault(str(name)[:NAME_MAX], float(value))
                figures.setdefault("score", float(value))  # the first metric of the first scorer
    samples = results.get("completed_samples", results.get("total_samples"))
    if isinstance(samples, int) and not isinstance(samples, bool):
        figures["samples"] = samples
    done = document.get("status") == "success"
    figures["completed"] = done
    stats, run = _dict(document.get("stats")), _dict(document.get("eval"))
    at = _moment(stats.get("completed_at")) or _moment(run.get("created"))
    task = str(run.get("task", "a task"))[:NAME_MAX]
    scored = f", score {figures['score']:g}" if "score" in figures else ""
    return Reading("eval-log", figures, at, f"{task}: {document.get('status')}{scored}")


def sarif(document: Mapping[str, Any]) -> Reading:
    """Read SARIF 2.1: open findings by level; what is suppressed, absent or passed is not open."""
    counts = dict.fromkeys(("error", "warning", "note"), 0)
    ends: list[datetime] = []
    for run in _list(document.get("runs")):
        levels = _levels(run)
        for result in _list(run.get("results")):
            if result.get("kind", "fail") not in {"fail", "open", "review"}:
                continue
            if result.get("baselineState") == "absent" or _suppressed(result):
                continue
            level = result.get("level") or levels.get(_rule_of(result), "warning")
            if level in counts:
                counts[level] += 1
        moments = (_moment(one.get("endTimeUtc")) for one in _list(run.get("invocations")))
        ends += [one for one in moments if one is not None]
    figures = {"errors": counts["error"], "warnings": counts["warning"], "notes": counts["note"]}
    words = f"{counts['error']} errors, {counts['warning']} warnings"
    return Reading("sarif", {**figures, "passed": not counts["error"]}, max(ends, default=None), words)


def _suppressed(result: Mapping[str, Any]) -> bool:
    return any(one.get("status", "accepted") == "accepted" for one in _list(result.get("suppressions")))


def _levels(run: Mapping[str, Any]) -> dict[Any, str]:
    """Return the level each rule sets for findings that name none, by its id and its place."""
    found: dict[Any, str] = {}
    for place, rule in enumerate(_list(_dict(_dict(run.get("tool")).get("driver")).get("rules"))):
        level = _dict(rule.get("defaultConfiguration")).get("level")
        if isinstance(level, str):
            found[str(rule.get("id"))] = found[place] = level
    return found


def _rule_of(result: Mapping[str, Any]) -> Any:
    place = result.get("ruleIndex")
    return place if isinstance(place, int) and place >= 0 else str(result.get("ruleId"))


@dataclass(slots=True)
class _Suite:
    tests: int = 0
    failed: int = 0
    skipped: int = 0
    depth: int = 0
    elements: int = 0
    bad: bool = False
    at: list[datetime] = field(default_factory=list)


def junit(content: bytes) -> Reading:
    """Read a JUnit report by its cases, not by its own sums; a document type is refused unread."""
    seen = _Suite()
    parser = expat.ParserCreate()

    def refuse(*_: Any) -> None:
        raise UnreadableError("It declares a document type or an entity, which no test report needs")

    def start(name: str, attributes: dict[str, str]) -> None:
        seen.depth += 1
        seen.elements += 1
        if seen.depth > DEPTH_MAX or seen.elements > ELEMENTS_MAX:
            raise UnreadableError("It is nested too deeply or has too many elements for a test report")
        if name == "testcase":
            seen.tests, seen.bad = seen.tests + 1, False
        elif name in {"failure", "error"} and not seen.bad:
            seen.failed, seen.bad = seen.failed + 1, True
        elif name == "skipped":
            seen.skipped += 1
        elif name == "testsuite" and (at := _moment(attributes.get("timestamp"))) is not None:
            seen.at.append(at)

    def end(_name: str) -> None:
        seen.depth -= 1

    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    try:
        parser.Parse(content, True)
    except expat.ExpatError as error:
        raise UnreadableError(f"It is no XML: {error}") from error
    run = seen.tests - seen.skipped
    figures = {
        "tests": seen.tests,
        "failures": seen.failed,
        "samples": run,
        "passed": run > 0 and not seen.failed,
        "pass_share": (run - seen.failed) / run if run > 0 else 0.0,
    }
    words = f"{seen.tests} tests, {seen.failed} failed, {seen.skipped} skipped"
    return Reading("junit", figures, max(seen.at, default=None), words)


def _moment(value: Any) -> datetime | None:
    """Return a moment; one without a zone is taken to be UTC."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _list(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
