"""What a door hands to an endpoint: who calls, when, and the parts the application was built with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from roadworthy.foundation.errors import ForbiddenError, UnauthenticatedError

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request

    from roadworthy.foundation.storage.database import Database, Tx
    from roadworthy.foundation.web.view import View

ANYWHERE = "*"


class Caller(Protocol):
    """Somebody who was identified: what they are called and what they may do where."""

    @property
    def principal(self) -> str:
        """`person/ada`, `service-account/ci`."""

    @property
    def display(self) -> str:
        """The name shown in the console."""

    @property
    def csrf_token(self) -> str:
        """The token a form of this session must send back; empty for bearer tokens."""

    def may(self, permission: str, *, namespace: str = ANYWHERE) -> bool:
        """Say whether the permission is held in this namespace (or, by default, in any)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request at the door."""

    request: Request
    now: datetime
    parts: Parts
    caller: Caller | None

    @property
    def who(self) -> Caller:
        """Return the caller of a route that needs one."""
        if self.caller is None:
            raise UnauthenticatedError(
                "You are not signed in.",
                why="The request carried no valid session or token.",
                fix="Sign in with a one-time link (`roadworthy sign-in-link`), or send a token.",
            )
        return self.caller

    @property
    def channel(self) -> str:
        """Say which door this is: `console` for a session cookie, `api` for a token."""
        return "console" if self.caller is not None and self.caller.csrf_token else "api"


@dataclass(frozen=True, slots=True)
class Parts:
    """What `main` assembled and every door may use."""

    database: Database
    clock: Callable[[], datetime]
    identify: Callable[[Tx, Request, datetime], Caller | None]
    """Find the caller of a request; None for nobody, an UnauthenticatedError for a bad credential."""
    frame: Callable[[Tx | None, Call], Any]
    """Build what surrounds a page (who is signed in, what needs them), in the page's own transaction."""
    render: Callable[[View, str, Call], tuple[bytes, str]]
    """Render a view as `html`, `json` or `csv`: bytes and media type."""
    data_dir: Path
    sockets: Mapping[str, Any] = field(default_factory=dict)
    """Concrete parts handed to slices by name: the kind catalogue, the pepper, the model endpoint."""


def authorize(call: Call, permission: str) -> None:
    """Let the call through, or say which permission is missing and who can give it."""
    if not call.who.may(permission):
        raise ForbiddenError(
            f"{call.who.principal} may not do this.",
            why=f"It needs the permission `{permission}`, and none of your roles carries it.",
            fix="Ask an administrator for a role binding that carries it (`roadworthy get role-binding`).",
        )
