"""Figures are read out of other tools' files, and nothing in a file can do harm."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.controls.reading import Reading, UnreadableError, read

JUNIT = b"""<?xml version="1.0"?>
<testsuites tests="999"><testsuite name="a" timestamp="2026-11-20T10:00:00">
<testcase name="one"/><testcase name="two"><failure message="no"/><error/></testcase>
<testcase name="three"><skipped/></testcase></testsuite></testsuites>"""
EVAL = {
    "version": 2,
    "status": "success",
    "eval": {"task": "claims-qa", "created": "2026-11-19T09:00:00+00:00"},
    "results": {
        "total_samples": 120,
        "completed_samples": 118,
        "scores": [
            {
                "name": "match",
                "metrics": {
                    "accuracy": {"name": "accuracy", "value": 0.93},
                    "stderr": {"name": "stderr", "value": 0.02},
                },
            }
        ],
    },
    "stats": {"started_at": "2026-11-19T09:00:01+00:00", "completed_at": "2026-11-19T11:30:00+02:00"},
}
SARIF = {
    "version": "2.1.0",
    "runs": [
        {
            "tool": {
                "driver": {"name": "s", "rules": [{"id": "R1", "defaultConfiguration": {"level": "error"}}]}
            },
            "invocations": [{"executionSuccessful": True, "endTimeUtc": "2026-11-18T08:00:00Z"}],
            "results": [
                {"ruleId": "R1", "message": {"text": "by its rule an error"}},
                {"ruleIndex": 0, "message": {"text": "by the place of its rule"}},
                {"ruleId": "R9", "message": {"text": "a warning, as none is named"}},
                {"ruleId": "R9", "level": "error", "suppressions": [{"kind": "external"}]},
                {"ruleId": "R9", "level": "error", "baselineState": "absent"},
                {"ruleId": "R9", "level": "error", "kind": "pass"},
                {"ruleId": "R9", "level": "note"},
            ],
        }
    ],
}


def figures(content: bytes | dict[str, Any]) -> Reading:
    """Return what a file says."""
    found = read(content if isinstance(content, bytes) else json.dumps(content).encode())
    assert found is not None
    return found


def test_junit_counts_cases_not_its_own_sums() -> None:
    """Two ran, one failed, once; when the suite says it was."""
    found = figures(JUNIT)
    assert found.format == "junit"
    assert found.figures == {"tests": 3, "failures": 1, "samples": 2, "passed": False, "pass_share": 0.5}
    assert found.at == datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert figures(b"<testsuite><testcase/></testsuite>").figures["passed"] is True
    assert figures(b"<testsuite></testsuite>").figures["passed"] is False, "nothing ran"


@pytest.mark.parametrize(
    "content",
    [
        b'<!DOCTYPE a [<!ENTITY x "y">]><testsuite>&x;</testsuite>',
        b'<!DOCTYPE testsuite SYSTEM "file:///etc/passwd"><testsuite/>',
        b'<!DOCTYPE l [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><testsuite>&b;</testsuite>',
        b"<testsuite>" + b"<a>" * 80 + b"</a>" * 80 + b"</testsuite>",
        b"<testsuite><testcase></testsuite>",
        b'{"a": NaN}',
        b'{"a": ' + b"[" * 100_000,
        b'{"a": 1',
    ],
)
def test_what_could_do_harm_is_refused_unread(content: bytes) -> None:
    """Document types, entities, depth without end, broken files: a sentence, and no more."""
    with pytest.raises(UnreadableError):
        read(content)


def test_an_evaluation_log_says_its_metrics_and_its_end() -> None:
    """The first metric is the score; a run that did not end well is not completed."""
    found = figures(EVAL)
    assert found.figures == {
        "accuracy": 0.93, "score": 0.93, "stderr": 0.02, "samples": 118, "completed": True,
    }  # fmt: skip
    assert found.at == datetime(2026, 11, 19, 9, 30, tzinfo=UTC)
    assert figures({**EVAL, "status": "cancelled"}).figures["completed"] is False


def test_sarif_counts_what_is_open() -> None:
    """Levels come from the finding or its rule; suppressed, absent and passed findings are not open."""
    found = figures(SARIF)
    assert found.figures == {"errors": 2, "warnings": 1, "notes": 1, "passed": False}
    assert found.at == datetime(2026, 11, 18, 8, tzinfo=UTC)


def test_plain_metrics_and_files_of_no_known_form() -> None:
    """A flat object is taken as it is; anything else is kept and not read."""
    found = figures({"metrics": {"eval_passed": True, "deep": {"no": 1}}, "at": "2026-11-01T00:00:00Z"})
    assert (found.format, found.figures) == ("metrics", {"eval_passed": True})
    assert found.at == datetime(2026, 11, 1, tzinfo=UTC)
    for other in (b"%PDF-1.7", b"", b"a,b\n1,2", b"<html></html>", b"[1, 2]"):
        assert read(other) is None


@given(st.one_of(st.binary(max_size=400), st.text(max_size=200).map(lambda t: t.encode())))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    """No file makes the reader fail in any other way."""
    for prefix in (b"", b"<testsuite>", b'{"runs": [', b'{"eval": {}, "status": '):
        try:
            found = read(prefix + content)
        except UnreadableError:
            continue
        assert found is None or found.format in {"junit", "sarif", "eval-log", "metrics"}
