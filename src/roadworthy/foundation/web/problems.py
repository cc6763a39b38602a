"""Errors as RFC 9457 problem details; no stack, no SQL, no secret ever leaves."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roadworthy.foundation.clock import now
from roadworthy.foundation.errors import InvalidError, Issue, MalformedError, NotFoundError, RoadworthyError
from roadworthy.foundation.ids import new_id

log = logging.getLogger("roadworthy.web")
MEDIA_TYPE = "application/problem+json"


def problem(error: RoadworthyError, *, instance: str) -> dict[str, Any]:
    """Return the problem document of an error."""
    body: dict[str, Any] = {
        "type": f"https://roadworthy.dev/problems/{error.code}",
        "title": error.what,
        "status": error.status,
        "code": error.code,
        "detail": " ".join(part for part in (error.why, error.fix) if part) or error.what,
        "instance": instance,
    }
    if error.why:
        body["why"] = error.why
    if error.fix:
        body["fix"] = error.fix
    if error.issues:
        body["errors"] = [
            {
                key: value
                for key, value in (
                    ("field", issue.field),
                    ("message", issue.message),
                    ("fix", issue.fix),
                    ("file", issue.file),
                    ("line", issue.line),
                )
                if value
            }
            for issue in error.issues
        ]
    return body


def problem_response(error: RoadworthyError, *, instance: str) -> Response:
    """Return the problem as a response."""
    headers = {"WWW-Authenticate": 'Bearer realm="roadworthy"'} if error.status == 401 else None
    return JSONResponse(
        problem(error, instance=instance), status_code=error.status, media_type=MEDIA_TYPE, headers=headers
    )


def from_validation(error: RequestValidationError) -> RoadworthyError:
    """Say which parts of a request were wrong, in our own error."""
    entries = error.errors()
    if any(entry.get("type") == "json_invalid" for entry in entries):
        return MalformedError("The body is not valid JSON.", fix="Send one JSON document encoded as UTF-8.")
    return InvalidError(
        "The request cannot be accepted.",
        why="Some of its values are missing or wrong.",
        fix="See `errors`, and the schema at /v1/openapi.json.",
        issues=[
            Issue(str(entry.get("msg", "wrong")), field=".".join(str(part) for part in entry.get("loc", ())))
            for entry in entries
        ],
    )


def from_http(error: HTTPException) -> RoadworthyError:
    """Turn the framework's own errors (no such path, wrong method) into ours."""
    if error.status_code == 404:
        return NotFoundError(
            "There is nothing at this address.", fix="See /v1/openapi.json for every address."
        )
    if error.status_code == 400:
        return MalformedError(
            "The body could not be read.",
            why="It is not valid JSON, or not valid UTF-8.",
            fix="Send one JSON document encoded as UTF-8.",
        )
    refused = InvalidError(str(error.detail))
    refused.status = error.status_code  # type: ignore[misc]  # the framework's status is the fact here
    refused.code = {405: "method-not-allowed", 415: "unsupported-media-type"}.get(  # type: ignore[misc]
        error.status_code, "invalid"
    )
    return refused


def from_crash(error: Exception, request: Request) -> RoadworthyError:
    """Log an unexpected error under an id and say only the id."""
    crash_id = new_id("err", at=now())
    log.error("unexpected error %s on %s %s", crash_id, request.method, request.url.path, exc_info=error)
    return RoadworthyError(
        "Something went wrong on our side.",
        why=f"It is in the server's log under {crash_id}.",
        fix="Try again; if it stays, report the id.",
    )


def retry_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """Keep the headers a client acts on."""
    kept = ("allow", "retry-after")
    return {key: value for key, value in (headers or {}).items() if key.lower() in kept}
