"""Turns declared routes into the application: identify, authorize, one transaction, answer."""

from __future__ import annotations

import functools
import hashlib
import hmac
import inspect
import typing
from collections.abc import Callable, Coroutine, Iterable
from typing import Annotated, Any

from fastapi import FastAPI, Form
from fastapi.encoders import jsonable_encoder
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from roadworthy.foundation.errors import ForbiddenError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web import idempotency
from roadworthy.foundation.web.context import Call, Caller, Parts, authorize
from roadworthy.foundation.web.router import PUBLIC, SIGNED_IN, Redirect, Reply, Route
from roadworthy.foundation.web.view import View

NOTICE_COOKIE = "rw_notice"


def mount(app: FastAPI, routes: Iterable[Route], parts: Parts) -> None:
    """Add every route, pages with their twins; two routes on one address are our mistake."""
    seen: set[tuple[str, str]] = set()
    for route in routes:
        for path, fmt in _addresses(route):
            assert (route.method, path) not in seen, f"two routes at {route.method} {path}"
            seen.add((route.method, path))
            app.router.add_api_route(
                path,
                _door(route, parts, fmt),
                methods=[route.method],
                summary=route.summary,
                tags=[route.tag],
                include_in_schema=route.kind == "api",
                response_model=None,
                status_code=route.status,
                name=f"{route.endpoint.__module__}.{route.endpoint.__name__}.{fmt}",
                operation_id=f"{route.method.lower()}_{route.endpoint.__module__.split('.')[1]}"
                f"_{route.endpoint.__name__}_{fmt}",
                openapi_extra={"x-permission": route.permission},
                route_class_override=_guarded(route, parts),
            )


def _guarded(route: Route, parts: Parts) -> type[APIRoute]:
    """Return a route class that asks who is calling before it reads a byte of the body."""

    def guard(request: Request) -> None:
        with parts.database.read() as tx:
            caller = parts.identify(tx, request, parts.clock())
        _admit(Call(request, parts.clock(), parts, caller), route)

    class Guarded(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def guarded(request: Request) -> Response:
                if route.permission != PUBLIC:
                    await run_in_threadpool(guard, request)
                return await handle(request)

            return guarded

    return Guarded


def _admit(call: Call, route: Route) -> None:
    if route.permission == SIGNED_IN:
        _ = call.who
    elif route.permission != PUBLIC:
        authorize(call, route.permission)


def _addresses(route: Route) -> list[tuple[str, str]]:
    if route.kind != "page":
        return [(route.path, route.kind)]
    stem = "/needs-you" if route.path == "/" else route.path
    # The twins come first: `/x/{name}` would otherwise take `/x/y.json` for a name.
    return [(f"{stem}.json", "json"), (f"{stem}.csv", "csv"), (route.path, "html")]


def _door(route: Route, parts: Parts, fmt: str) -> Callable[..., Any]:
    hints = typing.get_type_hints(route.endpoint, include_extras=True)
    signature = inspect.signature(route.endpoint)
    own = [
        parameter.replace(annotation=hints[name])
        for name, parameter in signature.parameters.items()
        if name not in {"tx", "call"}
    ]
    wants_tx, wants_call = "tx" in signature.parameters, "call" in signature.parameters

    @functools.wraps(route.endpoint)
    def door(request: Request, **given: Any) -> Response:
        now = parts.clock()
        request.state.csrf = given.pop("csrf", "")

        def run(tx: Tx | None, caller: Caller | None) -> Any:
            call = Call(request, now, parts, caller)
            _admit(call, route)  # again, in the transaction that acts: rights may have changed since
            if route.kind == "form":
                _check_form(call)
            request.state.caller = caller
            extra = {**({"tx": tx} if wants_tx else {}), **({"call": call} if wants_call else {})}
            result = route.endpoint(**given, **extra)
            if isinstance(result, View):
                request.state.frame = parts.frame(tx, call)
            return call, result

        if route.access == "write":
            return _write(route, parts, request, run, now=now, body=given, fmt=fmt)
        with parts.database.read() as tx:
            caller = parts.identify(tx, request, now)
            if route.access == "read":
                call, result = run(tx, caller)
        if route.access == "none":
            call, result = run(None, caller)
        return respond(result, call, fmt=fmt, status=route.status)

    request_parameter = inspect.Parameter(
        "request", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=Request
    )
    ordered = [request_parameter, *(p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own)]
    if route.kind == "form":
        csrf = Annotated[str, Form(max_length=200)]
        ordered.append(inspect.Parameter("csrf", inspect.Parameter.KEYWORD_ONLY, default="", annotation=csrf))
    door.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]
    door.__annotations__ = {p.name: p.annotation for p in ordered}
    del door.__wrapped__
    return door


def _write(
    route: Route,
    parts: Parts,
    request: Request,
    run: Callable[[Tx | None, Caller | None], Any],
    *,
    now: Any,
    body: dict[str, Any],
    fmt: str,
) -> Response:
    key = request.headers.get("idempotency-key") if route.kind == "api" else None
    with parts.database.write() as tx:
        caller = parts.identify(tx, request, now)
        if key is None or caller is None:
            call, result = run(tx, caller)
            return respond(result, call, fmt=fmt, status=route.status)
        path = request.url.path
        scope = idempotency.scope_of(key, principal=caller.principal, method=route.method, path=path)
        sent = jsonable_encoder(body)
        fingerprint = hashlib.sha256(repr((sorted(request.query_params.items()), sent)).encode()).hexdigest()
        if (kept := idempotency.find(tx, scope, fingerprint)) is not None:
            headers = {"Idempotent-Replayed": "true", **({"ETag": kept.etag} if kept.etag else {})}
            return Response(kept.body, kept.status, headers, media_type=kept.media_type)
        call, result = run(tx, caller)
        response = respond(result, call, fmt=fmt, status=route.status)
        reply = idempotency.Reply(
            response.status_code,
            response.media_type or "application/json",
            response.headers.get("etag"),
            bytes(response.body),
        )
        idempotency.keep(tx, scope, fingerprint, reply, at=now)
        return response


def _check_form(call: Call) -> None:
    """Refuse a form that another site sent: fetch metadata first, then the session's token."""
    site = call.request.headers.get("sec-fetch-site", "same-origin")
    sent = call.request.headers.get("x-csrf-token") or str(getattr(call.request.state, "csrf", ""))
    expected = call.caller.csrf_token if call.caller is not None else ""
    forged = bool(expected) and not hmac.compare_digest(sent.encode(), expected.encode())
    if site not in {"same-origin", "none"} or forged:
        raise ForbiddenError(
            "This form was not sent from the console.",
            why="Its token is missing or old, or another site sent it.",
            fix="Load the page again and send the form from there.",
        )


def respond(result: Any, call: Call, *, fmt: str, status: int) -> Response:
    """Turn what an endpoint returned into a response."""
    if isinstance(result, Response):
        return result
    if isinstance(result, View):
        body, media_type = call.parts.render(result, fmt if fmt in {"json", "csv"} else "html", call)
        page = Response(body, media_type=media_type, status_code=result_status(result, status))
        if fmt not in {"json", "csv"} and NOTICE_COOKIE in call.request.cookies:
            page.delete_cookie(NOTICE_COOKIE, httponly=True, samesite="strict")  # shown, so not again
        return page
    if isinstance(result, Redirect):
        response: Response = RedirectResponse(result.to, status_code=303)
        if result.notice:
            notice = result.notice.encode().hex()
            response.set_cookie(NOTICE_COOKIE, notice, max_age=60, httponly=True, samesite="strict")
        _set_cookies(response, result.cookies, call)
        return response
    reply = result if isinstance(result, Reply) else Reply(result, status=status)
    if reply.media_type is not None:
        response = Response(reply.body, reply.status, media_type=reply.media_type)
    else:
        response = JSONResponse(jsonable_encoder(reply.body), reply.status)
    for name, value in (("ETag", reply.etag), ("Location", reply.location), ("Link", reply.link)):
        if value:
            response.headers[name] = value
    _set_cookies(response, reply.cookies, call)
    return response


def result_status(view: View, status: int) -> int:
    """Return the status a view asks for (an error page), else the route's."""
    return getattr(view, "status", None) or status


def _set_cookies(response: Response, cookies: tuple[tuple[str, str, int], ...], call: Call) -> None:
    secure = call.request.url.scheme == "https"
    for name, value, seconds in cookies:
        response.set_cookie(
            name, value, max_age=seconds, httponly=True, samesite="strict", secure=secure, path="/"
        )
