"""The identity doors of a console, mounted as in the real application, with a clock to turn."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient

from roadworthy.entrypoints import console
from roadworthy.foundation.web.context import Parts
from roadworthy.foundation.web.mount import mount
from roadworthy.foundation.web.templating import build_environment
from roadworthy.identity.identify import PEPPER_SOCKET, Doorkeeper
from roadworthy.identity.wiring import SLICE
from roadworthy.registry.assembly import SOCKET
from tests.identity.organization import NOW, PEPPER, Estate


@dataclass
class Clock:
    """The time as the doors see it."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, by: timedelta) -> None:
        """Let time pass."""
        self.now += by


@dataclass
class Doors:
    """The application, its clock, and clients with cookies of their own."""

    app: FastAPI
    clock: Clock
    estate: Estate

    def client(self, **headers: str) -> TestClient:
        """Return a browser or a program that has not signed in."""
        return TestClient(self.app, headers=headers, follow_redirects=False, raise_server_exceptions=False)

    def browser(self, name: str) -> TestClient:
        """Return a browser in which somebody is signed in."""
        client = self.client(accept="text/html")
        client.cookies.set("rw_session", self.estate.session(name, now=self.clock.now))
        return client

    def program(self, name: str) -> TestClient:
        """Return a program that sends somebody's token."""
        return self.client(authorization=f"Bearer {self.estate.token(name, now=self.clock.now)}")


def make(estate: Estate, **sockets: Any) -> Doors:
    """Mount the doors of identity over an estate."""
    clock = Clock()
    env = build_environment([("identity", SLICE.templates)] if SLICE.templates else [])
    parts = Parts(
        database=estate.database,
        clock=clock,
        identify=Doorkeeper(pepper=PEPPER).identify,
        frame=console.Frame(needs=lambda _tx, _who, _now: 0, sample=lambda _tx: False, version="test"),
        render=console.renderer(env),
        data_dir=estate.directory,
        sockets={PEPPER_SOCKET: PEPPER, SOCKET: estate.assembly, **sockets},
    )
    app = FastAPI()
    mount(app, [route for router in SLICE.routers for route in router.routes], parts)
    console.add_errors(app, parts)
    return Doors(app, clock, estate)
