"""The console's shell: the frame around every page, errors as pages, assets, and request limits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, cast

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from jinja2 import Environment
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from roadworthy.foundation.errors import RoadworthyError, TooLargeError
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web import problems
from roadworthy.foundation.web.context import Call, Caller, Parts
from roadworthy.foundation.web.mount import NOTICE_COOKIE
from roadworthy.foundation.web.parts import ErrorPage, Link, Status
from roadworthy.foundation.web.served_assets import assets
from roadworthy.foundation.web.templating import RAIL, asset_headers, page_headers
from roadworthy.foundation.web.view import PaletteLink, Person, ShellContext, View, render
from roadworthy.registry import audit

NeedsCount = Callable[[Tx, Caller, Any], int]
SampleCheck = Callable[[Tx], bool]
THEME_COOKIE = "rw_theme"
SHORTCUTS_COOKIE = "rw_shortcuts"


class Frame:
    """Builds what surrounds a page, inside the page's own transaction."""

    def __init__(self, *, needs: NeedsCount, sample: SampleCheck, version: str) -> None:
        self._needs = needs
        self._sample = sample
        self._version = version

    def __call__(self, tx: Tx | None, call: Call) -> ShellContext:
        """Return the shell of this request; without a transaction, what can be known without one."""
        request, caller = call.request, call.caller
        theme = request.cookies.get(THEME_COOKIE, "")
        person = None
        if caller is not None:
            person = Person(caller.display, caller.principal, getattr(caller, "roles", ()))
        return ShellContext(
            path=request.url.path,
            query=request.url.query,
            now=call.now,
            person=person,
            csrf=caller.csrf_token if caller else "",
            theme=cast(Literal["", "light", "dark"], theme if theme in {"light", "dark"} else ""),
            shortcuts=request.cookies.get(SHORTCUTS_COOKIE) != "off",
            needs_you=self._needs(tx, caller, call.now) if tx is not None and caller is not None else 0,
            palette=[PaletteLink(title=t, href=h) for _, items in RAIL for h, t, _, _ in items],
            palette_url="/find.json",
            revision=str(audit.revision(tx)) if tx is not None else "",
            version=self._version,
            sample_data=self._sample(tx) if tx is not None else False,
            notice=_notice(request),
        )


def _notice(request: Request) -> Status | None:
    raw = request.cookies.get(NOTICE_COOKIE, "")
    try:
        text = bytes.fromhex(raw).decode()
    except ValueError:
        return None
    return Status("good", text[:500]) if text else None


def renderer(env: Environment) -> Callable[[View, str, Call], tuple[bytes, str]]:
    """Return the function that turns a view into bytes."""

    def draw(view: View, fmt: str, call: Call) -> tuple[bytes, str]:
        shell: ShellContext = call.request.state.frame
        return render(view, fmt=cast(Literal["html", "json", "csv"], fmt), env=env, shell=shell)

    return draw


def add_errors(app: FastAPI, parts: Parts) -> None:
    """Answer every error as a problem document, or as a page where a person was reading pages."""

    def answer(request: Request, error: RoadworthyError) -> Response:
        if not _wants_page(request):
            return problems.problem_response(error, instance=request.url.path)
        if error.status == 401 and request.method == "GET":
            return Response(status_code=303, headers={"Location": _sign_in_address(request)})
        return _error_page(request, error, parts)

    def known(request: Request, error: Exception) -> Response:
        return answer(request, cast(RoadworthyError, error))

    def invalid(request: Request, error: Exception) -> Response:
        return answer(request, problems.from_validation(cast(RequestValidationError, error)))

    def framework(request: Request, error: Exception) -> Response:
        failure = cast(HTTPException, error)
        if isinstance(failure.__cause__, RoadworthyError):  # a body that grew too large while it was read
            return answer(request, failure.__cause__)
        response = answer(request, problems.from_http(failure))
        for name, value in problems.retry_headers(failure.headers).items():
            response.headers[name] = value
        return response

    def crash(request: Request, error: Exception) -> Response:
        return answer(request, problems.from_crash(error, request))

    app.add_exception_handler(RoadworthyError, known)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, framework)
    app.add_exception_handler(Exception, crash)


def _wants_page(request: Request) -> bool:
    path = request.url.path
    if path.startswith("/v1/") or path.endswith((".json", ".csv")):
        return False
    return "text/html" in request.headers.get("accept", "")


def _sign_in_address(request: Request) -> str:
    path = request.url.path
    return "/sign-in" if path in {"/", "/sign-in"} else f"/sign-in?next={path}"


def _error_page(request: Request, error: RoadworthyError, parts: Parts) -> Response:
    page = ErrorPage(
        status=error.status,
        what=error.what,
        why=error.why,
        fix=error.fix,
        code=error.code,
        issues=[(issue.where(), issue.message) for issue in error.issues],
        links=(Link("Go to Needs you", "/"),),
    )
    call = Call(request, parts.clock(), parts, getattr(request.state, "caller", None))
    request.state.frame = parts.frame(None, call)
    view = View(title=error.what, template="error.html", model=page, status=error.status)
    body, media_type = parts.render(view, "html", call)
    return Response(body, error.status, page_headers(), media_type=media_type)


def add_assets(app: FastAPI) -> None:
    """Serve our own files; their addresses change with their content."""

    def asset(name: str, request: Request) -> Response:
        found = assets().get(name)
        if found is None:
            raise HTTPException(404)
        versioned = request.query_params.get("v") == found.digest
        headers = {**asset_headers(versioned=versioned), "ETag": found.etag}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        if found.gzipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return Response(found.gzipped, headers=headers, media_type=found.media_type)
        return Response(found.body, headers=headers, media_type=found.media_type)

    app.add_api_route("/assets/{name:path}", asset, methods=["GET"], include_in_schema=False)


class Limits:
    """ASGI middleware: bounds every body before anything reads it, and adds the security headers."""

    def __init__(self, app: Any, *, limits: Sequence[tuple[str, int]], default: int) -> None:
        self._app = app
        self._limits = dict(limits)
        self._default = default
        self._headers = [(name.lower().encode(), value.encode()) for name, value in page_headers().items()]

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass the request on with a counted body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = self._limits.get(scope["path"], self._default)
        seen = 0
        headers = dict(scope["headers"])
        declared = headers.get(b"content-length", b"0")
        if headers.get(b"content-encoding", b"identity") != b"identity":
            await self._refuse(scope, send, "The body is compressed.", 415, "Send it uncompressed.")
            return
        if declared.isdigit() and int(declared) > limit:
            await self._refuse(scope, send, *_too_large(limit))
            return

        async def counted() -> Any:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLargeError(_too_large(limit)[0], fix=_too_large(limit)[2])
            return message

        async def sent(message: Any) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in self._headers if name not in present),
                ]
            await send(message)

        await self._app(scope, counted, sent)

    async def _refuse(self, scope: Any, send: Any, what: str, status: int, fix: str) -> None:
        error = TooLargeError(what, fix=fix)
        body = problems.problem(error, instance=scope["path"]) | {"status": status}
        response = JSONResponse(body, status, media_type=problems.MEDIA_TYPE, headers={"connection": "close"})
        await response(scope, _nothing, send)


async def _nothing() -> Any:
    return {"type": "http.disconnect"}


def _too_large(limit: int) -> tuple[str, int, str]:
    return (
        f"The body is larger than {limit // 1024} KiB.",
        413,
        "Send less at once, or split it into several requests.",
    )
