"""The control plane's side of the gateway: a company whose use case may call, and its doors."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.testclient import TestClient

from roadworthy.entrypoints import console
from roadworthy.foundation.web.context import Parts
from roadworthy.foundation.web.mount import mount
from roadworthy.foundation.web.templating import build_environment
from roadworthy.gateway.access import hash_key
from roadworthy.gateway.grant_http import SIGNER_SOCKET
from roadworthy.gateway.grant_seal import GrantSigner
from roadworthy.gateway.snapshot import Index
from roadworthy.gateway.source import compile_snapshot
from roadworthy.gateway.wiring import SLICE as GATEWAY
from roadworthy.governance import operations as governance
from roadworthy.identity import operations as identity
from roadworthy.identity.identify import Doorkeeper
from roadworthy.registry.actor import Actor
from roadworthy.registry.assembly import SOCKET, assemble
from roadworthy.registry.checkpoint import SigningKey
from roadworthy.usage.wiring import SLICE as USAGE
from tests.governance.company import NOW, SETUP, Company, document, use_case

PEPPER = bytes(range(32))
SIGNING = SigningKey("roadworthy", bytes(range(32)))
ROOT = Actor("person/root", "cli")
BOT = "service-account/bot"
ACCOUNT = {
    "type": "service",
    "owner": "fay",
    "purpose": "Answers questions about policies.",
    "expires_on": "2027-06-01",
    "use_cases": ["policy-search"],
}


class Estate:
    """A company with a service account, a key, and hands to approve."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.company = Company.founded(folder / "company.db")
        self.database = self.company.database
        self.clock = NOW
        self.company.declare(
            document("Person", "root", {"display_name": "Root"}),
            document("Person", "hal", {"display_name": "Hal"}),
            document("Unit", "finance", {"title": "Finance"}),
            document(
                "RoleBinding", "root", {"subject": "person/root", "role": "admin", "unit": "organization"}
            ),
            document("RoleBinding", "hal", {"subject": "person/hal", "role": "viewer", "unit": "finance"}),
            use_case(),
            document("ServiceAccount", "bot", ACCOUNT, namespace="claims"),
            actor=SETUP,
        )

    def key(self) -> Any:
        """Issue a key."""
        with self.database.write() as tx:
            return identity.issue_key(
                tx, account="bot", use_case="policy-search", actor=ROOT, pepper=PEPPER, now=self.clock
            )

    def approve(self, *, ends_in: timedelta = timedelta(days=90)) -> None:
        """Have it approved by whom it takes."""
        with self.database.write() as tx:
            governance.give_approval(
                tx,
                use_case="policy-search",
                role="business-approver",
                expires_at=self.clock + ends_in,
                actor=Actor("person/ben", "cli"),
                now=self.clock,
            )

    def index(self, now: datetime | None = None) -> Index:
        """Compile what a gateway would decide on."""
        with self.database.read() as tx:
            return Index(compile_snapshot(tx, now=now or self.clock))

    def client(self, person: str = "root") -> TestClient:
        """Return a client of the control plane in which somebody is signed in at the command line."""
        with self.database.write() as tx:
            link = identity.issue_link(tx, person=person, actor=SETUP, pepper=PEPPER, now=self.clock).secret
        with self.database.write() as tx:
            token = identity.sign_in_for_token(
                tx, link=link, name="cli", pepper=PEPPER, now=self.clock
            ).secret
        client = TestClient(self._app(), raise_server_exceptions=True)
        client.headers["authorization"] = f"Bearer {token}"
        return client

    def _app(self) -> FastAPI:
        slices = (*self.company.assembly.slices, USAGE, GATEWAY)
        assembly = assemble(slices)
        assert GATEWAY.templates is not None
        parts = Parts(
            database=self.database,
            clock=lambda: self.clock,
            identify=Doorkeeper(pepper=PEPPER).identify,
            frame=console.Frame(needs=lambda *_: 0, sample=lambda _: False, version="0.0.0"),
            render=console.renderer(build_environment([("gateway", GATEWAY.templates)])),
            data_dir=self.folder,
            sockets={SOCKET: assembly, SIGNER_SOCKET: GrantSigner(SIGNING)},
        )
        app = FastAPI()
        mount(app, [route for router in GATEWAY.routers for route in router.routes], parts)
        console.add_errors(app, parts)
        return app


def hashed(issued: Any) -> str:
    """Return the hash that a key is looked up by."""
    return hash_key(PEPPER, issued.secret)
