"""Which request goes where: the callers' dialects, models, health; everything else is refused."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from roadworthy.gateway import ticket
from roadworthy.gateway.dialects.callers import CALLERS
from roadworthy.gateway.dialects.dialect import CallerDialect, Problem
from roadworthy.gateway.edge.server import Request
from roadworthy.gateway.exchange import JSON, Course, Exchange, Reply, bearer, new_trace_id
from roadworthy.gateway.own_keys import masked
from roadworthy.gateway.pipeline import Pipeline

_MODELS = b"/v1/models"
_ONE_MODEL = b"/v1/models/"
_ONE_DRAFT = b"/v1/drafts/"
_CHAT = CALLERS[b"/v1/chat/completions"]
_MESSAGES = CALLERS[b"/v1/messages"]
_MESSAGES_BELOW = b"/v1/messages/"
_SHORT_MAX = 200
Replay = Callable[[bytes, Reply], Course | None]
Drafts = Callable[[Exchange, Reply, str], Course | None]

KEY_IN_BODY = "gateway_key_in_request"
"""What a record says of a call in whose body a key of ours was masked."""


class Meaning(msgspec.Struct, frozen=True, gc=False):
    """What a request's headers say to a gateway; a key of ours in the wrong one is masked."""

    token: str
    use_case: str | None
    client_id: str
    task: str
    cohort: str


def _meaning(headers: dict[bytes, bytes]) -> Meaning:
    authorization = headers.get(b"authorization")
    if authorization is not None:
        token = bearer(authorization.decode("latin-1"))
    else:  # as Anthropic's clients send it
        token = headers.get(b"x-api-key", b"").decode("latin-1")
    use_case = headers.get(b"x-roadworthy-use-case")
    client_id = headers.get(b"x-client-request-id") or headers.get(b"x-request-id")
    return Meaning(
        token,
        masked(use_case).decode("latin-1") if use_case is not None else None,
        _short(client_id),
        _short(headers.get(b"x-roadworthy-task")),
        _short(headers.get(b"x-roadworthy-cohort")),
    )


def _short(value: bytes | None) -> str:
    return masked(value)[:_SHORT_MAX].decode("latin-1") if value is not None else ""


class Doors:
    """The application behind the server's connections."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        health: Callable[[], tuple[bool, dict[str, object]]],
        unix_now: Callable[[], float],
        monotonic: Callable[[], float],
        replay: Replay | None = None,
        drafts: Drafts | None = None,
    ) -> None:
        self._drafts = drafts
        self._pipeline = pipeline
        self._health = health
        self._unix_now = unix_now
        self._monotonic = monotonic
        self._replay = replay

    def __call__(self, request: Request, reply: Reply) -> Course | None:
        """Answer, now or later; return what the transport can tell the call meanwhile."""
        dialect = CALLERS.get(request.path)
        if dialect is not None and request.method == b"POST":
            return self._pipeline.converse(self._exchange(dialect, request), reply)
        path = masked(request.path.partition(b"?")[0])
        dialect = CALLERS.get(path)
        if dialect is not None:
            if request.method == b"POST":
                return self._pipeline.converse(self._exchange(dialect, request), reply)
            self._not_allowed(reply, b"POST", dialect)
        elif path == _MODELS or (path.startswith(_ONE_MODEL) and len(path) > len(_ONE_MODEL)):
            if request.method == b"GET":
                name = path[len(_ONE_MODEL) :].replace(b"%2F", b"/").replace(b"%2f", b"/").decode("latin-1")
                return self._pipeline.models(
                    self._exchange(_form(request), request), reply, name=name or None
                )
            self._not_allowed(reply, b"GET", _CHAT)
        elif self._drafts is not None and path.startswith(_ONE_DRAFT) and len(path) > len(_ONE_DRAFT):
            if request.method == b"GET":
                name = path[len(_ONE_DRAFT) :].decode("latin-1")
                return self._drafts(self._exchange(_form(request), request), reply, name)
            self._not_allowed(reply, b"GET", _CHAT)
        elif path == ticket.PATH and self._replay is not None:
            if request.method == b"POST":
                return self._replay(request.body, reply)
            self._not_allowed(reply, b"POST", _CHAT)
        elif path in {b"/healthz", b"/readyz"}:
            self._tell_health(path, request.method, reply)
        else:
            problem = Problem(
                404,
                "path_unknown",
                f"There is nothing at {path[:200].decode('latin-1')!r}.",
                self._trace_id(),
                next_step=f"Use one of {', '.join(sorted(one.decode() for one in CALLERS))} or /v1/models.",
            )
            dialect = _MESSAGES if path.startswith(_MESSAGES_BELOW) else _form(request)
            reply.answer(404, JSON, dialect.error(problem))
        return None

    def _tell_health(self, path: bytes, method: bytes, reply: Reply) -> None:
        if method != b"GET":
            self._not_allowed(reply, b"GET", _CHAT)
            return
        ready, said = self._health()
        status = 200 if ready or path == b"/healthz" else 503
        reply.answer(status, JSON, msgspec.json.encode(said), b"cache-control: no-store\r\n")

    def _trace_id(self) -> str:
        return new_trace_id(self._unix_now())

    def _exchange(self, dialect: CallerDialect, request: Request) -> Exchange:
        head = request.head
        meaning = head.meaning if head is not None else None
        if type(meaning) is not Meaning:
            meaning = _meaning(request.headers)
            if head is not None:
                head.meaning = meaning
        at = self._unix_now()
        body = masked(request.body)
        exchange = Exchange(
            dialect, at, self._monotonic(), meaning.token, body, new_trace_id(at), meaning.use_case,
            meaning.client_id, meaning.task, meaning.cohort,
        )  # fmt: skip
        if body is not request.body:
            exchange.faults = (KEY_IN_BODY,)
        return exchange

    def _not_allowed(self, reply: Reply, allowed: bytes, dialect: CallerDialect) -> None:
        problem = Problem(
            405,
            "method_not_allowed",
            "This address does not take that method.",
            self._trace_id(),
            next_step=f"Use {allowed.decode()}.",
        )
        reply.answer(405, JSON, dialect.error(problem), b"allow: %b\r\n" % allowed)


def _form(request: Request) -> CallerDialect:
    """Return the dialect of a caller that asks for the list: Anthropic's clients name their version."""
    return _MESSAGES if b"anthropic-version" in request.headers else _CHAT
