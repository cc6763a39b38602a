"""Which request goes where: chat completions, models, health; everything else is refused in the dialect."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from roadworthy.gateway.dialects import openai
from roadworthy.gateway.edge.server import Request
from roadworthy.gateway.exchange import JSON, Course, Exchange, Reply, new_trace_id
from roadworthy.gateway.pipeline import Pipeline

_CHAT = b"/v1/chat/completions"
_MODELS = b"/v1/models"
_ONE_MODEL = b"/v1/models/"
_CLIENT_ID_MAX = 200


class Doors:
    """The application behind the server's connections."""

    def __init__(
        self,
        *,
        pipeline: Pipeline,
        health: Callable[[], tuple[bool, dict[str, object]]],
        unix_now: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self._pipeline = pipeline
        self._health = health
        self._unix_now = unix_now
        self._monotonic = monotonic

    def __call__(self, request: Request, reply: Reply) -> Course | None:
        """Answer, now or later; return what the transport can tell the call meanwhile."""
        path = request.path.partition(b"?")[0]
        method = request.method
        if path == _CHAT:
            if method == b"POST":
                return self._pipeline.chat(self._exchange(request), reply)
            _not_allowed(reply, b"POST", self._trace_id())
        elif path == _MODELS or (path.startswith(_ONE_MODEL) and len(path) > len(_ONE_MODEL)):
            if method == b"GET":
                name = path[len(_ONE_MODEL) :].replace(b"%2F", b"/").replace(b"%2f", b"/").decode("latin-1")
                return self._pipeline.models(self._exchange(request), reply, name=name or None)
            _not_allowed(reply, b"GET", self._trace_id())
        elif path in {b"/healthz", b"/readyz"}:
            if method == b"GET":
                ready, said = self._health()
                status = 200 if ready or path == b"/healthz" else 503
                reply.answer(status, JSON, msgspec.json.encode(said), b"cache-control: no-store\r\n")
            else:
                _not_allowed(reply, b"GET", self._trace_id())
        else:
            body = openai.error_body(
                status=404,
                code="path_unknown",
                message=f"There is nothing at {path[:200].decode('latin-1')!r}.",
                trace_id=self._trace_id(),
                revision=0,
                next_step="Use /v1/chat/completions or /v1/models.",
            )
            reply.answer(404, JSON, body)
        return None

    def _trace_id(self) -> str:
        return new_trace_id(self._unix_now())

    def _exchange(self, request: Request) -> Exchange:
        headers = request.headers
        use_case = headers.get(b"x-roadworthy-use-case")
        client_id = headers.get(b"x-client-request-id") or headers.get(b"x-request-id") or b""
        return Exchange(
            at=self._unix_now(),
            started_s=self._monotonic(),
            authorization=headers.get(b"authorization", b"").decode("latin-1"),
            use_case_header=use_case.decode("latin-1") if use_case is not None else None,
            client_request_id=client_id[:_CLIENT_ID_MAX].decode("latin-1"),
            body=request.body,
        )


def _not_allowed(reply: Reply, allowed: bytes, trace_id: str) -> None:
    body = openai.error_body(
        status=405,
        code="method_not_allowed",
        message="This address does not take that method.",
        trace_id=trace_id,
        revision=0,
        next_step=f"Use {allowed.decode()}.",
    )
    reply.answer(405, JSON, body, b"allow: %b\r\n" % allowed)
