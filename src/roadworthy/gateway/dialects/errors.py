"""Pure: an error of ours in the words of OpenAI's and of Anthropic's clients."""

from __future__ import annotations

from typing import Any

from roadworthy.gateway.dialects.dialect import Problem
from roadworthy.gateway.dialects.reading import ENCODER

_OPENAI_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_ANTHROPIC_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


def _said(problem: Problem) -> str:
    said = problem.message if not problem.next_step else f"{problem.message} {problem.next_step}"
    if problem.who_can_change:
        said = f"{said} Who can change it: {', '.join(problem.who_can_change)}."
    if problem.appeal:
        said = f"{said} Appeal: {problem.appeal}"
    return said


def _governed(problem: Problem) -> dict[str, Any]:
    """Return what a person or program needs to get on, beside what clients read."""
    governed: dict[str, Any] = {
        "reason": problem.code,
        "message": problem.message,
        "declaration": problem.declaration,
        "who_can_change": problem.who_can_change,
        "next_step": problem.next_step,
        "reasons": problem.reasons,
        "trace_id": problem.trace_id,
        "revision": problem.revision,
    }
    if problem.appeal:
        governed["appeal"] = problem.appeal
    return governed


def openai_error(problem: Problem) -> dict[str, Any]:
    """Return the inner part of an error as OpenAI says it."""
    kind = _OPENAI_TYPES.get(
        problem.status, "invalid_request_error" if problem.status < 500 else "server_error"
    )
    return {
        "message": _said(problem),
        "type": kind,
        "param": problem.param,
        "code": problem.code,
        "roadworthy": _governed(problem),
    }


def openai_body(problem: Problem) -> bytes:
    """Return an error as OpenAI's clients read it."""
    return ENCODER.encode({"error": openai_error(problem)})


def anthropic_body(problem: Problem) -> bytes:
    """Return an error as Anthropic's clients read it."""
    kind = _ANTHROPIC_TYPES.get(
        problem.status, "invalid_request_error" if problem.status < 500 else "api_error"
    )
    error = {"type": kind, "message": _said(problem), "roadworthy": _governed(problem)}
    return ENCODER.encode({"type": "error", "error": error, "request_id": problem.trace_id})
