"""Pure: the value that travels through the gateway with one call, and the ports on both sides of it."""

from __future__ import annotations

import secrets
from typing import Protocol

from roadworthy.gateway.access import Admitted, Caller, Refused
from roadworthy.gateway.dialects.openai import ChatRequest, Usage
from roadworthy.gateway.routing import Failure
from roadworthy.gateway.snapshot import Index, Target
from roadworthy.usage.record import AttemptRecord

JSON = b"application/json"
EVENTS = b"text/event-stream; charset=utf-8"


class Reply(Protocol):
    """What a transport gives the core to answer with. After the last call nothing more may be said."""

    def answer(self, status: int, content_type: bytes, body: bytes, extra: bytes = b"") -> None:
        """Send a whole answer; `extra` are more header lines, each ended by CRLF."""

    def begin(self, status: int, content_type: bytes, extra: bytes = b"") -> None:
        """Begin an answer that comes in pieces."""

    def write(self, data: bytes) -> None:
        """Send a piece."""

    def finish(self, data: bytes = b"") -> None:
        """Send the last piece and the end."""

    def abort(self) -> None:
        """Cut the answer off so that the caller sees it is not whole."""


class Course(Protocol):
    """What the transport may do to a call under way."""

    def cancel(self) -> None:
        """The caller has left."""

    def pause(self) -> None:
        """The caller reads more slowly than the provider writes."""

    def resume(self) -> None:
        """The caller has caught up."""


class Listener(Protocol):
    """What hears an attempt at a provider."""

    def on_head(self, status: int, content_type: bytes, retry_after: bytes) -> None:
        """The provider's answer begins."""

    def on_body(self, data: bytes) -> None:
        """A piece of it."""

    def on_end(self) -> None:
        """It is whole."""

    def on_fail(self, failure: Failure) -> None:
        """It came to nothing, or broke off."""


class Sending(Protocol):
    """An attempt under way, to be cancelled or slowed down."""

    def cancel(self) -> None:
        """Give it up; nothing more will be heard of it."""

    def pause(self) -> None:
        """Read no more for now."""

    def resume(self) -> None:
        """Read on."""


class Upstream(Protocol):
    """The way to providers."""

    def send(
        self, target: Target, body: bytes, listener: Listener, *, first_byte_timeout_s: float
    ) -> Sending:
        """Send a chat completions request; the listener is never called before this returns."""


class Exchange:
    """One call: what was asked, what was decided, what came of it."""

    __slots__ = (
        "admitted",
        "at",
        "attempts",
        "authorization",
        "body",
        "caller",
        "client_request_id",
        "error",
        "faults",
        "first_byte_s",
        "index",
        "prompt",
        "refused",
        "request",
        "response",
        "started_s",
        "status",
        "target",
        "trace_id",
        "usage",
        "use_case_header",
    )

    def __init__(
        self,
        *,
        at: float,
        started_s: float,
        authorization: str,
        use_case_header: str | None,
        client_request_id: str,
        body: bytes,
    ) -> None:
        self.trace_id = new_trace_id(at)
        self.at = at
        self.started_s = started_s
        self.authorization = authorization
        self.use_case_header = use_case_header
        self.client_request_id = client_request_id
        self.body = body
        self.index: Index | None = None
        self.caller: Caller | None = None
        self.request: ChatRequest | None = None
        self.admitted: Admitted | None = None
        self.refused: Refused | None = None
        self.target: Target | None = None
        self.attempts: list[AttemptRecord] = []
        self.usage: Usage | None = None
        self.status = 0
        self.error = ""
        self.faults: tuple[str, ...] = ()
        self.first_byte_s: float | None = None
        self.prompt = ""
        self.response = ""


def new_trace_id(at: float) -> str:
    """Return `tr_` + 48 bits of time + 80 random bits, sortable by time."""
    return f"tr_{int(at * 1000):012x}{secrets.token_hex(10)}"


def bearer(authorization: str) -> str:
    """Return the key in an Authorization header, or nothing."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
