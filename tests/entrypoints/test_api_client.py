"""The client says what a server answered, whatever it is that answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from roadworthy.entrypoints.api_client import ApiError, Client, path_of


@contextmanager
def _answering(
    status: int, body: bytes, media_type: str = "application/json"
) -> Iterator[tuple[str, list[Any]]]:
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            seen.append((self.path, dict(self.headers), self.rfile.read(length)))
            self.send_response(status)
            self.send_header("content-type", media_type)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST  # noqa: N815  # the library's name

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_sends_who_it_is_and_its_token() -> None:
    """The log shows which door a change came through, so the client names itself."""
    with _answering(200, b'{"ok": true}') as (url, seen):
        assert Client(url, "rwt_1").post("/v1/plan", {"a": 1}, only="x y", empty="") == {"ok": True}
    (path, headers, body) = seen[0]
    sent = {name.lower(): value for name, value in headers.items()}
    assert path == "/v1/plan?only=x+y"
    assert sent["x-roadworthy-client"] == "cli"
    assert sent["authorization"] == "Bearer rwt_1"
    assert json.loads(body) == {"a": 1}


@pytest.mark.parametrize(
    ("status", "code", "ends_with"),
    [
        (401, "unauthenticated", 4), (403, "forbidden", 4), (403, "blocked", 3), (409, "stale", 6),
        (412, "precondition-failed", 6), (428, "precondition-required", 6), (404, "not-found", 1),
        (422, "invalid", 1), (500, "internal", 1), (503, "unavailable", 1),
    ],
)  # fmt: skip
def test_a_problem_decides_the_exit_code(status: int, code: str, ends_with: int) -> None:
    """A script can tell apart: not allowed, blocked by a rule, overtaken, broken."""
    problem = {"title": "No.", "status": status, "code": code, "why": "Because.", "fix": "Do this."}
    with _answering(status, json.dumps(problem).encode()) as (url, _seen), pytest.raises(ApiError) as caught:
        Client(url).get("/v1/x")
    error = caught.value
    assert (error.exit_code, error.what, error.why, error.fix) == (ends_with, "No.", "Because.", "Do this.")


@pytest.mark.parametrize(
    "body", [b"<html>bad gateway</html>", b"[]", b'"x"', b"", b"\xff\xfe", b'{"error": {}}']
)
def test_an_answer_that_is_no_problem_is_still_said(body: bytes) -> None:
    """A proxy's page or another program's answer becomes an error, never a stack."""
    with _answering(502, body, "text/html") as (url, _seen), pytest.raises(ApiError) as caught:
        Client(url).get("/v1/x")
    assert "502" in caught.value.what
    assert caught.value.fix


def test_success_that_is_not_json_is_an_error() -> None:
    """Another program on the port is named as such."""
    with _answering(200, b"hello") as (url, _seen), pytest.raises(ApiError, match="not JSON"):
        Client(url).get("/v1/x")


def test_a_redirect_is_not_followed() -> None:
    """A token is not carried to wherever a server points."""
    with _answering(302, b"") as (url, seen), pytest.raises(ApiError, match="302"):
        Client(url, "rwt_1").get("/v1/x")
    assert len(seen) == 1


def test_a_name_cannot_leave_its_place() -> None:
    """A slash or dots in a name reach the server as part of the name."""
    assert path_of("v1", "resources", "use-case", "../../me?x") == "/v1/resources/use-case/..%2F..%2Fme%3Fx"
