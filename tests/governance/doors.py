"""The doors of governance, for people who hold the rights the company's declarations give them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.requests import Request

from roadworthy.entrypoints import console
from roadworthy.foundation.storage.database import Tx
from roadworthy.foundation.web.context import ANYWHERE, Caller, Parts
from roadworthy.foundation.web.mount import mount
from roadworthy.foundation.web.templating import build_environment
from roadworthy.governance import queries
from roadworthy.governance.wiring import SLICE
from roadworthy.identity import queries as identity
from roadworthy.identity.rights import Rights
from roadworthy.registry.assembly import SOCKET
from tests.governance.company import NOW, Company


@dataclass(frozen=True)
class Known:
    """Somebody a test says is calling, with the rights the company's declarations give them."""

    principal: str
    rights: Rights
    csrf_token: str = "csrf-of-the-session"

    @property
    def display(self) -> str:
        """Return the name shown."""
        return self.principal

    def may(self, permission: str, *, namespace: str = ANYWHERE) -> bool:
        """Say whether they hold a permission."""
        return self.rights.may(permission, namespace)


def _identify(tx: Tx, request: Request, now: datetime) -> Known | None:
    who = request.headers.get("x-test-person")
    if who is None:
        return None
    principal = f"person/{who}"
    csrf = "" if request.url.path.startswith("/v1/") else "csrf-of-the-session"
    return Known(principal, identity.rights_of(tx, principal=principal, now=now), csrf)


def opened(company: Company) -> TestClient:
    """Return a browser that says in a header who it is."""
    folder = SLICE.templates
    assert folder is not None
    env = build_environment([("governance", folder)])

    def count(tx: Tx, caller: Caller, now: datetime) -> int:
        return len(queries.needs_you(tx, principal=caller.principal, now=now))

    parts = Parts(
        database=company.database,
        clock=lambda: NOW,
        identify=_identify,
        frame=console.Frame(needs=count, sample=lambda _tx: False, version="0"),
        render=console.renderer(env),
        data_dir=Path(),
        sockets={SOCKET: company.assembly, "gateway.url": "http://127.0.0.1:8081"},
    )
    app = FastAPI()
    mount(app, [route for router in SLICE.routers for route in router.routes], parts)
    console.add_errors(app, parts)
    return TestClient(app, base_url="http://testserver", follow_redirects=False)


def who(name: str) -> dict[str, str]:
    """Return the header that says who calls."""
    return {"x-test-person": name}
