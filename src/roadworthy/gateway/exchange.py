"""Pure: the value that travels through the gateway with one call, and the ports on both sides of it."""

from __future__ import annotations

import os
from typing import Protocol

import msgspec

from roadworthy.gateway.access import Caller, Refused
from roadworthy.gateway.admission import Admission
from roadworthy.gateway.dialects.dialect import CallerDialect, Request
from roadworthy.gateway.dialects.neutral import Usage
from roadworthy.gateway.routing import Failure
from roadworthy.gateway.snapshot import Index, Target
from roadworthy.usage.record import AttemptRecord, FindingRecord

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

    def scrub(self, said: bytes) -> bytes:
        """Take the provider's credential out of an error that repeats it; do so before anything reads it."""


class Upstream(Protocol):
    """The way to providers."""

    def send(
        self, target: Target, path: str, body: bytes, listener: Listener, *, first_byte_timeout_s: float
    ) -> Sending:
        """Post to a path below the provider's address; never calls the listener before it returns."""


class Exchange(msgspec.Struct):
    """One call: what was asked, what was decided, what came of it."""

    dialect: CallerDialect
    at: float
    """Unix seconds."""
    started_s: float
    """Monotonic seconds."""
    token: str
    body: bytes
    trace_id: str
    use_case_header: str | None = None
    client_request_id: str = ""
    task: str = ""
    cohort: str = ""
    index: Index | None = None
    caller: Caller | None = None
    request: Request | None = None
    admission: Admission | None = None
    refused: Refused | None = None
    target: Target | None = None
    attempts: tuple[AttemptRecord, ...] = ()
    leases: tuple[str, ...] = ()
    usage: Usage | None = None
    estimated: bool = False
    status: int = 0
    error: str = ""
    faults: tuple[str, ...] = ()
    findings: tuple[FindingRecord, ...] = ()
    first_byte_s: float | None = None
    shadow: bool = False
    replay_of: str = ""
    why: str = ""
    prompt: str = ""
    response: str = ""
    draft: str = ""
    """`marked`, `withheld` or `sample`, once there is an answer that a person has to do with."""
    held_answer: str = ""
    """The answer itself while it is withheld."""


_RANDOM_BYTES = 10
_POOL_BYTES = 400 * _RANDOM_BYTES


class _Randomness:
    """Random bytes from the operating system, fetched for 400 ids at a time; empty again after a fork."""

    def __init__(self) -> None:
        self._digits = ""
        self._at = 0
        os.register_at_fork(after_in_child=self._forget)

    def _forget(self) -> None:
        self._digits = ""
        self._at = 0

    def take(self) -> str:
        at = self._at
        if at >= len(self._digits):
            self._digits = os.urandom(_POOL_BYTES).hex()
            at = 0
        end = self._at = at + 2 * _RANDOM_BYTES
        return self._digits[at:end]


_RANDOMNESS = _Randomness()


def new_trace_id(at: float) -> str:
    """Return `tr_` + 48 bits of time + 80 random bits, sortable by time; for the event loop's thread."""
    return f"tr_{int(at * 1000):012x}{_RANDOMNESS.take()}"


def bearer(authorization: str) -> str:
    """Return the key in an Authorization header, or nothing."""
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""
