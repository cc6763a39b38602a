"""Routes that state their permission; a route without one fails when its module is imported.

An endpoint is a plain function. It may take `tx` (the transaction of this request, opened and committed
here), `call` (who, when, the parts) and its own path, query and body parameters. It returns data; the
door turns it into a response after the transaction is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from roadworthy.foundation.web.view import View

PUBLIC: Final = "public"
SIGNED_IN: Final = "signed-in"
Access = Literal["read", "write", "none"]

JSON_LIMIT: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with more than a body: status, version, headers."""

    body: Any
    status: int = 200
    etag: str | None = None
    location: str | None = None
    link: str | None = None
    media_type: str | None = None
    """Set for bodies that are already text or bytes (an export, an SVG)."""
    cookies: tuple[tuple[str, str, int], ...] = ()
    """(name, value, seconds to live) for the browser; always HttpOnly and SameSite=Strict."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Send the browser on after a form; `notice` is shown once on the next page."""

    to: str
    notice: str = ""
    cookies: tuple[tuple[str, str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Route:
    """One way in, as declared by a slice."""

    method: str
    path: str
    permission: str
    endpoint: Callable[..., Any]
    kind: Literal["api", "page", "form", "raw"]
    access: Access
    summary: str
    tag: str
    body_limit: int
    status: int


class Router:
    """Collects the routes of a slice."""

    def __init__(self, *, tag: str) -> None:
        self.tag = tag
        self.routes: list[Route] = []

    def _add(
        self,
        method: str,
        path: str,
        permission: str,
        kind: Literal["api", "page", "form", "raw"],
        **options: Any,
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        assert permission, f"{method} {path} declares no permission"
        assert path.startswith("/"), path

        def register(endpoint: Callable[..., Any]) -> Callable[..., Any]:
            doc = (endpoint.__doc__ or "").strip()
            assert doc, f"{method} {path}: say in its docstring what it does"
            self.routes.append(
                Route(
                    method=method,
                    path=path,
                    permission=permission,
                    endpoint=endpoint,
                    kind=kind,
                    access=options.get("access", "read" if method == "GET" else "write"),
                    summary=doc.splitlines()[0],
                    tag=self.tag,
                    body_limit=options.get("body_limit", JSON_LIMIT),
                    status=options.get("status", 200),
                )
            )
            return endpoint

        return register

    def get(self, path: str, *, permission: str, **options: Any) -> Callable[..., Any]:
        """Declare an API question."""
        return self._add("GET", path, permission, "api", **options)

    def post(self, path: str, *, permission: str, **options: Any) -> Callable[..., Any]:
        """Declare an API change (honours Idempotency-Key)."""
        return self._add("POST", path, permission, "api", **options)

    def put(self, path: str, *, permission: str, **options: Any) -> Callable[..., Any]:
        """Declare an API replacement (asks for If-Match or If-None-Match)."""
        return self._add("PUT", path, permission, "api", **options)

    def delete(self, path: str, *, permission: str, **options: Any) -> Callable[..., Any]:
        """Declare an API removal."""
        return self._add("DELETE", path, permission, "api", **options)

    def page(self, path: str, *, permission: str, **options: Any) -> Callable[..., Any]:
        """Declare a console page; its `.json` and `.csv` twins come with it."""
        return self._add("GET", path, permission, "page", **options)

    def form(self, path: str, *, permission: str, **options: Any) -> Callable[..., Any]:
        """Declare the target of a console form; it answers with a Redirect."""
        return self._add("POST", path, permission, "form", **options)


Result = View | Reply | Redirect | Any
