"""A client of the control plane's API, on the standard library alone so that it starts at once."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

CLIENT_HEADER = "x-roadworthy-client"
TIMEOUT_SECONDS = 60.0
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_EXIT_OF_STATUS = {401: 4, 403: 4, 409: 6, 412: 6, 428: 6}


class ApiError(Exception):
    """The server refused, or could not be asked; carries what an RFC 9457 problem says."""

    def __init__(
        self,
        what: str,
        *,
        why: str = "",
        fix: str = "",
        status: int = 0,
        code: str = "",
        errors: tuple[Mapping[str, Any], ...] = (),
    ) -> None:
        super().__init__(what)
        self.what, self.why, self.fix = what, why, fix
        self.status, self.code, self.errors = status, code, errors

    @property
    def exit_code(self) -> int:
        """What a command ends with: 3 blocked, 4 not allowed, 6 overtaken by another change, else 1."""
        return 3 if self.code == "blocked" else _EXIT_OF_STATUS.get(self.status, 1)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back with a status below 400."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        """Return the body as JSON."""
        try:
            return json.loads(self.body) if self.body else None
        except ValueError as error:
            raise ApiError(
                "The server's answer is not JSON.",
                why="Something other than Roadworthy's control plane answers at this address.",
                fix="Check ROADWORTHY_URL or the profile: `roadworthy whoami` says which server is asked.",
            ) from error


def path_of(*parts: str) -> str:
    """Join path segments, each quoted whole: a name with a slash cannot leave its place."""
    return "/" + "/".join(quote(part, safe="") for part in parts)


@dataclass(frozen=True, slots=True)
class Client:
    """One server and who asks."""

    url: str
    token: str = ""
    timeout: float = TIMEOUT_SECONDS

    def get(self, path: str, **query: Any) -> Any:
        """Ask for a JSON document."""
        return self.send("GET", path, query=query).json()

    def post(self, path: str, body: Any = None, **query: Any) -> Any:
        """Send a JSON document, return the one that comes back."""
        raw = json.dumps({} if body is None else body).encode()
        return self.send("POST", path, raw=raw, query=query).json()

    def send(
        self,
        method: str,
        path: str,
        *,
        raw: bytes | None = None,
        media_type: str = "application/json",
        query: Mapping[str, Any] | Sequence[tuple[str, Any]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; anything but success is an ApiError."""
        import http.client  # costs more than the rest of `--help`

        pairs = query.items() if isinstance(query, Mapping) else query or ()
        asked = [(key, value) for key, value in pairs if value not in (None, "")]
        target = f"{path}?{urlencode(asked)}" if asked else path
        sent = {"accept": "application/json", CLIENT_HEADER: "cli", **(headers or {})}
        if raw is not None:
            sent["content-type"] = media_type
        if self.token:
            self._check_private()
            sent["authorization"] = f"Bearer {self.token}"
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        try:
            connection = kind(parts.hostname or "", parts.port, timeout=self.timeout)
            try:
                connection.request(method, parts.path.rstrip("/") + target, body=raw, headers=sent)
                got = connection.getresponse()
                answer = Answer(got.status, got.read(), {k.lower(): v for k, v in got.getheaders()})
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise ApiError(
                f"The server at {self.url} cannot be reached.",
                why=str(error) or type(error).__name__,
                fix="Start it with `roadworthy serve` (or `roadworthy demo`), or name another with "
                "ROADWORTHY_URL or --profile.",
            ) from error
        if answer.status >= 300:
            raise problem_of(answer)
        return answer

    def _check_private(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and parts.hostname not in _LOOPBACK:
            if os.environ.get("ROADWORTHY_PLAIN_HTTP") == "1":
                return
            raise ApiError(
                f"The token is not sent to {self.url}.",
                why="Without TLS everybody on the way could read it.",
                fix="Use an https:// address, or set ROADWORTHY_PLAIN_HTTP=1 where the network is trusted.",
            )


def problem_of(answer: Answer) -> ApiError:
    """Read an RFC 9457 problem; anything else becomes one."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    if not isinstance(body, dict) or "title" not in body:
        return ApiError(
            f"The server answered with status {answer.status}.",
            why="Its answer is not in the form that Roadworthy uses.",
            fix="Check that the address is the control plane's (8080 by default), not the gateway's.",
            status=answer.status,
        )
    errors = body.get("errors")
    return ApiError(
        str(body["title"]),
        why=str(body.get("why", "")),
        fix=str(body.get("fix", "")),
        status=answer.status,
        code=str(body.get("code", "")),
        errors=tuple(one for one in errors if isinstance(one, dict)) if isinstance(errors, list) else (),
    )
